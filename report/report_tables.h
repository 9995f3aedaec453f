/* The tables of a report, from its analysis. */
#ifndef REPORT_REPORT_TABLES_H
#define REPORT_REPORT_TABLES_H

#include "report/analysis.h"
#include "report/table.h"

enum report_table_kind { REPORT_OVERVIEW, REPORT_TASK, REPORT_TRIALS };

struct report_table {
    enum report_table_kind kind;
    int task; /* index of the analysis's task; of REPORT_TASK */
    struct table table;
};

/* best, methods, trials; for each task configurations_<task> and, where there are
 * tests, comparisons_<task>. Names of files are letters, digits, '-', '_'. */
struct report_tables {
    int count;
    struct report_table *rows;
};

/* ERR_MEMORY. */
int report_tables_init(struct report_tables *out, const struct analysis *analysis,
                       struct error *err);
void report_tables_clear(struct report_tables *tables);

/* name's letters and digits, others _; and _2… where taken (by the tasks before). */
void report_file_name(char *out, size_t size, const struct analysis *analysis,
                      const char *prefix, int task);

#endif
