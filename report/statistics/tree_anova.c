/* A leaf is a box: on each axis a range of cells between the tree's thresholds, or a
 * set of levels. A marginal is a step function over the cells of its axes: each leaf
 * adds its value times its volume over the other axes, entered as differences at the
 * borders of the box and summed up once. */
#include "report/statistics/tree_anova.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Steps of one axis; a level is a step. */
struct steps {
    int count, used;    /* used: the tree splits on the axis */
    double *thresholds; /* (count - 1) upwards, of a numeric axis */
    double *width;      /* (count) shares of the axis, sum 1 */
};

/* On one axis: steps from…to-1, or levels. */
struct side {
    int from, to;
    uint64_t levels;
    double width;
};

struct boxes {
    int axes, count;
    struct steps *steps;
    struct side *sides; /* (leaves, axes) */
    double *value;      /* (leaves) less the mean of the tree */
    double *volume;     /* (leaves) */
    double *memory;     /* thresholds and widths */
    struct side *path;  /* (axes) box of the node at hand */
    double *sums;       /* differences of a marginal */
};

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Thresholds of one axis, upwards and once each; returns how many. */
static int collect_thresholds(double *out, const struct tree *tree, int axis)
{
    int n = 0, kept = 0;

    for (int i = 0; i < tree->count; i++)
        if (tree->nodes[i].axis == axis)
            out[n++] = tree->nodes[i].threshold;
    qsort(out, (size_t)n, sizeof *out, ascending);
    for (int i = 0; i < n; i++)
        if (kept == 0 || out[i] != out[kept - 1])
            out[kept++] = out[i];
    return kept;
}

/* Lays out the steps of an axis in memory; returns what is free behind them. */
static double *find_steps(struct steps *steps, const struct tree *tree,
                          const struct importance_axis *axes, int axis, double *memory)
{
    double low = axes[axis].low, range = axes[axis].high - low;
    int splits = collect_thresholds(memory, tree, axis);

    steps->used = splits > 0;
    steps->thresholds = memory;
    if (axes[axis].levels) {
        steps->width = memory;
        steps->count = axes[axis].levels;
        for (int i = 0; i < steps->count; i++)
            steps->width[i] = 1.0 / steps->count;
        return memory + steps->count;
    }
    steps->count = splits + 1;
    steps->width = memory + splits;
    for (int i = 0; i <= splits; i++) {
        double from = i > 0 ? memory[i - 1] : low;
        double to = i < splits ? memory[i] : low + range;

        steps->width[i] = (to - from) / range;
    }
    return memory + splits + steps->count;
}

static int step_after(const struct steps *steps, double threshold)
{
    int low = 0, high = steps->count - 1;

    while (low < high) {
        int middle = (low + high) / 2;

        if (steps->thresholds[middle] < threshold)
            low = middle + 1;
        else
            high = middle;
    }
    return low + 1;
}

static double width_of(const struct steps *steps, const struct side *side,
                       int categorical)
{
    double width = 0;

    if (categorical)
        return __builtin_popcountll(side->levels) * steps->width[0];
    for (int i = side->from; i < side->to; i++)
        width += steps->width[i];
    return width;
}

static void add_leaf(struct boxes *boxes, const struct importance_axis *axes,
                     double value)
{
    struct side *sides = boxes->sides + (size_t)boxes->count * (size_t)boxes->axes;
    double volume = 1;

    for (int j = 0; j < boxes->axes; j++) {
        sides[j] = boxes->path[j];
        sides[j].width = width_of(&boxes->steps[j], &sides[j], axes[j].levels > 0);
        volume *= sides[j].width;
    }
    boxes->value[boxes->count] = value;
    boxes->volume[boxes->count] = volume;
    boxes->count++;
}

/* Depth first; the box of the node at hand is boxes->path. */
static void collect_leaves(struct boxes *boxes, const struct tree *tree,
                           const struct importance_axis *axes, int at)
{
    const struct tree_node *node = &tree->nodes[at];
    struct side *side, before;

    if (node->axis < 0) {
        add_leaf(boxes, axes, node->value);
        return;
    }
    side = &boxes->path[node->axis];
    before = *side;
    if (axes[node->axis].levels) {
        side->levels &= node->levels;
        collect_leaves(boxes, tree, axes, node->left);
        side->levels = before.levels & ~node->levels;
    } else {
        side->to = step_after(&boxes->steps[node->axis], node->threshold);
        collect_leaves(boxes, tree, axes, node->left);
        side->from = side->to;
        side->to = before.to;
    }
    collect_leaves(boxes, tree, axes, node->right);
    *side = before;
}

static double centre_values(struct boxes *boxes)
{
    double mean = 0, variance = 0;

    for (int i = 0; i < boxes->count; i++)
        mean += boxes->value[i] * boxes->volume[i];
    for (int i = 0; i < boxes->count; i++) {
        boxes->value[i] -= mean;
        variance += boxes->value[i] * boxes->value[i] * boxes->volume[i];
    }
    return variance;
}

