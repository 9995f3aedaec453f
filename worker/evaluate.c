#include "worker/evaluate.h"

#include <math.h>

static const char *row_fault(const struct dataset_split *split, int64_t row,
                             const struct encoder_config *config)
{
    int64_t from = split->offsets[row], to = split->offsets[row + 1];

    if (to <= from)
        return "no tokens";
    if (to - from > config->positions)
        return "more tokens than the encoder has positions";
    for (int64_t i = from; i < to; i++) {
        if (split->input_ids[i] < 0 || split->input_ids[i] >= config->vocab)
            return "a token that the encoder's vocabulary has not";
        if (split->token_type_ids[i] >= config->types)
            return "a token type that the encoder has not";
    }
    return NULL;
}

static const char *label_fault(float label, bool regression, int labels)
{
    if (regression)
        return isfinite(label) ? NULL : "a value that is not finite";
    return label >= 0 && label < (float)labels && floorf(label) == label
               ? NULL
               : "a label that is none of the classes";
}

int evaluate_check(const struct dataset_split *split, const char *name,
                   const struct encoder_config *config, bool regression, int labels,
                   struct error *err)
{
    if (split->rows > UINT32_MAX)
        return error_set(err, ERR_INPUT, "%s: more than 2^32 rows", name);
    for (int64_t r = 0; r < split->rows; r++) {
        const char *fault = row_fault(split, r, config);

        if (!fault && split->labelled)
            fault = label_fault(split->labels[r], regression, labels);
        if (fault)
            return error_set(err, ERR_INPUT, "%s: row %lld: %s", name, (long long)r + 1,
                             fault);
    }
    return 0;
}

int evaluate_longest(const struct dataset_split *split)
{
    int64_t longest = 0;

    for (int64_t r = 0; split->present && r < split->rows; r++) {
        int64_t length = split->offsets[r + 1] - split->offsets[r];

        longest = length > longest ? length : longest;
    }
    return (int)longest;
}

int evaluate_split(float *logits, const struct model *model, const float *values,
                   const struct dataset_split *split, const char *name,
                   int microshard_tokens, int threads, struct error *err)
{
    struct batch_sizes sizes = {.max_length = evaluate_longest(split),
                                .microshard_tokens = microshard_tokens,
                                .threads = threads};
    struct batch_runner *runner;
    int rc;

    if ((rc = evaluate_check(split, name, &model->encoder->config, model->regression,
                             model->layout->shape.labels, err)))
        return rc;
    if (split->rows == 0)
        return 0;
    if ((rc = batch_runner_new(&runner, model, &sizes, err)))
        return rc;
    batch_runner_evaluate(runner, values, split, NULL, 0, split->rows, logits);
    batch_runner_free(runner);
    return 0;
}

static double cross_entropy(const float *logits, int labels, int label)
{
    double largest = (double)logits[0], sum = 0;

    for (int k = 1; k < labels; k++)
        largest = fmax(largest, (double)logits[k]);
    for (int k = 0; k < labels; k++)
        sum += exp((double)logits[k] - largest);
    return log(sum) + largest - (double)logits[label];
}

static double squared_error(float value, float label)
{
    double d = (double)value - (double)label;

    return d * d;
}

double evaluate_loss(const float *logits, const float *labels, int64_t rows,
                     int label_count, bool regression)
{
    double sum = 0;

    for (int64_t r = 0; r < rows; r++) {
        const float *row = logits + r * label_count;

        sum += regression ? squared_error(row[0], labels[r])
                          : cross_entropy(row, label_count, (int)labels[r]);
    }
    return sum / (double)rows;
}
