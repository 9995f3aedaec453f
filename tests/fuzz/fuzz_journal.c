/* A journal of a stranger: the bytes as a file, then the same bytes as the payload of a
 * whole frame behind a START, its type the first of them. */
#include "coordinator/history.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In memory where that can be had: the file is written anew for each input. */
static char folder[64], path[96];
static uint8_t start[256]; /* the frame of a journal that has just begun */
static size_t start_size;

static void remove_folder(void)
{
    unlink(path);
    rmdir(folder);
}

static void make_folder(void)
{
    struct journal *journal;

    snprintf(folder, sizeof folder, "%s/shiftwork-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(folder))
        abort();
    atexit(remove_folder);
    snprintf(path, sizeof path, "%s/journal.0001", folder);
    if (journal_start(&journal, folder, NULL, NULL, NULL, NULL))
        abort();
    journal_close(journal);
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, start, sizeof start);
    if (n <= 0 || n == sizeof start)
        abort();
    close(fd);
    start_size = (size_t)n;
}

static void read_file(const uint8_t *head, size_t head_size, const uint8_t *data,
                      size_t size)
{
    struct history history;
    struct error err;
    FILE *file = fopen(path, "wb");

    if (!file || (head && fwrite(head, 1, head_size, file) != head_size) ||
        fwrite(data, 1, size, file) != size || fclose(file) != 0)
        abort();
    if (history_read(&history, folder, &err) == 0)
        history_clear(&history);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes frame = {0};

    if (!folder[0])
        make_folder();
    read_file(NULL, 0, data, size);
    if (size > 0) {
        size_t begun = frame_begin(&frame, data[0], start_size);
        bytes_put(&frame, data + 1, size - 1);
        frame_end(&frame, begun);
        read_file(start, start_size, frame.data, frame.size);
    }
    bytes_clear(&frame);
    return 0;
}
