/* What may take for ever is done in a child process, which is ended when it takes too
 * long: a dead file server and an mpirun that hangs do not stop who asks. */
#ifndef CLI_TIMED_CHILD_H
#define CLI_TIMED_CHILD_H

#include <stddef.h>

enum timed_end {
    TIMED_DONE,
    TIMED_LATE, /* it was ended, or left behind where even SIGKILL does not end it */
    TIMED_DIED, /* without an answer, or could not be started */
};

/* Calls look in a child: it fills out, size bytes, which come back as they are, so
 * without pointers to what it has made. out is as before where not TIMED_DONE. */
enum timed_end timed_call(void (*look)(const void *arg, void *out), const void *arg,
                          void *out, size_t size, double limit_s);

/* What a program has printed, both streams in their order. */
struct timed_output {
    char text[1 << 16]; /* closed by a zero; what does not fit is left out */
    size_t size;
    int code; /* exit code, or 128 + the signal; of TIMED_DONE */
    double seconds;
};

/* Runs args[0], a path, with an empty standard input. */
enum timed_end timed_program(char *const *args, double limit_s,
                             struct timed_output *out);

#endif
