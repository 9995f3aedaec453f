#include "cli/node_probe.h"

#include "cli/cgroup.h"
#include "worker/kernels.h"
#include "worker/numerics.h"

#include <cblas.h>
#include <hdf5.h>
#include <math.h>
#include <mpi.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { START_S = 30 };

int cores_text(char *out, size_t size)
{
    cpu_set_t set;
    size_t used = 0;
    int count = sched_getaffinity(0, sizeof set, &set) ? 0 : CPU_COUNT(&set);
    out[0] = '\0';
    for (int i = 0; count > 0 && i < CPU_SETSIZE; i++) {
        if (!CPU_ISSET(i, &set))
            continue;
        int first = i;
        while (i + 1 < CPU_SETSIZE && CPU_ISSET(i + 1, &set))
            i++;
        int n = snprintf(out + used, size - used, i > first ? "%s%d-%d" : "%s%d",
                         used > 0 ? "," : "", first, i);
        used = n > 0 && used + (size_t)n < size ? used + (size_t)n : used;
        out[used] = '\0';
    }
    return count;
}

/* ---- of a rank ---- */

void rank_facts_text(char *out, size_t size, const struct rank_facts *f)
{
    snprintf(out, size,
             "rank %d of %d on %s: %d core%s (%s), kernels %s, BLAS %s, %d thread%s",
             f->mpi_rank, f->ranks, f->host, f->cores, f->cores == 1 ? "" : "s",
             f->list, f->kernels, f->blas, f->blas_threads,
             f->blas_threads == 1 ? "" : "s");
}

bool rank_facts_parse(struct rank_facts *out, const char *line)
{
    *out = (struct rank_facts){0};
    return sscanf(line,
                  "rank %d of %d on %63[^:]: %d core%*[^(](%127[^)]), kernels %31[^,], "
                  "BLAS %63[^,], %d thread",
                  &out->mpi_rank, &out->ranks, out->host, &out->cores, out->list,
                  out->kernels, out->blas, &out->blas_threads) == 8;
}

static void rank_look(struct rank_facts *out)
{
    gethostname(out->host, sizeof out->host - 1);
    out->cores = cores_text(out->list, sizeof out->list);
    numerics_isa(out->kernels, sizeof out->kernels);
    snprintf(out->blas, sizeof out->blas, "%s", openblas_get_corename());
    out->blas_threads = openblas_get_num_threads();
}

int rank_probe(struct error *err)
{
    struct rank_facts facts = {0};
    char line[512];
    int one = 1, all = 0;
    alarm(START_S); /* ends a rank whose peers never come */
    if (MPI_Init(NULL, NULL) || MPI_Comm_rank(MPI_COMM_WORLD, &facts.mpi_rank) ||
        MPI_Comm_size(MPI_COMM_WORLD, &facts.ranks) ||
        MPI_Allreduce(&one, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD))
        return error_set(err, ERR_IO, "MPI does not start");
    rank_look(&facts);
    rank_facts_text(line, sizeof line, &facts);
    printf("%s\n", line);
    fflush(stdout);
    MPI_Finalize();
    return 0;
}

void rank_facts_judge(struct diagnosis *d, const struct rank_facts *f, int count)
{
    for (int i = 0; i < count; i++) {
        if (f[i].blas_threads != 1)
            diagnosis_say(d, MARK_NOTE, "blas",
                          "rank %d on %s has %d BLAS threads: OPENBLAS_NUM_THREADS=1 "
                          "does not reach it; pass it on with mpirun -x or in the "
                          "batch script",
                          f[i].mpi_rank, f[i].host, f[i].blas_threads);
        if (strcmp(f[i].kernels, f[0].kernels) != 0)
            diagnosis_say(d, MARK_NOTE, "kernels",
                          "%s computes by %s, %s by %s: set cluster.isa to one that "
                          "all have, or results depend on where a trial ran",
                          f[i].host, f[i].kernels, f[0].host, f[0].kernels);
    }
    for (int i = 0; i < count; i++)
        diagnosis_say(
            d, MARK_OK, "rank",
            "%d on %s: may use %d core%s (%s), kernels %s, BLAS %s, %d thread",
            f[i].mpi_rank, f[i].host, f[i].cores, f[i].cores == 1 ? "" : "s", f[i].list,
            f[i].kernels, f[i].blas, f[i].blas_threads);
}

