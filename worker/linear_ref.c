#include "worker/kernels_ref.h"

void linear_forward_ref(double *y, const double *x, const double *w, int rows, int in,
                        int out)
{
    for (int r = 0; r < rows; r++)
        for (int o = 0; o < out; o++) {
            y[r * out + o] = 0;
            for (int i = 0; i < in; i++)
                y[r * out + o] += x[r * in + i] * w[o * in + i];
        }
}

void linear_backward_ref(double *dx, const double *dy, const double *w, int rows,
                         int in, int out)
{
    for (int r = 0; r < rows; r++)
        for (int i = 0; i < in; i++) {
            dx[r * in + i] = 0;
            for (int o = 0; o < out; o++)
                dx[r * in + i] += dy[r * out + o] * w[o * in + i];
        }
}
