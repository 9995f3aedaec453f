#include "cli/mpirun_command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

void command_line_add(struct command_line *line, const char *arg)
{
    if (line->count + 2 > line->capacity) {
        int capacity = 2 * line->capacity + 32;
        char **grown = realloc(line->args, (size_t)capacity * sizeof *grown);
        if (!grown) {
            line->failed = true;
            return;
        }
        line->args = grown;
        line->capacity = capacity;
    }
    line->args[line->count] = strdup(arg);
    line->failed = line->failed || !line->args[line->count];
    line->args[++line->count] = NULL;
}

char *command_line_text(const struct command_line *line)
{
    size_t size = 1, at = 0;
    for (int i = 0; i < line->count; i++)
        size += strlen(line->args[i]) + 1;
    char *text = malloc(size);
    if (!text)
        return NULL;
    text[0] = '\0';
    for (int i = 0; i < line->count; i++)
        at +=
            (size_t)snprintf(text + at, size - at, "%s%s", i ? " " : "", line->args[i]);
    return text;
}

void command_line_clear(struct command_line *line)
{
    for (int i = 0; i < line->count; i++)
        free(line->args[i]);
    free(line->args);
    *line = (struct command_line){0};
}

bool program_find(char *out, size_t size, const char *name)
{
    const char *path = getenv("PATH");
    for (const char *at = path ? path : "/usr/bin:/bin"; *at;) {
        size_t length = strcspn(at, ":");
        snprintf(out, size, "%.*s/%s", (int)length, at, name);
        if (access(out, X_OK) == 0)
            return true;
        at += length + (at[length] == ':');
    }
    return false;
}

int program_self(char *out, size_t size, struct error *err)
{
    ssize_t length = readlink("/proc/self/exe", out, size - 1);
    out[length > 0 ? length : 0] = '\0';
    return access(out, X_OK) ? error_set(err, ERR_INPUT, "%s: %s", out, strerror(errno))
                             : 0;
}

/* ---- session folder ---- */

/* As opal_tmp_directory() and orte's parameters have it. */
static const char *usual_base(bool *by_user)
{
    static const char *const names[] = {"OMPI_MCA_orte_local_tmpdir_base",
                                        "OMPI_MCA_orte_tmpdir_base", "TMPDIR", "TEMP",
                                        "TMP"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        *by_user = i < 2;
        if (value && *value)
            return value;
    }
    *by_user = false;
    return "/tmp";
}

static uint64_t room_in(const char *dir)
{
    struct statvfs fs;
    if (statvfs(dir, &fs) || (fs.f_files > 0 && fs.f_favail < 64))
        return 0;
    return (uint64_t)fs.f_bavail * fs.f_frsize;
}

void session_base_find(struct session_base *out)
{
    static const char *const others[] = {"/tmp", "/dev/shm"};
    bool by_user;
    const char *usual = usual_base(&by_user);
    *out = (struct session_base){
        .usual = usual,
        .room = room_in(usual),
        .writable = access(usual, W_OK | X_OK) == 0,
        .by_user = by_user,
    };
    if (out->writable && out->room >= SESSION_ROOM)
        out->dir = usual;
    for (size_t i = 0; !by_user && !out->dir && i < 2; i++)
        if (access(others[i], W_OK | X_OK) == 0 && room_in(others[i]) >= SESSION_ROOM)
            out->dir = others[i];
}

/* ---- mpirun ---- */

/* Variables that ranks on other nodes need too. OPENBLAS_CORETYPE is the user's. */
static void add_environment(struct command_line *line)
{
    static const char *const names[] = {"OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS",
                                        "OPENBLAS_CORETYPE",    "LD_LIBRARY_PATH",
                                        "SHIFTWORK_LAUNCHER",   "SHIFTWORK_TERMINAL",
                                        "SHIFTWORK_START_S",    "SHIFTWORK_ISA",
                                        "SHIFTWORK_BEGUN",      "SHIFTWORK_END_S"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i])) {
            command_line_add(line, "-x");
            command_line_add(line, names[i]);
        }
}

static void add_parameter(struct command_line *line, const char *name,
                          const char *value)
{
    command_line_add(line, "--mca");
    command_line_add(line, name);
    command_line_add(line, value);
}

/* Where the user has not said otherwise. btl: shared memory may hang on a peer that was
 * killed within a message. pml: only ob1 sends through btl; looking at what the others
 * (UCX, libfabric) could use takes 0.2 s of each start. */
static void add_transport(struct command_line *line)
{
    static const char *const parts[][3] = {{"OMPI_MCA_btl", "btl", "tcp,self"},
                                           {"OMPI_MCA_pml", "pml", "ob1"}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!getenv(parts[i][0]))
            add_parameter(line, parts[i][1], parts[i][2]);
}

/* Whether mpirun may start ranks on other hosts: it asks the batch system, or a file.
 */
static bool uses_other_hosts(void)
{
    static const char *const names[] = {"SLURM_JOB_ID", "PBS_NODEFILE", "PE_HOSTFILE",
                                        "LSB_DJOB_HOSTFILE",
                                        "OMPI_MCA_orte_default_hostfile"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i]))
            return true;
    return false;
}

/* Ranks of one host need no network: one that comes and goes must not end the run. */
static void add_loopback(struct command_line *line)
{
    if (uses_other_hosts())
        return;
    if (!getenv("OMPI_MCA_btl_tcp_if_include") &&
        !getenv("OMPI_MCA_btl_tcp_if_exclude"))
        add_parameter(line, "btl_tcp_if_include", "lo");
    if (!getenv("OMPI_MCA_oob_tcp_if_include") &&
        !getenv("OMPI_MCA_oob_tcp_if_exclude"))
        add_parameter(line, "oob_tcp_if_include", "lo");
}

void mpirun_command(struct command_line *line, const char *mpirun, int ranks,
                    const struct session_base *session)
{
    static const char *const flags[] = {"--enable-recovery", "--bind-to", "none",
                                        "--oversubscribe"};
    char number[16];
    snprintf(number, sizeof number, "%d", ranks);
    command_line_add(line, mpirun);
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        command_line_add(line, flags[i]);
    add_transport(line);
    add_loopback(line);
    if (session->dir && session->dir != session->usual)
        add_parameter(line, "orte_tmpdir_base", session->dir);
    if (geteuid() == 0)
        command_line_add(line, "--allow-run-as-root");
    add_environment(line);
    command_line_add(line, "-n");
    command_line_add(line, number);
}

void mpirun_environment(enum job_isa isa)
{
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    setenv("OMP_NUM_THREADS", "1", 1);
    if (isa != ISA_AUTO)
        setenv("SHIFTWORK_ISA", job_isa_words[isa], 1);
}
