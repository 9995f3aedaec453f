/* Mean pooling of one sequence's states: (tokens, n) to (n), and back. */
#ifndef WORKER_POOLING_H
#define WORKER_POOLING_H

void pooling_mean_forward(float *out, const float *state, int tokens, int n);

/* dstate (tokens, n) written. */
void pooling_mean_backward(float *dstate, const float *dout, int tokens, int n);

#endif
