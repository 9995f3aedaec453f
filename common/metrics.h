/* Metrics of classification and regression, defined as scikit-learn and scipy do.
 *
 * All are 0..1 or -1..1, higher is better for each now in the table;
 * metric_higher_is_better exists so that a later one may differ. An undefined value is
 * NaN. */
#ifndef COMMON_METRICS_H
#define COMMON_METRICS_H

#include <stdbool.h>
#include <stdint.h>

enum metric {
    METRIC_ACCURACY,
    METRIC_F1,       /* of class 1; 0 where nothing is or is called class 1 */
    METRIC_MATTHEWS, /* multi-class form; 0 for constant predictions or labels */
    METRIC_PEARSON,  /* NaN for constant input */
    METRIC_SPEARMAN, /* average ranks for ties; NaN for constant input */
    METRIC_ACCURACY_MISMATCHED,
    METRIC_F1_MACRO, /* over the classes in labels or predictions */
    METRIC_COUNT
};

const char *metric_name(enum metric metric);
/* METRIC_COUNT for an unknown name. */
enum metric metric_by_name(const char *name);
bool metric_higher_is_better(enum metric metric);
/* True for pearson and spearman. */
bool metric_is_regression(enum metric metric);

/* Counts of classes over rows, or sums of rows' weights: of each class what is, what is
 * called, and what is both; (classes) each. */
struct confusion {
    int classes;
    double rows;
    double *gold, *predicted, *both;
};

/* A metric of classes from its counts; NaN for f1 of fewer than 2 classes. */
double metric_of_counts(enum metric metric, const struct confusion *counts);

/* Value of one metric over rows.
 *
 * logits  (rows, labels) float32; argmax, the first of equals, is the prediction; with
 *         labels = 1 the value itself
 * gold    (rows) class numbers or values
 *
 * METRIC_ACCURACY_MISMATCHED is accuracy, of other rows. Uses the heap for ranks and
 * counts; NaN for rows = 0, NaN logits, or no memory. */
double metric_compute(enum metric metric, const float *logits, const float *gold,
                      int64_t rows, int labels);

#endif
