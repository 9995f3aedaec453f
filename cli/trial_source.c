/* Finds a trial in results.h5 and opens what it was made with. Only results.h5 is
 * trusted for the settings: the job file beside it may hold a sweep. */
#include "cli/trial_source.h"

#include "cli/h5_guard.h"
#include "jobs/settings_table.h"
#include "storage/dataset_file.h"
#include "storage/results_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int run_results_read(struct results *out, const char *run_dir, int what,
                     struct error *err)
{
    char path[SETTINGS_PATH + 16];
    int rc;

    *out = (struct results){0};
    if (!is_folder(run_dir))
        return error_set(err, ERR_INPUT, "%s: there is no such run directory", run_dir);
    snprintf(path, sizeof path, "%s/results.h5", run_dir);
    rc = h5_guard_results(path, what, err);
    return rc ? rc : results_read(out, path, what, err);
}

/* Splits "DIR:TRIAL"; a folder whose own name holds a colon wins. */
static int split_name(struct trial_source *s, const char *name, const char **trial,
                      struct error *err)
{
    const char *colon = strrchr(name, ':');
    bool whole = !colon || is_folder(name);

    s->run_dir = whole ? strdup(name) : strndup(name, (size_t)(colon - name));
    *trial = whole ? "best" : colon + 1;
    return s->run_dir ? 0 : error_set(err, ERR_MEMORY, "out of memory");
}

static int find_best(struct trial_source *s, const char *task, struct error *err)
{
    const struct ranked *best = NULL;
    int64_t number = 0;

    for (int i = 0; i < s->results.task_count; i++)
        if (!*task || !strcmp(s->results.tasks[i].name, task))
            number = s->results.tasks[i].task;
    if (!*task && s->results.task_count > 1)
        return error_set(err, ERR_INPUT,
                         "%s: several tasks: write %s:%s/best for the best of one",
                         s->run_dir, s->run_dir, s->results.tasks[0].name);
    if (number == 0)
        return error_set(err, ERR_INPUT, "%s: there is no task %s", s->run_dir, task);
    best = ranking_best(&s->ranking, number);
    if (!best || best->best_trial == 0)
        return error_set(err, ERR_INPUT, "%s: no trial is finished yet", s->run_dir);
    s->trial = results_find_trial(&s->results, best->best_trial);
    return 0;
}

static int find_digest(struct trial_source *s, const char *digits, struct error *err)
{
    size_t n = strlen(digits);
    int found = 0;

    if (n < 8 || strspn(digits, "0123456789abcdef") != n)
        return error_set(err, ERR_INPUT,
                         "d%s: at least 8 hexadecimal digits of a digest are wanted",
                         digits);
    for (int i = 0; i < s->results.trial_count; i++)
        if (!strncmp(s->results.trials[i].digest, digits, n)) {
            s->trial = &s->results.trials[i];
            found++;
        }
    if (found != 1)
        return error_set(err, ERR_INPUT, "%s: %d trials have a digest that starts %s",
                         s->run_dir, found, digits);
    return 0;
}

/* A shard's numbers are not all there are between its first and its last. */
static int no_such_trial(const struct trial_source *s, const char *name,
                         struct error *err)
{
    const struct results *r = &s->results;
    long long first = r->trial_count ? r->trials[0].trial : 1;
    long long last = r->trial_count ? r->trials[r->trial_count - 1].trial : 0;

    return error_set(
        err, ERR_INPUT, "%s: there is no trial %s%s: %lld to %lld", s->run_dir, name,
        last - first + 1 == r->trial_count ? "" : " in this shard", first, last);
}

static int find_trial(struct trial_source *s, const char *name, struct error *err)
{
    size_t n = strlen(name);
    char *end;
    long long number;

    if (!strcmp(name, "best"))
        return find_best(s, "", err);
    if (n > 5 && !strcmp(name + n - 5, "/best")) {
        char task[256];

        snprintf(task, sizeof task, "%.*s", (int)(n - 5), name);
        return find_best(s, task, err);
    }
    if (name[0] == 'd')
        return find_digest(s, name + 1, err);
    number = strtoll(name, &end, 10);
    if (*end || end == name)
        return error_set(err, ERR_INPUT,
                         "%s:%s: TRIAL is a number, d and digits of a digest, best or "
                         "TASK/best",
                         s->run_dir, name);
    s->trial = results_find_trial(&s->results, number);
    return s->trial ? 0 : no_such_trial(s, name, err);
}

static int set_from_column(struct settings *settings,
                           const struct results_column *column, int row,
                           struct error *err)
{
    const struct setting *setting = settings_table_find_trial(column->name);
    struct setting_value value = {0};
    int word, rc;

