/* The lock of a run directory: the process that coordinates it. It is advisory, and no
 * two hosts' clocks are compared: a process of this host is judged by its number and
 * start time, one of another by whether its lock changes, for its holder counts up in
 * it every two seconds. What an older coordinator writes in spite of it does not count
 * either (storage/journal.h). */
#ifndef STORAGE_RUN_LOCK_H
#define STORAGE_RUN_LOCK_H

#include "common/error.h"
#include "common/process.h"

struct run_lock;

enum { RUN_LOCK_LEASE_S = 10 }; /* at least */

/* Makes the folders too. The lock of a dead process of this host is taken over at once,
 * that of another host when it has not changed for lease_s, which is waited for and
 * logged. ERR_INPUT names the one that holds it. */
int run_lock_take(struct run_lock **out, const char *dir, double lease_s,
                  struct error *err);
/* ERR_IO: it is another's by now, or gone. Of one that cannot be read nothing is known:
 * 0. */
int run_lock_check(const struct run_lock *lock, struct error *err);
void run_lock_release(struct run_lock *lock); /* removes it if it is still ours */

/* 0: nobody works on dir now. Changes nothing: whoever only reads need not take the
 * lock. Judges and refuses as run_lock_take() does. */
int run_lock_look(const char *dir, double lease_s, struct error *err);

/* Removes the lock if it is still that of this process, which is no more. */
int run_lock_remove_dead(const char *dir, const struct process *dead,
                         struct error *err);

#endif
