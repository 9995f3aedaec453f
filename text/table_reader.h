/* Rows of a text file: TSV, CSV or JSONL.
 *
 * All are UTF-8, with or without a byte order mark, the last line with or without its
 * end. Lines end at LF alone (U+0085, U+2028, a lone CR are text); a CR right before
 * the LF is taken off, as Python's readers of GLUE do.
 *
 * TSV    no quoting: " is a character like any other
 * CSV    RFC 4180: fields in quotes may hold commas, line ends and doubled quotes; a
 *        quote inside an unquoted field is an error
 * JSONL  an object a line; strings, and numbers and booleans as they would be written
 *
 * A line without a character is a row like any other, at the end of the file too: of
 * one empty column, or short (for JSONL an error). So rows and lines keep in step, and
 * what is predicted for a file stands in its order. */
#ifndef TEXT_TABLE_READER_H
#define TEXT_TABLE_READER_H

#include "common/error.h"
#include "common/task.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_field {
    const char *data; /* UTF-8, NULL: the column is absent */
    size_t size;
};

/* The columns asked for. Borrowed until the next row. */
struct table_row {
    struct table_field text[2], label;
    int64_t line; /* of the file, from 1, where the row starts */
};

struct table_reader;

/* Opens path and finds the columns: by name in the header or in the objects, by number
 * otherwise. A label's name that the header does not have is an error where
 * label_required, else the rows have none. columns is borrowed as long as the reader
 * lives. ERR_INPUT as `file:line: what: why`: invalid
 * UTF-8 anywhere, an empty file, a missing column. */
int table_reader_open(struct table_reader **out, const char *path,
                      enum task_format format, const struct task_columns *columns,
                      bool label_required, struct error *err);

/* The same of a text in memory, borrowed; name is for messages. */
int table_reader_open_text(struct table_reader **out, const char *text, size_t size,
                           const char *name, enum task_format format,
                           const struct task_columns *columns, bool label_required,
                           struct error *err);

void table_reader_free(struct table_reader *reader);

enum table_next { TABLE_END, TABLE_ROW, TABLE_SHORT };

/* TABLE_ROW; TABLE_SHORT for a row that has too few columns (err says so, row->line is
 * set, reading may go on); TABLE_END; or ERR_INPUT, ERR_MEMORY. */
int table_reader_next(struct table_reader *reader, struct table_row *row,
                      struct error *err);

bool table_reader_has_label(const struct table_reader *reader);

#endif
