/* What a worker's threads spend their time on: the phases of a profile. */
#ifndef COMMON_PHASE_H
#define COMMON_PHASE_H

#include <stdint.h>

enum phase {
    /* training, forward */
    PHASE_EMBEDDINGS,       /* with their LayerNorm; or rows of a kept prefix */
    PHASE_QUERY_KEY_VALUE,  /* products and biases */
    PHASE_ATTENTION,        /* scores, softmax, mix; dropout of probabilities */
    PHASE_ATTENTION_OUTPUT, /* product */
    PHASE_FFN_UP,
    PHASE_ACTIVATION, /* with the adapter's L_alpha */
    PHASE_FFN_DOWN,
    PHASE_LAYERNORM, /* of the layers, with bias, residual and the adapter's shift */
    PHASE_DROPOUT,   /* hidden places */
    PHASE_HEAD,      /* pooling, classifier */
    /* backward */
    PHASE_HEAD_BACK, /* with the loss */
    PHASE_LAYERNORM_BACK,
    PHASE_DROPOUT_BACK,
    PHASE_FFN_DOWN_BACK,
    PHASE_ACTIVATION_BACK,
    PHASE_FFN_UP_BACK,
    PHASE_ATTENTION_OUTPUT_BACK,
    PHASE_ATTENTION_BACK, /* computes the probabilities again */
    PHASE_QUERY_KEY_VALUE_BACK,
    PHASE_EMBEDDINGS_BACK,
    /* between them */
    PHASE_BATCH,        /* order of rows, cutting, packing */
    PHASE_GRADIENT_SUM, /* over microshards; clearing them before */
    PHASE_OPTIMIZER,    /* clipping, AdamW */
    PHASE_EVALUATION,   /* all of it; computing a prefix that is kept */
    PHASE_REPORT,       /* metrics, checkpoint, message */
    PHASE_SETUP,        /* files, buffers, the beginning of a trial */
    PHASE_WAITING,      /* for other threads, helpers, the next trial */
    PHASE_COUNT
};

extern const char *const phase_names[PHASE_COUNT]; /* "embeddings"… */

struct phase_sum {
    uint64_t nanoseconds, calls;
    double flop; /* of matrix products alone, as the formulas have them */
};

#endif
