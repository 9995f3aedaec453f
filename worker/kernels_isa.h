/* Names of the kernels in one instruction set's copy of a kernel file. */
#ifndef WORKER_KERNELS_ISA_H
#define WORKER_KERNELS_ISA_H

#include "worker/kernels.h"
#include "worker/vector.h"

bias_add_fn KERNEL(bias_add);
activation_forward_fn KERNEL(activation_forward);
activation_backward_fn KERNEL(activation_backward);
norm_forward_fn KERNEL(norm_forward);
norm_backward_fn KERNEL(norm_backward);
softmax_forward_fn KERNEL(softmax_forward);
softmax_backward_fn KERNEL(softmax_backward);
product_fn KERNEL(product);
transpose_fn KERNEL(transpose);
panel_product_fn KERNEL(panel_product);
panel_pack_fn KERNEL(panel_pack);

/* Of panel_product. */
enum { PANEL_WIDTH = 2 * VEC, PANEL_DEPTH = 48 * VEC };

dropout_fn KERNEL(dropout);

extern const struct kernels KERNEL(kernels);

#endif
