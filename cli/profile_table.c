#include "cli/profile_table.h"

#include "report/text_table.h"

#include <math.h>

static void add_rates(struct text_table *table, const struct profile_row *row)
{
    if (row->gflop > 0)
        text_table_cell(table, "%.1f", row->gflop_per_s);
    else
        text_table_cell(table, "-");
    if (row->gflop > 0 && !isnan(row->of_limit))
        text_table_cell(table, "%.2f", row->of_limit);
    else
        text_table_cell(table, "-");
}

static void add_row(struct text_table *table, const char *name,
                    const struct profile_row *row)
{
    text_table_row(table);
    text_table_cell(table, "%s", name);
    text_table_cell(table, "%.3f", row->seconds);
    text_table_cell(table, "%.1f", 100 * row->share);
    add_rates(table, row);
}

static void add_header(struct text_table *table)
{
    static const char *const words[] = {"phase", "seconds", "share %", "GFLOP/s",
                                        "of limit"};

    text_table_row(table);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        text_table_cell(table, "%s", words[i]);
}

static void print_head(FILE *out, const struct profile_total *total, bool resumed)
{
    fprintf(out,
            "profile of this start%s: %d worker%s, %d thread%s, %.1f s of thread "
            "time\n",
            resumed ? " only" : "", total->workers, total->workers == 1 ? "" : "s",
            total->threads, total->threads == 1 ? "" : "s", total->seconds);
    if (total->limit > 0)
        fprintf(out,
                "  limit: %.1f GFLOP/s a thread, training's float32 product in cache\n",
                total->limit);
}

int profile_table_print(FILE *out, const struct profile_total *total, bool resumed,
                        struct error *err)
{
    if (total->workers == 0)
        return 0;
    struct text_table *table = text_table_new();
    if (!table)
        return error_set(err, ERR_MEMORY, "out of memory for the profile");
    add_header(table);
    for (int i = 0; i < PHASE_COUNT; i++)
        if (total->rows[i].seconds > 0)
            add_row(table, phase_names[i], &total->rows[i]);
    print_head(out, total, resumed);
    int rc = text_table_print(table, out);
    text_table_free(table);
    fprintf(out, "\n");
    return rc ? error_set(err, ERR_MEMORY, "out of memory for the profile") : 0;
}
