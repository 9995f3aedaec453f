/* `shiftwork status RUN_DIR --watch`. */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include "common/error.h"

/* Shows the run anew every so many seconds until it has ended (0, nothing is said about
 * the end), or the user leaves by q or Ctrl-C (1). On a terminal one screen, elsewhere
 * blocks with the time above them. ERR_IO: standard output cannot be written. */
int watch_run(const char *dir, int seconds, struct error *err);

#endif
