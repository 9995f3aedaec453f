/* Softmax of attention scores and its backward pass. */
#include "worker/kernels_isa.h"

VEC_INLINE float largest(const float *x, int n)
{
    vec top = vec_set(-__builtin_inff());
    int i = 0;

    for (; i + VEC <= n; i += VEC)
        top = vec_max(top, vec_load(x + i));
    if (i < n)
        top = vec_max(top,
                      vec_select(vec_first(n - i), vec_load_part(x + i, n - i), top));
    return vec_largest(top);
}

/* x = exp(scale·(x - top)); returns the sum. */
VEC_INLINE float exponentials(float *x, float scale, float top, int n)
{
    vec sum = {0};
    int i = 0;

    for (; i + VEC <= n; i += VEC) {
        vec e = vec_exp((vec_load(x + i) - top) * scale);

        vec_store(x + i, e);
        sum += e;
    }
    if (i < n) {
        vec e = vec_exp((vec_load_part(x + i, n - i) - top) * scale);

        vec_store_part(x + i, e, n - i);
        sum += vec_select(vec_first(n - i), e, (vec){0});
    }
    return vec_sum(sum);
}

VEC_INLINE void multiply(float *x, float factor, int n)
{
    int i = 0;

    for (; i + VEC <= n; i += VEC)
        vec_store(x + i, vec_load(x + i) * factor);
    if (i < n)
        vec_store_part(x + i, vec_load_part(x + i, n - i) * factor, n - i);
}

void KERNEL(softmax_forward)(float *s, float scale, int rows, int n, int stride)
{
    for (int r = 0; r < rows; r++, s += stride) {
        float sum = exponentials(s, scale, largest(s, n), n);

        multiply(s, 1.0f / sum, n);
    }
}

VEC_INLINE float dot(const float *a, const float *b, int n)
{
    vec sum = {0};
    int i = 0;

    for (; i + VEC <= n; i += VEC)
        sum = vec_fma(vec_load(a + i), vec_load(b + i), sum);
    if (i < n)
        sum = vec_fma(vec_load_part(a + i, n - i), vec_load_part(b + i, n - i), sum);
    return vec_sum(sum);
}

void KERNEL(softmax_backward)(float *dp, const float *p, float scale, int rows, int n,
                              int stride)
{
    for (int r = 0; r < rows; r++, dp += stride, p += stride) {
        float sum = dot(dp, p, n);
        int i = 0;

        for (; i + VEC <= n; i += VEC)
            vec_store(dp + i, (vec_load(dp + i) - sum) * vec_load(p + i) * scale);
        if (i < n)
            vec_store_part(dp + i,
                           (vec_load_part(dp + i, n - i) - sum) *
                               vec_load_part(p + i, n - i) * scale,
                           n - i);
    }
}
