/* The numbers of a page of shifts as CSV and HDF5. */
#include "report/escape.h"
#include "report/shift_page.h"
#include "storage/h5_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void number(FILE *out, double value)
{
    if (isfinite(value))
        fprintf(out, ",%.9g", value);
    else
        fputc(',', out);
}

static void csv_text(FILE *out, const char *text, int size)
{
    char *copy = strndup(text, (size_t)size);

    escape_csv(out, copy);
    free(copy);
}

void shift_words_csv(FILE *out, const struct shift_page *p)
{
    fputs("adapter,word,content,count,mean,low,high\n", out);
    for (int v = 0; v < p->view_count; v++)
        for (int64_t i = 0; i < p->views[v].words.count; i++) {
            const struct word_row *w = &p->views[v].words.rows[i];

            fprintf(out, "%s,", p->views[v].name);
            escape_csv(out, w->word);
            fprintf(out, ",%d,%lld", w->content, (long long)w->count);
            number(out, w->mean);
            number(out, w->low);
            number(out, w->high);
            fputc('\n', out);
        }
}

void shift_tokens_csv(FILE *out, const struct shift_page *p)
{
    fputs("row,text,position,pieces,word", out);
    for (int v = 0; v < p->view_count; v++)
        fprintf(out, ",%s", p->views[v].name);
    fputc('\n', out);
    for (int64_t i = 0; i < p->place_count; i++) {
        const struct word_place *w = &p->places[i];

        fprintf(out, "%lld,%d,%d,%d,", (long long)w->row, w->text, w->position,
                w->count);
        if (w->text < 0)
            fputs("[special]", out);
        else
            csv_text(out, w->start, w->size);
        for (int v = 0; v < p->view_count; v++)
            number(out, word_mean(w, p->views[v].sums));
        fputc('\n', out);
    }
}

void shift_layers_csv(FILE *out, const struct shift_page *p)
{
    fputs("adapter,layer,v_norm,beta,beta_v_norm,mean_shift,mean_relative\n", out);
    for (int v = 0; v < p->view_count; v++)
        for (int l = 0; l < p->layers; l++) {
            const struct shift_view *s = &p->views[v];
            double sum = 0, relative = 0;
            int64_t n = 0;

            for (int64_t t = l * p->tokens; t < (l + 1) * p->tokens; t++)
                if (isfinite(s->sizes[t])) {
                    sum += s->sizes[t];
                    relative += s->relative[t];
                    n++;
                }
            fprintf(out, "%s,%d", s->name, l);
            number(out, s->v_norm[l]);
            number(out, s->beta[l]);
            number(out, fabs(s->beta[l]) * s->v_norm[l]);
            number(out, sum / (double)n);
            number(out, relative / (double)n);
            fputc('\n', out);
        }
}

void shift_positions_csv(FILE *out, const struct shift_page *p)
{
    fputs("adapter,position,special,count,mean\n", out);
    for (int v = 0; v < p->view_count; v++)
        for (int special = 0; special < 2; special++)
            for (int position = 0; position < 128; position++) {
                double sum = 0;
                int64_t n = 0;

                for (int64_t i = 0; i < p->place_count; i++)
                    if (p->places[i].position == position &&
                        (p->places[i].text < 0) == special) {
                        sum += word_mean(&p->places[i], p->views[v].sums);
                        n++;
                    }
                if (!n)
                    continue;
                fprintf(out, "%s,%d,%d,%lld", p->views[v].name, position, special,
                        (long long)n);
                number(out, sum / (double)n);
                fputc('\n', out);
            }
}

static void put_view(struct h5_writer *w, const struct shift_page *p,
                     const struct shift_view *v)
{
    char name[160];

    for (int l = 0; l < p->layers; l++) {
        snprintf(name, sizeof name, "%s/size_%d", v->name, l);
        h5_put_column(w, name, H5_REAL64, v->sizes + l * p->tokens, sizeof(double),
                      p->tokens);
        snprintf(name, sizeof name, "%s/relative_%d", v->name, l);
        h5_put_column(w, name, H5_REAL64, v->relative + l * p->tokens, sizeof(double),
                      p->tokens);
    }
    snprintf(name, sizeof name, "%s/sum", v->name);
    h5_put_column(w, name, H5_REAL64, v->sums, sizeof(double), p->tokens);
    snprintf(name, sizeof name, "%s/v_norm", v->name);
    h5_put_column(w, name, H5_REAL64, v->v_norm, sizeof(double), p->layers);
    snprintf(name, sizeof name, "%s/beta", v->name);
    h5_put_column(w, name, H5_REAL64, v->beta, sizeof(double), p->layers);
    snprintf(name, sizeof name, "%s/logits", v->name);
    h5_put_column(w, name, H5_REAL32, v->logits, sizeof(float), p->rows * p->labels);
    h5_put_text(w, v->name, "about", v->about);
}

int shift_file_write(const char *path, const struct shift_page *p, struct error *err)
{
    struct h5_writer w;

    h5_writer_open(&w, path, err);
    h5_put_column(&w, "offsets", H5_INT64, p->offsets, sizeof(int64_t), p->rows + 1);
    h5_put_column(&w, "input_ids", H5_INT32, p->ids, sizeof(int32_t), p->tokens);
    for (int v = 0; v < p->view_count; v++)
        put_view(&w, p, &p->views[v]);
    return h5_writer_close(&w);
}
