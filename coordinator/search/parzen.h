/* A density over a space: one kernel around each of some proposals, and one that is
 * even over the whole space, the prior.
 *
 * A kernel is a product over the axes. On a range it is a normal distribution cut off
 * at the range's ends; on listed numbers and few whole ones the same, summed over each
 * value's part of the axis; on a choice it gives the proposal's own value more than the
 * others. An axis that the proposal does not have is even. */
#ifndef COORDINATOR_SEARCH_PARZEN_H
#define COORDINATOR_SEARCH_PARZEN_H

#include "coordinator/search/space.h"

enum {
    PARZEN_TABLE = 64, /* whole ranges of more values are as if they were continuous */
    PARZEN_KNOTS = 256,
    PARZEN_ABSENT = -1, /* instead of a place, where a point does not have the axis */
};

/* Where a point lies on an axis: of choices, listed numbers and few whole ones the
 * number of the value in its order, else in [0, 1]. */
double parzen_place(const struct space *space, int a, double code);

struct parzen_data {
    const struct space *space;
    int64_t count;
    double *const *places; /* by axis, then proposal */
};

/* Kept from one density to the next. All zero is empty. */
struct parzen_scratch {
    double *sums;
    int64_t room;
};
void parzen_scratch_clear(struct parzen_scratch *scratch);

enum parzen_kernel {
    PARZEN_CHOICE, /* its own value, or another */
    PARZEN_VALUES, /* few numbers */
    PARZEN_NORMAL,
};

struct parzen_axis {
    enum parzen_kernel kernel;
    int values;         /* but of NORMAL */
    double own, others; /* log probabilities of CHOICE */
    double *table; /* of VALUES: (values, values) log probability of the first given
                      the second */
    double width;  /* of the normal distribution, else */
    double *norms; /* of NORMAL: (PARZEN_KNOTS) log of what of it is inside */
};

struct parzen {
    struct parzen_data data;
    int64_t members[64], member_count;
    bool others;   /* than the members: all but them */
    int64_t count; /* of kernels */
    struct parzen_axis axes[SPACE_AXES];
    struct parzen_scratch own, *scratch;
};

/* At most 64 members. others: a kernel for each proposal that is none of them. scratch
 * NULL: the density has its own. ERR_MEMORY. */
int parzen_init(struct parzen *out, const struct parzen_data *data,
                const int64_t *members, int64_t count, bool others,
                struct parzen_scratch *scratch);
void parzen_clear(struct parzen *parzen);

double parzen_log_density(struct parzen *parzen, const double *places);

/* Counters of the random numbers. */
struct parzen_draw {
    uint32_t seed, proposal, candidate;
};
/* A point of the density of members. */
void parzen_draw(const struct parzen *parzen, const struct parzen_draw *draw,
                 double *point);

#endif