/* The next run of neighbouring steps of a side from step *at on; false at the end. */
static bool next_run(const struct side *side, int *at, int *from, int *to)
{
    uint64_t levels = side->levels;

    if (levels == 0) { /* numeric */
        *from = side->from;
        *to = side->to;
        return (*at)++ == 0;
    }
    while (*at < 64 && !(levels >> *at & 1))
        (*at)++;
    *from = *at;
    while (*at < 64 && levels >> *at & 1)
        (*at)++;
    *to = *at;
    return *from < *to;
}

/* Enters an amount on the product of two sides into differences of `stride` columns. */
static void enter(double *sums, int stride, const struct side *rows,
                  const struct side *columns, double amount)
{
    int at_row = 0, from, to, left, right;

    while (next_run(rows, &at_row, &from, &to)) {
        int at_column = 0;

        while (next_run(columns, &at_column, &left, &right)) {
            sums[from * stride + left] += amount;
            sums[from * stride + right] -= amount;
            sums[to * stride + left] -= amount;
            sums[to * stride + right] += amount;
        }
    }
}

/* Variance of the marginal over axes j and k; with k < 0 over j alone. */
static double marginal_variance(struct boxes *boxes, int j, int k)
{
    static const double whole = 1;
    const struct side all = {.from = 0, .to = 1, .width = 1};
    int rows = boxes->steps[j].count, columns = k < 0 ? 1 : boxes->steps[k].count;
    int stride = columns + 1;
    const double *width = k < 0 ? &whole : boxes->steps[k].width;
    double *sums = boxes->sums, variance = 0;

    memset(sums, 0, (size_t)(rows + 1) * (size_t)stride * sizeof *sums);
    for (int i = 0; i < boxes->count; i++) {
        const struct side *sides = boxes->sides + (size_t)i * (size_t)boxes->axes;
        const struct side *column = k < 0 ? &all : &sides[k];

        enter(sums, stride, &sides[j], column,
              boxes->value[i] * boxes->volume[i] / (sides[j].width * column->width));
    }
    for (int r = 0; r < rows; r++) {
        double sum = 0, squares = 0;

        for (int c = 0; c < columns; c++) {
            double above = r > 0 ? sums[(r - 1) * stride + c] : 0;

            sum += sums[r * stride + c];
            sums[r * stride + c] = sum + above;
            squares += width[c] * (sum + above) * (sum + above);
        }
        variance += boxes->steps[j].width[r] * squares;
    }
    return variance;
}

static void boxes_clear(struct boxes *boxes)
{
    free(boxes->steps);
    free(boxes->sides);
    free(boxes->value);
    free(boxes->memory);
    free(boxes->path);
    free(boxes->sums);
}

static int boxes_init(struct boxes *boxes, const struct tree *tree,
                      const struct importance_axis *axes, int axis_count)
{
    size_t leaves = (size_t)tree->count / 2 + 1, n = (size_t)axis_count;
    size_t most = 1, second = 1;
    double *memory;

    *boxes = (struct boxes){.axes = axis_count};
    boxes->steps = calloc(n, sizeof *boxes->steps);
    boxes->sides = malloc(leaves * n * sizeof *boxes->sides);
    boxes->value = malloc(leaves * 2 * sizeof *boxes->value);
    boxes->path = calloc(n, sizeof *boxes->path);
    boxes->memory =
        malloc((2 * leaves + n * (IMPORTANCE_LEVELS_MAX + 2)) * sizeof *memory);
    if (!boxes->steps || !boxes->sides || !boxes->value || !boxes->path ||
        !boxes->memory)
        return ERR_MEMORY;
    boxes->volume = boxes->value + leaves;
    memory = boxes->memory;
    for (int j = 0; j < axis_count; j++) {
        int levels = axes[j].levels;
        size_t count;

        memory = find_steps(&boxes->steps[j], tree, axes, j, memory);
        count = (size_t)boxes->steps[j].count;
        boxes->path[j].to = (int)count;
        boxes->path[j].levels = levels ? ~(uint64_t)0 >> (64 - levels) : 0;
        if (count > most) {
            second = most;
            most = count;
        } else if (count > second) {
            second = count;
        }
    }
    boxes->sums = malloc((most + 1) * (second + 2) * sizeof *boxes->sums);
    return boxes->sums ? 0 : ERR_MEMORY;
}

int tree_anova(double *variance, double *main, double *pairs, const struct tree *tree,
               const struct importance_axis *axes, int axis_count, struct error *err)
{
    struct boxes boxes;
    int rc = boxes_init(&boxes, tree, axes, axis_count);

    if (rc) {
        boxes_clear(&boxes);
        return error_set(err, rc, "importance: no memory for a tree of %d nodes",
                         tree->count);
    }
    collect_leaves(&boxes, tree, axes, 0);
    *variance = centre_values(&boxes);
    memset(pairs, 0, (size_t)axis_count * (size_t)axis_count * sizeof *pairs);
    for (int j = 0; j < axis_count; j++)
        main[j] = boxes.steps[j].used ? marginal_variance(&boxes, j, -1) : 0;
    for (int j = 0; j < axis_count; j++)
        for (int k = j + 1; k < axis_count; k++)
            if (boxes.steps[j].used && boxes.steps[k].used)
                pairs[j * axis_count + k] = pairs[k * axis_count + j] =
                    fmax(0, marginal_variance(&boxes, j, k) - main[j] - main[k]);
    boxes_clear(&boxes);
    return 0;
}
