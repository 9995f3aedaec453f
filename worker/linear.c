/* The frozen matrices' products, by our own kernel or OpenBLAS: the instruction set
 * decides, never the sizes, so that the order of arithmetic is one. */
#include "worker/linear.h"

#include <cblas.h>

void linear_forward(const struct kernels *kernels, float *y, const float *x,
                    const float *w, int stride, bool add, int rows, int in, int out)
{
    if (kernels->panel_product)
        kernels->panel_product(y, x, &(struct panel_matrix){w, stride, true}, add, rows,
                               in, out);
    else
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, out, in, 1, x, in, w,
                    stride, add ? 1 : 0, y, out);
}

void linear_backward(const struct kernels *kernels, float *dx, const float *dy,
                     const float *w, int stride, bool add, int rows, int in, int out)
{
    if (kernels->panel_product)
        kernels->panel_product(dx, dy, &(struct panel_matrix){w, stride, false}, add,
                               rows, out, in);
    else
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, in, out, 1, dy,
                    out, w, stride, add ? 1 : 0, dx, in);
}
