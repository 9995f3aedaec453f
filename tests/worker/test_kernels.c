/* The fast kernels of every instruction set that this processor has, against the
 * references in double, over sizes that meet registers' ends: 1, primes, one past a
 * register. */
#include "common/philox.h"
#include "tests/support/suite.h"
#include "tests/worker/pairs.h"
#include "worker/attention.h"
#include "worker/first_attention.h"
#include "worker/kernels.h"
#include "worker/kernels_ref.h"
#include "worker/linear.h"
#include "worker/loss.h"
#include "worker/pooling.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const int sizes[] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 64, 67, 129};
enum { SIZES = sizeof sizes / sizeof sizes[0], ROWS = 5 };

static void check_activation(const struct kernels *k, enum activation act, int n)
{
    enum { X, BIAS, W, H, ALPHA, DH, DALPHA, DW, COUNT };
    struct pair p[COUNT] = {
        pair_new(ROWS * n, 1, 6), pair_new(n, 2, 1),    pair_new(n, 3, 1),
        pair_new(ROWS * n, 4, 1), pair_new(ROWS, 5, 1), pair_new(ROWS * n, 6, 1),
        pair_new(ROWS, 7, 1),     pair_new(n, 8, 0),
    };
    double *dx = malloc(sizeof *dx * (size_t)(ROWS * n)), db;

    activation_forward_ref(act, p[H].d, p[ALPHA].d, p[X].d, p[BIAS].d, p[W].d, 0.5,
                           ROWS, n);
    activation_backward_ref(act, dx, p[DW].d, &db, p[DH].d, p[DALPHA].d, p[X].d,
                            p[BIAS].d, p[W].d, ROWS, n);
    memcpy(p[DH].d, dx, sizeof *dx * (size_t)(ROWS * n));
    for (int r = 0; r < ROWS; r++)
        p[ALPHA].f[r] = 0.5f;
    k->activation_forward(act, p[X].f, p[H].f, p[BIAS].f, p[W].f, p[ALPHA].f, ROWS, n);
    k->activation_backward(act, p[DH].f, p[X].f, p[BIAS].f, p[DALPHA].f, p[W].f,
                           p[DW].f, ROWS, n);
    pair_check(&p[H]);
    pair_check(&p[ALPHA]);
    pair_check(&p[DH]);
    pair_check(&p[DW]);
    free(dx);
    pairs_free(p, COUNT);
}

static void activations_agree_with_their_references(void)
{
    const struct kernels *k;

    for (int i = 0; (k = kernels_available(i)); i++)
        for (int act = ACTIVATION_GELU; act <= ACTIVATION_RELU; act++)
            for (int s = 0; s < SIZES; s++)
                check_activation(k, (enum activation)act, sizes[s]);
}

/* Over the whole line: absolute error against the larger of |x| and 1. */
static void gelu_is_exact_to_rounding_everywhere(void)
{
    const struct kernels *k;
    float zero = 0;

    for (int i = 0; (k = kernels_available(i)); i++)
        for (int n = 0; n <= 10811; n++) {
            float h, x = -20 + 0.0037f * (float)n, pre = x;
            double exact = 0.5 * (double)x * erfc(-(double)x / sqrt(2));
            double size = fabs(exact) > 1 ? fabs(exact) : 1;

            k->activation_forward(ACTIVATION_GELU, &pre, &h, &zero, NULL, NULL, 1, 1);
            CU_ASSERT(fabs(h - exact) <= 1.5e-7 * size);
        }
}

static void activations_pass_nan_on(void)
{
    const struct kernels *k;
    float zero = 0;

    for (int i = 0; (k = kernels_available(i)); i++)
        for (int act = ACTIVATION_GELU; act <= ACTIVATION_RELU; act++) {
            float x = NAN, h = 0, dh = 1, dw = 0, w = 1, alpha = 1;

            k->activation_forward((enum activation)act, &x, &h, &zero, &w, &alpha, 1,
                                  1);
            CU_ASSERT(isnan(h) && isnan(alpha));
            dh = NAN;
            x = 1;
            k->activation_backward((enum activation)act, &dh, &x, &zero, &alpha, &w,
                                   &dw, 1, 1);
            CU_ASSERT(isnan(dh) && isnan(dw));
        }
}

