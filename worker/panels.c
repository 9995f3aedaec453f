/* File: for each layer, each matrix, w transposed and then w itself. Rows of the
 * feed-forward size lie in chunks of FFN_BLOCK, as they are computed. */
#include "worker/panels.h"

#include "storage/node_file.h"
#include "worker/workspace.h"

#include <stdlib.h>

struct panels {
    struct node_file file;
    const struct encoder *encoder;
    const float *data;
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
static int chunk_of(const struct encoder *e, int inner)
{
    int depth = kernels_get()->panel_depth;

    return inner == e->config.ffn && FFN_BLOCK < depth ? FFN_BLOCK : depth;
}

static size_t packed_floats(int inner, int columns)
{
    size_t width = (size_t)kernels_get()->panel_width;

    return (size_t)inner * (((size_t)columns + width - 1) / width * width);
}

static size_t matrix_floats(struct shape s)
{
    return packed_floats(s.in, s.out) + packed_floats(s.out, s.in);
}

static size_t layer_floats(const struct encoder *e)
{
    size_t floats = 0;

    for (int i = 0; i < FROZEN_COUNT; i++)
        floats += matrix_floats(shape_of(e, 0, (enum frozen_matrix)i));
    return floats;
}

static int write_matrix(struct node_writer *writer, const struct encoder *e,
                        struct shape s)
{
    const struct kernels *kernels = kernels_get();
    size_t forward = packed_floats(s.in, s.out), floats = matrix_floats(s);
    float *out = aligned_alloc(64, (floats * sizeof *out + 63) / 64 * 64);
    int rc;

    if (!out)
        return -1;
    kernels->panel_pack(out, &(struct panel_matrix){.at = s.w, s.in, true},
                        chunk_of(e, s.in), s.in, s.out);
    kernels->panel_pack(out + forward, &(struct panel_matrix){.at = s.w, s.in, false},
                        chunk_of(e, s.out), s.out, s.in);
    rc = node_writer_put(writer, out, floats * sizeof *out);
    free(out);
    return rc;
}

static int write_panels(const void *context, struct node_writer *writer)
{
    const struct encoder *e = context;
    int rc = 0;

    for (int l = 0; !rc && l < e->config.layers; l++)
        for (int i = 0; !rc && i < FROZEN_COUNT; i++)
            rc = write_matrix(writer, e, shape_of(e, l, (enum frozen_matrix)i));
    return rc;
}

static int source_digest(struct digest *out, const struct encoder *e, struct error *err)
{
    static const char layout[] = "panels 1";
    struct digest_stream *stream = digest_stream_new();

    if (!stream)
        return error_set(err, ERR_MEMORY, "out of memory");
    digest_stream_add_text(stream, layout);
    digest_stream_add_text(stream, kernels_get()->name);
    digest_stream_add(stream, &e->digest, sizeof e->digest);
    *out = digest_stream_value(stream);
    digest_stream_free(stream);
    return 0;
}

int panels_open(struct panels **out, const struct encoder *encoder, struct error *err)
{
    struct node_file_plan plan = {
        .kind = "panels", .write = write_panels, .context = encoder};
    struct panels *panels;
    int rc;

    *out = NULL;
    if (!kernels_get()->panel_product)
        return 0;
    if (!(panels = calloc(1, sizeof *panels)))
        return error_set(err, ERR_MEMORY, "out of memory");
    plan.size = layer_floats(encoder) * (size_t)encoder->config.layers * sizeof(float);
    if ((rc = source_digest(&plan.source, encoder, err)) ||
        (rc = node_file_open(&panels->file, &plan, err))) {
        free(panels);
        return rc;
    }
    panels->encoder = encoder;
    panels->data = (const float *)(const void *)panels->file.data;
    *out = panels;
    return 0;
}

void panels_close(struct panels *panels)
{
    if (panels)
        node_file_close(&panels->file);
    free(panels);
}

struct linear panels_matrix(const struct panels *panels, const struct encoder *encoder,
                            int layer, enum frozen_matrix which)
{
    struct shape s = shape_of(encoder, layer, which);
    struct linear m = {.w = s.w, .stride = s.in};
    const float *at;

    if (!panels)
        return m;
    at = panels->data + layer_floats(encoder) * (size_t)layer;
    for (int i = 0; i < (int)which; i++)
        at += matrix_floats(shape_of(encoder, layer, (enum frozen_matrix)i));
    m.forward = (struct packed_matrix){
        .panels = at, .chunk = chunk_of(encoder, s.in), .columns = s.out};
    m.backward = (struct packed_matrix){.panels = at + packed_floats(s.in, s.out),
                                        .chunk = chunk_of(encoder, s.out),
                                        .columns = s.in};
    return m;
}
