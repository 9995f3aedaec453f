#include "cli/run.h"

int launcher_run(const struct run_options *options, struct error *err)
{
    return error_set(err, ERR_INPUT, "%s: the launcher is not written yet",
                     options->job);
}
