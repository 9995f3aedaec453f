/* Products of small matrices: attention's, where OpenBLAS' packing costs more than the
 * product.
 *
 * A tile of ROWS x 2 registers of c stays in registers over the whole inner loop, so
 * every element is one chain of multiply-adds in the order of the inner index, whatever
 * tile it is in. */
#include "worker/kernels_isa.h"

enum { ROWS = VEC == 16 ? 8 : 4 };

/* b or c: whole registers, or the first m < VEC floats of one. */
VEC_INLINE vec get(const float *p, int m)
{
    return m == VEC ? vec_load(p) : vec_load_part(p, m);
}

VEC_INLINE void put(float *p, vec v, int m)
{
    if (m == VEC)
        vec_store(p, v);
    else
        vec_store_part(p, v, m);
}

/* rows x width registers of c, the last of them m floats wide. */
VEC_INLINE void tile(float *c, int ldc, const float *a, int a_row, int a_col,
                     const float *b, int ldb, int rows, int inner, int width, int m)
{
    vec sum[ROWS][2] = {{{0}}};

    for (int s = 0; s < inner; s++, a += a_col, b += ldb) {
        vec first = width == 2 ? vec_load(b) : get(b, m);
        vec second = width == 2 ? get(b + VEC, m) : first;

        for (int r = 0; r < rows; r++) {
            vec x = vec_set(a[(ptrdiff_t)r * a_row]);

            sum[r][0] = vec_fma(x, first, sum[r][0]);
            if (width == 2)
                sum[r][1] = vec_fma(x, second, sum[r][1]);
        }
    }
    for (int r = 0; r < rows; r++, c += ldc) {
        if (width == 2)
            vec_store(c, sum[r][0]);
        put(c + (width - 1) * VEC, sum[r][width - 1], m);
    }
}

/* All rows of a column of tiles. */
VEC_INLINE void tiles(float *c, int ldc, const float *a, int a_row, int a_col,
                      const float *b, int ldb, int rows, int inner, int width, int m)
{
    int r = 0;

    for (; r + ROWS <= rows; r += ROWS)
        tile(c + (ptrdiff_t)r * ldc, ldc, a + (ptrdiff_t)r * a_row, a_row, a_col, b,
             ldb, ROWS, inner, width, m);
    for (; r + 2 <= rows; r += 2)
        tile(c + (ptrdiff_t)r * ldc, ldc, a + (ptrdiff_t)r * a_row, a_row, a_col, b,
             ldb, 2, inner, width, m);
    if (r < rows)
        tile(c + (ptrdiff_t)r * ldc, ldc, a + (ptrdiff_t)r * a_row, a_row, a_col, b,
             ldb, 1, inner, width, m);
}

void KERNEL(product)(float *c, int ldc, const float *a, int a_row, int a_col,
                     const float *b, int ldb, int rows, int inner, int columns)
{
    int i = 0;

    for (; i + 2 * VEC <= columns; i += 2 * VEC)
        tiles(c + i, ldc, a, a_row, a_col, b + i, ldb, rows, inner, 2, VEC);
    if (i + VEC <= columns) {
        tiles(c + i, ldc, a, a_row, a_col, b + i, ldb, rows, inner, 1, VEC);
        i += VEC;
    }
    if (i < columns)
        tiles(c + i, ldc, a, a_row, a_col, b + i, ldb, rows, inner, 1, columns - i);
}

VEC_INLINE quad quad_load(const float *p)
{
    quad v;

    memcpy(&v, p, sizeof v);
    return v;
}

