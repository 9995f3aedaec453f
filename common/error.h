/* Status and error text: how every function that can fail says so. */
#ifndef COMMON_ERROR_H
#define COMMON_ERROR_H

enum status {
    ERR_INPUT = -1, /* the user's file or argument is wrong: report it, never retry */
    ERR_IO = -2,    /* disk or network: the same trial may succeed elsewhere */
    ERR_PROTOCOL = -3, /* a message this build cannot read: drop the sender */
    ERR_NUMERIC = -4,  /* NaN or overflow in training: fail the trial */
    ERR_MEMORY = -5,
};

/* One line for the user: what, where, why. Empty after success. */
struct error {
    char text[1024];
};

/* Writes the reason, a control character replaced by '?', and returns status.
 * err may be NULL. */
int error_set(struct error *err, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before the text that err holds; returns status. */
int error_prefix(struct error *err, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
