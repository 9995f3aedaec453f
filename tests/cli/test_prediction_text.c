#include "cli/prediction_text.h"
#include "tests/support/suite.h"

#include <stdlib.h>
#include <string.h>

typedef void writer(FILE *out, const struct task *task, const float *logits,
                    int64_t rows, bool with_logits);

static void write_glue(FILE *out, const struct task *task, const float *logits,
                       int64_t rows, bool with_logits)
{
    (void)with_logits;
    prediction_text_write_glue(out, task, logits, rows);
}

static void expect(writer *write, const char *name, const float *logits, int64_t rows,
                   bool with_logits, const char *wanted)
{
    struct task task;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    CU_ASSERT_EQUAL_FATAL(task_builtin(&task, name, NULL), 0);
    write(out, &task, logits, rows, with_logits);
    fclose(out);
    CU_ASSERT_STRING_EQUAL(text, wanted);
    free(text);
    task_clear(&task);
}

static void classes_get_names_and_probabilities(void)
{
    const float logits[] = {0, 0, 1, -1};

    expect(prediction_text_write, "sst2", logits, 2, false,
           "index\tprediction\tprob_negative\tprob_positive\n"
           "0\tnegative\t0.500000\t0.500000\n"
           "1\tnegative\t0.880797\t0.119203\n");
}

static void large_logits_do_not_overflow(void)
{
    const float logits[] = {-1000, 1000};

    expect(prediction_text_write, "sst2", logits, 1, false,
           "index\tprediction\tprob_negative\tprob_positive\n"
           "0\tpositive\t0.000000\t1.000000\n");
}

static void logits_read_back_to_the_same_float(void)
{
    const float logits[] = {0.1f};

    expect(prediction_text_write, "stsb", logits, 1, true,
           "index\tprediction\tlogit\n0\t0.1\t0.100000001\n");
}

static void glue_files_hold_the_words_of_the_task(void)
{
    const float two[] = {1, 2, 2, 1}, three[] = {0, 1, 0};

    expect(write_glue, "rte", two, 2, false,
           "index\tprediction\n0\tnot_entailment\n1\tentailment\n");
    expect(write_glue, "cola", two, 2, false, "index\tprediction\n0\t1\n1\t0\n");
    expect(write_glue, "ax", three, 1, false, "index\tprediction\n0\tneutral\n");
}

static void stsb_is_clipped_to_its_range(void)
{
    const float logits[] = {-0.5f, 2.34567f, 7};

    expect(write_glue, "stsb", logits, 3, false,
           "index\tprediction\n0\t0.000\n1\t2.346\n2\t5.000\n");
}

static void every_glue_task_has_its_file(void)
{
    CU_ASSERT_STRING_EQUAL(prediction_text_glue_name("cola", SPLIT_TEST), "CoLA.tsv");
    CU_ASSERT_STRING_EQUAL(prediction_text_glue_name("sst2", SPLIT_TEST), "SST-2.tsv");
    CU_ASSERT_STRING_EQUAL(prediction_text_glue_name("mnli", SPLIT_TEST), "MNLI-m.tsv");
    CU_ASSERT_STRING_EQUAL(prediction_text_glue_name("mnli", SPLIT_TEST_MISMATCHED),
                           "MNLI-mm.tsv");
    CU_ASSERT_STRING_EQUAL(prediction_text_glue_name("ax", SPLIT_TEST), "AX.tsv");
    CU_ASSERT_PTR_NULL(prediction_text_glue_name("cola", SPLIT_DEV));
    CU_ASSERT_PTR_NULL(prediction_text_glue_name("mine", SPLIT_TEST));
}

int main(void)
{
    const struct suite_test tests[] = {
        SUITE_TEST(classes_get_names_and_probabilities),
        SUITE_TEST(large_logits_do_not_overflow),
        SUITE_TEST(logits_read_back_to_the_same_float),
        SUITE_TEST(glue_files_hold_the_words_of_the_task),
        SUITE_TEST(stsb_is_clipped_to_its_range),
        SUITE_TEST(every_glue_task_has_its_file),
        {NULL, NULL},
    };

    return suite_run("prediction_text", tests);
}
