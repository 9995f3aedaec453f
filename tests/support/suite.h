/* Runs one module's CUnit tests; main returns what this returns. */
#ifndef TESTS_SUPPORT_SUITE_H
#define TESTS_SUPPORT_SUITE_H

#include <CUnit/CUnit.h>

struct suite_test {
    const char *name; /* a sentence: lost_worker_requeues_trial */
    void (*run)(void);
};

/* The name is the function's own. */
#define SUITE_TEST(function)                                                           \
    {                                                                                  \
#function, function                                                            \
    }

/* 0 when every assertion held. tests ends with an entry of NULL name. */
int suite_run(const char *module, const struct suite_test *tests);

enum { SUITE_SKIPPED = 77 };

#endif
