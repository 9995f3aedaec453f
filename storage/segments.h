/* Large things that the journal names: append-only files NNNNNN.seg in a folder of the
 * run directory, frames of one trial's bytes each.
 *
 * A segment in which nothing counts any more is removed. Each start writes segments of
 * its own, so that a coordinator which wakes up late writes into none of another's. */
#ifndef STORAGE_SEGMENTS_H
#define STORAGE_SEGMENTS_H

#include "storage/append_file.h"

/* Where something lies. */
struct segment_ref {
    uint32_t segment; /* number; 0: nothing */
    uint32_t size;    /* of the payload */
    uint64_t at;      /* of its frame */
};

struct segments;

/* Looks at the folder, which the first segment makes where it is absent; folder is
 * copied. A new segment is begun when one has grown beyond limit bytes. */
int segments_open(struct segments **out, const char *folder, uint64_t limit,
                  struct error *err);
void segments_close(struct segments *segments);

/* Appends; it lasts with the next commit of segments_files(). What it names counts from
 * now on, until it is released. */
int segments_put(struct segments *segments, uint64_t trial, const void *data,
                 size_t size, struct segment_ref *ref, struct error *err);
/* The files to be committed before the journal; how many. */
enum { SEGMENTS_FILES = 2 };
int segments_files(struct segments *segments,
                   struct append_file *files[SEGMENTS_FILES]);

/* New segments get numbers above this one: a number that was ever named is not used
 * again, whether its file is there or not. */
void segments_pass(struct segments *segments, uint32_t number);
/* What an earlier start has put counts again. ERR_INPUT: there is no such segment. */
int segments_hold(struct segments *segments, struct segment_ref ref, struct error *err);
/* It does not count any more once the journal's frame of this ticket lasts. */
void segments_release(struct segments *segments, struct segment_ref ref,
                      uint64_t ticket);
/* Right after a commit up to this ticket: begins a new segment where the last is full,
 * removes those in which nothing counts. */
int segments_tidy(struct segments *segments, uint64_t committed, struct error *err);

/* Its bytes, on the heap of out; also of what no commit has taken in yet. ERR_INPUT:
 * damaged, or another trial's. */
int segments_read(struct segments *segments, struct segment_ref ref, uint64_t trial,
                  struct bytes *out, struct error *err);

/* The same on any thread, of what was committed: the file is read. */
int segments_read_committed(const struct segments *segments, struct segment_ref ref,
                            uint64_t trial, struct bytes *out, struct error *err);

void segment_ref_put(struct bytes *out, struct segment_ref ref);
struct segment_ref segment_ref_get(struct bytes_reader *in);

#endif
