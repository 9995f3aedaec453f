/* The references' gradients against central differences in double.
 *
 * Each function is made scalar by a random weighting c of its outputs; the gradient for
 * dout = c must be the scalar's derivative. Step 1e-5, error relative to the largest
 * element of that gradient. */
#include "common/philox.h"
#include "tests/support/suite.h"
#include "worker/kernels_ref.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 3, N = 7, HEADS = 2, HIDDEN = 6, TOKENS = 5, MANY = 64 };
static const double step = 1e-5, limit = 1e-7;

static void fill(double *x, int n, uint32_t seed)
{
    uint32_t word[4];

    for (int i = 0; i < n; i++) {
        philox(word, seed, PHILOX_INIT, (uint32_t)i, 0, 0, 0);
        x[i] = 3 * philox_uniform(word[0]) - 1.5;
    }
}

static double weighted(const double *out, int n)
{
    double c[MANY], sum = 0;

    fill(c, n, 99);
    for (int i = 0; i < n; i++)
        sum += c[i] * out[i];
    return sum;
}

/* Compares grad with differences of f over the n numbers at x, which f reads. */
static void check(double (*f)(void *), void *arg, double *x, const double *grad, int n)
{
    double top = 0, worst = 0;

    for (int i = 0; i < n; i++) {
        double keep = x[i], up, down, d;

        x[i] = keep + step;
        up = f(arg);
        x[i] = keep - step;
        down = f(arg);
        x[i] = keep;
        d = fabs((up - down) / (2 * step) - grad[i]);
        worst = d > worst || isnan(d) ? d : worst;
        top = fabs(grad[i]) > top ? fabs(grad[i]) : top;
    }
    CU_ASSERT(top > 1e-3);
    CU_ASSERT(worst < limit * top);
}

struct linear_case {
    double x[ROWS * N], w[4 * N];
};

static double linear_scalar(void *arg)
{
    struct linear_case *c = arg;
    double y[ROWS * 4];

    linear_forward_ref(y, c->x, c->w, ROWS, N, 4);
    return weighted(y, ROWS * 4);
}

static void linear_gradient_is_the_difference_quotient(void)
{
    struct linear_case c;
    double dy[ROWS * 4], dx[ROWS * N];

    fill(c.x, ROWS * N, 1);
    fill(c.w, 4 * N, 2);
    fill(dy, ROWS * 4, 99);
    linear_backward_ref(dx, dy, c.w, ROWS, N, 4);
    check(linear_scalar, &c, c.x, dx, ROWS * N);
}

struct activation_case {
    enum activation act;
    double x[ROWS * N], bias[N], w[N], b;
};

static double activation_scalar(void *arg)
{
    struct activation_case *c = arg;
    double out[ROWS * N + ROWS];

    activation_forward_ref(c->act, out, out + ROWS * N, c->x, c->bias, c->w, c->b, ROWS,
                           N);
    return weighted(out, ROWS * N + ROWS);
}

static void activation_and_adapter_gradients_are_difference_quotients(void)
{
    for (int act = ACTIVATION_GELU; act <= ACTIVATION_RELU; act++) {
        struct activation_case c = {.act = (enum activation)act, .b = 0.3};
        double dout[ROWS * N + ROWS], dx[ROWS * N], dw[N], db;

        fill(c.x, ROWS * N, 3);
        fill(c.bias, N, 4);
        fill(c.w, N, 5);
        fill(dout, ROWS * N + ROWS, 99);
        activation_backward_ref(c.act, dx, dw, &db, dout, dout + ROWS * N, c.x, c.bias,
                                c.w, ROWS, N);
        check(activation_scalar, &c, c.x, dx, ROWS * N);
        check(activation_scalar, &c, c.w, dw, N);
        check(activation_scalar, &c, &c.b, &db, 1);
    }
}

struct norm_case {
    double x[ROWS * N], bias[N], residual[ROWS * N], alpha[ROWS], shift[N], gamma[N],
        beta[N];
    struct norm_ref args;
};

static double norm_scalar(void *arg)
{
    struct norm_case *c = arg;
    double out[ROWS * N];

    norm_forward_ref(out, &c->args);
    return weighted(out, ROWS * N);
}

static void norm_and_shift_gradients_are_difference_quotients(void)
{
    struct norm_case c;
    double dout[ROWS * N], dx[ROWS * N], dgamma[N], dbeta[N], dalpha[ROWS], dshift[N];

    fill(c.x, ROWS * N, 6);
    fill(c.bias, N, 7);
    fill(c.residual, ROWS * N, 8);
    fill(c.alpha, ROWS, 9);
    fill(c.shift, N, 10);
    fill(c.gamma, N, 11);
    fill(c.beta, N, 12);
    fill(dout, ROWS * N, 99);
    c.args = (struct norm_ref){c.x,     c.bias, c.residual, c.alpha, c.shift,
                               c.gamma, c.beta, 1e-5,       ROWS,    N};
    norm_backward_ref(dx, dgamma, dbeta, dalpha, dshift, dout, &c.args);
    check(norm_scalar, &c, c.x, dx, ROWS * N);
    check(norm_scalar, &c, c.residual, dx, ROWS * N);
    check(norm_scalar, &c, c.gamma, dgamma, N);
    check(norm_scalar, &c, c.beta, dbeta, N);
    check(norm_scalar, &c, c.alpha, dalpha, ROWS);
    check(norm_scalar, &c, c.shift, dshift, N);
}

