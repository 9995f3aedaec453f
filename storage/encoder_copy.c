/* Widened copies: who makes one, how it is checked, where it lies.
 *
 * File: 64 bytes of header (struct copy_header), then each tensor's floats, each at a
 * multiple of 64 bytes. The file is private to one machine and one user, so it is
 * written in the machine's own byte order. */
#include "storage/encoder_copy.h"

#include "common/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct copy_header {
    char magic[16];
    struct digest source, values;
    uint64_t size; /* of the whole file */
    uint64_t zero;
};
static const char copy_magic[16] = "shiftwork copy1";
_Static_assert(sizeof(struct copy_header) == 64, "floats start at 64 bytes");

struct copy {
    const struct safetensors_tensor *const *tensors;
    int count;
    struct digest source;
    size_t size;
};

bool tensor_in_place(const struct safetensors_tensor *tensor)
{
    return tensor->type == TENSOR_F32 && (uintptr_t)tensor->data % 4 == 0;
}

static size_t element_size(const struct safetensors_tensor *t)
{
    return t->type == TENSOR_F32 ? 4 : 2;
}

static size_t padded(const struct safetensors_tensor *t)
{
    return (t->size / element_size(t) * 4 + 63) / 64 * 64;
}

static int describe(struct copy *copy, struct error *err)
{
    struct digest_stream *stream = digest_stream_new();

    if (!stream)
        return error_set(err, ERR_MEMORY, "out of memory");
    copy->size = sizeof(struct copy_header);
    for (int i = 0; i < copy->count; i++) {
        const struct safetensors_tensor *t = copy->tensors[i];

        digest_stream_add_text(stream, t->name);
        digest_stream_add_text(stream, t->type_name);
        digest_stream_add(stream, &t->size, sizeof t->size);
        digest_stream_add(stream, t->data, t->size);
        copy->size += padded(t);
    }
    copy->source = digest_stream_value(stream);
    digest_stream_free(stream);
    return 0;
}

/* Bits of the float32 with the value of an IEEE half. */
static uint32_t half_bits(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    uint32_t exponent = half >> 10 & 0x1f, fraction = half & 0x3ff;

    if (exponent == 0x1f)
        return sign | 0x7f800000 | fraction << 13;
    if (exponent == 0) { /* zero or subnormal: fraction · 2^-24 */
        float value = (float)fraction * 0x1p-24f;
        uint32_t bits;

        memcpy(&bits, &value, 4);
        return sign | bits;
    }
    return sign | (exponent + 112) << 23 | fraction << 13;
}

