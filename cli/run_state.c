/* The lock tells who coordinates and that it lives, `progress` how far it is, `outcome`
 * how it has ended. Clocks of two hosts are compared only at a first look, generously:
 * later it is seen whether anything changes. */
#include "cli/run_state.h"

#include "cli/commands.h"
#include "cli/live_view.h"
#include "common/clock.h"
#include "coordinator/progress.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const double silence_s = 30.0;
static const double first_silence_s = 120.0; /* where clocks are compared */

void run_state_clear(struct run_state *state)
{
    live_clear(&state->live);
    state->told = false;
}

enum run_phase run_phase_of(bool held, bool here, bool alive, double silent_s)
{
    if (!held)
        return RUN_ENDED;
    if (here && !alive)
        return RUN_GONE;
    return silent_s > silence_s ? RUN_SILENT : RUN_RUNNING;
}

static bool same_process(const struct process *a, const struct process *b)
{
    return a->pid == b->pid && a->started == b->started && !strcmp(a->host, b->host) &&
           !strcmp(a->boot_id, b->boot_id);
}

/* How long the lock and the progress have been as they are. */
static double silence(struct run_state *state, const char *lock, double now)
{
    char sign[sizeof state->sign];
    double age = state->told ? clock_wall_s() - state->live.time_s : 0;
    snprintf(sign, sizeof sign, "%s %.3f", lock, state->told ? state->live.time_s : 0);
    if (state->sign_at == 0)
        state->sign_at = age > first_silence_s ? now - age : now;
    else if (strcmp(sign, state->sign) != 0)
        state->sign_at = now;
    memcpy(state->sign, sign, sizeof sign);
    return now - state->sign_at;
}

static void read_live(struct run_state *state, const char *dir)
{
    run_state_clear(state);
    state->told = !live_read(&state->live, dir, NULL) &&
                  same_process(&state->live.writer, &state->holder);
}

int run_state_look(struct run_state *state, const char *dir, double now,
                   struct error *err)
{
    char lock[RUN_DIR_LINE];
    struct outcome outcome;
    struct stat st;
    if (stat(dir, &st))
        return error_set(err, run_dir_status_of(errno), "%s: %s", dir, strerror(errno));
    int held = run_dir_lock_line(dir, lock, err);
    if (held < 0)
        return held;
    holder_parse(&state->holder, lock);
    read_live(state, dir);
    state->exit_code =
        outcome_read(&outcome, dir, NULL) ? EXIT_STOPPED : outcome.exit_code;
    state->here = process_is_here(&state->holder);
    state->silent_s = silence(state, lock, now);
    state->phase = run_phase_of(held == 1, state->here || !state->holder.host[0],
                                process_alive(&state->holder), state->silent_s);
    return 0;
}

bool run_state_goes_on(const struct run_state *state)
{
    return state->phase == RUN_RUNNING || state->phase == RUN_SILENT;
}

static const char *ended_text(int exit_code)
{
    return exit_code == EXIT_DONE       ? "finished"
           : exit_code == EXIT_GIVEN_UP ? "finished, some trials given up"
                                        : "stopped before its end";
}

static void running_text(char *out, size_t size, const struct run_state *state,
                         const char *dir)
{
    char silent[32];
    duration_text(silent, sizeof silent, state->silent_s);
    int n = snprintf(out, size, "%s: running, coordinated by process %lld on %s%s", dir,
                     (long long)state->holder.pid, state->holder.host,
                     state->here ? "" : ", as its lock says");
    if (state->phase == RUN_SILENT && n > 0 && (size_t)n < size)
        snprintf(out + n, size - (size_t)n,
                 "; no sign of it for %s: if it is dead or cut off, the same command "
                 "goes on",
                 silent);
}

void run_state_text(char *out, size_t size, const struct run_state *state,
                    const char *dir)
{
    if (state->phase == RUN_ENDED)
        snprintf(out, size, "%s: %s", dir, ended_text(state->exit_code));
    else if (!state->holder.host[0])
        snprintf(out, size, "%s: locked, by whom its lock does not say", dir);
    else if (state->phase == RUN_GONE)
        snprintf(out, size, "%s: %s", dir,
                 state->exit_code == EXIT_STOPPED ? "stopped: its coordinator is gone"
                                                  : ended_text(state->exit_code));
    else
        running_text(out, size, state, dir);
}
