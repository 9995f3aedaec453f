/* File: for each layer, each matrix, w transposed and then w itself. Rows of the
 * feed-forward size lie in chunks of FFN_BLOCK, as they are computed. */
#include "worker/panels.h"

#include "storage/node_file.h"
#include "worker/workspace.h"

#include <stdlib.h>

struct panels {
    struct node_file file;
    const struct encoder *encoder;
    enum precision precision;
};

struct shape {
    const float *w;
    int out, in;
};

static struct shape shape_of(const struct encoder *e, int layer,
                             enum frozen_matrix which)
{
    const struct encoder_layer *l = &e->layers[layer];
    const float *const weights[FROZEN_COUNT] = {l->query_weight, l->key_weight,
                                                l->value_weight, l->attention_weight,
                                                l->ffn_weight,   l->output_weight};

    return (struct shape){weights[which],
                          which == FROZEN_FFN ? e->config.ffn : e->config.hidden,
                          which == FROZEN_OUTPUT ? e->config.ffn : e->config.hidden};
}

/* Rows of a chunk, of a matrix with so many. */
static int chunk_of(const struct panels *p, int inner)
{
    int depth =
        p->precision == PRECISION_BF16 ? BF16_DEPTH : kernels_get()->panel_depth;

    return inner == p->encoder->config.ffn && FFN_BLOCK < depth ? FFN_BLOCK : depth;
}

static size_t packed_size(const struct panels *p, int inner, int columns)
{
    bool bf16 = p->precision == PRECISION_BF16;
    size_t width = (size_t)(bf16 ? BF16_WIDTH : kernels_get()->panel_width);
    size_t rows = (size_t)(bf16 ? bf16_padded(inner) : inner);

    return rows * (((size_t)columns + width - 1) / width * width) *
           (bf16 ? sizeof(uint16_t) : sizeof(float));
}

static size_t matrix_size(const struct panels *p, struct shape s)
{
    return packed_size(p, s.in, s.out) + packed_size(p, s.out, s.in);
}

static size_t layer_size(const struct panels *p)
{
    size_t size = 0;

    for (int i = 0; i < FROZEN_COUNT; i++)
        size += matrix_size(p, shape_of(p->encoder, 0, (enum frozen_matrix)i));
    return size;
}

static void pack(const struct panels *p, void *out, const struct panel_matrix *m,
                 int inner, int columns)
{
    if (p->precision == PRECISION_BF16)
        bf16_pack(out, m, chunk_of(p, inner), inner, columns);
    else
        kernels_get()->panel_pack(out, m, chunk_of(p, inner), inner, columns);
}

static int write_matrix(struct node_writer *writer, const struct panels *p,
                        struct shape s)
{
    size_t forward = packed_size(p, s.in, s.out), size = matrix_size(p, s);
    char *out = aligned_alloc(64, (size + 63) / 64 * 64);
    int rc;

    if (!out)
        return -1;
    pack(p, out, &(struct panel_matrix){.at = s.w, s.in, true}, s.in, s.out);
    pack(p, out + forward, &(struct panel_matrix){.at = s.w, s.in, false}, s.out, s.in);
    rc = node_writer_put(writer, out, size);
    free(out);
    return rc;
}

static int write_panels(const void *context, struct node_writer *writer)
{
    const struct panels *p = context;
    int rc = 0;

    for (int l = 0; !rc && l < p->encoder->config.layers; l++)
        for (int i = 0; !rc && i < FROZEN_COUNT; i++)
            rc =
                write_matrix(writer, p, shape_of(p->encoder, l, (enum frozen_matrix)i));
    return rc;
}

static const char *name_of(enum precision precision)
{
    return precision == PRECISION_BF16 ? "bf16" : kernels_get()->name;
}

static int source_digest(struct digest *out, const struct panels *p, struct error *err)
{
    static const char layout[] = "panels 1";
    struct digest_stream *stream = digest_stream_new();

    if (!stream)
        return error_set(err, ERR_MEMORY, "out of memory");
    digest_stream_add_text(stream, layout);
    digest_stream_add_text(stream, name_of(p->precision));
    digest_stream_add(stream, &p->encoder->digest, sizeof p->encoder->digest);
    *out = digest_stream_value(stream);
    digest_stream_free(stream);
    return 0;
}

int panels_check(enum precision precision, struct error *err)
{
    if (precision != PRECISION_BF16 || bf16_available())
        return 0;
    return error_set(err, ERR_INPUT,
                     "training.precision: bf16 needs AVX512-BF16; the instruction set "
                     "in use, of this processor or as cluster.isa or SHIFTWORK_ISA "
                     "choose, is %s",
                     kernels_get()->name);
}

size_t panels_bytes(const struct encoder *encoder, enum precision precision)
{
    const struct panels panels = {.encoder = encoder, .precision = precision};

    if (precision == PRECISION_FLOAT32 && !kernels_get()->panel_product)
        return 0;
    return layer_size(&panels) * (size_t)encoder->config.layers;
}

int panels_open(struct panels **out, const struct encoder *encoder,
                enum precision precision, struct error *err)
{
    struct node_file_plan plan = {.kind = "panels", .write = write_panels};
    struct panels *panels;
    int rc = panels_check(precision, err);

    *out = NULL;
    if (rc || (precision == PRECISION_FLOAT32 && !kernels_get()->panel_product))
        return rc;
    if (!(panels = calloc(1, sizeof *panels)))
        return error_set(err, ERR_MEMORY, "out of memory");
    panels->encoder = encoder;
    panels->precision = precision;
    plan.context = panels;
    plan.size = panels_bytes(encoder, precision);
    if ((rc = source_digest(&plan.source, panels, err)) ||
        (rc = node_file_open(&panels->file, &plan, err))) {
        free(panels);
        return rc;
    }
    *out = panels;
    return 0;
}

void panels_close(struct panels *panels)
{
    if (panels)
        node_file_close(&panels->file);
    free(panels);
}

enum precision panels_precision(const struct panels *panels)
{
    return panels ? panels->precision : PRECISION_FLOAT32;
}

/* Where a layer's matrix begins: w transposed. */
static const uint8_t *matrix_at(const struct panels *p, int layer,
                                enum frozen_matrix which)
{
    const uint8_t *at = p->file.data + layer_size(p) * (size_t)layer;

    for (int i = 0; i < (int)which; i++)
        at += matrix_size(p, shape_of(p->encoder, layer, (enum frozen_matrix)i));
    return at;
}

struct linear panels_matrix(const struct panels *panels, const struct encoder *encoder,
                            int layer, enum frozen_matrix which)
{
    struct shape s = shape_of(encoder, layer, which);
    struct linear m = {.w = s.w, .stride = s.in};

    if (!panels)
        return m;
    const void *forward = matrix_at(panels, layer, which);
    const void *backward = (const uint8_t *)forward + packed_size(panels, s.in, s.out);
    int in = chunk_of(panels, s.in), out = chunk_of(panels, s.out);
    if (panels->precision == PRECISION_BF16) {
        m.forward_bf16 =
            (struct bf16_matrix){.panels = forward, .chunk = in, .columns = s.out};
        m.backward_bf16 =
            (struct bf16_matrix){.panels = backward, .chunk = out, .columns = s.in};
    } else {
        m.forward =
            (struct packed_matrix){.panels = forward, .chunk = in, .columns = s.out};
        m.backward =
            (struct packed_matrix){.panels = backward, .chunk = out, .columns = s.in};
    }
    return m;
}
