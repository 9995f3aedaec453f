/* How ranks are started here: the command line of mpirun, the environment that ranks
 * get, and where Open MPI keeps its session folder. */
#ifndef CLI_MPIRUN_COMMAND_H
#define CLI_MPIRUN_COMMAND_H

#include "common/error.h"
#include "jobs/job_spec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The words of a command, closed by NULL. All zero is an empty one. */
struct command_line {
    char **args;
    int count, capacity;
    bool failed; /* out of memory */
};

void command_line_add(struct command_line *line, const char *arg);
/* All words with a space between them, on the heap; NULL when out of memory. */
char *command_line_text(const struct command_line *line);
void command_line_clear(struct command_line *line);

/* Full path of a program on PATH; false: there is none. */
bool program_find(char *out, size_t size, const char *name);
/* Path of this program. ERR_INPUT: it cannot be executed (any more): mpirun would wait
 * for ever. */
int program_self(char *out, size_t size, struct error *err);

/* Open MPI keeps some megabytes in a folder of its own on each node, and hangs or ends
 * with raw text where they do not fit (measured: 8 MB with 4 ranks). */
enum { SESSION_ROOM = 16 << 20 }; /* bytes, at least */

/* Where that folder is made on this node. */
struct session_base {
    const char *dir;        /* where it is to be; NULL: there is no room anywhere */
    const char *usual;      /* where Open MPI would put it by itself */
    uint64_t room;          /* bytes free for this user in usual */
    bool writable, by_user; /* usual is; the user has chosen it by an MCA parameter */
};

/* usual if it has room or is the user's choice, else /tmp or /dev/shm. Texts are
 * borrowed from the environment. */
void session_base_find(struct session_base *out);

/* mpirun with our flags and so many ranks; the program and its arguments are to be
 * added behind. */
void mpirun_command(struct command_line *line, const char *mpirun, int ranks,
                    const struct session_base *session);
/* Sets what ranks need: one thread of BLAS, the job's instruction set. */
void mpirun_environment(enum job_isa isa);

#endif
