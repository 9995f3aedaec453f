/* Makes what was appended to files last, on a thread of its own, so that whoever
 * appends never waits for a disk. One commit takes in all that was pending when it was
 * started; while it runs, more gathers for the next. */
#ifndef STORAGE_COMMITTER_H
#define STORAGE_COMMITTER_H

#include "storage/append_file.h"

struct committer;

int committer_new(struct committer **out, struct error *err);
/* Waits for a commit under way. What is pending in the files is theirs. */
void committer_free(struct committer *committer);

bool committer_busy(const struct committer *committer);
/* Takes and flushes what is pending, file after file in this order: a file may rely on
 * what it names in those before it. Not while busy. */
enum { COMMITTER_FILES = 5 };
void committer_start(struct committer *committer, struct append_file *const *files,
                     int count);
/* 1: a commit has landed since the last call; 0: none has; ERR_IO: it failed, and
 * nothing may be committed any more. Never waits. */
int committer_poll(struct committer *committer, struct error *err);
/* The same, but waits for the one under way, if there is one. */
int committer_wait(struct committer *committer, struct error *err);

#endif