    if (!setting)
        return error_set(err, ERR_INPUT, "results.h5: unknown setting %s",
                         column->name);
    if (column->type == RESULTS_INT)
        value.number = (double)column->integers[row];
    else if (column->type == RESULTS_REAL)
        value.number = column->reals[row];
    else if (setting->type == SETTING_WORD) {
        if ((rc = setting_word(setting, column->texts[row], &word, err)))
            return rc;
        value.number = word;
    } else
        value.text = column->texts[row];
    if ((rc = setting_check(setting, value, err)))
        return rc;
    setting_set(setting, settings, value);
    return 0;
}

static int read_settings(struct trial_source *s, struct error *err)
{
    int row = results_find_config(&s->results, s->trial->config), rc = 0;

    settings_defaults(&s->settings);
    if (row < 0)
        return error_set(err, ERR_INPUT, "%s/results.h5: no configuration %lld",
                         s->run_dir, (long long)s->trial->config);
    for (int c = 0; c < s->results.column_count && !rc; c++)
        rc = set_from_column(&s->settings, &s->results.columns[c], row, err);
    s->settings.seed = (uint32_t)s->trial->seed;
    return rc ? error_prefix(err, rc, "%s", s->run_dir) : 0;
}

static int find_task(struct trial_source *s, struct error *err)
{
    int rc = job_spec_parse(&s->spec, "results.h5's job", s->run_dir,
                            s->results.job_text, NULL, 0, err);

    if (rc)
        return rc;
    s->task_row = results_find_task(&s->results, s->trial->task);
    s->task = s->task_row ? job_spec_task(&s->spec, s->task_row->name) : NULL;
    if (!s->task)
        return error_set(err, ERR_INPUT, "%s/results.h5: no task %lld", s->run_dir,
                         (long long)s->trial->task);
    return 0;
}

static int open_encoder(struct trial_source *s, const char *given, struct error *err)
{
    char hex[DIGEST_HEX];
    int rc;

    s->encoder_dir = given ? given : s->spec.encoder;
    if ((rc = encoder_open(&s->encoder, s->encoder_dir, err)))
        return given ? rc
                     : error_prefix(err, rc,
                                    "the job's encoder (--encoder DIR "
                                    "names another place)");
    digest_hex(hex, s->encoder.digest);
    if (strcmp(hex, s->results.encoder_digest) != 0)
        return error_set(err, ERR_INPUT,
                         "%s: not the encoder that trial %lld was trained on: its "
                         "digest is %s, not %s",
                         s->encoder_dir, (long long)s->trial->trial, hex,
                         s->results.encoder_digest);
    return 0;
}

static int find_values(struct trial_source *s, struct error *err)
{
    const struct results_adapters *table;
    const struct encoder_config *c = &s->encoder.config;
    struct adapter_shape shape = {
        .layers = c->layers,
        .hidden = c->hidden,
        .ffn = c->ffn,
        .labels = (int)s->task_row->labels,
        .share_alpha = s->settings.share_alpha,
        .share_v = s->settings.share_v,
        .first_layer = s->settings.first_layer,
        .train_layernorm = s->settings.train_layernorm,
    };
    int rc = adapter_layout_init(&s->layout, &shape, err);

    if (rc)
        return rc;
    s->values = results_find_adapter(&s->results, s->trial->trial, &table);
    if (!s->values)
        return error_set(err, ERR_INPUT,
                         "%s: the adapter of trial %lld (%s) was not kept; output.keep "
                         "says how many are",
                         s->run_dir, (long long)s->trial->trial, s->trial->status);
    if (!results_adapters_match(table, &s->layout))
        return error_set(err, ERR_INPUT,
                         "%s/results.h5: adapter of trial %lld: other tensors than its "
                         "settings ask for",
                         s->run_dir, (long long)s->trial->trial);
    return 0;
}

int trial_source_open(struct trial_source *out, const char *name, const char *encoder,
                      struct error *err)
{
    const char *trial;
    int rc;

    *out = (struct trial_source){0};
    if ((rc = split_name(out, name, &trial, err)) ||
        (rc = run_results_read(&out->results, out->run_dir, RESULTS_ADAPTERS, err)) ||
        (rc = ranking_init(&out->ranking, &out->results, err)) ||
        (rc = find_trial(out, trial, err)) || (rc = find_task(out, err)) ||
        (rc = read_settings(out, err)) || (rc = open_encoder(out, encoder, err)) ||
        (rc = find_values(out, err)))
        trial_source_clear(out);
    return rc;
}

void trial_source_clear(struct trial_source *source)
{
    adapter_layout_clear(&source->layout);
    encoder_close(&source->encoder);
    job_spec_clear(&source->spec);
    ranking_clear(&source->ranking);
    results_clear(&source->results);
    free(source->run_dir);
    *source = (struct trial_source){0};
}

int trial_source_dataset(struct dataset *out, const struct trial_source *source,
                         struct error *err)
{
    char path[2 * SETTINGS_PATH];
    int rc;

    *out = (struct dataset){0};
    snprintf(path, sizeof path, "%s/datasets/%s.h5", source->run_dir,
             source->task_row->dataset_digest);
    rc = h5_guard_dataset(path, err);
    return rc ? rc : dataset_file_read(out, path, err);
}
