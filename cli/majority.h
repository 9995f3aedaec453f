/* What a task is worth without learning anything. */
#ifndef CLI_MAJORITY_H
#define CLI_MAJORITY_H

#include "common/dataset.h"

/* Selection score on dev of always answering with the most frequent class of the
 * training rows, or with their mean; NaN where it is undefined. */
double majority_score(const struct dataset *dataset, const struct task *task);

#endif
