/* The loss of one example and its gradient.
 *
 * logits, dlogits  (labels); regression: one number
 * label            class number or value
 * scale            the example's share of the batch's mean: 1 / examples
 *
 * Cross entropy, or the squared error. Returns scale·loss and writes its gradient,
 * computed in double. Not finite where a logit is not. */
#ifndef WORKER_LOSS_H
#define WORKER_LOSS_H

double loss_cross_entropy(float *dlogits, const float *logits, int label, int labels,
                          double scale);
double loss_squared(float *dlogit, float logit, float label, double scale);

#endif