static void check_norm(const struct kernels *k, int n)
{
    enum {
        X,
        BIAS,
        RESIDUAL,
        ALPHA,
        SHIFT,
        GAMMA,
        BETA,
        OUT,
        DOUT,
        DX,
        DGAMMA,
        DBETA,
        DALPHA,
        DSHIFT,
        NORMED,
        SCALE,
        COUNT
    };
    struct pair p[COUNT];

    for (int i = 0; i < COUNT; i++) {
        bool matrix =
            i == X || i == RESIDUAL || i == OUT || i == DOUT || i == DX || i == NORMED;
        bool row = i == ALPHA || i == DALPHA || i == SCALE;
        bool sum = i == DGAMMA || i == DBETA || i == DSHIFT;

        p[i] = pair_new(matrix ? ROWS * n : row ? ROWS : n, 20 + (uint32_t)i, !sum);
    }
    struct norm_ref ref = {p[X].d,     p[BIAS].d, p[RESIDUAL].d, p[ALPHA].d, p[SHIFT].d,
                           p[GAMMA].d, p[BETA].d, 1e-3,          ROWS,       n};
    norm_forward_ref(p[OUT].d, &ref);
    norm_backward_ref(p[DX].d, p[DGAMMA].d, p[DBETA].d, p[DALPHA].d, p[DSHIFT].d,
                      p[DOUT].d, &ref);
    k->norm_forward(&(struct norm_forward){p[OUT].f, p[NORMED].f, p[SCALE].f, p[X].f,
                                           p[BIAS].f, p[RESIDUAL].f, p[ALPHA].f,
                                           p[SHIFT].f, p[GAMMA].f, p[BETA].f, 1e-3f},
                    ROWS, n);
    k->norm_backward(&(struct norm_backward){p[DX].f, p[DOUT].f, p[NORMED].f,
                                             p[SCALE].f, p[GAMMA].f, p[DGAMMA].f,
                                             p[DBETA].f, p[ALPHA].f, p[SHIFT].f,
                                             p[DALPHA].f, p[DSHIFT].f},
                     ROWS, n);
    pair_check(&p[OUT]);
    if (n > 2) { /* of one or two numbers the gradient is rounding only */
        pair_check(&p[DX]);
        pair_check(&p[DALPHA]);
        pair_check(&p[DSHIFT]);
    }
    pair_check(&p[DGAMMA]);
    pair_check(&p[DBETA]);
    pairs_free(p, COUNT);
}

static void norms_agree_with_their_references(void)
{
    const struct kernels *k;

    for (int i = 0; (k = kernels_available(i)); i++)
        for (int s = 0; s < SIZES; s++)
            check_norm(k, sizes[s]);
}

/* A row's bits depend neither on the rows beside it nor on where it lies in memory. */
static void a_row_has_the_same_bits_wherever_it_lies(void)
{
    const struct kernels *k;
    enum { N = 37, SPACE = N * 3 + 16 };
    static float x[SPACE], out[SPACE], alone[N];
    float gamma[N], beta[N];
    struct pair row = pair_new(N, 50, 3);

    for (int i = 0; i < N; i++)
        gamma[i] = 1.1f, beta[i] = 0.1f;
    for (int i = 0; (k = kernels_available(i)); i++)
        for (int shift = 0; shift < 16; shift++) {
            struct norm_forward a = {
                .x = row.f, .out = alone, .gamma = gamma, .beta = beta, .eps = 1e-5f};
            float pre[N], h[N];

            k->norm_forward(&a, 1, N);
            for (int r = 0; r < 3; r++)
                memcpy(x + shift + r * N, row.f, sizeof(float) * N);
            a.x = x + shift;
            a.out = out + shift;
            k->norm_forward(&a, 3, N);
            for (int r = 0; r < 3; r++)
                CU_ASSERT(memcmp(out + shift + r * N, alone, sizeof alone) == 0);
            memcpy(pre, row.f, sizeof pre);
            k->activation_forward(ACTIVATION_GELU, pre, alone, beta, NULL, NULL, 1, N);
            for (int j = 0; j < N; j++) { /* the same number in every lane */
                pre[0] = row.f[j];
                k->activation_forward(ACTIVATION_GELU, pre, h, beta, NULL, NULL, 1, 1);
                CU_ASSERT(h[0] == alone[j]);
            }
        }
    pair_free(&row);
}

