/* A matrix as colours. Cells are rectangles: an image would be pixels in the SVG. */
#include "report/figures/figures.h"

#include "report/figures/figure_text.h"
#include "report/figures/scale.h"
#include "report/figures/sheet.h"

#include <math.h>
#include <stdlib.h>

enum { SIDE_MAX = 40, NUMBERS_MAX = 12, NAME_COLUMNS = 24 };

static void write_cells(FILE *out, const struct figure_heat *heat, int rows, int cols)
{
    fputs("row,column,row_name,column_name,value\n", out);
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < cols; c++) {
            fprintf(out, "%d,%d,", r + 1, c + 1);
            figure_text_cell(out, heat->row_names[r], NAME_COLUMNS);
            putc(',', out);
            figure_text_cell(out, heat->col_names[c], NAME_COLUMNS);
            putc(',', out);
            figure_number(out, heat->values[r * heat->cols + c]);
            putc('\n', out);
        }
}

static int write_tics(struct sheet *s, const char *axis, const char *const *names,
                      int count, const char *rotate)
{
    int widest = 0;

    fprintf(s->setup, "set %stics %s(", axis, rotate);
    for (int k = 0; k < count; k++) {
        char *cleaned = figure_text(names[k], NAME_COLUMNS);
        int width = cleaned ? figure_text_width(cleaned) : 0;

        widest = width > widest ? width : widest;
        free(cleaned);
        fputs(k ? ", " : "", s->setup);
        figure_text_tic(s->setup, names[k], NAME_COLUMNS);
        fprintf(s->setup, " %d", k + 1);
    }
    fputs(") scale 0\n", s->setup);
    return widest;
}

/* Of the values that are drawn. */
static struct scale colours(const struct figure_heat *heat, int rows, int cols)
{
    struct scale scale = {0};

    for (int r = 0; r < rows; r++) {
        struct scale row = scale_of(heat->values + r * heat->cols, cols);
        bool known = false;

        for (int c = 0; c < cols; c++)
            known |= isfinite(heat->values[r * heat->cols + c]);
        if (known && scale.high == scale.low)
            scale = row;
        else if (known)
            scale_extend(&scale, heat->values + r * heat->cols, cols);
    }
    return scale;
}

static void plot(struct sheet *s, const struct scale *scale, bool numbers)
{
    double middle = (scale->min + scale->max) / 2;

    fputs("    plot data using (column(\"value\") == column(\"value\") ? "
          "column(\"column\") : NaN):\"row\":(0.47):(0.47):\"value\" with "
          "boxxyerror "
          "fs solid noborder lw 0 lc palette",
          s->plot);
    if (numbers)
        fprintf(s->plot,
                ", \\\n        data using \"column\":\"row\":(text(column(\"value\"))):"
                "(column(\"value\") > %.10g ? 0x101010 : 0xffffff) with labels font "
                "',10' tc rgb variable",
                middle);
    putc('\n', s->plot);
}

static void draw(struct sheet *s, const struct figure_heat *heat, int rows, int cols)
{
    struct scale scale = colours(heat, rows, cols);
    int widest, side = rows > cols ? rows : cols, cell = side <= 12 ? 34 : 400 / side;
    bool turned = cols > 4;

    if (rows < heat->rows || cols < heat->cols)
        sheet_note(s, "Shown are the first %d of %d rows and %d of %d columns.", rows,
                   heat->rows, cols, heat->cols);
    write_cells(s->data, heat, rows, cols);
    sheet_axis(s, "x_text", &heat->x);
    sheet_axis(s, "y_text", &heat->y);
    sheet_axis(s, "value_text", &heat->value);
    write_tics(s, "y", heat->row_names, rows, "");
    widest =
        write_tics(s, "x", heat->col_names, cols, turned ? "rotate by 40 right " : "");
    sheet_layout(s, 0, rows * cell < 130 ? 130 : rows * cell,
                 turned ? 48 + widest * 5 : 58);
    fprintf(s->setup,
            "set xrange [0.5:%d.5]\nset yrange [%d.5:0.5]\nset cbrange [%.10g:%.10g]\n"
            "set xlabel x_text\nset ylabel y_text\nset cblabel value_text\n"
            "text(value) = value == value ? sprintf('%%.3g', value) : ''\n"
            "unset grid\nset border 0\nset rmargin 14\nset colorbox\n"
            "set palette defined (0 '#00204D', 0.125 '#1B3B6D', 0.25 '#414D6B', 0.375 "
            "'#5F636E', 0.5 '#7C7B78', 0.625 '#9B9374', 0.75 '#BCAF6F', 0.875 "
            "'#DCCB5D', 1 '#FFEA46')\n",
            cols, rows, scale.min < scale.max ? scale.min : scale.low,
            scale.min < scale.max ? scale.max : scale.high);
    plot(s, &scale, side <= NUMBERS_MAX);
}

static bool any_known(const struct figure_heat *heat)
{
    for (int i = 0; i < heat->rows * heat->cols; i++)
        if (isfinite(heat->values[i]))
            return true;
    return false;
}

int figures_add_heat(struct figures *figures, const struct figure_heading *heading,
                     const struct figure_heat *heat, struct error *err)
{
    struct sheet s;
    int rc;

    if (!any_known(heat))
        return error_set(err, ERR_INPUT, "%s: no cell has a value", heading->name);
    if ((rc = sheet_open(&s, figures, heading, err)) != 0)
        return rc;
    draw(&s, heat, heat->rows < SIDE_MAX ? heat->rows : SIDE_MAX,
         heat->cols < SIDE_MAX ? heat->cols : SIDE_MAX);
    return sheet_close(&s, err);
}
