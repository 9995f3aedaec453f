#include "worker/kernels_ref.h"

#include <math.h>
#include <string.h>

static const double pi = 3.14159265358979323846;

static double activate(enum activation act, double x)
{
    switch (act) {
    case ACTIVATION_GELU_NEW:
        return 0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x * x * x)));
    case ACTIVATION_RELU:
        return x > 0 ? x : 0;
    default:
        return 0.5 * x * (1 + erf(x / sqrt(2)));
    }
}

static double slope(enum activation act, double x)
{
    double t, u;

    switch (act) {
    case ACTIVATION_GELU_NEW:
        t = tanh(sqrt(2 / pi) * (x + 0.044715 * x * x * x));
        u = sqrt(2 / pi) * (1 + 3 * 0.044715 * x * x);
        return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * u;
    case ACTIVATION_RELU:
        return x > 0 ? 1 : 0;
    default:
        return 0.5 * (1 + erf(x / sqrt(2))) + x * exp(-x * x / 2) / sqrt(2 * pi);
    }
}

void activation_forward_ref(enum activation act, double *h, double *alpha,
                            const double *x, const double *bias, const double *w,
                            double b, int rows, int ffn)
{
    for (int r = 0; r < rows; r++) {
        alpha[r] = b;
        for (int i = 0; i < ffn; i++) {
            h[r * ffn + i] = activate(act, x[r * ffn + i] + bias[i]);
            alpha[r] += h[r * ffn + i] * w[i];
        }
    }
}

void activation_backward_ref(enum activation act, double *dx, double *dw, double *db,
                             const double *dh, const double *dalpha, const double *x,
                             const double *bias, const double *w, int rows, int ffn)
{
    memset(dw, 0, sizeof *dw * (size_t)ffn);
    *db = 0;
    for (int r = 0; r < rows; r++) {
        *db += dalpha[r];
        for (int i = 0; i < ffn; i++) {
            double pre = x[r * ffn + i] + bias[i];

            dw[i] += dalpha[r] * activate(act, pre);
            dx[r * ffn + i] = (dh[r * ffn + i] + dalpha[r] * w[i]) * slope(act, pre);
        }
    }
}
