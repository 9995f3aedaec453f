/* gelu, gelu_new and relu with their derivatives, fused with the adapter's L_α.
 *
 * One pass over a row computes the activation and the row's alpha; the backward pass
 * computes the activation again rather than reading a kept one, since the matrix
 * products take some hundred times longer than the vector arithmetic here. */
#include "worker/kernels_isa.h"

struct point {
    vec h, slope; /* act(x), act'(x) */
};

/* Upper tail of the normal distribution at |x|, given e = exp(-x²/2). With z = |x|/√2
 * it is e·erfcx(z)/2, and erfcx(z) = t·P(t), t = 1/(1 + 0.45 z), by a minimax fit of
 * degree 9 with a relative error of 5e-8. */
VEC_INLINE vec normal_tail(vec x, vec e)
{
    static const float c[] = {-4.139094494e-02f, 1.906871783e-01f,  -3.005812051e-01f,
                              1.423997511e-01f,  -2.235727224e-02f, 1.199502194e-01f,
                              1.752521652e-01f,  2.282716386e-01f,  2.538831629e-01f,
                              2.538853208e-01f};
    vec t = 1.0f / vec_fma(vec_abs(x), vec_set(0.45f * 0.70710678f), vec_set(1));
    vec p = vec_set(c[0]);

    for (int i = 1; i < 10; i++)
        p = vec_fma(p, t, vec_set(c[i]));
    return 0.5f * e * t * p;
}

VEC_INLINE struct point gelu(vec x)
{
    vec e = vec_exp(x * x * -0.5f);
    vec tail = normal_tail(x, e);
    vec phi = vec_select(x < 0, tail, 1.0f - tail);

    return (struct point){x * phi, vec_fma(x * 0.3989422804f, e, phi)};
}

/* x(1 + tanh u)/2 = x/(1 + exp(-2u)) with u = √(2/π)(x + 0.044715 x³). */
VEC_INLINE struct point gelu_new(vec x)
{
    const float a = 0.7978845608f, b = 0.044715f;
    vec square = x * x;
    vec u = x * a * vec_fma(square, vec_set(b), vec_set(1));
    vec s = 1.0f / (1.0f + vec_exp(u * -2.0f));
    vec du = vec_fma(square, vec_set(3 * a * b), vec_set(a));

    return (struct point){x * s, vec_fma(2.0f * x * s * (1.0f - s), du, s)};
}

VEC_INLINE struct point relu(vec x)
{
    return (struct point){vec_max(vec_set(0), x),
                          vec_select(x > 0, vec_set(1), vec_set(0))};
}

VEC_INLINE struct point activate(enum activation act, vec x)
{
    switch (act) {
    case ACTIVATION_GELU_NEW:
        return gelu_new(x);
    case ACTIVATION_RELU:
        return relu(x);
    default:
        return gelu(x);
    }
}

VEC_INLINE float forward_row(enum activation act, const float *pre, float *h,
                             const float *bias, const float *w, int n)
{
    vec sum = {0};
    int i = 0;

    for (; i + VEC <= n; i += VEC) {
        vec x = vec_load(pre + i) + vec_load(bias + i);
        vec y = activate(act, x).h;

        vec_store(h + i, y);
        if (w)
            sum = vec_fma(y, vec_load(w + i), sum);
    }
    if (i < n) {
        vec x = vec_load_part(pre + i, n - i) + vec_load_part(bias + i, n - i);
        vec y = activate(act, x).h;

        vec_store_part(h + i, y, n - i);
        if (w)
            sum = vec_fma(y, vec_load_part(w + i, n - i), sum);
    }
    return vec_sum(sum);
}

VEC_INLINE void forward(enum activation act, const float *pre, float *h,
                        const float *bias, const float *w, float *alpha, int rows,
                        int ffn)
{
    for (int r = 0; r < rows; r++) {
        int64_t at = (int64_t)r * ffn;
        float dot = forward_row(act, pre + at, h + at, bias, w, ffn);

        if (w)
            alpha[r] += dot;
    }
}

void KERNEL(activation_forward)(enum activation act, const float *pre, float *h,
                                const float *bias, const float *w, float *alpha,
                                int rows, int ffn)
{
    switch (act) { /* a loop of its own for each */
    case ACTIVATION_GELU_NEW:
        forward(ACTIVATION_GELU_NEW, pre, h, bias, w, alpha, rows, ffn);
        break;
    case ACTIVATION_RELU:
        forward(ACTIVATION_RELU, pre, h, bias, w, alpha, rows, ffn);
        break;
    default:
        forward(ACTIVATION_GELU, pre, h, bias, w, alpha, rows, ffn);
    }
}

VEC_INLINE void backward_row(enum activation act, float *dh, const float *pre,
                             const float *bias, vec dalpha, const float *w, float *dw,
                             int n)
{
    int i = 0;

    for (; i + VEC <= n; i += VEC) {
        struct point p = activate(act, vec_load(pre + i) + vec_load(bias + i));

        if (dw)
            vec_store(dw + i, vec_fma(dalpha, p.h, vec_load(dw + i)));
        if (dh && w)
            vec_store(dh + i,
                      vec_fma(dalpha, vec_load(w + i), vec_load(dh + i)) * p.slope);
        else if (dh)
            vec_store(dh + i, vec_load(dh + i) * p.slope);
    }
    if (i < n) {
        int m = n - i;
        struct point p =
            activate(act, vec_load_part(pre + i, m) + vec_load_part(bias + i, m));
        vec d = dh ? vec_load_part(dh + i, m) : (vec){0};

        if (dw)
            vec_store_part(dw + i, vec_fma(dalpha, p.h, vec_load_part(dw + i, m)), m);
        if (dh && w)
            d = vec_fma(dalpha, vec_load_part(w + i, m), d);
        if (dh)
            vec_store_part(dh + i, d * p.slope, m);
    }
}

VEC_INLINE void backward(enum activation act, float *dh, const float *pre,
                         const float *bias, const float *dalpha, const float *w,
                         float *dw, int rows, int ffn)
{
    for (int r = 0; r < rows; r++) {
        int64_t at = (int64_t)r * ffn;

        backward_row(act, dh ? dh + at : NULL, pre + at, bias,
                     vec_set(dalpha ? dalpha[r] : 0), w, dw, ffn);
    }
}

void KERNEL(activation_backward)(enum activation act, float *dh, const float *pre,
                                 const float *bias, const float *dalpha, const float *w,
                                 float *dw, int rows, int ffn)
{
    switch (act) {
    case ACTIVATION_GELU_NEW:
        backward(ACTIVATION_GELU_NEW, dh, pre, bias, dalpha, w, dw, rows, ffn);
        break;
    case ACTIVATION_RELU:
        backward(ACTIVATION_RELU, dh, pre, bias, dalpha, w, dw, rows, ffn);
        break;
    default:
        backward(ACTIVATION_GELU, dh, pre, bias, dalpha, w, dw, rows, ffn);
    }
}
