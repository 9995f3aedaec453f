/* A dataset's memory and its digest. */
#include "common/dataset.h"

#include <stdlib.h>

static void split_clear(struct dataset_split *split)
{
    free(split->input_ids);
    free(split->token_type_ids);
    free(split->offsets);
    free(split->labels);
}

void dataset_clear(struct dataset *dataset)
{
    for (int i = 0; dataset->label_names && i < dataset->labels; i++)
        free(dataset->label_names[i]);
    free(dataset->label_names);
    free(dataset->task);
    for (int s = 0; s < SPLIT_COUNT; s++)
        split_clear(&dataset->splits[s]);
    *dataset = (struct dataset){0};
}

static void add_split(struct digest_stream *stream, const struct dataset_split *split)
{
    size_t tokens = (size_t)split->offsets[split->rows];
    size_t rows = (size_t)split->rows;

    digest_stream_add(stream, &split->rows, sizeof split->rows);
    digest_stream_add(stream, split->offsets, (rows + 1) * sizeof *split->offsets);
    digest_stream_add(stream, split->input_ids, tokens * sizeof *split->input_ids);
    digest_stream_add(stream, split->token_type_ids, tokens);
    if (split->labelled)
        digest_stream_add(stream, split->labels, rows * sizeof *split->labels);
}

int dataset_digest(struct digest *out, const struct dataset *dataset, struct error *err)
{
    struct digest_stream *stream = digest_stream_new();

    if (!stream)
        return error_set(err, ERR_MEMORY, "out of memory");
    for (int s = 0; s < SPLIT_COUNT; s++) {
        const struct dataset_split *split = &dataset->splits[s];
        uint8_t head[2] = {split->present, split->labelled};

        digest_stream_add(stream, head, sizeof head);
        if (split->present)
            add_split(stream, split);
    }
    *out = digest_stream_value(stream);
    digest_stream_free(stream);
    return 0;
}
