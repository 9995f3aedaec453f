#include "worker/kernels_ref.h"

#include <math.h>
#include <string.h>

struct moments {
    double mean, scale;
};

static double sum_at(const struct norm_ref *a, int r, int i)
{
    int at = r * a->n + i;

    return a->x[at] + a->bias[i] + a->residual[at] + a->alpha[r] * a->shift[i];
}

static struct moments moments_of(const struct norm_ref *a, int r)
{
    double mean = 0, variance = 0;

    for (int i = 0; i < a->n; i++)
        mean += sum_at(a, r, i) / a->n;
    for (int i = 0; i < a->n; i++)
        variance += (sum_at(a, r, i) - mean) * (sum_at(a, r, i) - mean) / a->n;
    return (struct moments){mean, 1 / sqrt(variance + a->eps)};
}

void norm_forward_ref(double *out, const struct norm_ref *a)
{
    for (int r = 0; r < a->rows; r++) {
        struct moments m = moments_of(a, r);

        for (int i = 0; i < a->n; i++)
            out[r * a->n + i] =
                (sum_at(a, r, i) - m.mean) * m.scale * a->gamma[i] + a->beta[i];
    }
}

/* dx of one row: scale·(g - mean(g) - x̂·mean(g·x̂)), g = dout·gamma. */
static void row_backward(double *dx, const double *dout, const struct norm_ref *a,
                         int r)
{
    struct moments m = moments_of(a, r);
    double mean_g = 0, mean_gx = 0;

    for (int i = 0; i < a->n; i++) {
        double x = (sum_at(a, r, i) - m.mean) * m.scale;

        mean_g += dout[i] * a->gamma[i] / a->n;
        mean_gx += dout[i] * a->gamma[i] * x / a->n;
    }
    for (int i = 0; i < a->n; i++) {
        double x = (sum_at(a, r, i) - m.mean) * m.scale;

        dx[i] = m.scale * (dout[i] * a->gamma[i] - mean_g - x * mean_gx);
    }
}

void norm_backward_ref(double *dx, double *dgamma, double *dbeta, double *dalpha,
                       double *dshift, const double *dout, const struct norm_ref *a)
{
    memset(dgamma, 0, sizeof *dgamma * (size_t)a->n);
    memset(dbeta, 0, sizeof *dbeta * (size_t)a->n);
    memset(dshift, 0, sizeof *dshift * (size_t)a->n);
    for (int r = 0; r < a->rows; r++) {
        struct moments m = moments_of(a, r);
        int row = r * a->n;

        row_backward(dx + row, dout + row, a, r);
        dalpha[r] = 0;
        for (int i = 0; i < a->n; i++) {
            dgamma[i] += dout[row + i] * (sum_at(a, r, i) - m.mean) * m.scale;
            dbeta[i] += dout[row + i];
            dalpha[r] += dx[row + i] * a->shift[i];
            dshift[i] += dx[row + i] * a->alpha[r];
        }
    }
}
