/* Pooling and losses. */
#include "worker/kernels_ref.h"

#include <math.h>

void pooling_mean_forward_ref(double *out, const double *state, int tokens, int n)
{
    for (int i = 0; i < n; i++) {
        out[i] = 0;
        for (int t = 0; t < tokens; t++)
            out[i] += state[t * n + i] / tokens;
    }
}

void pooling_mean_backward_ref(double *dstate, const double *dout, int tokens, int n)
{
    for (int t = 0; t < tokens; t++)
        for (int i = 0; i < n; i++)
            dstate[t * n + i] = dout[i] / tokens;
}

double loss_ref(double *dlogits, const double *logits, double label, int labels,
                bool regression)
{
    double sum = 0;

    if (regression) {
        dlogits[0] = 2 * (logits[0] - label);
        return (logits[0] - label) * (logits[0] - label);
    }
    for (int i = 0; i < labels; i++)
        sum += exp(logits[i]);
    for (int i = 0; i < labels; i++)
        dlogits[i] = exp(logits[i]) / sum - (i == (int)label);
    return log(sum) - logits[(int)label];
}
