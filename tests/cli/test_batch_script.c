/* Batch scripts: what is filled in, what is left out, and that a shell reads what was
 * meant. */
#include "cli/batch_script.h"
#include "cli/timed_child.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct timed_output output;

static struct job_slurm small_group(void)
{
    return (struct job_slurm){.nodes = 2,
                              .ranks_per_node = 3,
                              .memory = "4G",
                              .time = "1-12:00:00",
                              .requeue = true,
                              .warn_s = 120};
}

static struct batch_job small_job(void)
{
    static const char *const args[] = {"--set", "training.epochs=3"};
    return (struct batch_job){.program = "/opt/shiftwork",
                              .job_file = "/jobs/my job.cfg",
                              .run_dir = "/runs/it's 5%",
                              .folder = "/jobs",
                              .args = args,
                              .arg_count = 2,
                              .shards = 1,
                              .threads = 2};
}

static char *script_of(enum batch_kind kind, const struct job_slurm *slurm,
                       const struct batch_job *job)
{
    char *script = NULL;
    CU_ASSERT_EQUAL_FATAL(batch_script(&script, kind, slurm, job, NULL), 0);
    return script;
}

static bool has_line(const char *script, const char *line)
{
    size_t length = strlen(line);
    for (const char *at = script; (at = strstr(at, line)); at++)
        if ((at == script || at[-1] == '\n') && (at[length] == '\n' || !at[length]))
            return true;
    return false;
}

static void empty_values_take_their_lines_along(void)
{
    static const char *const names[] = {"a", "b"}, *const values[] = {"1", ""};
    char *text = batch_fill("x {{a}}\ny {{b}} {{a}}\n{{a}}{{a}} {{c}} {{\nend", names,
                            values, 2);
    CU_ASSERT_STRING_EQUAL(text, "x 1\n11 {{c}} {{\nend\n");
    free(text);
}

static void values_are_not_filled_in_again(void)
{
    static const char *const names[] = {"a", "b"}, *const values[] = {"{{b}}", "2"};
    char *text = batch_fill("{{a}}\n", names, values, 2);
    CU_ASSERT_STRING_EQUAL(text, "{{b}}\n");
    free(text);
}

static void a_group_becomes_options_of_sbatch(void)
{
    struct job_slurm slurm = small_group();
    struct batch_job job = small_job();
    char *script = script_of(BATCH_RUN, &slurm, &job);
    CU_ASSERT(has_line(script, "#SBATCH --nodes=2"));
    CU_ASSERT(has_line(script, "#SBATCH --ntasks-per-node=3"));
    CU_ASSERT(has_line(script, "#SBATCH --cpus-per-task=2"));
    CU_ASSERT(has_line(script, "#SBATCH --mem=4G"));
    CU_ASSERT(has_line(script, "#SBATCH --time=1-12:00:00"));
    CU_ASSERT(has_line(script, "#SBATCH --signal=B:USR1@120"));
    CU_ASSERT(has_line(script, "#SBATCH --requeue"));
    CU_ASSERT(has_line(script, "#SBATCH --job-name=it_s_5_"));
    CU_ASSERT(has_line(script, "#SBATCH --output='/runs/it'\\''s 5%%.slurm-%j.out'"));
    CU_ASSERT_PTR_NOT_NULL(strstr(script, "--grace 90"));
    CU_ASSERT_PTR_NULL(strstr(script, "--partition"));
    CU_ASSERT_PTR_NULL(strstr(script, "--array"));
    CU_ASSERT_PTR_NULL(strstr(script, "module"));
    CU_ASSERT_PTR_NULL(strstr(script, "{{"));
    free(script);
}

static void whole_nodes_are_exclusive_with_all_their_memory(void)
{
    struct job_slurm slurm = small_group();
    struct batch_job job = small_job();
    slurm.ranks_per_node = 0;
    slurm.memory[0] = '\0';
    slurm.requeue = false;
    char *script = script_of(BATCH_RUN, &slurm, &job);
    CU_ASSERT(has_line(script, "#SBATCH --exclusive"));
    CU_ASSERT(has_line(script, "#SBATCH --mem=0"));
    CU_ASSERT(has_line(script, "#SBATCH --no-requeue"));
    CU_ASSERT_PTR_NULL(strstr(script, "ntasks-per-node"));
    free(script);
    script = script_of(BATCH_MERGE, &slurm, &job);
    CU_ASSERT_PTR_NULL(strstr(script, "--mem"));
    free(script);
}

static void each_job_of_an_array_has_a_shard(void)
{
    struct job_slurm slurm = small_group();
    struct batch_job job = small_job();
    job.shards = 4;
    char *script = script_of(BATCH_RUN, &slurm, &job);
    CU_ASSERT(has_line(script, "#SBATCH --array=1-4"));
    CU_ASSERT(has_line(script, "dir=$dir.shard-$SLURM_ARRAY_TASK_ID-of-4"));
    CU_ASSERT_PTR_NOT_NULL(strstr(script, "--shard $SLURM_ARRAY_TASK_ID/4"));
    free(script);
}

