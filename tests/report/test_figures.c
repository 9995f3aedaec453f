/* Every figure: of nothing, of one point, of equal and unknown numbers, of hostile
 * texts; data, script and, where gnuplot is installed, pictures. */
#include "report/figures/figures.h"
#include "report/figures/gnuplot.h"
#include "storage/file_map.h"
#include "tests/support/places.h"
#include "tests/support/suite.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KINDS = 9, POINTS = 4 };

static const struct figure_metric metric = {"accuracy", NULL, true};
static const double steps[POINTS] = {1, 2, 3, 4};

/* What all figures of one test are made of: n of each thing. */
struct input {
    int n;
    const char *text;
    double score[POINTS], low[POINTS], high[POINTS];
};

static int add_lines(struct figures *figures, const struct figure_heading *heading,
                     const struct input *in, struct error *err)
{
    struct figure_line lines[POINTS];
    struct figure_curves curves = {{in->text, in->text}, metric, in->n, lines};
    bool budget = !strcmp(heading->name, "budget");

    curves.y.name = in->text;
    for (int i = 0; i < in->n; i++)
        lines[i] =
            (struct figure_line){in->text, in->n, steps, in->score, in->low, in->high};
    return budget ? figures_add_budget(figures, heading, &curves, err)
                  : figures_add_curves(figures, heading, &curves, err);
}

static int add_settings(struct figures *figures, const struct figure_heading *heading,
                        const struct input *in, struct error *err)
{
    const char *texts[POINTS] = {in->text, in->text, in->text, in->text};
    static const double categories[POINTS] = {0, 1, 0, 1};
    struct figure_setting settings[2] = {{in->text, steps, 0, NULL},
                                         {in->text, categories, 2, texts}};
    struct figure_settings all = {metric,  in->n, in->score, texts, in->n > 0 ? 2 : 0,
                                  settings};

    all.metric.unit = in->text;
    return !strcmp(heading->name, "parallel")
               ? figures_add_parallel(figures, heading, &all, err)
               : figures_add_settings(figures, heading, &all, err);
}

static int add_importance(struct figures *figures, const struct figure_heading *heading,
                          const struct input *in, struct error *err)
{
    const char *texts[POINTS] = {in->text, in->text, in->text, in->text};

    return figures_add_importance(
        figures, heading,
        &(struct figure_bars){
            {in->text, in->text}, in->n, texts, in->score, in->low, in->high},
        err);
}

static int add_heat(struct figures *figures, const struct figure_heading *heading,
                    const struct input *in, struct error *err)
{
    const char *texts[POINTS] = {in->text, in->text, in->text, in->text};

    return figures_add_heat(figures, heading,
                            &(struct figure_heat){{in->text, NULL},
                                                  {in->text, NULL},
                                                  {in->text, NULL},
                                                  1,
                                                  in->n,
                                                  texts,
                                                  texts,
                                                  in->score},
                            err);
}

static int add_spread(struct figures *figures, const struct figure_heading *heading,
                      const struct input *in, struct error *err)
{
    struct figure_group groups[POINTS];

    for (int i = 0; i < in->n; i++)
        groups[i] = (struct figure_group){in->text,     in->n,      in->score,
                                          in->score[i], in->low[i], in->high[i]};
    return figures_add_spread(figures, heading,
                              &(struct figure_spread){metric, in->n, groups}, err);
}

static int add_timeline(struct figures *figures, const struct figure_heading *heading,
                        const struct input *in, struct error *err)
{
    const char *texts[POINTS] = {in->text, in->text, in->text, in->text};
    struct figure_stretch work[POINTS];
    struct figure_death death = {0, in->score[0]};

    for (int i = 0; i < in->n; i++)
        work[i] = (struct figure_stretch){i, in->score[i], in->score[i] + i, i,
                                          (enum figure_work)i};
    return figures_add_timeline(
        figures, heading,
        &(struct figure_timeline){NAN, in->n, texts, in->n, work, in->n > 0, &death},
        err);
}

