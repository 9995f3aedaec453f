/* The frozen matrices' products, by our own kernels or OpenBLAS: precision and
 * instruction set decide, never the sizes, so that the order of arithmetic is one. */
#include "worker/linear.h"

#include <cblas.h>
#include <stddef.h>

struct linear linear_part(const struct linear *whole, int out, int in)
{
    struct linear part = *whole;

    part.w += (ptrdiff_t)out * whole->stride + in;
    part.forward.k += in;
    part.forward.j += out;
    part.backward.k += out;
    part.backward.j += in;
    part.forward_bf16.k += in;
    part.forward_bf16.j += out;
    part.backward_bf16.k += out;
    part.backward_bf16.j += in;
    return part;
}

static void multiply_bf16(float *y, const float *x, const struct bf16_matrix *m,
                          bool add, int rows, int inner, int columns, uint16_t *room)
{
    bf16_round(room, x, rows, inner);
    bf16_product(y, room, m, add, rows, inner, columns);
}

void linear_forward(const struct kernels *kernels, float *y, const float *x,
                    const struct linear *m, bool add, int rows, int in, int out,
                    uint16_t *room)
{
    if (m->forward_bf16.panels)
        multiply_bf16(y, x, &m->forward_bf16, add, rows, in, out, room);
    else if (kernels->panel_product)
        kernels->panel_product(
            y, x, &(struct panel_matrix){m->w, m->stride, true, m->forward}, add, rows,
            in, out);
    else
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, out, in, 1, x, in,
                    m->w, m->stride, add ? 1 : 0, y, out);
}

void linear_backward(const struct kernels *kernels, float *dx, const float *dy,
                     const struct linear *m, bool add, int rows, int in, int out,
                     uint16_t *room)
{
    if (m->backward_bf16.panels)
        multiply_bf16(dx, dy, &m->backward_bf16, add, rows, out, in, room);
    else if (kernels->panel_product)
        kernels->panel_product(
            dx, dy, &(struct panel_matrix){m->w, m->stride, false, m->backward}, add,
            rows, out, in);
    else
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, in, out, 1, dy,
                    out, m->w, m->stride, add ? 1 : 0, dx, in);
}
