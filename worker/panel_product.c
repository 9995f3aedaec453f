/* Products of a microshard's rows with a large matrix, for the frozen weights.
 *
 * The matrix is copied panel by panel (DEPTH x WIDTH numbers, which stay in the nearest
 * caches), or lies there in panels, while all rows pass over the panel; meanwhile the
 * next panel is fetched. A
 * tile of ROWS x 2 registers stays in registers over the panel's depth, so every
 * element is one chain of multiply-adds in the order of the inner index, whatever its
 * row is beside.
 *
 * OpenBLAS copies both operands for every product; with some 256 rows this costs a
 * fifth more than the product (docs/performance.md). */
#include "worker/kernels_isa.h"
#include "worker/tile_rows.h"

enum { WIDTH = PANEL_WIDTH, DEPTH = PANEL_DEPTH, ROWS = VEC == 16 ? 14 : 6, LINE = 16 };

/* y (rows, columns <= WIDTH) = [y +] x (rows, depth) · panel (depth, WIDTH) */
struct tile {
    float *y;
    const float *x, *panel;
    int ldy, ldx, depth, columns;
    bool add;
};

VEC_INLINE int clamp(int n) { return n < 0 ? 0 : n > VEC ? VEC : n; }

VEC_INLINE void tile_rows(const struct tile *t, int rows)
{
    int first = clamp(t->columns), second = clamp(t->columns - VEC);
    const float *panel = t->panel;
    vec sum[ROWS][2] = {{{0}}};

    for (int r = 0; t->add && r < rows; r++) {
        const float *y = t->y + (ptrdiff_t)r * t->ldy;

        sum[r][0] = first == VEC ? vec_load(y) : vec_load_part(y, first);
        sum[r][1] = second == VEC ? vec_load(y + VEC) : vec_load_part(y + VEC, second);
    }
#pragma GCC unroll 4
    for (int k = 0; k < t->depth; k++, panel += WIDTH) {
        vec b0 = vec_load(panel), b1 = vec_load(panel + VEC);

        for (int r = 0; r < rows; r++) {
            vec x = vec_set(t->x[(ptrdiff_t)r * t->ldx + k]);

            sum[r][0] = vec_fma(x, b0, sum[r][0]);
            sum[r][1] = vec_fma(x, b1, sum[r][1]);
        }
    }
    for (int r = 0; r < rows; r++) {
        float *y = t->y + (ptrdiff_t)r * t->ldy;

        if (second == VEC) {
            vec_store(y, sum[r][0]);
            vec_store(y + VEC, sum[r][1]);
        } else {
            vec_store_part(y, sum[r][0], first);
            vec_store_part(y + VEC, sum[r][1], second);
        }
    }
}

static void tile_some(const struct tile *t, int rows)
{
    TILE_ROWS(tile_rows, t, rows, ROWS);
}

/* Where a panel's numbers lie in the matrix: lines of `length` numbers, stride apart.
 */
struct source {
    const float *at;
    int stride, lines, length;
};

static struct source source_of(const struct panel_matrix *m, int k, int j, int depth,
                               int width)
{
    if (m->transposed)
        return (struct source){m->at + (ptrdiff_t)j * m->stride + k, m->stride, width,
                               depth};
    return (struct source){m->at + (ptrdiff_t)k * m->stride + j, m->stride, depth,
                           width};
}

/* One row of a panel: the numbers there are, then zeros. */
VEC_INLINE void copy_row(float *row, const float *from, int width)
{
    int first = clamp(width), second = clamp(width - VEC);

    vec_store(row, first == VEC ? vec_load(from) : vec_load_part(from, first));
    vec_store(row + VEC,
              second == VEC ? vec_load(from + VEC) : vec_load_part(from + VEC, second));
}

