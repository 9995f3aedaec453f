/* The table of one instruction set's kernels. */
#include "worker/kernels_isa.h"

#define NAME2(isa) #isa
#define NAME(isa) NAME2(isa)

const struct kernels KERNEL(kernels) = {
    .name = NAME(KERNEL_ISA),
    .bias_add = KERNEL(bias_add),
    .activation_forward = KERNEL(activation_forward),
    .activation_backward = KERNEL(activation_backward),
    .norm_forward = KERNEL(norm_forward),
    .norm_backward = KERNEL(norm_backward),
    .softmax_forward = KERNEL(softmax_forward),
    .softmax_backward = KERNEL(softmax_backward),
    .product = KERNEL(product),
    .transpose = KERNEL(transpose),
    .panel_product = VEC == 4 ? NULL : KERNEL(panel_product),
    .panel_pack = KERNEL(panel_pack),
    .panel_width = PANEL_WIDTH,
    .panel_depth = PANEL_DEPTH,
    .dropout = KERNEL(dropout),
};
