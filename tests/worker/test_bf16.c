/* Products in bfloat16 against the reference in double on rounded factors. Where the
 * processor has no AVX512-BF16 nothing is tested, and the test counts as skipped. */
#include "tests/support/suite.h"
#include "tests/worker/pairs.h"
#include "worker/bf16.h"
#include "worker/kernels_ref.h"
#include "worker/linear.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int sizes[] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 64, 67, 129};
enum { SIZES = sizeof sizes / sizeof sizes[0], ROWS = 5 };

/* The nearest number with 8 significant bits, ties to even; not for subnormal ones. */
static double nearest_bf16(double x)
{
    int exponent;
    double m = frexp(x, &exponent);

    return ldexp(nearbyint(ldexp(m, 8)), exponent - 8);
}

/* Rounds both, to make the reference's numbers those that are multiplied. */
static void round_pair(struct pair *p)
{
    for (int i = 0; i < p->n; i++)
        p->d[i] = nearest_bf16(p->f[i]);
}

/* W of (out, in) both ways in panels of bfloat16; the caller frees both. */
static struct linear bf16_linear(const float *w, int out, int in, int chunk)
{
    size_t rows_in = (size_t)bf16_padded(in), rows_out = (size_t)bf16_padded(out);
    size_t wide_in = (size_t)(in + BF16_WIDTH - 1) / BF16_WIDTH * BF16_WIDTH;
    size_t wide_out = (size_t)(out + BF16_WIDTH - 1) / BF16_WIDTH * BF16_WIDTH;
    uint16_t *forward = aligned_alloc(64, rows_in * wide_out * sizeof *forward);
    uint16_t *backward = aligned_alloc(64, rows_out * wide_in * sizeof *backward);

    bf16_pack(forward, &(struct panel_matrix){.at = w, in, true}, chunk, in, out);
    bf16_pack(backward, &(struct panel_matrix){.at = w, in, false}, chunk, out, in);
    return (struct linear){
        .w = w,
        .stride = in,
        .forward_bf16 = {.panels = forward, .chunk = chunk, .columns = out},
        .backward_bf16 = {.panels = backward, .chunk = chunk, .columns = in}};
}

static void bf16_linear_free(struct linear *m)
{
    free((void *)m->forward_bf16.panels);
    free((void *)m->backward_bf16.panels);
}

static void check_bf16(int rows, int in, int out, int chunk)
{
    struct pair x = pair_new(rows * in, 90, 1), w = pair_new(in * out, 91, 1);
    struct pair y = pair_new(rows * out, 92, 0), dy = pair_new(rows * out, 93, 1);
    struct pair dx = pair_new(rows * in, 94, 0);
    struct linear m = bf16_linear(w.f, out, in, chunk);
    uint16_t *room =
        malloc(sizeof *room * (size_t)rows * (size_t)bf16_padded(in > out ? in : out));
    const struct kernels *k = kernels_get();

    round_pair(&x);
    round_pair(&w);
    round_pair(&dy);
    linear_forward_ref(y.d, x.d, w.d, rows, in, out);
    linear_forward(k, y.f, x.f, &m, false, rows, in, out, room);
    pair_check(&y);
    linear_backward_ref(dx.d, dy.d, w.d, rows, in, out);
    linear_backward(k, dx.f, dy.f, &m, false, rows, in, out, room);
    pair_check(&dx);
    linear_backward(k, dx.f, dy.f, &m, true, rows, in, out, room);
    for (int i = 0; i < dx.n; i++)
        dx.d[i] *= 2;
    pair_check(&dx);
    free(room);
    bf16_linear_free(&m);
    pairs_free((struct pair[]){x, w, y, dy, dx}, 5);
}

static void bf16_products_agree_with_the_reference_on_rounded_numbers(void)
{
    for (int s = 0; s < SIZES; s++)
        check_bf16(ROWS, sizes[s], sizes[SIZES - 1 - s], BF16_DEPTH);
    for (int rows = 1; rows <= 29; rows++)
        check_bf16(rows, 19, 37, 8); /* several panels deep */
    check_bf16(16, 801, 70, BF16_DEPTH);
}

/* A part of a matrix, as the feed-forward blocks are computed. */
static void bf16_parts_add_up_to_the_whole(void)
{
    enum { TOKENS = 5, IN = 45, OUT = 101, BLOCK = 64 };
    struct pair x = pair_new(TOKENS * IN, 90, 1), w = pair_new(IN * OUT, 91, 1);
    struct pair whole = pair_new(TOKENS * OUT, 92, 0),
                dx = pair_new(TOKENS * IN, 93, 0);
    uint16_t room[TOKENS * (OUT + 1)];
    float part[TOKENS * BLOCK];

    struct linear m = bf16_linear(w.f, OUT, IN, BLOCK);
    const struct kernels *k = kernels_get();

    round_pair(&x);
    round_pair(&w);
    linear_forward_ref(whole.d, x.d, w.d, TOKENS, IN, OUT);
    for (int i = 0; i < OUT; i += BLOCK) {
        int n = OUT - i < BLOCK ? OUT - i : BLOCK;
        struct linear up = linear_part(&m, i, 0);

        linear_forward(k, part, x.f, &up, false, TOKENS, IN, n, room);
        for (int r = 0; r < TOKENS; r++)
            memcpy(whole.f + r * OUT + i, part + r * n, sizeof *part * (size_t)n);
        linear_backward(k, dx.f, part, &up, i > 0, TOKENS, IN, n, room);
    }
    pair_check(&whole);
    for (int i = 0; i < whole.n; i++)
        whole.d[i] = nearest_bf16(whole.f[i]);
    linear_backward_ref(dx.d, whole.d, w.d, TOKENS, IN, OUT);
    pair_check(&dx);
    bf16_linear_free(&m);
    pairs_free((struct pair[]){x, w, whole, dx}, 4);
}

static void bf16_rounds_to_nearest_even_and_keeps_what_is_not_finite(void)
{
    const float in[] = {1.0f,       0x1.01p0f, 0x1.03p0f, 0x1.010002p0f,
                        -0x1.01p0f, INFINITY,  -INFINITY, 0x1.fffffep127f};
    const uint16_t expected[] = {0x3f80, 0x3f80, 0x3f82, 0x3f81,
                                 0xbf80, 0x7f80, 0xff80, 0x7f80};
    const float nan = NAN;
    uint16_t out[8], one[2];

    bf16_round(out, in, 1, 8);
    CU_ASSERT(!memcmp(out, expected, sizeof out));
    bf16_round(one, &nan, 1, 1);
    CU_ASSERT((one[0] & 0x7f80) == 0x7f80 && (one[0] & 0x7f));
    CU_ASSERT_EQUAL(one[1], 0);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(bf16_products_agree_with_the_reference_on_rounded_numbers),
        SUITE_TEST(bf16_parts_add_up_to_the_whole),
        SUITE_TEST(bf16_rounds_to_nearest_even_and_keeps_what_is_not_finite),
        {NULL, NULL},
    };

    if (!bf16_available()) {
        printf("no AVX512-BF16: skipped\n");
        return SUITE_SKIPPED;
    }
    return suite_run("bf16", tests);
}
