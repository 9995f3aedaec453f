/* The group slurm. Its texts reach a batch script and sbatch, so that only characters
 * without a meaning there are taken, and the forms of Slurm are checked before it sees
 * them. */
#include "jobs/job_reader.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void job_slurm_clear(struct job_slurm *slurm)
{
    for (int i = 0; i < slurm->module_count; i++)
        free(slurm->modules[i]);
    free(slurm->modules);
    slurm->modules = NULL;
    slurm->module_count = 0;
}

/* Nothing that a shell reads otherwise than as a letter, and no option. */
static bool is_plain(const char *text)
{
    if (*text == '-')
        return false;
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && !strchr("_.,:/+@=-", *text))
            return false;
    return true;
}

static int check_plain(struct job_reader *r, const node *at, const char *name,
                       const char *text)
{
    if (is_plain(text))
        return 0;
    return reader_refuse(r, at,
                         "%s: \"%.100s\": letters, digits and _.,:/+@=- are taken, "
                         "and no - in front",
                         name, text);
}

/* 1 to 9 digits. */
static const char *number_end(const char *at)
{
    size_t size = strspn(at, "0123456789");
    return size >= 1 && size <= 9 ? at + size : NULL;
}

/* minutes[:seconds], hours:minutes:seconds, days-hours[:minutes[:seconds]] */
static bool is_time(const char *text)
{
    const char *at = number_end(text);
    if (at && *at == '-')
        at = number_end(at + 1);
    for (int i = 0; at && *at == ':' && i < 2; i++)
        at = number_end(at + 1);
    return at && !*at && strspn(text, "0:-") < strlen(text);
}

static bool is_memory(const char *text)
{
    const char *end = number_end(text);
    return end && strtol(text, NULL, 10) > 0 &&
           (!*end || (strchr("KMGT", *end) && !end[1]));
}

static int check_forms(struct job_reader *r, const struct job_slurm *slurm)
{
    const config_t *c = &r->config;
    if (slurm->time[0] && !is_time(slurm->time))
        return reader_refuse(r, config_lookup(c, "slurm.time"),
                             "time: \"%.40s\" is none of Slurm's forms: minutes, "
                             "hours:minutes:seconds, days-hours:minutes",
                             slurm->time);
    if (slurm->memory[0] && !is_memory(slurm->memory))
        return reader_refuse(r, config_lookup(c, "slurm.memory"),
                             "memory: \"%.40s\": a number of megabytes or one with "
                             "K, M, G or T behind it is wanted",
                             slurm->memory);
    return 0;
}

static int read_modules(struct job_reader *r, const node *at, struct job_slurm *slurm)
{
    const char *text;
    int count = config_setting_length(at), rc = 0;
    if (!(slurm->modules = calloc((size_t)count + 1, sizeof *slurm->modules)))
        return error_set(r->err, ERR_MEMORY, "out of memory");
    for (int i = 0; i < count; i++) {
        const node *element = config_setting_get_elem(at, (unsigned)i);
        if ((rc = reader_text(r, element, &text)) ||
            (rc = check_plain(r, element, "modules", text)))
            return rc;
        if (!(slurm->modules[i] = strdup(text)))
            return error_set(r->err, ERR_MEMORY, "out of memory");
        slurm->module_count++;
    }
    return 0;
}

int reader_slurm(struct job_reader *r, struct job_slurm *slurm)
{
    const config_t *c = &r->config;
    const node *modules = config_lookup(c, "slurm.modules");
    int rc;
    settings_table_defaults(GROUP_SLURM, slurm);
    if ((rc = reader_group(r, config_lookup(c, "slurm"), GROUP_SLURM, slurm)) ||
        (rc = check_plain(r, config_lookup(c, "slurm.partition"), "partition",
                          slurm->partition)) ||
        (rc = check_plain(r, config_lookup(c, "slurm.account"), "account",
                          slurm->account)) ||
        (rc = check_forms(r, slurm)))
        return rc;
    if (modules && !reader_is_choice(modules))
        return reader_is(r, modules, CONFIG_TYPE_ARRAY, "an array [ ] of texts");
    return modules ? read_modules(r, modules, slurm) : 0;
}
