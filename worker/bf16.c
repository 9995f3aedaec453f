/* A panel's row holds pairs: numbers 2k and 2k+1 of a column, then those of the next
 * column. A tile of ROWS x 2 registers stays in registers over the panel's depth, as in
 * panel_product.c.
 *
 * oneDNN 2.6's brgemm with packed weights is 5 % faster, for one number of rows that
 * its code was made for; a microshard has any number, and here a row has bits of its
 * own. */
#include "worker/bf16.h"

#include "worker/tile_rows.h"

#if defined(__AVX512BF16__)
#include <immintrin.h>
#include <string.h>

enum { LANES = 16, ROWS = 14, LINE = 64 };

/* y (rows, columns <= BF16_WIDTH) = [y +] x (rows, 2·pairs) · panel */
struct tile {
    float *y;
    const uint16_t *x, *panel;
    int ldy, ldx, pairs;
    __mmask16 first, second; /* columns that there are */
    bool add;
};

#define INLINE static inline __attribute__((always_inline))

INLINE __m512bh load(const uint16_t *p) { return (__m512bh)_mm512_loadu_si512(p); }

INLINE __m512bh pair(const uint16_t *p)
{
    int both;

    memcpy(&both, p, sizeof both);
    return (__m512bh)_mm512_set1_epi32(both);
}

INLINE void tile_rows(const struct tile *t, int rows)
{
    const uint16_t *panel = t->panel;
    __m512 sum[ROWS][2];

    for (int r = 0; r < rows; r++) {
        const float *y = t->y + (ptrdiff_t)r * t->ldy;

        sum[r][0] = _mm512_maskz_loadu_ps(t->add ? t->first : 0, y);
        sum[r][1] = _mm512_maskz_loadu_ps(t->add ? t->second : 0, y + LANES);
    }
#pragma GCC unroll 4
    for (int k = 0; k < t->pairs; k++, panel += 2 * BF16_WIDTH) {
        __m512bh b0 = load(panel), b1 = load(panel + BF16_WIDTH);

        for (int r = 0; r < rows; r++) {
            __m512bh x = pair(t->x + (ptrdiff_t)r * t->ldx + 2 * (ptrdiff_t)k);

            sum[r][0] = _mm512_dpbf16_ps(sum[r][0], x, b0);
            sum[r][1] = _mm512_dpbf16_ps(sum[r][1], x, b1);
        }
    }
    for (int r = 0; r < rows; r++) {
        float *y = t->y + (ptrdiff_t)r * t->ldy;

        _mm512_mask_storeu_ps(y, t->first, sum[r][0]);
        _mm512_mask_storeu_ps(y + LANES, t->second, sum[r][1]);
    }
}

static void tile_some(const struct tile *t, int rows)
{
    TILE_ROWS(tile_rows, t, rows, ROWS);
}

/* All rows over one panel, the next `size` bytes being fetched meanwhile. */
static void pass(struct tile t, int rows, const uint16_t *next, size_t size)
{
    size_t lines = size / LINE, tiles = ((size_t)rows + ROWS - 1) / ROWS, fetched = 0;

    for (size_t n = 1; rows > 0; rows -= ROWS, n++) {
        for (; fetched < lines * n / tiles; fetched++)
            __builtin_prefetch((const char *)next + fetched * LINE, 0, 2);
        tile_some(&t, rows < ROWS ? rows : ROWS);
        t.y += (ptrdiff_t)ROWS * t.ldy;
        t.x += (ptrdiff_t)ROWS * t.ldx;
    }
}

static int smaller(int a, int b) { return a < b ? a : b; }

static __mmask16 mask(int columns)
{
    return (__mmask16)(columns >= LANES ? 0xffff
                       : columns > 0    ? (1u << columns) - 1
                                        : 0);
}