static void softmax_agrees_with_its_reference(void)
{
    const struct kernels *k;

    for (int i = 0; (k = kernels_available(i)); i++)
        for (int s = 0; s < SIZES; s++) {
            int n = sizes[s];
            struct pair p = pair_new(ROWS * n, 60, 10), dp = pair_new(ROWS * n, 61, 1);

            softmax_forward_ref(p.d, p.d, 0.25, ROWS, n);
            softmax_backward_ref(dp.d, dp.d, p.d, 0.25, ROWS, n);
            k->softmax_forward(p.f, 0.25f, ROWS, n, n);
            k->softmax_backward(dp.f, p.f, 0.25f, ROWS, n, n);
            pair_check(&p);
            if (n > 1)
                pair_check(&dp);
            pair_free(&p);
            pair_free(&dp);
        }
}

static void large_scores_do_not_overflow_softmax(void)
{
    const struct kernels *k;

    for (int i = 0; (k = kernels_available(i)); i++) {
        float s[3] = {3e4f, 2e4f, 3e4f};

        k->softmax_forward(s, 1, 1, 3, 3);
        CU_ASSERT(s[0] == 0.5f && s[1] < 1e-30f && s[2] == 0.5f);
        s[1] = NAN;
        k->softmax_forward(s, 1, 1, 3, 3);
        CU_ASSERT(isnan(s[0]) && isnan(s[1]) && isnan(s[2]));
    }
}

/* The element's word, one by one, as worker/model.h defines it. */
static double mask_at(struct dropout_at at, uint32_t element, float p)
{
    uint32_t word[4];

    philox(word, at.seed, PHILOX_DROPOUT, at.step, at.example, element / 4, at.place);
    return philox_uniform(word[element % 4]) >= p ? 1 / (1 - (double)p) : 0;
}

static void dropout_follows_its_counters(void)
{
    const struct kernels *k;
    struct dropout_at at = {7, 3, 11, 18, 0};
    int kept = 0, seen = 0;

    for (int i = 0; (k = kernels_available(i)); i++)
        for (int s = 0; s < SIZES; s++)
            for (at.element = 0; at.element < 70; at.element += 23) {
                struct pair x = pair_new(sizes[s], 70, 1);

                for (int j = 0; j < x.n; j++) {
                    double mask = mask_at(at, at.element + (uint32_t)j, 0.3f);

                    x.d[j] *= mask;
                    kept += mask != 0;
                    seen++;
                }
                k->dropout(x.f, 0.3f, at, x.n);
                pair_check(&x);
                pair_free(&x);
            }
    CU_ASSERT(kept > 0.6 * seen && kept < 0.8 * seen);
}

/* Of a sequence's attention (heads, queries, tokens), to be freed. */
static double *make_mask(struct dropout_at at, int heads, int queries, int tokens,
                         float dropout)
{
    double *mask = malloc(sizeof *mask * (size_t)(heads * queries * tokens));

    for (int h = 0; h < heads; h++)
        for (int i = 0; i < queries; i++)
            for (int j = 0; j < tokens; j++)
                mask[(h * queries + i) * tokens + j] =
                    mask_at(at, (uint32_t)((h * tokens + i) * tokens + j), dropout);
    return mask;
}

