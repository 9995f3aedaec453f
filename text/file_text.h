/* A whole file in memory. */
#ifndef TEXT_FILE_TEXT_H
#define TEXT_FILE_TEXT_H

#include "common/error.h"

#include <stddef.h>

/* *out holds the bytes and a closing zero; the caller frees it. ERR_INPUT names the
 * file where it cannot be opened or is no regular file, ERR_IO where reading fails. */
int file_text_read(char **out, size_t *size, const char *path, struct error *err);

#endif
