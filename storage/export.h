/* A trained adapter as a folder for others: three forms (docs/formats.md,
 * "Adapter").
 *
 * A folder is written beside its name and renamed when whole; one that exists is
 * refused. Each holds a README.md (model card), config.json with labels, and the base's
 * tokenizer files as found. */
#ifndef STORAGE_EXPORT_H
#define STORAGE_EXPORT_H

#include "common/adapter_layout.h"
#include "storage/encoder.h"

#include <stdbool.h>
#include <stdint.h>

enum export_form { EXPORT_ADAPTER, EXPORT_MERGED, EXPORT_PEFT };

/* EXPORT_ADAPTER… for "adapter", "merged", "peft"; -1 for another word. */
int export_form_by_name(const char *name);

/* What the folder tells about the adapter. Texts may be NULL where not known, but for
 * task, pooling and base_model. All borrowed. */
struct export_info {
    const char *task;
    bool regression;
    const char *const *label_names; /* layout->shape.labels; NULL for regression */
    const char *pooling;            /* "pooler" | "cls" | "mean" */
    const char *base_model;         /* as given, or --base-model */
    const char *settings;           /* canonical text of the trial's */
    int64_t trial, seed, epoch;     /* 0: not known (seed: < 0) */
    double score;                   /* NaN: not known */
    const char *score_name;         /* "mean of f1 and accuracy" */
    const char *metrics;            /* "accuracy 0.8140, f1 0.8712", on dev */
    const char *selection;          /* how the epoch and the trial were chosen */
    int64_t configurations, seeds;  /* tried; 0: not known */
    int max_length;
    const char *trial_digest, *dataset_digest, *tokenizer_digest; /* hex */
    const char *numerics;
};

/* dir: the encoder's folder, encoder: opened from it. values (layout->values).
 *
 * ERR_INPUT: out exists, or the form cannot express the adapter (merged and peft: a
 * pooling other than pooler; peft: head only), or a checkpoint's config.json that
 * cannot be carried over. ERR_IO: it cannot be written; nothing is left behind. */
int export_write(enum export_form form, const char *out, const char *dir,
                 const struct encoder *encoder, const struct adapter_layout *layout,
                 const float *values, const struct export_info *info,
                 struct error *err);

#endif
