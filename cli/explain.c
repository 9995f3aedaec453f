/* `shiftwork explain`: what an adapter's shifts look at. */
#include "cli/commands.h"
#include "cli/trial_source.h"
#include "report/shift_page.h"
#include "storage/file_replace.h"
#include "text/dataset_build.h"
#include "worker/adapter_init.h"
#include "worker/shifts.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    OPTION_DATA,
    OPTION_SPLIT,
    OPTION_ROWS,
    OPTION_TEXT,
    OPTION_TEXT_B,
    OPTION_COMPARE,
    OPTION_CONTROL,
    OPTION_OTHER,
    OPTION_ENCODER,
    OPTION_THREADS,
    OPTION_OUT
};

static const struct option_spec options_table[] = {
    [OPTION_DATA] = {"data", "PATH", "a file, or a folder of the task's files"},
    [OPTION_SPLIT] = {"split", "S", "whose file or columns; default dev"},
    [OPTION_ROWS] = {"rows", "N", "the first N rows only"},
    [OPTION_TEXT] = {"text", "TEXT", "a text in the place of --data"},
    [OPTION_TEXT_B] = {"text-b", "TEXT", "the second text of a pair"},
    [OPTION_COMPARE] = {"compare", "TRIAL", "RUN_DIR[:TRIAL] to show beside it"},
    [OPTION_CONTROL] = {"control", "TRIAL",
                        "one trained with shuffle_labels: what shifts without a task"},
    [OPTION_OTHER] = {"other-task", "TRIAL", "an adapter of another task"},
    [OPTION_ENCODER] = {"encoder", "DIR", "the encoder, where it is not where it was"},
    [OPTION_THREADS] = {"threads", "N", "compute threads; default: one a core"},
    [OPTION_OUT] = {"o", "PATH",
                    "FILE.html: the page; else a new folder of page, CSV "
                    "files and explain.h5"},
    {NULL, NULL, NULL},
};

struct explain_options {
    const char *trial, *data, *split, *text, *text_b, *encoder, *out;
    const char *others[3]; /* compare, control, other task */
    int rows, threads;
};

static const char *const other_names[] = {"compared", "shuffled_labels", "other_task"};

static int usable_cores(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
}

static int split_of(const struct explain_options *o)
{
    for (int s = 0; s < SPLIT_COUNT; s++)
        if (!strcmp(split_names[s], o->split ? o->split : "dev"))
            return s;
    return -1;
}

static int read_data(struct dataset_split *out, struct text_rows *texts,
                     const struct explain_options *o, const struct trial_source *source,
                     const struct task *task, struct error *err)
{
    struct tokenizer *tokenizer;
    char path[8192], hex[DIGEST_HEX];
    int split = split_of(o);
    struct stat st;
    int rc = tokenizer_open(&tokenizer, source->encoder_dir, err);

    if (rc)
        return rc;
    digest_hex(hex, tokenizer_digest(tokenizer));
    snprintf(path, sizeof path, "%s", o->data ? o->data : "");
    if (strcmp(hex, source->task_row->tokenizer_digest) != 0)
        rc = error_set(err, ERR_INPUT,
                       "%s: not the tokenizer that trial %lld was trained with",
                       source->encoder_dir, (long long)source->trial->trial);
    else if (o->text)
        rc = dataset_build_row(out, texts, task, o->text, o->text_b, tokenizer, err);
    else if (stat(path, &st))
        rc = error_set(err, ERR_INPUT, "%s: %s", path, strerror(errno));
    else if (S_ISDIR(st.st_mode) && !task->files[split])
        rc = error_set(err, ERR_INPUT, "%s: task %s has no %s file", path, task->name,
                       split_names[split]);
    else {
        if (S_ISDIR(st.st_mode))
            snprintf(path, sizeof path, "%s/%s", o->data, task->files[split]);
        rc = dataset_build_texts(out, texts, task, (enum split)split, path, o->rows,
                                 tokenizer, err);
    }
    tokenizer_free(tokenizer);
    return rc;
}

static void view_clear(struct shift_view *v)
{
    free(v->about);
    free(v->sizes);
    free(v->relative);
    free(v->sums);
    free(v->v_norm);
    free(v->beta);
    free(v->logits);
    word_table_clear(&v->words);
}

static int view_room(struct shift_view *v, int layers, int64_t tokens, int64_t logits,
                     struct error *err)
{
    size_t cells = (size_t)layers * (size_t)tokens;

