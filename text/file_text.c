#include "text/file_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reads until the end: the file may have changed its size since. */
static int read_all(int file, char **out, size_t *size, size_t capacity)
{
    char *data = malloc(capacity + 1);
    size_t used = 0;

    while (data) {
        ssize_t got = read(file, data + used, capacity - used);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            break;
        used += (size_t)got;
        if (got == 0 || used == capacity) {
            data[used] = '\0';
            *out = data;
            *size = used;
            return 0;
        }
    }
    free(data);
    return -1;
}

int file_text_read(char **out, size_t *size, const char *path, struct error *err)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    int rc = 0;

    *out = NULL;
    if (file < 0)
        return error_set(err, ERR_INPUT, "%s: cannot open: %s", path, strerror(errno));
    if (fstat(file, &st) != 0 || !S_ISREG(st.st_mode))
        rc = error_set(err, ERR_INPUT, "%s: cannot read: not a regular file", path);
    else if (read_all(file, out, size, (size_t)st.st_size) != 0)
        rc = error_set(err, ERR_IO, "%s: cannot read: %s", path, strerror(errno));
    close(file);
    return rc;
}