struct softmax_case {
    double s[ROWS * N];
};

static double softmax_scalar(void *arg)
{
    struct softmax_case *c = arg;
    double p[ROWS * N];

    softmax_forward_ref(p, c->s, 0.7, ROWS, N);
    return weighted(p, ROWS * N);
}

static void softmax_gradient_is_the_difference_quotient(void)
{
    struct softmax_case c;
    double p[ROWS * N], dp[ROWS * N], ds[ROWS * N];

    fill(c.s, ROWS * N, 13);
    fill(dp, ROWS * N, 99);
    softmax_forward_ref(p, c.s, 0.7, ROWS, N);
    softmax_backward_ref(ds, dp, p, 0.7, ROWS, N);
    check(softmax_scalar, &c, c.s, ds, ROWS * N);
}

struct attention_case {
    double q[TOKENS * HIDDEN], k[TOKENS * HIDDEN], v[TOKENS * HIDDEN];
    double mask[HEADS * TOKENS * TOKENS];
    struct attention_ref args;
};

static double attention_scalar(void *arg)
{
    struct attention_case *c = arg;
    double ctx[TOKENS * HIDDEN];

    attention_forward_ref(ctx, &c->args);
    return weighted(ctx, c->args.queries * HIDDEN);
}

static void check_attention(int queries, bool dropout)
{
    struct attention_case c;
    double dctx[TOKENS * HIDDEN], dq[TOKENS * HIDDEN], dk[TOKENS * HIDDEN],
        dv[TOKENS * HIDDEN];

    fill(c.q, TOKENS * HIDDEN, 14);
    fill(c.k, TOKENS * HIDDEN, 15);
    fill(c.v, TOKENS * HIDDEN, 16);
    for (int i = 0; i < HEADS * TOKENS * TOKENS; i++)
        c.mask[i] = i % 4 ? 4.0 / 3 : 0;
    fill(dctx, TOKENS * HIDDEN, 99);
    c.args = (struct attention_ref){TOKENS, queries, HIDDEN, HEADS,
                                    c.q,    c.k,     c.v,    dropout ? c.mask : NULL};
    attention_backward_ref(dq, dk, dv, dctx, &c.args);
    check(attention_scalar, &c, c.q, dq, queries * HIDDEN);
    check(attention_scalar, &c, c.k, dk, TOKENS * HIDDEN);
    check(attention_scalar, &c, c.v, dv, TOKENS * HIDDEN);
}

static void attention_gradients_are_difference_quotients(void)
{
    check_attention(TOKENS, false);
    check_attention(TOKENS, true);
    check_attention(1, false);
    check_attention(1, true);
}

struct pooling_case {
    double state[TOKENS * N];
};

static double pooling_scalar(void *arg)
{
    struct pooling_case *c = arg;
    double out[N];

    pooling_mean_forward_ref(out, c->state, TOKENS, N);
    return weighted(out, N);
}

static void mean_pooling_gradient_is_the_difference_quotient(void)
{
    struct pooling_case c;
    double dout[N], dstate[TOKENS * N];

    fill(c.state, TOKENS * N, 17);
    fill(dout, N, 99);
    pooling_mean_backward_ref(dstate, dout, TOKENS, N);
    check(pooling_scalar, &c, c.state, dstate, TOKENS * N);
}

struct loss_case {
    double logits[4];
    int labels;
    bool regression;
};

static double loss_scalar(void *arg)
{
    struct loss_case *c = arg;
    double unused[4];

    return loss_ref(unused, c->logits, 2, c->labels, c->regression);
}

static void loss_gradients_are_difference_quotients(void)
{
    struct loss_case c = {.labels = 4}, one = {.labels = 1, .regression = true};
    double d[4];

    fill(c.logits, 4, 18);
    loss_ref(d, c.logits, 2, 4, false);
    check(loss_scalar, &c, c.logits, d, 4);
    one.logits[0] = 0.4;
    loss_ref(d, one.logits, 2, 1, true);
    check(loss_scalar, &one, one.logits, d, 1);
}

static const struct suite_test tests[] = {
    SUITE_TEST(linear_gradient_is_the_difference_quotient),
    SUITE_TEST(activation_and_adapter_gradients_are_difference_quotients),
    SUITE_TEST(norm_and_shift_gradients_are_difference_quotients),
    SUITE_TEST(softmax_gradient_is_the_difference_quotient),
    SUITE_TEST(attention_gradients_are_difference_quotients),
    SUITE_TEST(mean_pooling_gradient_is_the_difference_quotient),
    SUITE_TEST(loss_gradients_are_difference_quotients),
    {NULL, NULL},
};

int main(void) { return suite_run("kernels_ref", tests); }