static void copy_panel(float *panel, const struct source *s, bool transposed)
{
    int width = transposed ? s->lines : s->length;
    int depth = transposed ? s->length : s->lines;

    if (transposed)
        KERNEL(transpose)(panel, WIDTH, s->at, s->stride, width, depth);
    for (int k = 0; transposed && width < WIDTH && k < depth; k++)
        copy_row(panel + (ptrdiff_t)k * WIDTH, panel + (ptrdiff_t)k * WIDTH, width);
    for (int k = 0; !transposed && k < depth; k++)
        copy_row(panel + (ptrdiff_t)k * WIDTH, s->at + (ptrdiff_t)k * s->stride, width);
}

/* Asks for the cache lines [from, to) of a panel to come. */
static void fetch(const struct source *s, int from, int to)
{
    int per_line = (s->length + LINE - 1) / LINE;

    for (int i = from; i < to; i++)
        __builtin_prefetch(s->at + (ptrdiff_t)(i / per_line) * s->stride +
                               (ptrdiff_t)(i % per_line) * LINE,
                           0, 2);
}

/* All rows over one panel, the next one being fetched meanwhile. */
static void pass(struct tile t, int rows, const struct source *next)
{
    int tiles = (rows + ROWS - 1) / ROWS, fetched = 0;
    int lines = next->lines * ((next->length + LINE - 1) / LINE);

    for (int r = 0, n = 1; r < rows; r += ROWS, n++) {
        int until = (int)((int64_t)lines * n / tiles);

        fetch(next, fetched, until);
        fetched = until;
        tile_some(&t, rows - r < ROWS ? rows - r : ROWS);
        t.y += (ptrdiff_t)ROWS * t.ldy;
        t.x += (ptrdiff_t)ROWS * t.ldx;
    }
}

static int smaller(int a, int b) { return a < b ? a : b; }

/* Where a panel lies in a matrix that was laid out before. */
static const float *packed_at(const struct packed_matrix *m, int k, int j, int depth)
{
    ptrdiff_t width = (m->columns + WIDTH - 1) / WIDTH * WIDTH;

    return m->panels + (m->k + k) * width + (ptrdiff_t)(m->j + j) * depth;
}

/* What is fetched while the panel before this one is used. */
static struct source next_source(const struct panel_matrix *m, int k, int j, int depth,
                                 int width)
{
    if (m->packed.panels)
        return (struct source){packed_at(&m->packed, k, j, depth), 0, 1, depth * WIDTH};
    return source_of(m, k, j, depth, width);
}

/* The panel at (k, j), copied into room where it does not lie ready. */
static const float *panel_at(float *room, const struct panel_matrix *m, int k, int j,
                             int depth, int width)
{
    struct source source;

    if (m->packed.panels)
        return packed_at(&m->packed, k, j, depth);
    source = source_of(m, k, j, depth, width);
    copy_panel(room, &source, m->transposed);
    return room;
}

void KERNEL(panel_product)(float *y, const float *x, const struct panel_matrix *m,
                           bool add, int rows, int inner, int columns)
{
    _Alignas(64) float room[DEPTH * WIDTH];
    int chunk = m->packed.panels ? m->packed.chunk : DEPTH;

    for (int k = 0; k < inner; k += chunk) {
        int depth = smaller(inner - k, chunk);

        for (int j = 0; j < columns; j += WIDTH) {
            int left = columns - j - WIDTH;
            struct source next = {.length = 1};
            struct tile t = {
                y + j,
                x + k,
                panel_at(room, m, k, j, depth, smaller(columns - j, WIDTH)),
                columns,
                inner,
                depth,
                smaller(columns - j, WIDTH),
                add || k > 0};

            if (left > 0)
                next = next_source(m, k, j + WIDTH, depth, smaller(left, WIDTH));
            pass(t, rows, &next);
        }
    }
}

void KERNEL(panel_pack)(float *out, const struct panel_matrix *m, int chunk, int inner,
                        int columns)
{
    for (int k = 0; k < inner; k += chunk) {
        int depth = smaller(inner - k, chunk);

        for (int j = 0; j < columns; j += WIDTH, out += (ptrdiff_t)depth * WIDTH) {
            struct source source =
                source_of(m, k, j, depth, smaller(columns - j, WIDTH));

            copy_panel(out, &source, m->transposed);
        }
    }
}
