#include "cli/start_probe.h"

#include "cli/mpirun_command.h"
#include "cli/node_probe.h"
#include "cli/timed_child.h"

#include <stdlib.h>
#include <string.h>

enum { RANKS = 2, PATH_SIZE = 4096 };
static const double start_s = 20.0, ask_s = 5.0;

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* The lines of ranks among what was printed. */
static int read_ranks(struct rank_facts out[RANKS], const char *text)
{
    int count = 0;
    for (const char *at = text; *at && count < RANKS;) {
        if (rank_facts_parse(&out[count], at))
            count++;
        at += strcspn(at, "\n");
        at += *at == '\n';
    }
    return count;
}

/* The first line that says something: mpirun draws lines of dashes around it. */
static void reason_of(char *out, size_t size, const struct timed_output *output)
{
    const char *at = output->text;
    while (*at && (*at == '-' || *at == '\n' || *at == ' ')) {
        at += strcspn(at, "\n");
        at += *at == '\n';
    }
    snprintf(out, size, "%.*s", (int)strcspn(at, "\n"),
             *at ? at : "it printed nothing");
}

/* Runs line, which ends in our program as a rank. Returns how many ranks came. */
static int try_start(const struct command_line *line, struct rank_facts ranks[RANKS],
                     char *why, size_t size, double *seconds)
{
    struct timed_output *output = malloc(sizeof *output);
    int count = 0;
    snprintf(why, size, "out of memory");
    if (!output || line->failed) {
        free(output);
        return 0;
    }
    enum timed_end end = timed_program(line->args, start_s, output);
    if (end == TIMED_DONE && output->code == 0)
        count = read_ranks(ranks, output->text);
    if (end == TIMED_LATE)
        snprintf(why, size, "not within %.0f s", start_s);
    else
        reason_of(why, size, output);
    *seconds = output->seconds;
    free(output);
    return count;
}

/* The command by hand: what was tried, for a run. */
static char *by_hand(const char *text, const char *program)
{
    const char *end = strstr(text, program);
    char *out;
    size_t words = end ? (size_t)(end - text) : strlen(text);
    while (words > 0 && text[words - 1] == ' ')
        words--;
    return asprintf(&out, "%.*s %s run JOB.cfg", (int)words, text, program) < 0 ? NULL
                                                                                : out;
}

static void judge_start(struct diagnosis *d, const char *name, bool needed,
                        const struct command_line *line, const char *program)
{
    struct rank_facts ranks[RANKS];
    char why[512];
    double seconds = 0;
    char *text = command_line_text(line);
    char *hand = text ? by_hand(text, program) : NULL;
    int count = try_start(line, ranks, why, sizeof why, &seconds);
    if (count == RANKS)
        diagnosis_say(d, MARK_OK, name, "%d ranks start in %.1f s; %s: %s", RANKS,
                      seconds,
                      needed ? "shiftwork run does so by itself, by hand it is"
                             : "without survival of deaths",
                      hand ? hand : "");
    else
        diagnosis_say(d, needed ? MARK_PROBLEM : MARK_NOTE, name,
                      "%d of %d ranks came: %s; try by hand: %s", count, RANKS, why,
                      text ? text : "");
    if (count == RANKS && needed)
        rank_facts_judge(d, ranks, count);
    free(hand);
    free(text);
}

static bool several_nodes(void)
{
    const char *nodes = variable("SLURM_JOB_NUM_NODES");
    return nodes && strtol(nodes, NULL, 10) > 1;
}

static void diagnose_session(struct diagnosis *d, const struct session_base *session)
{
    char room[SIZE_TEXT], needed[SIZE_TEXT];
    size_text(room, (double)session->room);
    size_text(needed, SESSION_ROOM);
    if (!session->dir)
        diagnosis_say(
            d, MARK_PROBLEM, "session",
            "%s has %s free and Open MPI needs %s: free some, or name another "
            "folder in TMPDIR",
            session->usual, room, needed);
    else if (session->dir != session->usual)
        diagnosis_say(
            d, MARK_NOTE, "session",
            "%s has %s free and Open MPI needs %s: its files go to %s instead",
            session->usual, room, needed, session->dir);
    else
        diagnosis_say(d, MARK_OK, "session", "%s free in %s for Open MPI's files", room,
                      session->dir);
}