void bf16_product(float *y, const uint16_t *x, const struct bf16_matrix *m, bool add,
                  int rows, int inner, int columns)
{
    int padded = bf16_padded(inner);
    ptrdiff_t width = (m->columns + BF16_WIDTH - 1) / BF16_WIDTH * BF16_WIDTH;

    for (int k = 0; k < padded; k += m->chunk) {
        int depth = smaller(padded - k, m->chunk);
        const uint16_t *panel =
            m->panels + (m->k + k) * width + (ptrdiff_t)m->j * depth;
        ptrdiff_t size = (ptrdiff_t)depth * BF16_WIDTH;

        for (int j = 0; j < columns; j += BF16_WIDTH, panel += size) {
            bool more = j + BF16_WIDTH < columns;
            struct tile t = {.x = x + k,
                             .panel = panel,
                             .ldy = columns,
                             .ldx = padded,
                             .pairs = depth / 2,
                             .first = mask(columns - j),
                             .second = mask(columns - j - LANES),
                             .add = add || k > 0};

            t.y = y + j;
            pass(t, rows, panel + size, more ? (size_t)size * sizeof *panel : 0);
        }
    }
}

INLINE void round_part(uint16_t *out, const float *x, int n)
{
    __m512 low = _mm512_maskz_loadu_ps(mask(n), x);
    __m512 high = _mm512_maskz_loadu_ps(mask(n - LANES), x + LANES);
    __m512i both = (__m512i)_mm512_cvtne2ps_pbh(high, low);

    if (bf16_padded(n) == 2 * LANES)
        _mm512_storeu_si512(out, both);
    else
        _mm512_mask_storeu_epi16(out, (__mmask32)((1u << bf16_padded(n)) - 1), both);
}

void bf16_round(uint16_t *out, const float *x, int rows, int n)
{
    for (int r = 0; r < rows; r++, x += n, out += bf16_padded(n)) {
        int i = 0;

        for (; i + 2 * LANES <= n; i += 2 * LANES)
            round_part(out + i, x + i, 2 * LANES);
        if (i < n)
            round_part(out + i, x + i, n - i);
    }
}

/* The part of B at (k, j): depth x width numbers, the rest zero. */
static void pack_panel(uint16_t *out, const struct panel_matrix *m, int k, int j,
                       int depth, int width)
{
    uint16_t line[BF16_DEPTH];
    int lines = m->transposed ? width : depth, length = m->transposed ? depth : width;

    memset(out, 0, sizeof *out * (size_t)bf16_padded(depth) * BF16_WIDTH);
    for (int l = 0; l < lines; l++) {
        int row = m->transposed ? k : k + l, column = m->transposed ? j + l : j;
        const float *from =
            m->at + (m->transposed ? (ptrdiff_t)column * m->stride + row
                                   : (ptrdiff_t)row * m->stride + column);

        bf16_round(line, from, 1, length);
        for (int i = 0; i < length; i++) {
            int r = m->transposed ? i : l, c = m->transposed ? l : i;

            out[(r / 2 * BF16_WIDTH + c) * 2 + r % 2] = line[i];
        }
    }
}

void bf16_pack(uint16_t *out, const struct panel_matrix *m, int chunk, int inner,
               int columns)
{
    for (int k = 0; k < inner; k += chunk) {
        int depth = smaller(inner - k, chunk);

        for (int j = 0; j < columns; j += BF16_WIDTH) {
            pack_panel(out, m, k, j, depth, smaller(columns - j, BF16_WIDTH));
            out += (ptrdiff_t)bf16_padded(depth) * BF16_WIDTH;
        }
    }
}

#else /* bf16_available() says no */
#include <assert.h>

void bf16_round(uint16_t *out, const float *x, int rows, int n)
{
    (void)out, (void)x, (void)rows, (void)n;
    assert(false);
}

void bf16_product(float *y, const uint16_t *x, const struct bf16_matrix *m, bool add,
                  int rows, int inner, int columns)
{
    (void)y, (void)x, (void)m, (void)add, (void)rows, (void)inner, (void)columns;
    assert(false);
}

void bf16_pack(uint16_t *out, const struct panel_matrix *m, int chunk, int inner,
               int columns)
{
    (void)out, (void)m, (void)chunk, (void)inner, (void)columns;
    assert(false);
}
#endif
