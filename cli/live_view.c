#include "cli/live_view.h"

#include "coordinator/progress.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LINE = 1024 };

/* Bytes of the first `columns` characters, in UTF-8. */
static size_t cut(const char *text, int columns)
{
    size_t at = 0;
    for (int shown = 0; text[at]; at++) {
        bool begins = ((unsigned char)text[at] & 0xC0) != 0x80;
        if (begins && columns > 0 && shown++ == columns)
            break;
    }
    return at;
}

void view_line(FILE *out, int columns, const char *fmt, ...)
{
    char line[LINE];
    va_list list;
    va_start(list, fmt);
    vsnprintf(line, sizeof line, fmt, list);
    va_end(list);
    fprintf(out, "%.*s\n", (int)cut(line, columns), line);
}

/* Appends to a text of LINE bytes. */
static void add(char *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(char *text, const char *fmt, ...)
{
    size_t used = strlen(text);
    va_list list;
    va_start(list, fmt);
    vsnprintf(text + used, LINE - used, fmt, list);
    va_end(list);
}

static const char *plural(int64_t n) { return n == 1 ? "" : "s"; }

static void print_states(FILE *out, const struct live *live, int columns)
{
    static const enum trial_state order[] = {TRIAL_DONE,    TRIAL_RUNNING, TRIAL_QUEUED,
                                             TRIAL_PAUSED,  TRIAL_STOPPED, TRIAL_FAILED,
                                             TRIAL_GIVEN_UP};
    char text[LINE] = "";
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (live->states[order[i]] > 0)
            add(text, "%s %" PRId64 " %s", text[0] ? "," : "", live->states[order[i]],
                trial_state_name(order[i]));
    view_line(out, columns, "%" PRId64 " trial%s:%s%s", live->trials,
              plural(live->trials), text,
              live->stopping ? "; stopping at the next reports" : "");
}

static void print_rate(FILE *out, const struct live *live, int columns)
{
    char ran[32], left[32], text[LINE] = "";
    duration_text(ran, sizeof ran, live->ran_s);
    if (live->per_second > 0) {
        duration_text(left, sizeof left, live->examples_left / live->per_second);
        add(text, ", %.*f training examples/s", live->per_second < 10 ? 1 : 0,
            live->per_second);
        if (!live->stopping)
            add(text, ", %s left%s", left,
                live->rung_count > 0 ? " if no trial stops early" : "");
    }
    view_line(out, columns, "for %s%s", ran, text);
}

static void print_best(FILE *out, const struct live *live, int columns)
{
    char text[LINE] = "";
    for (int i = 0; i < live->task_count; i++)
        if (!isnan(live->tasks[i].best))
            add(text, "%s %s %.4f", text[0] ? "," : "", live->tasks[i].name,
                live->tasks[i].best);
    view_line(out, columns, "best so far:%s", text[0] ? text : " no score yet");
}

void live_view_summary(FILE *out, const struct live *live, struct view_size size)
{
    print_states(out, live, size.columns);
    print_rate(out, live, size.columns);
    print_best(out, live, size.columns);
}

/* Trials that were judged at this rung: here last, or above it since. */
static int64_t come_to(const struct live *live, const struct live_rung *rung)
{
    int64_t sum = 0;
    for (int i = 0; i < live->rung_count; i++) {
        const struct live_rung *r = &live->rungs[i];
        if (r->bracket == rung->bracket && r->rung >= rung->rung)
            sum += r->paused + r->stopped + r->on;
    }
    return sum;
}

static void print_rung(FILE *out, const struct live *live, const struct live_rung *rung,
                       int columns)
{
    char text[LINE] = "", epochs[32] = "";
    bool brackets = live->rungs[live->rung_count - 1].bracket > 0;
    if (brackets)
        add(text, "bracket %d, ", rung->bracket);
    if (rung->epochs > 0)
        snprintf(epochs, sizeof epochs, " (epoch %d)", rung->epochs);
    view_line(out, columns,
              "  %srung %d%s: %" PRId64 " trials so far; %" PRId64 " wait, %" PRId64
              " stopped here",
              text, rung->rung, epochs, come_to(live, rung), rung->paused,
              rung->stopped);
}

static void print_worker(FILE *out, const struct live_worker *w, int columns)
{
    char span[32];
    duration_text(span, sizeof span, w->for_s);
    if (w->trial > 0)
        view_line(out, columns,
                  "  %3d %s: %s trial %" PRId64
                  " (%s, configuration %d, seed %u), epoch %d of %d, for %s",
                  w->number, w->host,
                  w->activity == LIVE_HELPS ? "helps with" : "computes", w->trial,
                  w->task, w->config, w->seed, w->epoch, w->epochs, span);
    else
        view_line(out, columns, "  %3d %s%s%s", w->number, w->host,
                  w->host[0] ? ": " : "", live_activity_name(w->activity));
}

static void print_activities(FILE *out, const struct live *live, int columns)
{
    static const char *const words[LIVE_ACTIVITY_COUNT] = {
        [LIVE_EXPECTED] = "expected",  [LIVE_IDLE] = "idle",
        [LIVE_COMPUTES] = "computing", [LIVE_HELPS] = "helping",
        [LIVE_GONE] = "gone",
    };
    static const enum live_activity order[] = {LIVE_COMPUTES, LIVE_HELPS, LIVE_IDLE,
                                               LIVE_EXPECTED, LIVE_GONE};
    char text[LINE] = "";
    int64_t all = 0;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        int64_t n = live->activities[order[i]];
        all += n;
        if (n > 0)
            add(text, "%s %" PRId64 " %s", text[0] ? "," : "", n, words[order[i]]);
    }
    view_line(out, columns, "%" PRId64 " worker%s:%s", all, plural(all), text);
}

/* How many of `count` lines fit, of which one is for what does not. */
static int fitting(int count, int64_t all, int left, bool limited)
{
    if (!limited || (all <= left && count == all))
        return count;
    return left - 1 < 0 ? 0 : left - 1 < count ? left - 1 : count;
}

void live_view_print(FILE *out, const struct live *live, struct view_size size)
{
    bool limited = size.lines > 0;
    int64_t workers = 0;
    int left = size.lines - 4;
    live_view_summary(out, live, size);
    for (int i = 0; i < LIVE_ACTIVITY_COUNT; i++)
        workers += live->activities[i];
    int rungs = fitting(live->rung_count, live->rung_count, left / 2, limited);
    for (int i = 0; i < rungs; i++)
        print_rung(out, live, &live->rungs[i], size.columns);
    if (rungs < live->rung_count)
        view_line(out, size.columns, "  and %d rungs more", live->rung_count - rungs);
    left -= rungs + (rungs < live->rung_count);
    print_activities(out, live, size.columns);
    int shown = fitting(live->worker_count, workers, left, limited);
    for (int i = 0; i < shown; i++)
        print_worker(out, &live->workers[i], size.columns);
    if (shown < workers && (!limited || left > 0))
        view_line(out, size.columns, "  and %" PRId64 " workers more", workers - shown);
}