VEC_INLINE void transpose_block(float *out, int ldo, const float *in, int ldi)
{
    quad a = quad_load(in), b = quad_load(in + ldi);
    quad c = quad_load(in + 2 * (ptrdiff_t)ldi), d = quad_load(in + 3 * (ptrdiff_t)ldi);
    quad ab0 = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    quad ab1 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    quad cd0 = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    quad cd1 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    quad columns[4] = {__builtin_shufflevector(ab0, cd0, 0, 1, 4, 5),
                       __builtin_shufflevector(ab0, cd0, 2, 3, 6, 7),
                       __builtin_shufflevector(ab1, cd1, 0, 1, 4, 5),
                       __builtin_shufflevector(ab1, cd1, 2, 3, 6, 7)};

    for (int i = 0; i < 4; i++)
        memcpy(out + (ptrdiff_t)i * ldo, &columns[i], sizeof columns[i]);
}

#if defined(VECTOR_512)
/* Rows l, l + 4, l + 8, l + 12 of four columns, a quad each. */
VEC_INLINE vec gather_quads(const float *in, int ldi)
{
    vec v = _mm512_castps128_ps512(_mm_loadu_ps(in));

    v = _mm512_insertf32x4(v, _mm_loadu_ps(in + 4 * (ptrdiff_t)ldi), 1);
    v = _mm512_insertf32x4(v, _mm_loadu_ps(in + 8 * (ptrdiff_t)ldi), 2);
    return _mm512_insertf32x4(v, _mm_loadu_ps(in + 12 * (ptrdiff_t)ldi), 3);
}

/* 16 rows of 4 columns at once. */
VEC_INLINE void transpose_16(float *out, int ldo, const float *in, int ldi)
{
    vec a = gather_quads(in, ldi), b = gather_quads(in + ldi, ldi);
    vec c = gather_quads(in + 2 * (ptrdiff_t)ldi, ldi);
    vec d = gather_quads(in + 3 * (ptrdiff_t)ldi, ldi);
    __m512d ab0 = (__m512d)_mm512_unpacklo_ps(a, b),
            cd0 = (__m512d)_mm512_unpacklo_ps(c, d);
    __m512d ab1 = (__m512d)_mm512_unpackhi_ps(a, b),
            cd1 = (__m512d)_mm512_unpackhi_ps(c, d);

    vec_store(out, (vec)_mm512_unpacklo_pd(ab0, cd0));
    vec_store(out + ldo, (vec)_mm512_unpackhi_pd(ab0, cd0));
    vec_store(out + 2 * (ptrdiff_t)ldo, (vec)_mm512_unpacklo_pd(ab1, cd1));
    vec_store(out + 3 * (ptrdiff_t)ldo, (vec)_mm512_unpackhi_pd(ab1, cd1));
}

/* Rows by the 16, columns by the 4. */
static void transpose_blocks(float *out, int ldo, const float *in, int ldi, int rows,
                             int columns)
{
    for (int i = 0; i < columns; i += 4)
        for (int r = 0; r < rows; r += 16)
            transpose_16(out + (ptrdiff_t)i * ldo + r, ldo, in + (ptrdiff_t)r * ldi + i,
                         ldi);
}
#endif

/* Blocks of 4 x 4, the rest number by number. */
void KERNEL(transpose)(float *out, int ldo, const float *in, int ldi, int rows,
                       int columns)
{
    int r = 0;

#if defined(VECTOR_512)
    if (rows % 16 == 0 && columns % 4 == 0) {
        transpose_blocks(out, ldo, in, ldi, rows, columns);
        return;
    }
#endif
    for (; r + 4 <= rows; r += 4, in += 4 * (ptrdiff_t)ldi, out += 4) {
        int i = 0;

        for (; i + 4 <= columns; i += 4)
            transpose_block(out + (ptrdiff_t)i * ldo, ldo, in + i, ldi);
        for (; i < columns; i++)
            for (int j = 0; j < 4; j++)
                out[(ptrdiff_t)i * ldo + j] = in[(ptrdiff_t)j * ldi + i];
    }
    for (; r < rows; r++, in += ldi, out++)
        for (int i = 0; i < columns; i++)
            out[(ptrdiff_t)i * ldo] = in[i];
}