static void diagnose_mpirun(struct diagnosis *d, const char *program)
{
    char mpirun[PATH_SIZE];
    struct session_base session;
    struct command_line line = {0};
    session_base_find(&session);
    diagnose_session(d, &session);
    if (!program_find(mpirun, sizeof mpirun, "mpirun")) {
        diagnosis_say(d, MARK_PROBLEM, "mpirun",
                      "it is not on PATH: install Open MPI, or load its module");
        return;
    }
    if (!session.dir)
        return;
    mpirun_command(&line, mpirun, RANKS, &session);
    if (several_nodes()) {
        command_line_add(&line, "--map-by");
        command_line_add(&line, "node");
    }
    command_line_add(&line, program);
    command_line_add(&line, "doctor");
    judge_start(d, "mpirun", true, &line, program);
    command_line_clear(&line);
}

static void diagnose_srun(struct diagnosis *d, const char *program)
{
    static const char *const words[] = {"--mpi=pmix", "--overlap", "--overcommit", "-n",
                                        "2"};
    char srun[PATH_SIZE];
    struct command_line line = {0};
    if (!variable("SLURM_JOB_ID") || !program_find(srun, sizeof srun, "srun"))
        return;
    command_line_add(&line, srun);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        command_line_add(&line, words[i]);
    command_line_add(&line, program);
    command_line_add(&line, "doctor");
    judge_start(d, "srun", false, &line, program);
    command_line_clear(&line);
}

void start_diagnose(struct diagnosis *d)
{
    char program[PATH_SIZE];
    struct error err;
    if (program_self(program, sizeof program, &err)) {
        diagnosis_say(d, MARK_PROBLEM, "program", "%s", err.text);
        return;
    }
    mpirun_environment(ISA_AUTO);
    unsetenv("SHIFTWORK_BEGUN"); /* it is of no use in the command by hand */
    diagnose_mpirun(d, program);
    diagnose_srun(d, program);
}

/* ---- Slurm ---- */

/* The first line that a command prints; false: it failed, why in out. */
static bool ask(char *const *args, char *out, size_t size)
{
    struct timed_output *output = malloc(sizeof *output);
    enum timed_end end = output ? timed_program(args, ask_s, output) : TIMED_DIED;
    bool done = end == TIMED_DONE && output->code == 0;
    if (end == TIMED_LATE)
        snprintf(out, size, "no answer within %.0f s", ask_s);
    else if (end == TIMED_DONE)
        reason_of(out, size, output);
    else
        snprintf(out, size, "it cannot be started");
    free(output);
    return done;
}

static void diagnose_allocation(struct diagnosis *d, const char *job)
{
    char squeue[PATH_SIZE], left[256];
    const char *nodes = variable("SLURM_JOB_NODELIST");
    const char *cores = variable("SLURM_JOB_CPUS_PER_NODE");
    const char *tasks = variable("SLURM_NTASKS"), *mem = variable("SLURM_MEM_PER_NODE");
    diagnosis_say(d, MARK_OK, "allocation",
                  "job %s: nodes %s, cores a node %s, tasks %s, memory a node %s%s",
                  job, nodes ? nodes : "?", cores ? cores : "?", tasks ? tasks : "?",
                  mem ? mem : "not limited", mem ? " MB" : "");
    if (!program_find(squeue, sizeof squeue, "squeue")) {
        diagnosis_say(d, MARK_NOTE, "time limit", "squeue is not on PATH: not known");
        return;
    }
    char *args[] = {squeue, "-h", "-j", (char *)job, "-o", "%L (until %e)", NULL};
    if (ask(args, left, sizeof left))
        diagnosis_say(d, MARK_OK, "time limit", "%s left", left);
    else
        diagnosis_say(d, MARK_NOTE, "time limit", "squeue: %s", left);
}

void slurm_diagnose(struct diagnosis *d)
{
    char scontrol[PATH_SIZE], version[256];
    const char *job = variable("SLURM_JOB_ID");
    if (!program_find(scontrol, sizeof scontrol, "scontrol")) {
        diagnosis_say(d, job ? MARK_NOTE : MARK_OK, "slurm",
                      job ? "scontrol is not on PATH, though this is job %s"
                          : "none here: runs are of this machine%s",
                      job ? job : "");
    } else {
        char *args[] = {scontrol, "--version", NULL};
        bool told = ask(args, version, sizeof version);
        diagnosis_say(d, told ? MARK_OK : MARK_NOTE, "slurm", "%s%s", version,
                      job    ? ""
                      : told ? "; not in an allocation: salloc or sbatch gives one"
                             : "; runs are of this machine");
    }
    if (job)
        diagnose_allocation(d, job);
}