/* ---- of this node ---- */

static struct cgroup_limits limits_here(void)
{
    char text[4096] = "";
    FILE *file = fopen("/proc/self/cgroup", "re");
    size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
    text[size] = '\0';
    if (file)
        fclose(file);
    return cgroup_limits_read("/sys/fs/cgroup", text);
}

static void diagnose_cores(struct diagnosis *d, const struct cgroup_limits *limits)
{
    char list[256];
    int usable = cores_text(list, sizeof list);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    if (limits->cores < usable)
        diagnosis_say(d, MARK_NOTE, "cores",
                      "%d of %ld (%s), but the control group gives the time of %.1f: "
                      "start no more workers than that (--workers)",
                      usable, online, list, limits->cores);
    else
        diagnosis_say(d, MARK_OK, "cores", "%d of %ld (%s): a worker on each", usable,
                      online, list);
}

static void diagnose_memory(struct diagnosis *d, const struct cgroup_limits *limits)
{
    char all[SIZE_TEXT], limit[SIZE_TEXT];
    double bytes = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    bool limited = (double)limits->memory < bytes;
    double least = fmin(bytes, (double)limits->memory);
    size_text(all, bytes);
    size_text(limit, (double)limits->memory);
    diagnosis_say(d, least < 1e9 ? MARK_NOTE : MARK_OK, "memory", "%s%s%s%s", all,
                  limited ? ", of which the control group allows " : "",
                  limited ? limit : "",
                  least < 1e9 ? ": little for an encoder and its workers" : "");
}

static void diagnose_shm(struct diagnosis *d)
{
    char size[SIZE_TEXT], free_text[SIZE_TEXT];
    struct statvfs fs;
    if (statvfs("/dev/shm", &fs)) {
        diagnosis_say(d, MARK_NOTE, "/dev/shm",
                      "there is none: workers share files in $TMPDIR or /tmp alone");
        return;
    }
    double room = (double)fs.f_bavail * (double)fs.f_frsize;
    size_text(size, (double)fs.f_blocks * (double)fs.f_frsize);
    size_text(free_text, room);
    diagnosis_say(d, room < 64e6 ? MARK_NOTE : MARK_OK, "/dev/shm", "%s of %s free%s",
                  free_text, size,
                  room < 64e6
                      ? ": too little to share weights in, $TMPDIR must have it "
                        "(docker: --shm-size)"
                      : "");
}

static void diagnose_kernels(struct diagnosis *d)
{
    char names[128] = "", now[64];
    struct error err;
    size_t used = 0;
    for (int i = 0; kernels_available(i); i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s",
                                 i > 0 ? ", " : "", kernels_available(i)->name);
    numerics_text(now, sizeof now);
    if (kernels_check(&err))
        diagnosis_say(d, MARK_PROBLEM, "kernels", "%s", err.text);
    else
        diagnosis_say(d, MARK_OK, "kernels",
                      "%s; SHIFTWORK_ISA and cluster.isa take: %s", now, names);
}

static void diagnose_versions(struct diagnosis *d)
{
    char mpi[MPI_MAX_LIBRARY_VERSION_STRING] = "", blas[64];
    int length;
    unsigned major, minor, release;
    MPI_Get_library_version(mpi, &length);
    mpi[strcspn(mpi, ",")] = '\0';
    H5get_libversion(&major, &minor, &release);
    snprintf(blas, sizeof blas, "%s", openblas_get_config());
    size_t name = strcspn(blas, " "); /* "OpenBLAS 0.3.21 NO_AFFINITY …" */
    blas[name + (blas[name] == ' ') + strcspn(blas + name + (blas[name] == ' '), " ")] =
        '\0';
    diagnosis_say(d, MARK_OK, "versions", "shiftwork %s, %s, HDF5 %u.%u.%u, %s",
                  SHIFTWORK_VERSION, mpi, major, minor, release, blas);
}

void node_diagnose(struct diagnosis *d)
{
    struct cgroup_limits limits = limits_here();
    diagnose_versions(d);
    diagnose_cores(d, &limits);
    diagnose_memory(d, &limits);
    diagnose_kernels(d);
    diagnose_shm(d);
}