static int add_rungs(struct figures *figures, const struct figure_heading *heading,
                     const struct input *in, struct error *err)
{
    static const double rungs[2] = {1, 4};
    struct figure_rung_trial trials[POINTS];

    for (int i = 0; i < in->n; i++)
        trials[i] = (struct figure_rung_trial){i % 2, isnan(in->score[i]) ? 0 : i + 1,
                                               steps, in->score, i == 1};
    return figures_add_rungs(
        figures, heading,
        &(struct figure_rungs){metric, 2, (int[]){2, 2},
                               (const double *const[]){rungs, rungs}, in->n, trials},
        err);
}

static const struct {
    const char *name;
    int (*add)(struct figures *, const struct figure_heading *, const struct input *,
               struct error *);
} kinds[KINDS] = {
    {"curves", add_lines},      {"budget", add_lines},     {"settings", add_settings},
    {"parallel", add_settings}, {"bars", add_importance},  {"heat", add_heat},
    {"spread", add_spread},     {"workers", add_timeline}, {"rungs", add_rungs},
};

static void folder_of(char *path, size_t size, const char *name)
{
    snprintf(path, size, "%s/%s", place_temporary(), name);
}

static char *read_all(const struct figures *figures, const char *name,
                      const char *ending)
{
    char path[4096], *text = NULL;

    snprintf(path, sizeof path, "%s/%s.%s", figures->folder, name, ending);
    file_read(&text, NULL, path, 1 << 24, NULL);
    return text;
}

static bool exists(const struct figures *figures, const char *file)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/%s", figures->folder, file);
    return access(path, F_OK) == 0;
}

/* Adds all kinds, draws them if gnuplot is there, and looks that all are drawn. */
static void draw_all(struct figures *figures, const char *folder,
                     const struct input *in)
{
    char path[4096];
    struct error err = {""};

    folder_of(path, sizeof path, folder);
    CU_ASSERT_FATAL(figures_init(figures, path, &err) == 0);
    for (int k = 0; k < KINDS; k++) {
        CU_ASSERT(
            kinds[k].add(figures,
                         &(struct figure_heading){kinds[k].name, in->text, in->text},
                         in, &err) == 0);
        CU_ASSERT_EQUAL(figures->count, k + 1);
    }
    if (!figures_can_draw()) {
        printf(" (not drawn: gnuplot is not installed)");
        return;
    }
    if (figures_draw(figures, 60, &err)) {
        printf("\n    %s", err.text);
        CU_FAIL("gnuplot failed");
    }
    for (int k = 0; k < figures->count; k++) {
        char *svg = read_all(figures, figures->rows[k].name, "svg");
        char *pdf = read_all(figures, figures->rows[k].name, "pdf");

        CU_ASSERT(figures->rows[k].drawn);
        CU_ASSERT(svg && strstr(svg, "</svg>") && !strstr(svg, "\"black\""));
        CU_ASSERT(pdf && !strncmp(pdf, "%PDF", 4));
        free(svg);
        free(pdf);
    }
}

static void figures_of_some_points_are_drawn(void)
{
    const struct input in = {POINTS,
                             "a name",
                             {0.7, 0.8, 0.75, 0.9},
                             {0.6, 0.7, 0.65, 0.8},
                             {0.8, 0.9, 0.85, 1}};
    struct figures figures;

    draw_all(&figures, "some", &in);
    figures_clear(&figures);
}

static void figures_of_one_point_are_drawn(void)
{
    const struct input in = {1, "one", {0.7}, {NAN}, {NAN}};
    struct figures figures;

    draw_all(&figures, "one", &in);
    figures_clear(&figures);
}

static void figures_of_equal_numbers_are_drawn(void)
{
    const struct input in = {POINTS, "same", {1, 1, 1, 1}, {1, 1, 1, 1}, {1, 1, 1, 1}};
    struct figures figures;

    draw_all(&figures, "equal", &in);
    figures_clear(&figures);
}

static void figures_of_zeros_are_drawn(void)
{
    const struct input in = {POINTS, "zero", {0}, {0}, {0}};
    struct figures figures;

    draw_all(&figures, "zero", &in);
    figures_clear(&figures);
}

