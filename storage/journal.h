/* The journal of a run: the truth of what has happened, from which everything else can
 * be made again. Files journal.0001, journal.0002, … of frames; each start of a
 * coordinator writes a file of its own.
 *
 * A file begins with a START frame, which names the file before it and how many of that
 * one's bytes count: whatever an older coordinator writes behind them later changes
 * nothing (fencing, without trusting locks). A file without a START frame never began.
 * The order at a start is: create the new file, then read the old ones, then write
 * START; and whoever commits looks after the sync whether a newer file exists before it
 * acknowledges anything. So a commit that was acknowledged is one that the next start
 * has read.
 *
 * An incomplete end, left by a death in the middle of a write, is not counted, and is
 * said. Damage with whole frames behind it is no such end: it is refused. */
#ifndef STORAGE_JOURNAL_H
#define STORAGE_JOURNAL_H

#include "common/process.h"
#include "storage/append_file.h"
#include "storage/frame.h"

#include <stdbool.h>
#include <stdint.h>

enum { JOURNAL_START = 1 }; /* types of frames above are the caller's */

/* Called for each frame that counts, in order, without START. What it returns other
 * than 0 ends the reading. */
typedef int journal_visit(void *arg, const struct frame *frame, struct error *err);

struct journal_end {
    uint32_t files;   /* that began */
    uint32_t last;    /* number of the last of them; 0: none */
    uint64_t length;  /* of the last: bytes that count */
    uint64_t ignored; /* of the last: bytes behind them */
};

/* ERR_INPUT: damaged, with the file and the place. visit may be NULL. */
int journal_read(const char *dir, journal_visit *visit, void *arg,
                 struct journal_end *end, struct error *err);

struct journal;

/* Reads what there is, then starts a file of its own, whose START frame is on disk when
 * this returns. end may be NULL. */
int journal_start(struct journal **out, const char *dir, journal_visit *visit,
                  void *arg, struct journal_end *end, struct error *err);
void journal_close(struct journal *journal); /* pending frames are dropped */

/* Appends a frame: begin, append the payload to the result, end. end returns the
 * frame's ticket: they count from 1. */
struct bytes *journal_begin(struct journal *journal, uint16_t type);
uint64_t journal_append(struct journal *journal);
/* For the committer. */
struct append_file *journal_file(struct journal *journal);
/* Of the last frame appended; 0: none. */
uint64_t journal_ticket(const struct journal *journal);

/* Whether what was committed counts: 0, or ERR_IO with the reason when the next
 * coordinator has started meanwhile, or when the file is no longer where it was. */
int journal_check(const struct journal *journal, struct error *err);

#endif
