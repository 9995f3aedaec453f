/* What is in a node's file, and how it is checked.
 *
 * File: 64 bytes of header (struct node_header), then the bytes. */
#include "storage/node_file.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

struct node_header {
    char magic[16];
    struct digest source, values;
    uint64_t size; /* of the whole file */
    uint64_t zero;
};
static const char node_magic[16] = "shiftwork node1";
_Static_assert(sizeof(struct node_header) == 64, "the bytes start at 64");

struct node_writer {
    int fd;
    struct digest_stream *digest;
};

struct opening {
    struct node_file *file;
    const struct node_file_plan *plan;
};

static size_t whole_size(const struct node_file_plan *plan)
{
    return sizeof(struct node_header) + plan->size;
}

static int write_all(int fd, const void *data, size_t size)
{
    const uint8_t *at = data;

    while (size) {
        ssize_t n = write(fd, at, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

int node_writer_put(struct node_writer *writer, const void *data, size_t size)
{
    digest_stream_add(writer->digest, data, size);
    return write_all(writer->fd, data, size);
}

/* Writes the header last, with the digest of the bytes. */
static int write_file(int fd, const struct node_file_plan *plan)
{
    struct node_header header = {.source = plan->source, .size = whole_size(plan)};
    struct node_writer writer = {fd, digest_stream_new()};
    int rc = -1;

    if (!writer.digest || lseek(fd, sizeof header, SEEK_SET) < 0 ||
        plan->write(plan->context, &writer))
        goto done;
    memcpy(header.magic, node_magic, sizeof node_magic);
    header.values = digest_stream_value(writer.digest);
    if (lseek(fd, 0, SEEK_SET) < 0 || write_all(fd, &header, sizeof header))
        goto done;
    rc = 0;
done:
    digest_stream_free(writer.digest);
    return rc;
}

static int make_file(void *context, const char *path, int fd, struct error *err)
{
    const struct opening *opening = context;

    if (write_file(fd, opening->plan))
        return error_set(err, ERR_IO, "%s: cannot write: %s", path, strerror(errno));
    return 0;
}

static bool header_good(const struct file_map *map, const struct node_file_plan *plan)
{
    struct node_header header;

    if (map->size != whole_size(plan))
        return false;
    memcpy(&header, map->data, sizeof header);
    return !memcmp(header.magic, node_magic, sizeof node_magic) &&
           header.size == whole_size(plan) &&
           digest_equal(header.source, plan->source) &&
           digest_equal(header.values,
                        digest_of(map->data + sizeof header, plan->size));
}

static int map_file(void *context, const char *path, int fd, struct error *err)
{
    const struct opening *opening = context;
    struct file_map *map = &opening->file->map;

    (void)fd;
    if (file_map_open(map, path, err))
        return ERR_INPUT;
    if (header_good(map, opening->plan))
        return 0;
    file_map_close(map);
    return error_set(err, ERR_INPUT, "%s: is damaged", path);
}

int node_file_open(struct node_file *file, const struct node_file_plan *plan,
                   struct error *err)
{
    struct opening opening = {file, plan};
    int rc;

    *file = (struct node_file){0};
    rc = node_place_open(&file->place,
                         &(struct node_place_plan){.kind = plan->kind,
                                                   .source = plan->source,
                                                   .take = map_file,
                                                   .make = make_file,
                                                   .context = &opening},
                         err);
    if (rc)
        file_map_close(&file->map);
    else
        file->data = file->map.data + sizeof(struct node_header);
    return rc;
}

void node_file_close(struct node_file *file)
{
    node_place_close(&file->place);
    file_map_close(&file->map);
    *file = (struct node_file){0};
}
