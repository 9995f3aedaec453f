/* The one executable: finds the command, prints its errors, picks the exit code. */
#include "cli/commands.h"
#include "cli/run.h"
#include "common/clock.h"
#include "worker/kernels.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct command *const commands[] = {
    &command_prepare, &command_plan,
    &command_run,     &command_submit,
    &command_status,  &command_report,
    &command_predict, &command_explain,
    &command_export,  &command_verify,
    &command_recover, &command_merge,
    &command_doctor,  NULL,
};

static void print_overview(void)
{
    printf("Usage: shiftwork COMMAND [ARGUMENTS]\n\n"
           "Trains AdapterBias adapters on a frozen encoder, on one machine or a "
           "cluster.\n\nCommands:\n");
    for (int i = 0; commands[i]; i++)
        printf("  %-9s %s\n", commands[i]->name, commands[i]->summary);
    printf("\nshiftwork COMMAND --help tells more; shiftwork --version the "
           "version.\n"
           "Exit codes: 0 done, 1 refused, 2 wrong use, 3 some trials given up, "
           "75 stopped early.\n");
}

static void print_help(const struct command *command)
{
    printf("Usage: shiftwork %s %s\n\n%s.\n", command->name, command->synopsis,
           command->summary);
    if (command->options && command->options[0].name)
        printf("\nOptions:\n");
    for (const struct option_spec *o = command->options; o && o->name; o++) {
        char left[80];
        snprintf(left, sizeof left, "%s%s%s%s", o->name[1] ? "--" : "-", o->name,
                 o->value ? " " : "", o->value ? o->value : "");
        printf("  %-22s %s\n", left, o->help);
    }
    if (command->help) {
        printf("\n");
        command->help();
    }
}

static const struct command *command_find(const char *name)
{
    for (int i = 0; commands[i]; i++)
        if (!strcmp(commands[i]->name, name))
            return commands[i];
    return NULL;
}

static bool asks_for_help(int count, char **args)
{
    for (int i = 0; i < count && strcmp(args[i], "--") != 0; i++)
        if (!strcmp(args[i], "--help") || !strcmp(args[i], "-h"))
            return true;
    return false;
}

static bool variable_is(const char *name, const char *value)
{
    const char *now = getenv(name);
    return now && !strcmp(now, value);
}

/* When the user's command began, for the run to say how long it took to start. The
 * launcher's ranks get it from the launcher. */
static void note_start(void)
{
    char now[32];
    if (getenv("SHIFTWORK_LAUNCHER") || getenv("SHIFTWORK_EXECUTED_AGAIN"))
        return;
    snprintf(now, sizeof now, "%.6f", clock_wall_s());
    setenv("SHIFTWORK_BEGUN", now, 1);
}

/* OpenBLAS starts its threads when it is loaded, so the variables must be there before
 * the program starts. */
static void ensure_single_threaded_blas(char **argv)
{
    if ((variable_is("OPENBLAS_NUM_THREADS", "1") &&
         variable_is("OMP_NUM_THREADS", "1")) ||
        getenv("SHIFTWORK_EXECUTED_AGAIN"))
        return;
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    setenv("OMP_NUM_THREADS", "1", 1);
    setenv("SHIFTWORK_EXECUTED_AGAIN", "1", 1);
    execv("/proc/self/exe", argv);
    fprintf(stderr,
            "shiftwork: cannot execute itself again: %s; BLAS may use several "
            "threads\n",
            strerror(errno));
}

/* What could not be printed is not done. */
static bool flush_output(void)
{
    if (!fflush(stdout) && !ferror(stdout))
        return true;
    fprintf(stderr, "shiftwork: standard output: %s\n", strerror(errno));
    return false;
}

static int run_command(const struct command *command, int count, char **args)
{
    struct error err = {""};
    int rc = command->run(count, args, &err);
    if (rc >= 0)
        return flush_output() ? rc : rc == EXIT_DONE ? EXIT_REFUSED : rc;
    if (rc == COMMAND_MISUSED) {
        fprintf(stderr, "shiftwork %s: %s (shiftwork %s --help tells more)\n",
                command->name, err.text, command->name);
        return EXIT_USAGE;
    }
    fprintf(stderr, "shiftwork: %s\n", err.text);
    return EXIT_REFUSED;
}

int main(int argc, char **argv)
{
    /* A file that becomes too large is an error like others. */
    signal(SIGXFSZ, SIG_IGN);
    if (argc < 2) {
        fprintf(stderr, "shiftwork: no command (shiftwork --help lists them)\n");
        return EXIT_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
        !strcmp(argv[1], "help")) {
        print_overview();
        return flush_output() ? EXIT_DONE : EXIT_REFUSED;
    }
    if (!strcmp(argv[1], "--version")) {
        printf("shiftwork %s\n", SHIFTWORK_VERSION);
        return flush_output() ? EXIT_DONE : EXIT_REFUSED;
    }
    const struct command *command = command_find(argv[1]);
    struct error err;
    if (!command) {
        fprintf(stderr,
                "shiftwork: unknown command '%s' (shiftwork --help lists "
                "them)\n",
                argv[1]);
        return EXIT_USAGE;
    }
    if (asks_for_help(argc - 2, argv + 2)) {
        print_help(command);
        return flush_output() ? EXIT_DONE : EXIT_REFUSED;
    }
    note_start();
    if (command->computes)
        ensure_single_threaded_blas(argv);
    if (command->computes && !run_is_rank() && kernels_check(&err)) {
        fprintf(stderr, "shiftwork: %s\n", err.text);
        return EXIT_REFUSED;
    }
    return run_command(command, argc - 2, argv + 2);
}
