/* What makes two trials the same trial: docs/job-file.md has its rules. */
#ifndef JOBS_IDENTITY_H
#define JOBS_IDENTITY_H

#include "common/digest.h"
#include "common/error.h"
#include "common/task.h"
#include "jobs/settings.h"

struct setting;

/* What the settings' text cannot say. */
struct identity_parts {
    struct digest data;    /* dataset_digest() */
    struct digest encoder; /* struct encoder's */
    struct digest init;    /* of the file that init names; zero where it is empty */
    int layers;            /* of the encoder */
};

/* The digest of a trial: settings that have an effect, the task's rules, the parts.
 * task: max_length, selection, labels, regression are read. ERR_MEMORY only. */
int identity_digest(struct digest *out, const struct settings *settings,
                    const struct task *task, const struct identity_parts *parts,
                    struct error *err);

/* What of a trial's identity is its task's: the data and the task's rules, max_length,
 * selection, labels, regression. ERR_MEMORY only. */
int identity_task_digest(struct digest *out, const struct task *task,
                         struct digest data, struct error *err);

/* Settings with everything that has no effect at its default and horizon resolved;
 * epochs are left out (default). Two configurations with the same canonical text of
 * this are one. */
void identity_settings(struct settings *out, const struct settings *settings,
                       int layers);

/* Of settings as identity_settings() gives them: equal where their canonical texts are,
 * and quicker than those. Journals hold it: names and values of settings that are not
 * at their default count, whatever other settings there are. */
struct digest identity_settings_key(const struct settings *effective);
/* The same, of a program that knows these settings only, in this order. */
struct digest identity_key_over(const struct settings *effective,
                                const struct setting *const *settings, int count);

/* Whether epochs are not part of the identity, or may rise up to a horizon that is:
 * then more of them continue a finished trial. */
bool identity_extendable(const struct settings *settings);

/* XXH3-128 of a file's bytes. ERR_INPUT where it cannot be read. */
int identity_file_digest(struct digest *out, const char *path, struct error *err);

#endif
