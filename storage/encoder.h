/* A pretrained BERT encoder from a Hugging Face directory, its weights mapped
 * read-only.
 *
 * config.json and model.safetensors (or shards with model.safetensors.index.json). F32
 * tensors that lie at a multiple of 4 bytes are used where the file is mapped, so all
 * workers of a node share them; others go through a widened copy (docs/design.md,
 * "Decisions"). */
#ifndef STORAGE_ENCODER_H
#define STORAGE_ENCODER_H

#include "common/digest.h"
#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>

enum activation { ACTIVATION_GELU, ACTIVATION_GELU_NEW, ACTIVATION_RELU };

struct encoder_config {
    int layers, hidden, ffn, heads; /* hidden is a multiple of heads */
    int vocab, positions, types;
    enum activation activation;
    float layer_norm_eps;
    float initializer_range; /* of the head; 0.02 where the file has none */
};

/* All matrices row-major (out, in) as in the file: y = x Wᵀ + b. */
struct encoder_layer {
    const float *query_weight, *query_bias; /* (hidden, hidden), (hidden) */
    const float *key_weight, *key_bias;
    const float *value_weight, *value_bias;
    const float *attention_weight, *attention_bias; /* attention.output.dense */
    const float *attention_ln_weight, *attention_ln_bias;
    const float *ffn_weight, *ffn_bias;       /* intermediate.dense (ffn, hidden) */
    const float *output_weight, *output_bias; /* output.dense (hidden, ffn) */
    const float *output_ln_weight, *output_ln_bias;
};

struct encoder_mapping; /* private: files mapped and copies made */

struct encoder {
    struct encoder_config config;
    const float *word_embeddings;     /* (vocab, hidden) */
    const float *position_embeddings; /* (positions, hidden) */
    const float *type_embeddings;     /* (types, hidden) */
    const float *embeddings_ln_weight, *embeddings_ln_bias;
    struct encoder_layer *layers;
    const float *pooler_weight, *pooler_bias; /* NULL: the checkpoint has none */
    struct digest digest; /* of the weights' values used (as float32, in the order of
                             this struct) and of the configuration used */
    struct encoder_mapping *mapping;
};

/* Opens and checks dir: everything that the computation reads exists, has its shape and
 * is finite. ERR_INPUT names file, tensor and reason; ERR_IO for the copy. */
int encoder_open(struct encoder *out, const char *dir, struct error *err);
void encoder_close(struct encoder *encoder); /* an all-zero one too */

/* One of its tensors under Hugging Face's name, without `bert.`. */
struct encoder_tensor {
    char name[80];
    int64_t rows, cols; /* cols = 0: one-dimensional */
    const float *values;
};

/* All that are there, in the order of struct encoder. Release *out with free(). */
int encoder_tensors(struct encoder_tensor **out, int *count,
                    const struct encoder *encoder, struct error *err);

#endif
