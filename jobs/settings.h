/* One trial's settings: the job file's groups adapter and training, resolved. */
#ifndef JOBS_SETTINGS_H
#define JOBS_SETTINGS_H

#include "common/adapter_layout.h"

#include <stdbool.h>
#include <stdint.h>

enum pooling { POOLING_POOLER, POOLING_CLS, POOLING_MEAN };
enum precision { PRECISION_FLOAT32, PRECISION_BF16, PRECISION_COUNT };
/* Where what lies below the first trained tensor is computed: once a node, into a file
 * that its workers share, or with every batch. */
enum prefix_mode { PREFIX_AUTO, PREFIX_KEPT, PREFIX_INLINE };
enum schedule { SCHEDULE_CONSTANT, SCHEDULE_LINEAR, SCHEDULE_COSINE };

enum { SETTINGS_PATH = 1024 };

/* Names, ranges, defaults and help are in the table of jobs/settings_table.c. */
struct settings {
    /* adapter */
    bool share_alpha, share_v;
    int first_layer;
    enum train_layernorm train_layernorm;
    enum pooling pooling;
    char init[SETTINGS_PATH]; /* adapter file to start from; empty: none */
    /* training */
    int epochs, batch_size;
    double learning_rate, head_learning_rate; /* head: 0 = the same */
    double weight_decay, beta1, beta2, eps;
    bool decay_v, decay_head_bias;
    enum schedule schedule;
    double warmup;    /* fraction of all steps */
    int horizon;      /* epochs that the schedule spans; 0: epochs */
    double clip_norm; /* 0: off */
    double head_dropout, hidden_dropout, attention_dropout;
    enum precision precision; /* of the products with frozen matrices */
    bool shuffle;
    bool shuffle_labels; /* of the training rows, once: a control */
    uint32_t seed;
    int patience;  /* epochs without a better score before stopping; 0: off */
    int max_steps; /* 0: no limit */
    int microshard_tokens;
    enum prefix_mode prefix;
    int report_steps; /* 0: at the epochs' ends */
    int limit;        /* first N training rows; 0: all */
    int subsample;    /* N stratified rows; 0: all */
    uint32_t subsample_seed;
};

/* What PREFIX_AUTO stands for: kept where layers lie below the adapters and nothing is
 * dropped out in the encoder, else inline. */
enum prefix_mode settings_prefix_rule(const struct settings *settings);
/* Whether the prefix is kept, by what is said or by the rule. */
bool settings_keep_prefix(const struct settings *settings);

#endif
