#include "cli/plan_pace.h"

#include "common/clock.h"
#include "common/log.h"
#include "worker/gauge.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* For all of it, about; and for one kind, since less says too little. */
static const double all_s = 12, least_s = 1.5;

struct chosen {
    const struct plan_kind *kind;
    int index;
};

static int by_precision_and_work(const void *a, const void *b)
{
    const struct chosen *x = a, *y = b;
    enum precision p = x->kind->settings.precision, q = y->kind->settings.precision;
    double v = x->kind->work.train, w = y->kind->work.train;

    if (p != q)
        return p < q ? -1 : 1;
    if (v != w)
        return v < w ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* Kinds that stand for their pace and are not alone in name, in order of operations. */
static struct chosen *list_paces(const struct plan_kinds *kinds, int *count)
{
    struct chosen *list = malloc((size_t)kinds->count * sizeof *list);

    *count = 0;
    for (int i = 0; list && i < kinds->count; i++)
        if (kinds->kinds[i].pace == i)
            list[(*count)++] = (struct chosen){&kinds->kinds[i], i};
    if (list)
        qsort(list, (size_t)*count, sizeof *list, by_precision_and_work);
    return list;
}

/* ---- measuring ---- */

struct measuring {
    struct plan_pace *pace;
    struct plan_kinds *kinds;
    const struct run_setup *setup;
    const struct encoder *encoder;
    struct panels *panels[PRECISION_COUNT];
    bool tried[PRECISION_COUNT];
    int at, of;
    double each_s;
};

/* float32 goes without them where they cannot be made. */
static int open_panels(struct measuring *m, enum precision precision, struct error *err)
{
    double start = clock_monotonic_s();

    if (m->tried[precision])
        return 0;
    m->tried[precision] = true;
    int rc = panels_open(&m->panels[precision], m->encoder, precision, err);
    m->pace->panels_s += clock_monotonic_s() - start;
    return precision == PRECISION_FLOAT32 ? 0 : rc;
}

static int measure(struct measuring *m, struct plan_kind *k, struct error *err)
{
    const struct task *task = &m->setup->spec.tasks[k->task];
    char text[160];
    struct gauge result;
    int rc = open_panels(m, k->settings.precision, err);

    if (rc)
        return rc;
    snprintf(text, sizeof text, "measuring %d/%d: %s, %d worker%s at once", ++m->at,
             m->of, task->name, m->pace->workers, m->pace->workers == 1 ? "" : "s");
    log_status(text);
    const struct gauge_order order = {.encoder = m->encoder,
                                      .panels = m->panels[k->settings.precision],
                                      .dataset = &m->setup->datasets[k->task],
                                      .task = task,
                                      .settings = &k->settings,
                                      .rows = &k->rows,
                                      .work = k->work,
                                      .workers = m->pace->workers,
                                      .threads = m->setup->spec.cluster.threads,
                                      .seconds = m->each_s};
    if ((rc = gauge_measure(&result, &order, err)))
        return rc;
    k->measured = true;
    k->train_s = result.train_s;
    k->evaluate_s = result.evaluate_s;
    k->prefix_s = result.prefix_s;
    m->pace->processor += result.processor / m->of;
    return 0;
}

/* Of `count` paces so many, the first and the last among them. */
static bool is_chosen(int index, int count, int measured)
{
    if (measured >= count || count == 1)
        return true;
    if (measured == 1)
        return index == count - 1;
    for (int i = 0; i < measured; i++)
        if (index == (int)llround((double)i * (count - 1) / (measured - 1)))
            return true;
    return false;
}

/* Seconds an operation, between two that were measured, or as the nearest one. */
static double between(double work, double low, double low_s, double high, double high_s)
{
    double share = high > low ? (work - low) / (high - low) : 0;

    share = fmin(fmax(share, 0), 1);
    return low_s + share * (high_s - low_s);
}

static void take_between(struct plan_kind *k, const struct plan_kind *low,
                         const struct plan_kind *high)
{
    double low_s = low->train_s / low->work.train;
    double high_s = high->train_s / high->work.train;

    k->train_s = k->work.train * between(k->work.train, low->work.train, low_s,
                                         high->work.train, high_s);
    low_s = low->evaluate_s / low->work.evaluate;
    high_s = high->evaluate_s / high->work.evaluate;
    double operation_s =
        between(k->work.train, low->work.train, low_s, high->work.train, high_s);
    k->evaluate_s = k->work.evaluate * operation_s;
    /* a prefix is what an evaluation begins with */
    k->prefix_s = k->work.prefix * fmin(operation_s, high_s);
}

static struct plan_kind *measured_from(struct plan_kinds *kinds,
                                       const struct chosen *list, int count, int from,
                                       int step)
{
    enum precision precision = list[from].kind->settings.precision;

    for (int i = from; i >= 0 && i < count; i += step)
        if (list[i].kind->measured && list[i].kind->settings.precision == precision)
            return &kinds->kinds[list[i].index];
    return NULL;
}

static void fill_between(struct plan_kinds *kinds, const struct chosen *list, int count)
{
    for (int i = 0; i < count; i++) {
        struct plan_kind *k = &kinds->kinds[list[i].index];
        const struct plan_kind *low = measured_from(kinds, list, count, i, -1);
        const struct plan_kind *high = measured_from(kinds, list, count, i, 1);

        if (!k->measured)
            take_between(k, low ? low : high, high ? high : low);
    }
}

/* What stands for a pace stands for all kinds of it. */
static void copy_paces(struct plan_kinds *kinds)
{
    for (int i = 0; i < kinds->count; i++) {
        struct plan_kind *k = &kinds->kinds[i];
        const struct plan_kind *from = &kinds->kinds[k->pace];

        k->train_s = from->train_s;
        k->evaluate_s = from->evaluate_s;
        k->prefix_s = from->prefix_s;
    }
}

/* Each precision has paces of its own. */
static int measure_group(struct measuring *m, const struct chosen *group, int count,
                         int measured, struct error *err)
{
    int rc = 0;

    for (int i = 0; !rc && i < count; i++)
        if (is_chosen(i, count, measured))
            rc = measure(m, &m->kinds->kinds[group[i].index], err);
    if (!rc)
        fill_between(m->kinds, group, count);
    return rc;
}

static int group_end(const struct chosen *list, int count, int first)
{
    int end = first;

    while (end < count &&
           list[end].kind->settings.precision == list[first].kind->settings.precision)
        end++;
    return end;
}

static int smaller(int a, int b) { return a < b ? a : b; }

static int measure_all(struct measuring *m, const struct chosen *list, int count,
                       struct error *err)
{
    int most = (int)(all_s / least_s), rc = 0;
    int affordable = most > 1 ? most : 1;

    m->of = 0;
    for (int first = 0, end; first < count; first = end) {
        end = group_end(list, count, first);
        m->of += smaller(end - first, affordable);
    }
    m->each_s = all_s / m->of;
    for (int first = 0, end; !rc && first < count; first = end) {
        end = group_end(list, count, first);
        rc = measure_group(m, list + first, end - first,
                           smaller(end - first, affordable), err);
    }
    m->pace->measured = m->at;
    return rc;
}

int plan_pace_measure(struct plan_pace *pace, struct plan_kinds *kinds,
                      const struct run_setup *setup, const struct encoder *encoder,
                      struct error *err)
{
    struct measuring m = {
        .pace = pace, .kinds = kinds, .setup = setup, .encoder = encoder};
    double start = clock_monotonic_s();
    int count;
    struct chosen *list = list_paces(kinds, &count);

    if (!list)
        return error_set(err, ERR_MEMORY, "out of memory");
    pace->processor = 0;
    pace->panels_s = 0;
    pace->kinds = count;
    int rc = measure_all(&m, list, count, err);
    log_status("");
    free(list);
    for (int p = 0; p < PRECISION_COUNT; p++)
        panels_close(m.panels[p]);
    if (!rc)
        copy_paces(kinds);
    pace->took_s = clock_monotonic_s() - start;
    return rc;
}

/* ---- by a stated rate ---- */

void plan_pace_state(struct plan_kinds *kinds, double rate)
{
    double most = 0;

    for (int i = 0; i < kinds->count; i++)
        most = fmax(most, kinds->kinds[i].work.train);
    double operation_s = 1 / (rate * most);
    for (int i = 0; i < kinds->count; i++) {
        struct plan_kind *k = &kinds->kinds[i];

        k->train_s = k->work.train * operation_s;
        k->evaluate_s = k->work.evaluate * operation_s;
        k->prefix_s = k->work.prefix * operation_s;
    }
}
