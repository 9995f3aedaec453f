/* Probabilities are a softmax in double of the float32 logits. */
#include "cli/prediction_text.h"

#include <math.h>
#include <string.h>

static int argmax(const float *row, int labels)
{
    int best = 0;

    for (int c = 1; c < labels; c++)
        if (row[c] > row[best])
            best = c;
    return best;
}

/* A label may come from a CSV file and hold what would break the table. */
static void write_label(FILE *out, const char *label)
{
    for (; *label; label++)
        fputc((unsigned char)*label < 0x20 ? ' ' : *label, out);
}

static void write_header(FILE *out, const struct task *task, bool with_logits)
{
    fputs("index\tprediction", out);
    for (int c = 0; c < task->labels && !task->regression; c++) {
        fputs("\tprob_", out);
        write_label(out, task->label_names[c]);
    }
    for (int c = 0; c < task->labels && with_logits; c++) {
        fputs("\tlogit", out);
        if (task->regression)
            continue;
        fputc('_', out);
        write_label(out, task->label_names[c]);
    }
    fputc('\n', out);
}

static void write_probabilities(FILE *out, const float *row, int labels)
{
    double top = row[argmax(row, labels)], sum = 0;

    for (int c = 0; c < labels; c++)
        sum += exp(row[c] - top);
    for (int c = 0; c < labels; c++)
        fprintf(out, "\t%.6f", exp(row[c] - top) / sum);
}

void prediction_text_write(FILE *out, const struct task *task, const float *logits,
                           int64_t rows, bool with_logits)
{
    write_header(out, task, with_logits);
    for (int64_t r = 0; r < rows; r++) {
        const float *row = logits + r * task->labels;

        fprintf(out, "%lld\t", (long long)r);
        if (task->regression)
            fprintf(out, "%.6g", (double)row[0]);
        else {
            write_label(out, task->label_names[argmax(row, task->labels)]);
            write_probabilities(out, row, task->labels);
        }
        for (int c = 0; c < task->labels && with_logits; c++)
            fprintf(out, "\t%.9g", (double)row[c]);
        fputc('\n', out);
    }
}

void prediction_text_write_glue(FILE *out, const struct task *task, const float *logits,
                                int64_t rows)
{
    fputs("index\tprediction\n", out);
    for (int64_t r = 0; r < rows; r++) {
        const float *row = logits + r * task->labels;

        if (task->regression)
            fprintf(out, "%lld\t%.3f\n", (long long)r, fmin(5, fmax(0, row[0])));
        else
            fprintf(out, "%lld\t%s\n", (long long)r,
                    task->label_values[argmax(row, task->labels)]);
    }
}

const char *prediction_text_glue_name(const char *task, enum split split)
{
    static const struct {
        const char *task, *file;
        enum split split;
    } names[] = {
        {"cola", "CoLA.tsv", SPLIT_TEST},
        {"sst2", "SST-2.tsv", SPLIT_TEST},
        {"mrpc", "MRPC.tsv", SPLIT_TEST},
        {"qqp", "QQP.tsv", SPLIT_TEST},
        {"stsb", "STS-B.tsv", SPLIT_TEST},
        {"mnli", "MNLI-m.tsv", SPLIT_TEST},
        {"mnli", "MNLI-mm.tsv", SPLIT_TEST_MISMATCHED},
        {"qnli", "QNLI.tsv", SPLIT_TEST},
        {"rte", "RTE.tsv", SPLIT_TEST},
        {"wnli", "WNLI.tsv", SPLIT_TEST},
        {"ax", "AX.tsv", SPLIT_TEST},
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i].task, task) && names[i].split == split)
            return names[i].file;
    return NULL;
}
