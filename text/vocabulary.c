/* An open-addressing hash table: pieces lie one after the other in one block, the
 * table holds entry numbers + 1 and is at most half full. */
#include "text/vocabulary.h"

#include "text/utf8.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

struct entry {
    size_t offset;
    uint32_t size;
    int32_t id;
};

struct vocabulary {
    char *bytes;
    size_t bytes_used, bytes_capacity;
    struct entry *entries;
    uint32_t count, entries_capacity;
    uint32_t *slots;
    uint32_t mask; /* slots - 1, a power of two - 1 */
    size_t longest;
    int32_t max_id;
};

enum { FIRST_SLOTS = 1024, COUNT_MAX = 1 << 26, PIECE_MAX = 1 << 20 };

struct vocabulary *vocabulary_new(void)
{
    struct vocabulary *v = calloc(1, sizeof *v);

    if (!v)
        return NULL;
    v->slots = calloc(FIRST_SLOTS, sizeof *v->slots);
    v->mask = FIRST_SLOTS - 1;
    v->max_id = -1;
    if (v->slots)
        return v;
    vocabulary_free(v);
    return NULL;
}

void vocabulary_free(struct vocabulary *v)
{
    if (!v)
        return;
    free(v->bytes);
    free(v->entries);
    free(v->slots);
    free(v);
}

static uint32_t *find_slot(const struct vocabulary *v, const char *piece, size_t size)
{
    uint32_t at = (uint32_t)XXH3_64bits(piece, size) & v->mask;

    for (;; at = (at + 1) & v->mask) {
        const struct entry *e;

        if (v->slots[at] == 0)
            return &v->slots[at];
        e = &v->entries[v->slots[at] - 1];
        if (e->size == size && memcmp(v->bytes + e->offset, piece, size) == 0)
            return &v->slots[at];
    }
}

int32_t vocabulary_find(const struct vocabulary *v, const char *piece, size_t size)
{
    uint32_t slot;

    if (size == 0 || size > v->longest)
        return -1;
    slot = *find_slot(v, piece, size);
    return slot ? v->entries[slot - 1].id : -1;
}

static bool grow_slots(struct vocabulary *v)
{
    uint32_t *old = v->slots, count = v->mask + 1;
    uint32_t *slots = calloc(2 * (size_t)count, sizeof *slots);

    if (!slots)
        return false;
    v->slots = slots;
    v->mask = 2 * count - 1;
    for (uint32_t i = 0; i < v->count; i++) {
        const struct entry *e = &v->entries[i];

        *find_slot(v, v->bytes + e->offset, e->size) = i + 1;
    }
    free(old);
    return true;
}

static bool grow_bytes(struct vocabulary *v, size_t size)
{
    size_t capacity = 2 * v->bytes_capacity + size + 4096;
    char *bytes = realloc(v->bytes, capacity);

    if (!bytes)
        return false;
    v->bytes = bytes;
    v->bytes_capacity = capacity;
    return true;
}

static bool grow_entries(struct vocabulary *v)
{
    uint32_t capacity = v->entries_capacity ? 2 * v->entries_capacity : FIRST_SLOTS;
    struct entry *entries = realloc(v->entries, capacity * sizeof *entries);

    if (!entries)
        return false;
    v->entries = entries;
    v->entries_capacity = capacity;
    return true;
}

static bool make_room(struct vocabulary *v, size_t size)
{
    return (v->bytes_capacity - v->bytes_used >= size || grow_bytes(v, size)) &&
           (v->count < v->entries_capacity || grow_entries(v)) &&
           (v->count < v->mask / 2 || grow_slots(v));
}

int vocabulary_add(struct vocabulary *v, const char *piece, size_t size, int32_t id,
                   struct error *err)
{
    uint32_t *slot;

    if (size == 0 || size > PIECE_MAX || v->count >= COUNT_MAX || id < 0)
        return error_set(err, ERR_INPUT, "a word piece of %zu bytes, the %uth, id %d",
                         size, v->count + 1, id);
    if (!make_room(v, size))
        return error_set(err, ERR_MEMORY, "out of memory");
    slot = find_slot(v, piece, size);
    if (*slot == 0) {
        v->entries[v->count] = (struct entry){v->bytes_used, (uint32_t)size, id};
        memcpy(v->bytes + v->bytes_used, piece, size);
        v->bytes_used += size;
        *slot = ++v->count;
    }
    v->entries[*slot - 1].id = id;
    if (size > v->longest)
        v->longest = size;
    if (id > v->max_id)
        v->max_id = id;
    return 0;
}

int vocabulary_add_lines(struct vocabulary *v, const char *text, size_t size,
                         const char *name, struct error *err)
{
    int32_t line = 0;
    int rc;

    for (size_t at = 0; at < size; line++) {
        const char *start = text + at, *end = memchr(start, '\n', size - at);
        size_t bytes = end ? (size_t)(end - start) : size - at;

        at += bytes + 1;
        if (bytes > 0 && start[bytes - 1] == '\r')
            bytes--;
        if (utf8_first_invalid(start, bytes) != bytes)
            return error_set(err, ERR_INPUT, "%s:%d: word piece: invalid UTF-8", name,
                             line + 1);
        if (bytes > 0 && (rc = vocabulary_add(v, start, bytes, line, err)) != 0)
            return error_prefix(err, rc, "%s:%d", name, line + 1);
        if (line == INT32_MAX - 1)
            return error_set(err, ERR_INPUT, "%s: too many lines", name);
    }
    if (v->count == 0)
        return error_set(err, ERR_INPUT, "%s: no word pieces: the file is empty", name);
    return 0;
}

int32_t vocabulary_count(const struct vocabulary *v) { return (int32_t)v->count; }
int32_t vocabulary_max_id(const struct vocabulary *v) { return v->max_id; }
size_t vocabulary_longest(const struct vocabulary *v) { return v->longest; }

static int by_id(const void *a, const void *b, void *bytes)
{
    const struct entry *x = a, *y = b;
    size_t size = x->size < y->size ? x->size : y->size;
    int order;

    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    order = memcmp((char *)bytes + x->offset, (char *)bytes + y->offset, size);
    return order ? order : (x->size > y->size) - (x->size < y->size);
}

int vocabulary_digest(const struct vocabulary *v, struct digest_stream *stream,
                      struct error *err)
{
    struct entry *sorted = malloc((v->count + 1) * sizeof *sorted);

    if (!sorted)
        return error_set(err, ERR_MEMORY, "out of memory");
    if (v->count)
        memcpy(sorted, v->entries, v->count * sizeof *sorted);
    qsort_r(sorted, v->count, sizeof *sorted, by_id, v->bytes);
    for (uint32_t i = 0; i < v->count; i++) {
        digest_stream_add(stream, &sorted[i].id, sizeof sorted[i].id);
        digest_stream_add(stream, &sorted[i].size, sizeof sorted[i].size);
        digest_stream_add(stream, v->bytes + sorted[i].offset, sorted[i].size);
    }
    free(sorted);
    return 0;
}