    v->sizes = calloc(cells + 1, sizeof(double));
    v->relative = calloc(cells + 1, sizeof(double));
    v->sums = calloc((size_t)tokens + 1, sizeof(double));
    v->v_norm = calloc((size_t)layers + 1, sizeof(double));
    v->beta = calloc((size_t)layers + 1, sizeof(double));
    v->logits = calloc((size_t)logits + 1, sizeof(float));
    if (v->sizes && v->relative && v->sums && v->v_norm && v->beta && v->logits)
        return 0;
    return error_set(err, ERR_MEMORY, "out of memory");
}

/* weights: ‖v‖ of the layers. remove_beta: |wᵀh| in the place of |y|. */
static void fill_view(struct shift_view *v, const struct shifts *shifts,
                      const double *weights, bool remove_beta)
{
    for (int l = 0; l < shifts->layers; l++)
        for (int64_t t = 0; t < shifts->tokens; t++) {
            int64_t at = l * shifts->tokens + t;
            double y = shifts->y[at] - (remove_beta ? v->beta[l] : 0);

            v->sizes[at] = fabs(y) * weights[l];
            v->relative[at] = v->sizes[at] / (double)shifts->state[at];
            if (isfinite(v->sizes[at]))
                v->sums[t] += v->sizes[at];
        }
}

/* weights NULL: the view's own. */
static int make_view(struct shift_view *v, const struct trial_source *source,
                     const float *values, const double *weights,
                     const struct dataset_split *split, int threads, struct error *err)
{
    struct model model = {.encoder = &source->encoder,
                          .layout = &source->layout,
                          .pooling = source->settings.pooling,
                          .regression = source->task_row->regression};
    struct dataset_split unlabelled = *split;
    struct panels *panels = NULL;
    struct shifts shifts = {0};
    int layers = source->encoder.config.layers, rc = 0;

    unlabelled.labelled = false; /* another task's labels are none of ours */
    if ((source->settings.precision != PRECISION_FLOAT32 &&
         (rc = panels_open(&panels, &source->encoder, source->settings.precision,
                           err))) ||
        (rc = view_room(v, layers, split->offsets[split->rows],
                        split->rows * source->task_row->labels, err)))
        return rc;
    model.panels = panels;
    rc = shifts_evaluate(&shifts, v->logits, &model, values, &unlabelled, "data",
                         source->settings.microshard_tokens,
                         threads ? threads : usable_cores(), err);
    for (int l = 0; l < layers && !rc; l++) {
        struct shift_layer layer = shift_layer_of(&source->layout, values, l);

        v->v_norm[l] = layer.v_norm;
        v->beta[l] = layer.beta;
    }
    if (!rc)
        fill_view(v, &shifts, weights ? weights : v->v_norm, weights != NULL);
    v->trained = !weights;
    shifts_clear(&shifts);
    panels_close(panels);
    return rc;
}

static int describe(struct shift_view *v, const struct trial_source *s,
                    const char *more, struct error *err)
{
    int n = asprintf(&v->about, "%s: trial %lld of task %s, seed %lld, score %.4f%s",
                     s->run_dir, (long long)s->trial->trial, s->task_row->name,
                     (long long)s->trial->seed, s->trial->score, more);

    if (n < 0)
        v->about = NULL;
    return n < 0 ? error_set(err, ERR_MEMORY, "out of memory") : 0;
}

static int add_other(struct shift_page *page, int which,
                     const struct trial_source *base, const struct explain_options *o,
                     const struct dataset_split *split, struct error *err)
{
    struct shift_view *v = &page->views[page->view_count];
    struct trial_source source;
    int rc = trial_source_open(&source, o->others[which], o->encoder, err);

    if (rc)
        return rc;
    v->name = other_names[which];
    page->view_count++;
    if (strcmp(source.results.encoder_digest, base->results.encoder_digest) ||
        strcmp(source.task_row->tokenizer_digest, base->task_row->tokenizer_digest))
        rc = error_set(err, ERR_INPUT, "%s: another encoder or tokenizer than %s",
                       source.run_dir, base->run_dir);
    else if (which == 1 && !source.settings.shuffle_labels)
        rc = error_set(err, ERR_INPUT,
                       "--control %s: trained without shuffle_labels; --compare shows "
                       "any trial",
                       o->others[which]);
    else if (!(rc = describe(v, &source, "", err)))
        rc = make_view(v, &source, source.values, NULL, split, o->threads, err);
    if (source.task_row->labels != page->labels ||
        strcmp(source.task_row->name, base->task_row->name) != 0)
        v->trained = false; /* label names would be another task's */
    if (v->logits && source.task_row->labels != page->labels) {
        free(v->logits);
        v->logits = calloc((size_t)(page->rows * page->labels) + 1, sizeof(float));
    }
    trial_source_clear(&source);
    return rc;
}

