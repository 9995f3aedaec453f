/* LayerNorm over block output + residual + adapter shift, forward and backward. */
#include "worker/kernels_isa.h"

/* m < VEC: the end of a row. */
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

/* Columns i…i+m-1 of a row of the sum, written to out. */
VEC_INLINE vec sum_part(const struct norm_forward *a, int64_t row, float alpha, int i,
                        int m)
{
    vec s = get(a->x + row + i, m);

    if (a->bias)
        s += get(a->bias + i, m);
    if (a->residual)
        s += get(a->residual + row + i, m);
    if (a->shift)
        s = vec_fma(vec_set(alpha), get(a->shift + i, m), s);
    put(a->out + row + i, s, m);
    return s;
}

VEC_INLINE float sum_row(const struct norm_forward *a, int64_t row, float alpha, int n)
{
    vec total = {0};
    int i = 0;

    for (; i + VEC <= n; i += VEC)
        total += sum_part(a, row, alpha, i, VEC);
    if (i < n)
        total += sum_part(a, row, alpha, i, n - i);
    return vec_sum(total);
}

VEC_INLINE float deviation_row(const float *x, float mean, int n)
{
    vec total = {0};
    int i = 0;

    for (; i + VEC <= n; i += VEC) {
        vec d = vec_load(x + i) - mean;

        total = vec_fma(d, d, total);
    }
    if (i < n) {
        vec d = vec_load_part(x + i, n - i) - mean;

        d = vec_select(vec_first(n - i), d, (vec){0});
        total = vec_fma(d, d, total);
    }
    return vec_sum(total);
}

VEC_INLINE void scale_part(const struct norm_forward *a, int64_t row, float mean,
                           float scale, int i, int m)
{
    vec x = (get(a->out + row + i, m) - mean) * scale;

    if (a->normed)
        put(a->normed + row + i, x, m);
    put(a->out + row + i, vec_fma(x, get(a->gamma + i, m), get(a->beta + i, m)), m);
}

void KERNEL(norm_forward)(const struct norm_forward *a, int rows, int n)
{
    for (int r = 0; r < rows; r++) {
        int64_t row = (int64_t)r * n;
        float mean = sum_row(a, row, a->shift ? a->alpha[r] : 0, n) / (float)n;
        float variance = deviation_row(a->out + row, mean, n) / (float)n;
        float scale = 1.0f / __builtin_sqrtf(variance + a->eps);
        int i = 0;

        if (a->scale)
            a->scale[r] = scale;
        for (; i + VEC <= n; i += VEC)
            scale_part(a, row, mean, scale, i, VEC);
        if (i < n)
            scale_part(a, row, mean, scale, i, n - i);
    }
}

/* Σ g and Σ g·normed over a row, with g = dout·gamma; adds to dgamma and dbeta. */
struct row_sums {
    vec g, gn;
};

VEC_INLINE void reduce_part(struct row_sums *s, const struct norm_backward *a,
                            int64_t row, int i, int m)
{
    vec d = get(a->dout + row + i, m), x = get(a->normed + row + i, m);

    if (a->dgamma) {
        put(a->dgamma + i, vec_fma(d, x, get(a->dgamma + i, m)), m);
        put(a->dbeta + i, get(a->dbeta + i, m) + d, m);
    }
    d *= get(a->gamma + i, m);
    s->g += d;
    s->gn = vec_fma(d, x, s->gn);
}

/* Writes dx, adds to dshift; returns the columns' part of dx·shift. */
VEC_INLINE vec dx_part(const struct norm_backward *a, int r, int64_t row, float mean_g,
                       float mean_gn, int i, int m)
{
    vec g = get(a->dout + row + i, m) * get(a->gamma + i, m);
    vec x = get(a->normed + row + i, m);
    vec dx = (g - mean_g - x * mean_gn) * a->scale[r];

    put(a->dx + row + i, dx, m);
    if (!a->shift)
        return (vec){0};
    put(a->dshift + i, vec_fma(vec_set(a->alpha[r]), dx, get(a->dshift + i, m)), m);
    return dx * get(a->shift + i, m);
}

VEC_INLINE void backward_row(const struct norm_backward *a, int r, int n)
{
    int64_t row = (int64_t)r * n;
    struct row_sums s = {{0}, {0}};
    vec dalpha = {0};
    float mean_g, mean_gn;
    int i = 0;

    for (; i + VEC <= n; i += VEC)
        reduce_part(&s, a, row, i, VEC);
    if (i < n)
        reduce_part(&s, a, row, i, n - i);
    if (!a->dx)
        return;
    mean_g = vec_sum(s.g) / (float)n;
    mean_gn = vec_sum(s.gn) / (float)n;
    for (i = 0; i + VEC <= n; i += VEC)
        dalpha += dx_part(a, r, row, mean_g, mean_gn, i, VEC);
    if (i < n)
        dalpha += dx_part(a, r, row, mean_g, mean_gn, i, n - i);
    if (a->shift)
        a->dalpha[r] = vec_sum(dalpha);
}

void KERNEL(norm_backward)(const struct norm_backward *a, int rows, int n)
{
    for (int r = 0; r < rows; r++)
        backward_row(a, r, n);
}

void KERNEL(bias_add)(float *y, const float *bias, int rows, int n)
{
    for (int r = 0; r < rows; r++, y += n) {
        int i = 0;

        for (; i + VEC <= n; i += VEC)
            vec_store(y + i, vec_load(y + i) + vec_load(bias + i));
        if (i < n)
            vec_store_part(y + i,
                           vec_load_part(y + i, n - i) + vec_load_part(bias + i, n - i),
                           n - i);
    }
}
