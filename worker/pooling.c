/* Mean pooling, summed in token order. */
#include "worker/pooling.h"

#include <string.h>

void pooling_mean_forward(float *out, const float *state, int tokens, int n)
{
    memset(out, 0, sizeof *out * (unsigned)n);
    for (int t = 0; t < tokens; t++, state += n)
        for (int i = 0; i < n; i++)
            out[i] += state[i];
    for (int i = 0; i < n; i++)
        out[i] /= (float)tokens;
}

void pooling_mean_backward(float *dstate, const float *dout, int tokens, int n)
{
    for (int t = 0; t < tokens; t++, dstate += n)
        for (int i = 0; i < n; i++)
            dstate[i] = dout[i] / (float)tokens;
}
