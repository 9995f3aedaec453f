/* Named arrays of tests/golden/statistics_*.txt, made by make_statistics_goldens.py. */
#ifndef TESTS_REPORT_STATISTICS_GOLDENS_H
#define TESTS_REPORT_STATISTICS_GOLDENS_H

/* Values of "case.name", alive until the program ends; *count is their number. Ends the
 * program where there is no such array. */
const double *golden(const char *of, const char *name, int *count);

/* The same as float or int, from malloc. */
float *golden_floats(const char *of, const char *name, int *count);
int *golden_ints(const char *of, const char *name, int *count);

#endif