static void unknown_numbers_leave_gaps(void)
{
    const struct input in = {POINTS,
                             "gaps",
                             {0.7, NAN, 0.75, INFINITY},
                             {NAN, NAN, 0.65, 0.8},
                             {0.8, NAN, NAN, 1}};
    struct figures figures;

    draw_all(&figures, "gaps", &in);
    figures_clear(&figures);
}

/* n = 0, or nothing but NaN. */
static void is_refused(const char *folder, const struct input *in)
{
    char path[4096];
    struct figures figures;
    struct error err;

    folder_of(path, sizeof path, folder);
    CU_ASSERT_FATAL(figures_init(&figures, path, &err) == 0);
    for (int k = 0; k < KINDS; k++) {
        err.text[0] = '\0';
        CU_ASSERT_EQUAL(kinds[k].add(&figures,
                                     &(struct figure_heading){kinds[k].name, "", NULL},
                                     in, &err),
                        ERR_INPUT);
        CU_ASSERT(!strncmp(err.text, kinds[k].name, strlen(kinds[k].name)));
        CU_ASSERT_EQUAL(figures.count, 0);
    }
    CU_ASSERT_FALSE(exists(&figures, "curves.csv"));
    figures_clear(&figures);
}

static void figures_of_nothing_are_refused_by_name(void)
{
    const struct input none = {0, "", {0}, {0}, {0}};
    const struct input unknown = {
        POINTS, "", {NAN, NAN, NAN, NAN}, {NAN, NAN, NAN, NAN}, {NAN, NAN, NAN, NAN}};

    is_refused("nothing", &none);
    is_refused("unknown", &unknown);
}

static const char *const hostile[] = {
    "`touch MARK`",
    "\"; system('touch MARK'); \"",
    "'; system('touch MARK'); '",
    "'. system('touch MARK') .'",
    "''; system 'touch MARK'; ''",
    "x\n!touch MARK\nsystem 'touch MARK'",
    "\\'; system('touch MARK') #",
    "} system('touch MARK') {",
    "$(touch MARK) @system('touch MARK')",
    "\xe2\x80\xa8!touch MARK\r!touch MARK",
    "%s%s%s%n%d 100% %%",
    "<script>alert(1)</script><img src=x onerror=alert(1)>&lt;",
    "]]></text></svg><script>alert(1)</script>",
    "\xe2\x80\xae"
    "desrever\xe2\x81\xa6 \xe2\x80\x8f",
    "\x01\x02\x1b[31m\x7f\xff\xc0\x80",
    "=cmd|' /C calc'!A0",
    "#,,,\"\"\",\n\n\n1,2,3",
    "{/Symbol a}_{b}^{c} \\n \\042 $\\alpha$",
    "",
    NULL,
    "-persist",
    "NaN",
};

static bool is_harmless(const struct figures *figures)
{
    bool harmless = !exists(figures, "MARK");

    for (int k = 0; k < figures->count; k++) {
        char *svg = read_all(figures, figures->rows[k].name, "svg");

        harmless = harmless &&
                   (!svg || (!strstr(svg, "<script") && !strstr(svg, "<img") &&
                             !strstr(svg, "\x1b") && !strstr(svg, "\xe2\x80\xae")));
        free(svg);
    }
    return harmless;
}

static void hostile_texts_are_drawn_and_never_run(void)
{
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        const struct input in = {POINTS,
                                 hostile[i],
                                 {0.7, 0.8, 0.75, 9},
                                 {0.6, 0.7, 0.65, 8},
                                 {1, 1, 1, 10}};
        struct figures figures;
        char folder[32];

        snprintf(folder, sizeof folder, "hostile%zu", i);
        draw_all(&figures, folder, &in);
        if (!is_harmless(&figures))
            printf("\n    <%s>", hostile[i]);
        CU_ASSERT(is_harmless(&figures));
        figures_clear(&figures);
    }
}