static void modules_are_loaded(void)
{
    char *modules[] = {"gcc/12", "openmpi"};
    struct job_slurm slurm = small_group();
    struct batch_job job = small_job();
    slurm.modules = modules;
    slurm.module_count = 2;
    char *script = script_of(BATCH_RUN, &slurm, &job);
    CU_ASSERT_PTR_NOT_NULL(strstr(script, "module load gcc/12 openmpi\n"));
    free(script);
}

static void a_shell_reads_words_as_they_were(void)
{
    static const char text[] = "a 'b' \"c\" $HOME `d` \\ e*";
    char *word = shell_word(text), line[128];
    snprintf(line, sizeof line, "printf %%s %s", word);
    char *args[] = {"/bin/sh", "-c", line, NULL};
    CU_ASSERT_EQUAL(timed_program(args, 10, &output), TIMED_DONE);
    CU_ASSERT_STRING_EQUAL(output.text, text);
    free(word);
}

/* Runs a script with a program and Slurm's commands that are shell scripts of the test.
 */
static int run_script(const char *folder, const char *script, const char *program)
{
    char path[256], line[1024];
    snprintf(path, sizeof path, "%s/program", folder);
    FILE *out = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    fprintf(out, "#!/bin/sh\n%s\n", program);
    fclose(out);
    snprintf(path, sizeof path, "%s/script", folder);
    out = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    fputs(script, out);
    fclose(out);
    snprintf(line, sizeof line,
             "cd %s && chmod +x program && printf '#!/bin/sh\\necho scontrol $*\\n"
             "exit 1\\n' >scontrol && chmod +x scontrol && "
             "PATH=$PWD:$PATH SLURM_JOB_ID=7 exec bash ./script",
             folder);
    char *args[] = {"/bin/sh", "-c", line, NULL};
    CU_ASSERT_EQUAL(timed_program(args, 20, &output), TIMED_DONE);
    return output.code;
}

static void it_requeues_after_75_with_progress_only(void)
{
    char folder[] = "/tmp/batch_script_XXXXXX", program[64], line[64];
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    snprintf(program, sizeof program, "%s/program", folder);
    struct job_slurm slurm = small_group();
    struct batch_job job = small_job();
    job.program = program;
    char *script = script_of(BATCH_RUN, &slurm, &job);
    static const char goes_on[] = "case $1 in status) cat n 2>/dev/null ;; "
                                  "run) echo 5 >n; exit 75 ;; esac";
    CU_ASSERT_EQUAL(run_script(folder, script, goes_on), 75);
    CU_ASSERT_PTR_NOT_NULL(strstr(output.text, "scontrol requeue 7\n"));
    CU_ASSERT_EQUAL(run_script(folder, script, goes_on), 75); /* 5 before and after */
    CU_ASSERT_PTR_NULL(strstr(output.text, "scontrol"));
    CU_ASSERT_PTR_NOT_NULL(strstr(output.text, "no epoch ended in this start"));
    CU_ASSERT_EQUAL(run_script(folder, script, "exit 3"), 3);
    CU_ASSERT_PTR_NULL(strstr(output.text, "scontrol"));
    free(script);
    snprintf(line, sizeof line, "rm -r %s", folder);
    CU_ASSERT_EQUAL(system(line), 0);
}

/* The shell is signalled by the program that it has started. */
static void it_does_not_requeue_when_its_user_stops_it(void)
{
    char folder[] = "/tmp/batch_script_XXXXXX", program[64], line[64];
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    snprintf(program, sizeof program, "%s/program", folder);
    struct job_slurm slurm = small_group();
    struct batch_job job = small_job();
    job.program = program;
    char *script = script_of(BATCH_RUN, &slurm, &job), stops[256];
    static const char form[] = "[ $1 = run ] || { cat n 2>/dev/null; exit; }\n"
                               "trap 'echo more >>n; exit 75' USR1; kill -%s $PPID; "
                               "while :; do sleep 0.1; done";
    snprintf(stops, sizeof stops, form, "INT");
    CU_ASSERT_EQUAL(run_script(folder, script, stops), 75);
    CU_ASSERT_PTR_NULL(strstr(output.text, "scontrol"));
    snprintf(stops, sizeof stops, form, "USR1");
    CU_ASSERT_EQUAL(run_script(folder, script, stops), 75);
    CU_ASSERT_PTR_NOT_NULL(strstr(output.text, "scontrol requeue 7\n"));
    free(script);
    snprintf(line, sizeof line, "rm -r %s", folder);
    CU_ASSERT_EQUAL(system(line), 0);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(empty_values_take_their_lines_along),
        SUITE_TEST(values_are_not_filled_in_again),
        SUITE_TEST(a_group_becomes_options_of_sbatch),
        SUITE_TEST(whole_nodes_are_exclusive_with_all_their_memory),
        SUITE_TEST(each_job_of_an_array_has_a_shard),
        SUITE_TEST(modules_are_loaded),
        SUITE_TEST(a_shell_reads_words_as_they_were),
        SUITE_TEST(it_requeues_after_75_with_progress_only),
        SUITE_TEST(it_does_not_requeue_when_its_user_stops_it),
        {NULL, NULL},
    };
    return suite_run("batch_script", tests);
}
