#include "bench/large_job.h"

#include <stdio.h>
#include <stdlib.h>

char *large_job_text(int64_t trials, int epochs, int seeds)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    int64_t configs = (trials + seeds - 1) / seeds, side = 1;

    if (!out)
        return NULL;
    while (side * side < configs)
        side++;
    fprintf(out,
            "encoder = \"e\"; tasks = ( { name = \"mrpc\"; data = \"d\"; } );\n"
            "training = { epochs = %d; };\noutput = { dir = \"run\"; };\n"
            "sweep = { seeds = %d; space = { learning_rate = [",
            epochs, seeds);
    for (int64_t i = 1; i <= side; i++)
        fprintf(out, "%s%.9f", i > 1 ? "," : "", 1e-6 * (double)i);
    fprintf(out, "]; weight_decay = [");
    for (int64_t i = 0; i < (configs + side - 1) / side; i++)
        fprintf(out, "%s%.9f", i > 0 ? "," : "", 1e-6 * (double)i);
    fprintf(out, "]; }; };\n");
    fclose(out);
    return text;
}