static void widen(uint8_t *to, const struct safetensors_tensor *t)
{
    size_t n = t->size / element_size(t);

    if (t->type == TENSOR_F32) {
        memcpy(to, t->data, t->size);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        uint16_t half;

        memcpy(&half, t->data + 2 * i, 2);
        bits = t->type == TENSOR_BF16 ? (uint32_t)half << 16 : half_bits(half);
        memcpy(to + 4 * i, &bits, 4);
    }
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

/* Writes the header last, with the digest of the values. */
static int write_copy(int fd, const struct copy *copy)
{
    struct copy_header header = {.source = copy->source, .size = copy->size};
    struct digest_stream *stream = digest_stream_new();
    uint8_t *buffer = NULL;
    int rc = -1;

    if (!stream || lseek(fd, sizeof header, SEEK_SET) < 0)
        goto done;
    for (int i = 0; i < copy->count; i++) {
        size_t size = padded(copy->tensors[i]);

        free(buffer);
        buffer = calloc(1, size ? size : 1);
        if (!buffer)
            goto done;
        widen(buffer, copy->tensors[i]);
        digest_stream_add(stream, buffer, size);
        if (write_all(fd, buffer, size))
            goto done;
    }
    memcpy(header.magic, copy_magic, sizeof copy_magic);
    header.values = digest_stream_value(stream);
    if (lseek(fd, 0, SEEK_SET) < 0 || write_all(fd, &header, sizeof header))
        goto done;
    rc = 0;
done:
    free(buffer);
    digest_stream_free(stream);
    return rc;
}

static int make_copy(const char *path, const struct copy *copy, struct error *err)
{
    char *temporary;
    int fd, rc = 0;

    if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
        return error_set(err, ERR_MEMORY, "out of memory");
    fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
    if (fd < 0) {
        rc = error_set(err, ERR_IO, "%s: %s", temporary, strerror(errno));
        goto done;
    }
    if (write_copy(fd, copy))
        rc = error_set(err, ERR_IO, "%s: cannot write: %s", temporary, strerror(errno));
    if (close(fd) < 0 && !rc)
        rc = error_set(err, ERR_IO, "%s: cannot write: %s", temporary, strerror(errno));
    if (!rc && rename(temporary, path) < 0)
        rc = error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    if (rc)
        unlink(temporary);
done:
    free(temporary);
    return rc;
}

static bool header_good(const struct file_map *map, const struct copy *copy)
{
    struct copy_header header;

    if (map->size != copy->size)
        return false;
    memcpy(&header, map->data, sizeof header);
    return !memcmp(header.magic, copy_magic, sizeof copy_magic) &&
           header.size == copy->size && digest_equal(header.source, copy->source) &&
           digest_equal(header.values, digest_of(map->data + sizeof header,
                                                 copy->size - sizeof header));
}

/* A regular file of this user that no one else can write or reach by another name. */
static bool ours(const char *path)
{
    struct stat st;

    return !lstat(path, &st) && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
           (st.st_mode & 0777) == 0600 && st.st_nlink == 1;
}

static bool map_copy(struct file_map *map, const char *path, const struct copy *copy)
{
    if (!ours(path) || file_map_open(map, path, NULL))
        return false;
    if (header_good(map, copy))
        return true;
    file_map_close(map);
    return false;
}

/* Takes the lock that lets one process of the node make the copy. A lock file of
 * another user is refused: it could be held for ever. */
static int take_lock(const char *path, struct error *err)
{
    struct stat st;
    char *name;
    int fd;

    if (asprintf(&name, "%s.lock", path) < 0) {
        error_set(err, ERR_MEMORY, "out of memory");
        return -1;
    }
    fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != geteuid() ||
        flock(fd, LOCK_EX) < 0) {
        error_set(err, ERR_IO, "%s: cannot lock it", name);
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    free(name);
    return fd;
}

static int open_in(struct file_map *map, const char *dir, const struct copy *copy,
                   struct error *err)
{
    char hex[DIGEST_HEX], *path;
    int lock, rc = 0;

    digest_hex(hex, copy->source);
    if (asprintf(&path, "%s/shiftwork-%u-%s.f32", dir, (unsigned)geteuid(), hex) < 0)
        return error_set(err, ERR_MEMORY, "out of memory");
    lock = take_lock(path, err);
    if (lock < 0) {
        rc = ERR_IO;
    } else if (!map_copy(map, path, copy)) {
        rc = make_copy(path, copy, err);
        if (!rc && !map_copy(map, path, copy))
            rc = error_set(err, ERR_IO, "%s: changed while it was made", path);
    }
    if (lock >= 0)
        close(lock);
    free(path);
    return rc;
}

int encoder_copy_open(struct file_map *map, const float **floats,
                      const struct safetensors_tensor *const *tensors, int count,
                      struct error *err)
{
    const char *const dirs[] = {getenv("TMPDIR"), "/tmp", "/dev/shm"};
    struct copy copy = {.tensors = tensors, .count = count};
    const uint8_t *at;
    int rc = describe(&copy, err);

    *map = (struct file_map){0};
    if (rc)
        return rc;
    rc = ERR_IO;
    for (size_t i = 0; rc && i < sizeof dirs / sizeof *dirs; i++)
        if (dirs[i] && dirs[i][0] == '/')
            rc = open_in(map, dirs[i], &copy, err);
    if (rc)
        return rc;
    at = map->data + sizeof(struct copy_header);
    for (int i = 0; i < count; i++) {
        floats[i] = (const float *)(const void *)at;
        at += padded(tensors[i]);
    }
    return 0;
}
