/* Task files of a stranger. The first byte chooses how to read, the rest is the file.
 */
#include "text/table_reader.h"
#include "text/utf8.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct task_columns columns[] = {
    {true, {"text", NULL}, "label", {-1, -1}, -1},
    {true, {"a", "b"}, NULL, {-1, -1}, -1},
    {false, {NULL, NULL}, NULL, {1, -1}, 0},
    {false, {NULL, NULL}, NULL, {0, 1}, -1},
};

/* Fields lie in readable memory and are UTF-8, as the file was found to be. */
static void check(const struct table_field *field)
{
    if (field->data && utf8_first_invalid(field->data, field->size) != field->size)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct table_reader *reader;
    struct table_row row;
    struct error err;
    int64_t line = 0;

    if (size == 0 ||
        table_reader_open_text(&reader, (const char *)data + 1, size - 1, "fuzz",
                               (enum task_format)(data[0] % 3),
                               &columns[data[0] / 3 % 4], data[0] & 0x80, &err) != 0)
        return 0;
    while (table_reader_next(reader, &row, &err) > TABLE_END) {
        if (row.line <= line)
            abort();
        line = row.line;
        check(&row.text[0]);
        check(&row.text[1]);
        check(&row.label);
    }
    table_reader_free(reader);
    return 0;
}