static void check_attention(const struct kernels *k, int tokens, int heads, int d,
                            float dropout)
{
    enum { Q, K, V, CTX, DCTX, DQ, DK, DV, COUNT };
    int hidden = heads * d;
    struct dropout_at at = {7, 3, 11, 18, 0};
    struct pair p[COUNT];
    float *scratch = malloc(sizeof *scratch * attention_scratch(tokens, d));
    double *mask = make_mask(at, heads, tokens, tokens, dropout);

    for (int i = 0; i < COUNT; i++)
        p[i] = pair_new(tokens * hidden, 80 + (uint32_t)i, 1);
    struct attention_ref ref = {tokens, tokens, hidden, heads,
                                p[Q].d, p[K].d, p[V].d, mask};
    struct attention fast = {k,      tokens, hidden,  heads, p[Q].f,
                             p[K].f, p[V].f, dropout, at,    scratch};
    attention_forward_ref(p[CTX].d, &ref);
    attention_backward_ref(p[DQ].d, p[DK].d, p[DV].d, p[DCTX].d, &ref);
    attention_forward(p[CTX].f, &fast);
    attention_backward(p[DQ].f, p[DK].f, p[DV].f, p[DCTX].f, &fast);
    pair_check(&p[CTX]);
    pair_check(&p[DV]);
    if (tokens > 1) {
        pair_check(&p[DQ]);
        pair_check(&p[DK]);
    }
    free(mask);
    free(scratch);
    pairs_free(p, COUNT);
}

static void attention_agrees_with_its_reference(void)
{
    static const int lengths[] = {1, 2, 3, 15, 16, 17, 33, 67};
    static const int widths[] = {1, 3, 16, 17, 32, 64};
    const struct kernels *k;

    for (int i = 0; (k = kernels_available(i)); i++)
        for (size_t n = 0; n < sizeof lengths / sizeof lengths[0]; n++)
            for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
                check_attention(k, lengths[n], 3, widths[w], 0);
                check_attention(k, lengths[n], 2, widths[w], 0.25f);
            }
}

/* With keys and values, from first queries only: ctx, dq and dx of one sequence. */
struct first_case {
    int tokens, heads, hidden;
    const double *q, *x, *dctx, *wk, *bk, *wv, *bv, *mask;
    double *ctx, *dq, *dx;
};

static void project_ref(double *y, const double *x, const double *w, const double *b,
                        const struct first_case *c)
{
    linear_forward_ref(y, x, w, c->tokens, c->hidden, c->hidden);
    for (int i = 0; i < c->tokens * c->hidden; i++)
        y[i] += b[i % c->hidden];
}

static void first_attention_ref(const struct first_case *c)
{
    size_t size = (size_t)c->tokens * (size_t)c->hidden, bytes = size * sizeof(double);
    double *k = malloc(bytes), *v = malloc(bytes), *dk = malloc(bytes);
    double *dv = malloc(bytes), *part = malloc(bytes);
    struct attention_ref ref = {c->tokens, 1, c->hidden, c->heads, c->q, k, v, c->mask};

    project_ref(k, c->x, c->wk, c->bk, c);
    project_ref(v, c->x, c->wv, c->bv, c);
    attention_forward_ref(c->ctx, &ref);
    attention_backward_ref(c->dq, dk, dv, c->dctx, &ref);
    linear_backward_ref(c->dx, dk, c->wk, c->tokens, c->hidden, c->hidden);
    linear_backward_ref(part, dv, c->wv, c->tokens, c->hidden, c->hidden);
    for (size_t i = 0; i < size; i++)
        c->dx[i] += part[i];
    free(k);
    free(v);
    free(dk);
    free(dv);
    free(part);
}

static void check_first_attention(const struct kernels *k, int tokens, int heads, int d,
                                  float dropout)
{
    enum { Q, X, CTX, DCTX, DQ, DX, WK, BK, WV, BV, COUNT };
    int hidden = heads * d, lengths[2] = {tokens, 5};
    int rows[COUNT] = {2, tokens + 5, 2, 2, 2, tokens + 5, hidden, 1, hidden, 1};
    int32_t offsets[3] = {0, tokens, tokens + 5};
    uint32_t examples[2] = {11, 4};
    struct dropout_at at = {7, 3, 0, 18, 0};
    struct pair p[COUNT];
    int longest = tokens > 5 ? tokens : 5;
    float *scratch = calloc(first_attention_scratch(longest, hidden, heads), 4);
    float *zu = calloc(4 * (size_t)heads, sizeof *zu * (size_t)hidden), read[64];

    for (int i = 0; i < COUNT; i++)
        p[i] = pair_new(rows[i] * hidden, 60 + (uint32_t)i, i >= WK ? 0.5f : 1);
    for (int s = 0; s < 2; s++) {
        int row = s * hidden, from = offsets[s] * hidden;

        at.example = examples[s];
        double *mask = make_mask(at, heads, 1, lengths[s], dropout);
        first_attention_ref(
            &(struct first_case){lengths[s], heads, hidden, p[Q].d + row, p[X].d + from,
                                 p[DCTX].d + row, p[WK].d, p[BK].d, p[WV].d, p[BV].d,
                                 mask, p[CTX].d + row, p[DQ].d + row, p[DX].d + from});
        free(mask);
    }
    struct first_attention fast = {k,      2,       hidden,  heads,   offsets, examples,
                                   p[Q].f, p[X].f,  p[WK].f, p[WV].f, p[BV].f, zu,
                                   read,   dropout, at,      scratch};
    first_attention_forward(p[CTX].f, &fast);
    first_attention_backward(p[DQ].f, p[DX].f, p[DCTX].f, &fast);
    pair_check(&p[CTX]);
    pair_check(&p[DX]);
    pair_check(&p[DQ]);
    free(zu);
    free(scratch);
    pairs_free(p, COUNT);
}

