#include "tests/text/file_cells.h"

#include "text/file_text.h"

#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 64 };

struct cell {
    const char *data;
    size_t size;
};

struct walk {
    const struct tokenizer *tokenizer;
    int max_length;
    void (*take)(void *data, const struct token_ids *ids);
    void *data;
    struct token_ids ids;
    int64_t count;
};

static int encode(struct walk *w, const struct cell *a, const struct cell *b,
                  struct error *err)
{
    int rc = tokenizer_encode(w->tokenizer, a->data, a->size, b ? b->data : NULL,
                              b ? b->size : 0, w->max_length, &w->ids, err);

    if (rc == 0)
        w->take(w->data, &w->ids);
    w->count++;
    return rc;
}

static int encode_line(struct walk *w, const char *line, size_t size, struct error *err)
{
    struct cell cells[COLUMNS_MAX];
    int count = 0, rc = 0;

    for (const char *end = line + size; count < COLUMNS_MAX;) {
        const char *tab = memchr(line, '\t', (size_t)(end - line));

        cells[count++] = (struct cell){line, (size_t)((tab ? tab : end) - line)};
        if (!tab)
            break;
        line = tab + 1;
    }
    for (int i = 0; i < count && rc == 0; i++)
        rc = encode(w, &cells[i], NULL, err);
    for (int i = 0; i + 1 < count && rc == 0; i++)
        rc = encode(w, &cells[i], &cells[i + 1], err);
    return rc;
}

int64_t file_cells(const char *path, const struct tokenizer *tokenizer, int max_length,
                   void (*take)(void *data, const struct token_ids *ids), void *data,
                   struct error *err)
{
    struct walk w = {tokenizer, max_length, take, data, {0}, 0};
    char *text;
    size_t size;
    int rc = file_text_read(&text, &size, path, err);

    if (rc)
        return rc;
    for (size_t at = 0; at < size && rc == 0;) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t bytes = end ? (size_t)(end - text) - at : size - at;

        rc = encode_line(&w, text + at, bytes, err);
        at += bytes + 1;
    }
    token_ids_clear(&w.ids);
    free(text);
    return rc ? rc : w.count;
}