/* The same text lower-cased, in the other text of the row. */
static bool same_word(const struct word_place *a, const struct word_place *b)
{
    return a->size == b->size && !strncasecmp(a->start, b->start, (size_t)a->size);
}

static void mark_overlap(struct word_place *places, int64_t first, int64_t end)
{
    for (int64_t i = first; i < end; i++)
        for (int64_t j = first; j < end && places[i].text >= 0; j++)
            if (places[j].text == 1 - places[i].text) {
                if (places[i].in_other < 0)
                    places[i].in_other = 0;
                if (same_word(&places[i], &places[j]))
                    places[i].in_other = 1;
            }
}

static int make_places(struct shift_page *page, struct word_place **places,
                       int64_t **row_places, const struct dataset_split *split,
                       const struct text_rows *texts, struct error *err)
{
    int64_t n = 0;

    *places = calloc((size_t)page->tokens + 1, sizeof **places);
    *row_places = calloc((size_t)page->rows + 1, sizeof **row_places);
    if (!*places || !*row_places)
        return error_set(err, ERR_MEMORY, "out of memory");
    for (int64_t r = 0; r < split->rows; r++) {
        for (int64_t t = split->offsets[r]; t < split->offsets[r + 1]; t++) {
            const struct token_word *w = &texts->words[t];
            bool same = t > split->offsets[r] && w->text >= 0 &&
                        w->text == w[-1].text && w->start == w[-1].start &&
                        w->end == w[-1].end;

            if (same) {
                (*places)[n - 1].count++;
                continue;
            }
            (*places)[n++] = (struct word_place){
                .row = r,
                .first = t,
                .count = 1,
                .text = w->text,
                .position = (int)(t - split->offsets[r]),
                .start = w->text < 0 ? "" : texts->texts[w->text][r] + w->start,
                .size = (int)(w->end - w->start),
                .in_other = -1,
            };
        }
        (*row_places)[r + 1] = n;
        mark_overlap(*places, (*row_places)[r], n);
    }
    page->places = *places;
    page->place_count = n;
    page->row_places = *row_places;
    return 0;
}

typedef void write_fn(FILE *out, const struct shift_page *page);

static int write_text(const char *path, write_fn *write, const struct shift_page *page,
                      struct error *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return error_set(err, ERR_MEMORY, "out of memory");
    write(out, page);
    return file_replace_stream(path, out, &text, &size, err);
}

static int write_folder(const char *folder, const struct shift_page *page,
                        struct error *err)
{
    static const struct {
        const char *name;
        write_fn *write;
    } files[] = {{"index.html", shift_page_write},
                 {"words.csv", shift_words_csv},
                 {"tokens.csv", shift_tokens_csv},
                 {"layers.csv", shift_layers_csv},
                 {"positions.csv", shift_positions_csv}};
    struct folder_create f;
    char path[8192];
    int rc = folder_create_begin(&f, folder, err);

    if (rc)
        return rc;
    for (size_t i = 0; i < sizeof files / sizeof *files && !rc; i++) {
        snprintf(path, sizeof path, "%s/%s", f.temporary, files[i].name);
        rc = write_text(path, files[i].write, page, err);
    }
    snprintf(path, sizeof path, "%s/explain.h5", f.temporary);
    if (!rc)
        rc = shift_file_write(path, page, err);
    if (!rc)
        return folder_create_commit(&f, err);
    folder_create_abandon(&f);
    return rc;
}

static int add_views(struct shift_page *page, const struct trial_source *source,
                     const struct explain_options *o, const struct dataset_split *split,
                     struct error *err)
{
    float *initial = malloc((size_t)source->layout.values * sizeof *initial);
    struct shift_view *v = page->views;
    int rc = initial ? 0 : error_set(err, ERR_MEMORY, "out of memory");

    v[0].name = "explained";
    v[1].name = "initial_w";
    page->view_count = 2;
    if (!rc && !(rc = describe(&v[0], source, "", err)) &&
        !(rc = describe(&v[1], source,
                        ": |wᵀh| at its initial w, times its trained ‖v‖", err)) &&
        !(rc =
              make_view(&v[0], source, source->values, NULL, split, o->threads, err))) {
        adapter_init(initial, &source->layout, &source->encoder, source->settings.seed);
        rc = make_view(&v[1], source, initial, v[0].v_norm, split, o->threads, err);
    }
    free(initial);
    for (int i = 0; i < 3 && !rc; i++)
        if (o->others[i])
            rc = add_other(page, i, source, o, split, err);
    for (int i = 0; i < page->view_count && !rc; i++)
        rc = word_table_init(&v[i].words, page->places, page->place_count, v[i].sums,
                             err);
    return rc;
}

