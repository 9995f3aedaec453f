/* A small random data set that can be learned: for tests of training. */
#ifndef TESTS_WORKER_MADE_DATA_H
#define TESTS_WORKER_MADE_DATA_H

#include "common/dataset.h"

/* Splits train (rows), dev (rows / 2), dev_mismatched (7) and test (rows / 3), all
 * labelled; sequences of 2 to longest tokens below vocab. labels = 1: regression. The
 * label follows from how many tokens are of the vocabulary's lower half. */
void made_data(struct dataset *out, int rows, int longest, int vocab, int labels);

#endif
