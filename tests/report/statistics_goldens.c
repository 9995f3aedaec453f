#include "tests/report/statistics_goldens.h"

#include "tests/support/places.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARRAYS_MAX = 400 };

struct array {
    char name[64];
    int count;
    double *values;
};

static struct array arrays[ARRAYS_MAX];
static int array_count;

/* Words that are no numbers become NaN: names of metrics. */
static void read_part(const char *path)
{
    FILE *f = fopen(place_source(path), "r");
    char word[64];

    while (f && array_count < ARRAYS_MAX) {
        struct array *a = &arrays[array_count];

        if (fscanf(f, "%63s %d", a->name, &a->count) != 2)
            break;
        a->values = malloc((size_t)a->count * sizeof *a->values);
        for (int i = 0; a->values && i < a->count; i++) {
            char *end = word;

            if (fscanf(f, "%63s", word) == 1)
                a->values[i] = strtod(word, &end);
            if (end == word)
                a->values[i] = NAN;
        }
        array_count++;
    }
    if (f)
        fclose(f);
}

static void read_all(void)
{
    read_part("tests/golden/statistics_small.txt");
    read_part("tests/golden/statistics_grids.txt");
    read_part("tests/golden/statistics_resampling.txt");
    read_part("tests/golden/statistics_forests.txt");
}

const double *golden(const char *of, const char *name, int *count)
{
    char full[128];

    if (array_count == 0)
        read_all();
    snprintf(full, sizeof full, "%s.%s", of, name);
    for (int i = 0; i < array_count; i++)
        if (!strcmp(arrays[i].name, full)) {
            *count = arrays[i].count;
            return arrays[i].values;
        }
    fprintf(stderr, "tests/golden/statistics_*.txt: no %s\n", full);
    exit(1);
}

float *golden_floats(const char *of, const char *name, int *count)
{
    const double *values = golden(of, name, count);
    float *out = malloc((size_t)*count * sizeof *out);

    for (int i = 0; out && i < *count; i++)
        out[i] = (float)values[i];
    return out;
}

int *golden_ints(const char *of, const char *name, int *count)
{
    const double *values = golden(of, name, count);
    int *out = malloc((size_t)*count * sizeof *out);

    for (int i = 0; out && i < *count; i++)
        out[i] = (int)values[i];
    return out;
}
