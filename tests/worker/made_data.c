#include "tests/worker/made_data.h"

#include "common/philox.h"

#include <stdlib.h>
#include <string.h>

static uint32_t draw(uint32_t seed, uint32_t row, uint32_t at)
{
    uint32_t x[4];

    philox(x, seed, PHILOX_SEARCH, row, at, 0, 0);
    return x[0];
}

static void make_split(struct dataset_split *s, uint32_t seed, int rows, int longest,
                       int vocab, int labels)
{
    *s = (struct dataset_split){.present = true, .labelled = true, .rows = rows};
    s->offsets = calloc((size_t)rows + 1, sizeof *s->offsets);
    s->labels = calloc((size_t)rows, sizeof *s->labels);
    s->input_ids = calloc((size_t)rows * (size_t)longest, sizeof *s->input_ids);
    s->token_type_ids = calloc((size_t)rows * (size_t)longest, 1);
    for (int r = 0; r < rows; r++) {
        int length = 2 + (int)(draw(seed, (uint32_t)r, 0) % (uint32_t)(longest - 1));
        int64_t at = s->offsets[r];
        int low = 0;

        for (int i = 0; i < length; i++) {
            int id = (int)(draw(seed, (uint32_t)r, (uint32_t)i + 1) % (uint32_t)vocab);

            s->input_ids[at + i] = id;
            s->token_type_ids[at + i] = i > length / 2;
            low += id < vocab / 2;
        }
        int class = low * labels / (length + 1);

        s->offsets[r + 1] = at + length;
        s->labels[r] = labels == 1 ? 5.0f * (float)low / (float)length : (float)class;
    }
}

void made_data(struct dataset *out, int rows, int longest, int vocab, int labels)
{
    *out = (struct dataset){.task = strdup("made"),
                            .regression = labels == 1,
                            .labels = labels,
                            .max_length = longest};
    make_split(&out->splits[SPLIT_TRAIN], 1, rows, longest, vocab, labels);
    make_split(&out->splits[SPLIT_DEV], 2, rows / 2, longest, vocab, labels);
    make_split(&out->splits[SPLIT_DEV_MISMATCHED], 3, 7, longest, vocab, labels);
    make_split(&out->splits[SPLIT_TEST], 4, rows / 3, longest, vocab, labels);
}