static void attention_without_keys_and_values_agrees_with_that_with_them(void)
{
    static const int lengths[] = {1, 2, 3, 15, 16, 17, 33, 67};
    static const int widths[] = {1, 3, 16, 17, 32};
    const struct kernels *k;

    for (int i = 0; (k = kernels_available(i)); i++)
        for (size_t n = 0; n < sizeof lengths / sizeof lengths[0]; n++)
            for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
                check_first_attention(k, lengths[n], 3, widths[w], 0);
                check_first_attention(k, lengths[n], 17, widths[w], 0.25f);
            }
}

static void check_products(const struct kernels *k, int rows, int in, int out)
{
    struct pair x = pair_new(rows * in, 90, 1), w = pair_new(in * out, 91, 1);
    struct pair y = pair_new(rows * out, 92, 0), dx = pair_new(rows * in, 93, 0);

    linear_forward_ref(y.d, x.d, w.d, rows, in, out);
    linear_forward(k, y.f, x.f, &(struct linear){.w = w.f, .stride = in}, false, rows,
                   in, out, NULL);
    linear_backward_ref(dx.d, y.d, w.d, rows, in, out);
    linear_backward(k, dx.f, y.f, &(struct linear){.w = w.f, .stride = in}, false, rows,
                    in, out, NULL);
    pair_check(&y);
    pair_check(&dx);
    linear_backward(k, dx.f, y.f, &(struct linear){.w = w.f, .stride = in}, true, rows,
                    in, out, NULL);
    for (int i = 0; i < dx.n; i++)
        dx.d[i] *= 2;
    pair_check(&dx);
    pair_free(&x);
    pair_free(&w);
    pair_free(&y);
    pair_free(&dx);
}

static void matrix_products_agree_with_their_reference(void)
{
    for (int i = 0; kernels_available(i); i++) {
        const struct kernels *k = kernels_available(i);

        for (int s = 0; s < SIZES; s++)
            check_products(k, ROWS, sizes[s], sizes[SIZES - 1 - s]);
        for (int rows = 1; rows <= 29; rows++)
            check_products(k, rows, 19, 37);
        check_products(k, 16, 801, 70); /* past a panel's depth and width */
    }
}

/* The library's kernels may choose their order by the number of rows, ours never. */
static void a_row_of_a_product_has_bits_of_its_own(void)
{
    enum { MANY = 31, IN = 53, OUT = 45 };
    struct pair x = pair_new(MANY * IN, 90, 1), w = pair_new(IN * OUT, 91, 1);
    struct pair y = pair_new(MANY * OUT, 92, 0);
    float alone[OUT];

    for (int i = 1; kernels_available(i); i++) {
        const struct kernels *k = kernels_available(i);

        linear_forward(k, y.f, x.f, &(struct linear){.w = w.f, .stride = IN}, false,
                       MANY, IN, OUT, NULL);
        for (int r = 0; r < MANY; r++) {
            linear_forward(k, alone, x.f + r * IN,
                           &(struct linear){.w = w.f, .stride = IN}, false, 1, IN, OUT,
                           NULL);
            CU_ASSERT(!memcmp(alone, y.f + r * OUT, sizeof alone));
        }
    }
    pair_free(&x);
    pair_free(&w);
    pair_free(&y);
}