static int explain_rows(const struct explain_options *o,
                        const struct trial_source *source,
                        const struct dataset_split *split,
                        const struct text_rows *texts, struct error *err)
{
    struct shift_view views[SHIFT_VIEWS_MAX] = {0};
    struct shift_page page = {
        .title = "What the shifts look at",
        .rows = split->rows,
        .tokens = split->offsets[split->rows],
        .layers = source->encoder.config.layers,
        .labels = (int)source->task_row->labels,
        .label_names = source->task_row->label_names,
        .gold = split->labelled ? split->labels : NULL,
        .offsets = split->offsets,
        .ids = split->input_ids,
        .texts = {texts->texts[0], texts->texts[1]},
        .views = views,
    };
    struct word_place *places = NULL;
    int64_t *row_places = NULL;
    size_t n = strlen(o->out);
    int rc = make_places(&page, &places, &row_places, split, texts, err);

    if (!rc && !(rc = add_views(&page, source, o, split, err)))
        rc = n > 5 && !strcmp(o->out + n - 5, ".html")
                 ? write_text(o->out, shift_page_write, &page, err)
                 : write_folder(o->out, &page, err);
    if (!rc)
        printf("%s: trial %lld of %s, %lld rows, %lld tokens\n", o->out,
               (long long)source->trial->trial, source->task_row->name,
               (long long)page.rows, (long long)page.tokens);
    for (int i = 0; i < page.view_count; i++)
        view_clear(&views[i]);
    free(places);
    free(row_places);
    return rc;
}

static int explain(const struct explain_options *o, struct error *err)
{
    struct trial_source source;
    struct dataset_split split = {0};
    struct text_rows texts = {0};
    struct task task;
    int rc = trial_source_open(&source, o->trial, o->encoder, err);

    if (rc)
        return rc;
    if (source.settings.first_layer == source.encoder.config.layers)
        rc = error_set(err, ERR_INPUT, "%s: trial %lld trains the head only: no shifts",
                       source.run_dir, (long long)source.trial->trial);
    if (!rc && !(rc = task_copy(&task, source.task, err))) {
        task.max_length = (int)source.task_row->max_length;
        if (!(rc = read_data(&split, &texts, o, &source, &task, err)))
            rc = explain_rows(o, &source, &split, &texts, err);
        text_rows_clear(&texts);
        dataset_build_split_clear(&split);
        task_clear(&task);
    }
    trial_source_clear(&source);
    return rc;
}

static int run(int count, char **args, struct error *err)
{
    struct explain_options o = {0};
    const struct option_place places[] = {
        [OPTION_DATA] = {.text = &o.data},
        [OPTION_SPLIT] = {.text = &o.split},
        [OPTION_ROWS] = {.number = &o.rows, .min = 1, .max = 100000000},
        [OPTION_TEXT] = {.text = &o.text},
        [OPTION_TEXT_B] = {.text = &o.text_b},
        [OPTION_COMPARE] = {.text = &o.others[0]},
        [OPTION_CONTROL] = {.text = &o.others[1]},
        [OPTION_OTHER] = {.text = &o.others[2]},
        [OPTION_ENCODER] = {.text = &o.encoder},
        [OPTION_THREADS] = {.number = &o.threads, .min = 1, .max = 1024},
        [OPTION_OUT] = {.text = &o.out},
    };
    int rc =
        arguments_read(&command_explain, count, args, places, &o.trial, "trial", err);

    if (rc)
        return rc;
    if (!o.trial || !o.out)
        return command_misused(err, "RUN_DIR and -o PATH are wanted");
    if (!o.data == !o.text)
        return command_misused(err, "one of --data PATH and --text TEXT is wanted");
    if (o.text_b && !o.text)
        return command_misused(err, "--text-b goes with --text");
    if (split_of(&o) < 0)
        return command_misused(err,
                               "--split %s: train, dev, dev_mismatched, test or "
                               "test_mismatched",
                               o.split);
    return explain(&o, err);
}

static void help(void)
{
    printf("The size of the shift |y|·‖v‖ of each token by layer, as a heat map, and "
           "over a data\nset the words with the largest mean: docs/explain.md.\n");
}

const struct command command_explain = {
    .name = "explain",
    .synopsis = "RUN_DIR[:TRIAL] (--data PATH [--split S] | --text TEXT [--text-b "
                "TEXT])\n                -o PATH [--compare TRIAL] [--control TRIAL] "
                "[--other-task TRIAL]",
    .summary = "Shows which words an adapter shifts",
    .options = options_table,
    .help = help,
    .computes = true,
    .run = run,
};
