/* Looks, draws, waits for a key. The terminal is given back as it was, however we
 * leave but by SIGKILL. */
#include "cli/watch.h"

#include "cli/live_view.h"
#include "cli/run_state.h"
#include "common/clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

struct screen {
    bool terminal, keys; /* standard output is one; standard input */
    struct termios before;
    bool drawn;
};

static void screen_open(struct screen *s)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    s->terminal = isatty(STDOUT_FILENO);
    s->keys = s->terminal && isatty(STDIN_FILENO) &&
              tcgetpgrp(STDIN_FILENO) == getpgrp() &&
              !tcgetattr(STDIN_FILENO, &s->before);
    if (!s->keys)
        return;
    struct termios raw = s->before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

static void screen_close(struct screen *s)
{
    if (s->keys)
        tcsetattr(STDIN_FILENO, TCSANOW, &s->before);
}

static struct view_size screen_size(const struct screen *s)
{
    struct winsize size;
    if (!s->terminal)
        return (struct view_size){0};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col || !size.ws_row)
        return (struct view_size){80, 24};
    return (struct view_size){size.ws_col, size.ws_row};
}

/* Over the picture before, without a flash of an empty screen: each line ends by
 * clearing its rest. */
static void put_screen(const char *text)
{
    printf("\033[H");
    for (const char *at = text; *at;) {
        size_t length = strcspn(at, "\n");
        printf("%.*s\033[K%s", (int)length, at, at[length] ? "\n" : "");
        at += length + (at[length] == '\n');
    }
    printf("\033[J");
}

static void put_block(const char *text)
{
    char when[32];
    time_t now = time(NULL);
    struct tm local;
    strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", localtime_r(&now, &local));
    printf("%s\n%s\n", when, text);
}

/* On the heap; NULL: out of memory. */
static char *picture(const struct run_state *state, const char *dir,
                     struct view_size size, bool keys)
{
    char *text = NULL, head[1024];
    size_t length;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return NULL;
    run_state_text(head, sizeof head, state, dir);
    view_line(out, size.columns, "%s", head);
    struct view_size rest = {size.columns, size.lines > 0 ? size.lines - 1 - keys : 0};
    if (state->told)
        live_view_print(out, &state->live, rest);
    else
        view_line(out, size.columns, "it has not told yet how far it is");
    if (keys)
        fprintf(out, "q leaves; the run goes on"); /* no end of line: it would scroll */
    if (fclose(out)) {
        free(text);
        return NULL;
    }
    return text;
}

static int draw(struct screen *s, const struct run_state *state, const char *dir,
                struct error *err)
{
    char *text = picture(state, dir, screen_size(s), s->keys);
    if (!text)
        return error_set(err, ERR_MEMORY, "out of memory");
    if (s->terminal && !s->drawn)
        printf("\033[2J");
    s->drawn = true;
    if (s->terminal)
        put_screen(text);
    else
        put_block(text);
    free(text);
    if (fflush(stdout) || ferror(stdout))
        return error_set(err, ERR_IO, "standard output: %s", strerror(errno));
    return 0;
}

/* True: the user wants to leave. A resize (SIGWINCH is ignored by default) shows at the
 * next look. */
static bool pause_or_leave(const struct screen *s, double seconds)
{
    double end = clock_monotonic_s() + seconds;
    for (double left; !interrupted && (left = end - clock_monotonic_s()) > 0;) {
        struct pollfd wait = {.fd = s->keys ? STDIN_FILENO : -1, .events = POLLIN};
        char key;
        if (poll(&wait, 1, (int)(left * 1000) + 1) <= 0)
            continue;
        if (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q')
            return true;
    }
    return interrupted;
}

int watch_run(const char *dir, int seconds, struct error *err)
{
    struct screen screen = {0};
    struct run_state state = {0};
    bool leave = false;
    screen_open(&screen);
    int rc = run_state_look(&state, dir, clock_monotonic_s(), err);
    while (!rc && !leave && run_state_goes_on(&state)) {
        rc = draw(&screen, &state, dir, err);
        leave = !rc && pause_or_leave(&screen, seconds);
        if (!rc && !leave)
            rc = run_state_look(&state, dir, clock_monotonic_s(), err);
    }
    if (screen.terminal && screen.drawn)
        printf("%s", leave ? "\n" : "\033[H\033[J");
    screen_close(&screen);
    run_state_clear(&state);
    return rc ? rc : leave;
}
