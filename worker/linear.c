/* The frozen matrices' products by OpenBLAS. */
#include "worker/linear.h"

#include <cblas.h>

void linear_forward(float *y, const float *x, const float *w, int stride, bool add,
                    int rows, int in, int out)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, out, in, 1, x, in, w,
                stride, add ? 1 : 0, y, out);
}

void linear_backward(float *dx, const float *dy, const float *w, int stride, bool add,
                     int rows, int in, int out)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, in, out, 1, dy, out, w,
                stride, add ? 1 : 0, dx, in);
}
