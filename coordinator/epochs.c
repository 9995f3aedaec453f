#include "coordinator/epochs.h"

#include <stdlib.h>
#include <string.h>

static size_t row_size(int metrics)
{
    return sizeof(struct epoch) + (size_t)metrics * sizeof(double);
}

static struct epoch *row(const struct epochs *epochs, int metrics, int index)
{
    return (struct epoch *)((char *)epochs->rows + (size_t)index * row_size(metrics));
}

const struct epoch *epochs_at(const struct epochs *epochs, int metrics, int index)
{
    return row(epochs, metrics, index);
}

const struct epoch *epochs_last(const struct epochs *epochs, int metrics)
{
    return epochs->count > 0 ? row(epochs, metrics, epochs->count - 1) : NULL;
}

bool epochs_cut(struct epochs *epochs, int metrics, int64_t step)
{
    int before = epochs->count;

    while (epochs->count > 0 && epochs_last(epochs, metrics)->step >= step)
        epochs->count--;
    return epochs->count < before;
}

/* All at once for most trials; few of a trial that may end early, or that reports more
 * often than once an epoch. */
static int places(const struct epochs *epochs, int likely)
{
    enum { FIRST = 16 };
    int count = epochs->count;
    int wanted = count == 0 ? FIRST : count + count / 2 + 1;

    return likely > count && likely < wanted ? likely : wanted;
}

int epochs_reserve(struct epochs *epochs, int metrics, int likely, bool move,
                   void **old)
{
    *old = NULL;
    if (epochs->count < epochs->capacity && !move)
        return 0;
    int capacity = places(epochs, likely);
    void *rows = malloc((size_t)capacity * row_size(metrics));
    if (!rows)
        return ERR_MEMORY;
    if (epochs->count > 0)
        memcpy(rows, epochs->rows, (size_t)epochs->count * row_size(metrics));
    *old = epochs->rows;
    epochs->rows = rows;
    epochs->capacity = capacity;
    return 0;
}

int epochs_copy(struct epochs *out, const struct epochs *from, int metrics, int likely)
{
    void *none;
    struct epochs copy = *from; /* its rows are copied, not taken */
    if (epochs_reserve(&copy, metrics, likely, true, &none))
        return ERR_MEMORY;
    *out = copy;
    return 0;
}

void epochs_add(struct epochs *epochs, const struct report *report)
{
    struct epoch *to = row(epochs, report->metric_count, epochs->count++);

    *to = (struct epoch){
        .train_loss = report->train_loss,
        .dev_loss = report->dev_loss,
        .score = report->score,
        .learning_rate = report->learning_rate,
        .seconds = report->seconds,
        .tokens = report->tokens,
        .epoch = report->epoch,
        .step = (int32_t)report->step,
    };
    memcpy(to->metrics, report->metrics,
           (size_t)report->metric_count * sizeof report->metrics[0]);
}
