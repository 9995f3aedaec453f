/* The page: heat maps of the first rows, words, special tokens, pairs, layers. */
#include "report/shift_page.h"

#include "report/escape.h"
#include "report/html.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char style[] =
    ".heat{line-height:2;margin:.2rem 0}.heat span{border-radius:.2rem;padding:.1rem "
    ".12rem;background:color-mix(in srgb,#e8590c calc(var(--h)*70%),transparent)}\n"
    ".heat .sp{color:var(--muted);font-size:.75rem}\n"
    ".pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(18rem,1fr));"
    "gap:0 1.2rem}\n";

static void escape_part(FILE *out, const char *text, int size)
{
    enum { SHOWN = 200 }; /* bytes; a longer word would be most of the page */
    int kept = size < SHOWN ? size : SHOWN;
    char *copy;

    while (kept < size && kept > 0 && ((unsigned char)text[kept] & 0xc0) == 0x80)
        kept--;
    copy = strndup(text, (size_t)kept);
    escape_html(out, copy);
    if (kept < size)
        fputs("…", out);
    free(copy);
}

static double largest_in_row(const struct shift_page *p, const struct shift_view *v,
                             int64_t row)
{
    double most = 0;

    for (int64_t i = p->row_places[row]; i < p->row_places[row + 1]; i++)
        if (p->places[i].text >= 0)
            most = fmax(most, word_mean(&p->places[i], v->sums));
    return most;
}

/* What a pointer over a word shows: its sum, then layer by layer. */
static void write_hover(FILE *out, const struct shift_page *p,
                        const struct shift_view *v, const struct word_place *w)
{
    fprintf(out, "sum %.4g", word_mean(w, v->sums));
    for (int l = 0; l < p->layers; l++) {
        double size = word_mean(w, v->sizes + l * p->tokens);

        if (isfinite(size))
            fprintf(out, "&#10;layer %d: %.4g (%.2f %% of the state)", l, size,
                    100 * word_mean(w, v->relative + l * p->tokens));
    }
}

/* The words of one text of a row, with what stands between them. */
static void write_heat(FILE *out, const struct shift_page *p,
                       const struct shift_view *v, int64_t row, int text)
{
    double most = largest_in_row(p, v, row);
    const char *from = p->texts[text][row], *end = from + strlen(from);

    fputs("<p class=\"heat\">", out);
    for (int64_t i = p->row_places[row]; i < p->row_places[row + 1]; i++) {
        const struct word_place *w = &p->places[i];

        if (w->text != text || w->start < from)
            continue;
        escape_part(out, from, (int)(w->start - from));
        fprintf(out, "<span style=\"--h:%.3f\" title=\"",
                most > 0 ? word_mean(w, v->sums) / most : 0);
        write_hover(out, p, v, w);
        fputs("\">", out);
        escape_part(out, w->start, w->size);
        fputs("</span>", out);
        from = w->start + w->size;
    }
    fputs("<span class=\"sp\">", out);
    escape_part(out, from, (int)(end - from));
    fputs("</span></p>\n", out);
}

static void write_prediction(FILE *out, const struct shift_page *p,
                             const struct shift_view *v, int64_t row)
{
    const float *logits = v->logits + row * p->labels;
    double sum = 0;
    int best = 0;

    if (!p->label_names) {
        fprintf(out, "%.4g", (double)logits[0]);
    } else {
        for (int c = 1; c < p->labels; c++)
            if (logits[c] > logits[best])
                best = c;
        for (int c = 0; c < p->labels; c++)
            sum += exp((double)logits[c] - (double)logits[best]);
        escape_html(out, p->label_names[best]);
        fprintf(out, " (%.1f %%)", 100 / sum);
    }
    if (p->gold && p->label_names) {
        fputs(", labelled ", out);
        escape_html(out, p->label_names[(int)p->gold[row]]);
    } else if (p->gold) {
        fprintf(out, ", labelled %.4g", (double)p->gold[row]);
    }
}

static void write_row(FILE *out, const struct shift_page *p, int64_t row)
{
    fprintf(out, "<h3>Row %lld</h3>\n", (long long)row);
    for (int v = 0; v < p->view_count; v++) {
        const struct shift_view *view = &p->views[v];

        fprintf(out, "<p class=\"note\">%s", view->name);
        if (view->logits && view->trained) {
            fputs(": ", out);
            write_prediction(out, p, view, row);
        }
        fputs("</p>\n<div class=\"pair\">", out);
        write_heat(out, p, view, row, 0);
        if (p->texts[1][row])
            write_heat(out, p, view, row, 1);
        fputs("</div>\n", out);
    }
}