static void a_very_long_text_is_cut(void)
{
    char *text = malloc(10001);
    struct figures figures;
    struct input in = {POINTS, text, {0.7, 0.8, 0.75, 9}, {0.6}, {1}};
    char *csv;

    memset(text, 'W', 10000);
    text[10000] = '\0';
    draw_all(&figures, "long", &in);
    csv = read_all(&figures, "curves", "csv");
    CU_ASSERT(csv && strstr(csv, "W…\"") && strlen(csv) < 5000);
    free(csv);
    free(text);
    figures_clear(&figures);
}

/* What is looked for above does happen where a script says so. */
static void the_mark_would_be_seen(void)
{
    const char *script = "bad.gp";
    char path[4096];
    struct figures figures;
    bool done;
    FILE *out;

    if (!figures_can_draw())
        return;
    folder_of(path, sizeof path, "control");
    CU_ASSERT_FATAL(figures_init(&figures, path, NULL) == 0);
    snprintf(path, sizeof path, "%s/bad.gp", figures.folder);
    out = fopen(path, "w");
    fputs("t = \"`touch MARK`\"\n", out);
    fclose(out);
    CU_ASSERT(gnuplot_run(figures.folder, &script, 1, 30, &done, NULL) == 0 && done);
    CU_ASSERT_FALSE(is_harmless(&figures));
    figures_clear(&figures);
}

static void names_are_made_safe_and_differ(void)
{
    const struct input in = {1, "x", {0.7}, {0.6}, {0.8}};
    const char *names[] = {"a/../b", "a/../b", "-x", "", NULL};
    const char *expected[] = {"a____b", "a____b-2", "_-x", "_", "_-2"};
    struct figures figures;
    char path[4096];

    folder_of(path, sizeof path, "names");
    CU_ASSERT_FATAL(figures_init(&figures, path, NULL) == 0);
    for (int i = 0; i < 5; i++) {
        CU_ASSERT(add_spread(&figures, &(struct figure_heading){names[i], "", NULL},
                             &in, NULL) == 0);
        CU_ASSERT_STRING_EQUAL(figures.rows[i].name, expected[i]);
    }
    figures_clear(&figures);
}

static void data_are_the_numbers_given(void)
{
    const struct input in = {2, "line", {0.1, 0.30000000000000004}, {0, NAN}, {1, NAN}};
    struct figures figures;
    char path[4096], *csv;

    folder_of(path, sizeof path, "data");
    CU_ASSERT_FATAL(figures_init(&figures, path, NULL) == 0);
    CU_ASSERT(add_lines(&figures, &(struct figure_heading){"curves", "", NULL}, &in,
                        NULL) == 0);
    csv = read_all(&figures, "curves", "csv");
    CU_ASSERT_STRING_EQUAL(csv, "line,name,x,y,low,high\n"
                                "1,\"line\",1,0.1,0,1\n"
                                "1,\"line\",2,0.30000000000000004,NaN,NaN\n\n"
                                "2,\"line\",1,0.1,0,1\n"
                                "2,\"line\",2,0.30000000000000004,NaN,NaN\n\n");
    free(csv);
    figures_clear(&figures);
}

static void many_configurations_are_thinned_and_the_figure_says_so(void)
{
    enum { MANY = 3000 };
    static double scores[MANY], values[MANY];
    struct figure_setting setting = {"rate", values, 0, NULL};
    struct figure_settings all = {metric, MANY, scores, NULL, 1, &setting};
    struct figures figures;
    char path[4096], *csv, *script;
    int lines = 0;

    for (int i = 0; i < MANY; i++) {
        values[i] = i;
        scores[i] = (i * 7919) % MANY;
    }
    folder_of(path, sizeof path, "many");
    CU_ASSERT_FATAL(figures_init(&figures, path, NULL) == 0);
    CU_ASSERT(figures_add_parallel(&figures,
                                   &(struct figure_heading){"parallel", "", NULL}, &all,
                                   NULL) == 0);
    csv = read_all(&figures, "parallel", "csv");
    script = read_all(&figures, "parallel", "gp");
    for (const char *c = csv; c && *c; c++)
        lines += *c == '\n';
    CU_ASSERT(lines > 1000 && lines < 2500);
    CU_ASSERT(script && strstr(script, " of 3000 configurations"));
    CU_ASSERT(csv && strstr(csv, ",2999,")); /* the best one */
    free(csv);
    free(script);
    figures_clear(&figures);
}

