#include "report/configuration_space.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void configuration_space_clear(struct configuration_space *s)
{
    for (int a = 0; a < s->axes; a++) {
        for (int k = 0; s->category_names[a] && k < s->categories[a]; k++)
            free(s->category_names[a][k]);
        free(s->category_names[a]);
        free(s->names[a]);
        free(s->values[a]);
    }
    free(s->scores);
    *s = (struct configuration_space){0};
}

/* The index of a text among the categories so far, which it joins. */
static int category_of(struct configuration_space *s, int axis, const char *text)
{
    int count = s->categories[axis];
    char **names = s->category_names[axis];

    for (int k = 0; k < count; k++)
        if (!strcmp(names[k], text))
            return k;
    names = realloc(names, ((size_t)count + 1) * sizeof *names);
    if (!names)
        return -1;
    s->category_names[axis] = names;
    if (!(names[count] = strdup(text)))
        return -1;
    return s->categories[axis]++;
}

/* Of the axis that was begun last; 1: it does not differ. */
static int fill_axis(struct configuration_space *s, const struct results_column *c,
                     const int *rows)
{
    int axis = s->axes++;
    bool differs = false;

    s->names[axis] = strdup(c->name);
    s->values[axis] = malloc(((size_t)s->rows + 1) * sizeof *s->values[axis]);
    if (!s->names[axis] || !s->values[axis])
        return ERR_MEMORY;
    for (int i = 0; i < s->rows; i++) {
        double value = NAN;

        if (c->type == RESULTS_INT)
            value = (double)c->integers[rows[i]];
        else if (c->type == RESULTS_REAL)
            value = c->reals[rows[i]];
        else if ((value = category_of(s, axis, c->texts[rows[i]])) < 0)
            return ERR_MEMORY;
        s->values[axis][i] = value;
        differs = differs || (i > 0 && value != s->values[axis][0]);
    }
    return differs ? 0 : 1;
}

static void drop_axis(struct configuration_space *s)
{
    int axis = --s->axes;

    for (int k = 0; k < s->categories[axis]; k++)
        free(s->category_names[axis][k]);
    free(s->category_names[axis]);
    free(s->names[axis]);
    free(s->values[axis]);
    s->category_names[axis] = NULL;
    s->categories[axis] = 0;
}

static int fill(struct configuration_space *s, const struct analysis *a,
                const struct analysis_task *task, int *rows, struct error *err)
{
    const struct results *r = &a->runs->results;
    int rc = 0;

    for (int i = 0; i < task->ranked; i++) {
        int row = results_find_config(r, task->rows[i].config);

        if (row < 0)
            continue;
        s->scores[s->rows] = task->rows[i].score.mean;
        rows[s->rows++] = row;
    }
    for (int c = 0; rc >= 0 && c < r->column_count; c++) {
        if (!a->differs[c] || s->axes == CONFIGURATION_AXES_MAX)
            continue;
        rc = fill_axis(s, &r->columns[c], rows);
        if (rc == 1)
            drop_axis(s);
    }
    for (int i = 0; i < s->axes; i++)
        s->order[i] = i;
    if (rc < 0)
        return error_set(err, rc, "out of memory for the configurations");
    return s->axes
               ? 0
               : error_set(err, ERR_INPUT,
                           "no setting differs between configurations with a score");
}

int configuration_space_init(struct configuration_space *out, const struct analysis *a,
                             const struct analysis_task *task, struct error *err)
{
    int *rows = malloc(((size_t)task->ranked + 1) * sizeof *rows), rc;

    *out = (struct configuration_space){
        .scores = malloc(((size_t)task->ranked + 1) * sizeof *out->scores),
        .adaptive = a->sampling == SAMPLING_ADAPTIVE};
    if (!rows || !out->scores)
        rc = error_set(err, ERR_MEMORY, "out of memory for the configurations");
    else if (!task->ranked)
        rc = error_set(err, ERR_INPUT, "no configuration has a score");
    else
        rc = fill(out, a, task, rows, err);
    free(rows);
    if (rc)
        configuration_space_clear(out);
    return rc;
}