static void an_instruction_set_is_found_by_its_name(void)
{
    const struct kernels *best = NULL;
    const char *asked = getenv("SHIFTWORK_ISA");

    for (int i = 0; kernels_available(i); i++) {
        best = kernels_available(i);
        CU_ASSERT_PTR_EQUAL(kernels_named(best->name), best);
    }
    CU_ASSERT_PTR_EQUAL(kernels_named(NULL), best);
    CU_ASSERT_PTR_EQUAL(kernels_named(""), best);
    CU_ASSERT_PTR_NULL(kernels_named("avx"));
    CU_ASSERT_PTR_NULL(kernels_named("avx5120"));
    CU_ASSERT_STRING_EQUAL(kernels_named("portable")->name, "portable");
    CU_ASSERT_PTR_EQUAL(kernels_get(), kernels_named(asked));
    CU_ASSERT_EQUAL(kernels_check(NULL), 0);
}

static void pooling_agrees_with_its_reference(void)
{
    for (int s = 0; s < SIZES; s++) {
        int tokens = sizes[s], n = sizes[SIZES - 1 - s];
        struct pair state = pair_new(tokens * n, 95, 1), out = pair_new(n, 96, 0);

        pooling_mean_forward_ref(out.d, state.d, tokens, n);
        pooling_mean_forward(out.f, state.f, tokens, n);
        pair_check(&out);
        pooling_mean_backward_ref(state.d, out.d, tokens, n);
        pooling_mean_backward(state.f, out.f, tokens, n);
        pair_check(&state);
        pair_free(&state);
        pair_free(&out);
    }
}

static void losses_agree_with_their_reference(void)
{
    for (int labels = 2; labels < 8; labels++) {
        struct pair x = pair_new(labels, 97, 5), d = pair_new(labels, 98, 0);
        double exact = loss_ref(d.d, x.d, labels - 1, labels, false);

        CU_ASSERT_DOUBLE_EQUAL(loss_cross_entropy(d.f, x.f, labels - 1, labels, 1),
                               exact, 1e-12 * exact);
        pair_check(&d);
        exact = loss_ref(d.d, x.d, 2.5, 1, true);
        CU_ASSERT_DOUBLE_EQUAL(loss_squared(d.f, x.f[0], 2.5f, 1), exact,
                               1e-12 * exact);
        CU_ASSERT_DOUBLE_EQUAL(d.f[0], d.d[0], 1e-6 * fabs(d.d[0]));
        pair_free(&x);
        pair_free(&d);
    }
}

static void a_hopeless_logit_has_a_finite_loss(void)
{
    float logits[2] = {-2000, 2000}, d[2];

    CU_ASSERT_EQUAL(loss_cross_entropy(d, logits, 0, 2, 1), 4000);
    CU_ASSERT(d[0] == -1 && d[1] == 1);
    logits[0] = NAN;
    CU_ASSERT(isnan(loss_cross_entropy(d, logits, 1, 2, 1)));
}

static const struct suite_test tests[] = {
    SUITE_TEST(activations_agree_with_their_references),
    SUITE_TEST(gelu_is_exact_to_rounding_everywhere),
    SUITE_TEST(activations_pass_nan_on),
    SUITE_TEST(norms_agree_with_their_references),
    SUITE_TEST(a_row_has_the_same_bits_wherever_it_lies),
    SUITE_TEST(softmax_agrees_with_its_reference),
    SUITE_TEST(large_scores_do_not_overflow_softmax),
    SUITE_TEST(dropout_follows_its_counters),
    SUITE_TEST(attention_agrees_with_its_reference),
    SUITE_TEST(an_instruction_set_is_found_by_its_name),
    SUITE_TEST(attention_without_keys_and_values_agrees_with_that_with_them),
    SUITE_TEST(matrix_products_agree_with_their_reference),
    SUITE_TEST(a_row_of_a_product_has_bits_of_its_own),
    SUITE_TEST(pooling_agrees_with_its_reference),
    SUITE_TEST(losses_agree_with_their_reference),
    SUITE_TEST(a_hopeless_logit_has_a_finite_loss),
    {NULL, NULL},
};

int main(void) { return suite_run("kernels", tests); }
