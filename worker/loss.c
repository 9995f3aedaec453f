/* Losses: a few numbers an example, so in double and plain. */
#include "worker/loss.h"

#include <math.h>

double loss_cross_entropy(float *dlogits, const float *logits, int label, int labels,
                          double scale)
{
    double top = logits[0], sum = 0;

    for (int i = 1; i < labels; i++)
        top = logits[i] > top ? logits[i] : top;
    for (int i = 0; i < labels; i++)
        sum += exp(logits[i] - top);
    for (int i = 0; i < labels; i++)
        dlogits[i] =
            (float)(scale * (exp(logits[i] - top) / sum - (i == label ? 1 : 0)));
    return scale * (log(sum) + top - logits[label]);
}

double loss_squared(float *dlogit, float logit, float label, double scale)
{
    double miss = (double)logit - label;

    *dlogit = (float)(2 * miss * scale);
    return miss * miss * scale;
}