static void write_words(FILE *out, const struct shift_page *p)
{
    const struct word_table *t = &p->views[0].words;
    int shown = 0;

    fprintf(out,
            "<h2>Words by mean shift</h2>\n<p class=\"note\">Lower-cased words with at "
            "least %d uses; 95 %% intervals (normal approximation). A word of several "
            "pieces counts with their mean.</p>\n<div class=\"scroll\"><table "
            "class=\"sort\"><thead><tr><th>word</th><th>content</th><th>uses</th><th>"
            "mean</th><th>from</th><th>to</th>",
            WORD_USES_MIN);
    for (int v = 1; v < p->view_count; v++)
        fprintf(out, "<th>%s</th>", p->views[v].name);
    fputs("</tr></thead><tbody>\n", out);
    for (int64_t i = 0; i < t->count && shown < PAGE_WORDS_MAX; i++) {
        const struct word_row *w = &t->rows[i];

        if (w->count < WORD_USES_MIN)
            continue;
        shown++;
        fputs("<tr><td class=\"text\">", out);
        escape_part(out, w->word, (int)strlen(w->word));
        fprintf(out,
                "</td><td>%s</td><td class=\"num\">%lld</td><td "
                "class=\"num\">%.4f</td><td class=\"num\">%.4f</td><td "
                "class=\"num\">%.4f</td>",
                w->content ? "yes" : "", (long long)w->count, w->mean, w->low, w->high);
        for (int v = 1; v < p->view_count; v++) {
            const struct word_row *o = word_table_find(&p->views[v].words, w->word);

            fprintf(out, "<td class=\"num\">%.4f</td>", o ? o->mean : NAN);
        }
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div>\n", out);
    if (!shown)
        fputs("<p class=\"warn\">No word has so many uses here.</p>\n", out);
}

/* Mean of the sums over places that want() takes. */
static double mean_where(const struct shift_page *p, const struct shift_view *v,
                         bool special, int in_other, int64_t *n)
{
    double sum = 0;

    *n = 0;
    for (int64_t i = 0; i < p->place_count; i++) {
        const struct word_place *w = &p->places[i];
        double x = word_mean(w, v->sums);

        if ((w->text < 0) != special || !isfinite(x) ||
            (in_other >= 0 && w->in_other != in_other))
            continue;
        sum += x;
        ++*n;
    }
    return sum / (double)*n;
}

static void write_kinds(FILE *out, const struct shift_page *p)
{
    static const struct {
        const char *name;
        bool special;
        int in_other;
    } kinds[] = {{"words", false, -1},
                 {"special tokens", true, -1},
                 {"words of pairs that both texts have", false, 1},
                 {"words of pairs that one text has", false, 0}};

    fputs("<h2>Special tokens, and overlap of pairs</h2>\n<div class=\"scroll\"><table>"
          "<thead><tr><th>adapter</th><th>tokens</th><th>count</th><th>mean shift</th>"
          "</tr></thead><tbody>\n",
          out);
    for (int v = 0; v < p->view_count; v++)
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            int64_t n;
            double mean =
                mean_where(p, &p->views[v], kinds[k].special, kinds[k].in_other, &n);

            if (n)
                fprintf(out,
                        "<tr><td>%s</td><td>%s</td><td class=\"num\">%lld</td><td "
                        "class=\"num\">%.4f</td></tr>\n",
                        p->views[v].name, kinds[k].name, (long long)n, mean);
        }
    fputs("</tbody></table></div>\n", out);
}

static void write_layers(FILE *out, const struct shift_page *p)
{
    fputs("<h2>Layers</h2>\n<p class=\"note\">β·v is the same for all tokens.</p>\n"
          "<div class=\"scroll\"><table><thead><tr><th>adapter</th><th>layer</th><th>"
          "‖v‖</th><th>β</th><th>|β|·‖v‖</th></tr></thead><tbody>\n",
          out);
    for (int v = 0; v < p->view_count; v++)
        for (int l = 0; l < p->layers; l++)
            if (isfinite(p->views[v].v_norm[l]))
                fprintf(out,
                        "<tr><td>%s</td><td class=\"num\">%d</td><td class=\"num\">"
                        "%.4f</td><td class=\"num\">%.4f</td><td class=\"num\">%.4f"
                        "</td></tr>\n",
                        p->views[v].name, l, p->views[v].v_norm[l], p->views[v].beta[l],
                        fabs(p->views[v].beta[l]) * p->views[v].v_norm[l]);
    fputs("</tbody></table></div>\n", out);
}

void shift_page_write(FILE *out, const struct shift_page *p)
{
    html_begin(out, p->title, style);
    fputs("<p>The size of AdapterBias's shift |y|·‖v‖ of each token, summed over "
          "layers; where pooling reads first tokens only, the last layer counts for "
          "those alone.</p>\n<ul>\n",
          out);
    for (int v = 0; v < p->view_count; v++) {
        fprintf(out, "<li><b>%s</b>: ", p->views[v].name);
        escape_html(out, p->views[v].about);
        fputs("</li>\n", out);
    }
    fputs("</ul>\n", out);
    if (p->rows > 1)
        write_words(out, p);
    write_kinds(out, p);
    write_layers(out, p);
    fputs("<h2>Texts</h2>\n<p class=\"note\">Darkest: the row's largest. Hover shows "
          "the layers.</p>\n",
          out);
    for (int64_t r = 0; r < p->rows && r < PAGE_ROWS_MAX; r++)
        write_row(out, p, r);
    html_end(out);
}