static void without_gnuplot_data_and_scripts_remain(void)
{
    const struct input in = {1, "x", {0.7}, {0.6}, {0.8}};
    char *path = strdup(getenv("PATH")), folder[4096];
    struct figures figures;
    struct error err = {""};

    folder_of(folder, sizeof folder, "without");
    CU_ASSERT_FATAL(figures_init(&figures, folder, &err) == 0);
    CU_ASSERT(add_spread(&figures, &(struct figure_heading){"spread", "", NULL}, &in,
                         &err) == 0);
    setenv("PATH", "/nowhere", 1);
    CU_ASSERT_FALSE(figures_can_draw());
    CU_ASSERT_EQUAL(figures_draw(&figures, 10, &err), ERR_INPUT);
    setenv("PATH", path, 1);
    CU_ASSERT(strstr(err.text, "apt-get install gnuplot-nox") != NULL);
    CU_ASSERT_FALSE(figures.rows[0].drawn);
    CU_ASSERT(exists(&figures, "spread.csv") && exists(&figures, "spread.gp"));
    CU_ASSERT_FALSE(exists(&figures, "spread.svg"));
    figures_clear(&figures);
    free(path);
}

static void write_script(const char *folder, const char *name, const char *text)
{
    char path[8192];
    FILE *out;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    out = fopen(path, "w");
    fputs(text, out);
    fclose(out);
}

static void a_failing_script_is_named_and_the_others_go_on(void)
{
    const char *scripts[] = {"bad.gp", "slow.gp", "good.gp"};
    char folder[4096];
    struct figures figures;
    struct error err = {""};
    bool done[3];

    if (!figures_can_draw())
        return;
    folder_of(folder, sizeof folder, "failing");
    CU_ASSERT_FATAL(figures_init(&figures, folder, NULL) == 0);
    write_script(folder, "bad.gp", "plot nothing_of_the_kind\n");
    write_script(folder, "slow.gp", "pause 60\n");
    write_script(folder, "good.gp", "a = 1\n");
    CU_ASSERT_EQUAL(gnuplot_run(folder, scripts, 3, 2, done, &err), ERR_IO);
    CU_ASSERT(strstr(err.text, "bad.gp: gnuplot: ") != NULL);
    CU_ASSERT(strstr(err.text, "nothing_of_the_kind") != NULL);
    CU_ASSERT(!done[0] && !done[1] && done[2]);
    CU_ASSERT_EQUAL(gnuplot_run(folder, scripts + 1, 1, 0.2, done, &err), ERR_IO);
    CU_ASSERT(strstr(err.text, "slow.gp: gnuplot took too long") != NULL);
    figures_clear(&figures);
}

static const struct suite_test tests[] = {
    SUITE_TEST(figures_of_some_points_are_drawn),
    SUITE_TEST(figures_of_one_point_are_drawn),
    SUITE_TEST(figures_of_equal_numbers_are_drawn),
    SUITE_TEST(figures_of_zeros_are_drawn),
    SUITE_TEST(unknown_numbers_leave_gaps),
    SUITE_TEST(figures_of_nothing_are_refused_by_name),
    SUITE_TEST(hostile_texts_are_drawn_and_never_run),
    SUITE_TEST(a_very_long_text_is_cut),
    SUITE_TEST(the_mark_would_be_seen),
    SUITE_TEST(names_are_made_safe_and_differ),
    SUITE_TEST(data_are_the_numbers_given),
    SUITE_TEST(many_configurations_are_thinned_and_the_figure_says_so),
    SUITE_TEST(without_gnuplot_data_and_scripts_remain),
    SUITE_TEST(a_failing_script_is_named_and_the_others_go_on),
    {NULL, NULL},
};

int main(void) { return suite_run("figures", tests); }