static int compare_values(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Level numbers of all cells, (rows, axes). */
static void find_levels(int *levels, int *cells, const struct configuration_space *s,
                        double *sorted)
{
    for (int a = 0; a < s->axes; a++) {
        memcpy(sorted, s->values[a], (size_t)s->rows * sizeof *sorted);
        qsort(sorted, (size_t)s->rows, sizeof *sorted, compare_values);
        levels[a] = 0;
        for (int i = 0; i < s->rows; i++)
            if (i == 0 || sorted[i] != sorted[i - 1])
                sorted[levels[a]++] = sorted[i];
        for (int i = 0; i < s->rows; i++) {
            const double *at = bsearch(&s->values[a][i], sorted, (size_t)levels[a],
                                       sizeof *sorted, compare_values);

            cells[(size_t)i * (size_t)s->axes + (size_t)a] =
                at ? (int)(at - sorted) : 0;
        }
    }
}

static int by_grid(struct importance *out, const struct configuration_space *s,
                   struct error *err)
{
    int levels[CONFIGURATION_AXES_MAX], rc;
    int *cells =
        malloc((size_t)s->rows * (size_t)s->axes * sizeof *cells + sizeof *cells);
    double *sorted = malloc(((size_t)s->rows + 1) * sizeof *sorted);

    if (!cells || !sorted) {
        rc = error_set(err, ERR_MEMORY, "out of memory for the grid");
    } else {
        find_levels(levels, cells, s, sorted);
        rc = importance_grid(out, levels, s->axes, cells, s->scores, s->rows, err);
    }
    free(cells);
    free(sorted);
    return rc;
}

/* Whether an axis spans decades: it was then drawn evenly in its logarithm, most
 * likely. */
static bool is_logarithmic(const struct configuration_space *s, int axis)
{
    double low = INFINITY, high = -INFINITY;

    for (int i = 0; i < s->rows; i++) {
        low = fmin(low, s->values[axis][i]);
        high = fmax(high, s->values[axis][i]);
    }
    return !s->categories[axis] && low > 0 && high / low > 10;
}

static int by_forest(struct importance *out, const struct configuration_space *s,
                     int threads, struct error *err)
{
    struct importance_axis axes[CONFIGURATION_AXES_MAX];
    struct forest_size forest = {.seed = 1, .threads = threads};
    double *points =
        malloc((size_t)s->rows * (size_t)s->axes * sizeof *points + sizeof *points);
    int rc;

    if (!points)
        return error_set(err, ERR_MEMORY, "out of memory for the forest");
    for (int a = 0; a < s->axes; a++) {
        bool log_scale = is_logarithmic(s, a);

        axes[a] = (struct importance_axis){s->categories[a], INFINITY, -INFINITY};
        for (int i = 0; i < s->rows; i++) {
            double value = log_scale ? log(s->values[a][i]) : s->values[a][i];

            points[(size_t)i * (size_t)s->axes + (size_t)a] = value;
            axes[a].low = fmin(axes[a].low, value);
            axes[a].high = fmax(axes[a].high, value);
        }
    }
    rc =
        importance_forest(out, axes, s->axes, points, s->scores, s->rows, &forest, err);
    free(points);
    return rc;
}

int configuration_space_importance(struct importance *out,
                                   struct configuration_space *s, int threads,
                                   struct error *err)
{
    int rc = s->axes <= IMPORTANCE_AXES_MAX ? by_grid(out, s, err) : ERR_INPUT;

    if (!rc) {
        s->method = "Exact decomposition of the variance over this full grid (ANOVA); "
                    "seeds' noise shows as interactions.";
        return 0;
    }
    if (rc != ERR_INPUT)
        return rc;
    s->method = s->adaptive
                    ? "Functional ANOVA over a random forest (Hutter et al. 2014). "
                      "Biased: the search or early stopping preferred good regions."
                    : "Functional ANOVA over a random forest (Hutter et al. 2014).";
    return by_forest(out, s, threads, err);
}

void configuration_space_order(struct configuration_space *s, const double *importance)
{
    for (int i = 1; i < s->axes; i++)
        for (int k = i; k > 0; k--) {
            int axis = s->order[k];

            if (!(importance[axis] > importance[s->order[k - 1]]))
                break;
            s->order[k] = s->order[k - 1];
            s->order[k - 1] = axis;
        }
}
