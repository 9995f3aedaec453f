"""The two programs that train and evaluate, each in the forms that it is run in."""
import os

from comparison.pairs import words
from comparison.side import Skip, one, one_a_core

# One axis after the other (pairs.best_variant). What is empty is PyTorch's default.
ATTENTION = ["sdpa", "eager"]
MEMORY = ["", "freed memory kept"]  # glibc gives large blocks back after every use
PROCESSES = ["default threads", "2 threads, pinned", "2 processes of 1 thread"]
ORDER = ["file order", "sorted by length"]
COMPILE = ["", "torch.compile"]

KEPT = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "17179869184",
        "MALLOC_TOP_PAD_": "67108864"}


def start(command, cores, processes, environment=None):
    environment = dict(environment or {})
    if processes == "2 processes of 1 thread":
        return one_a_core(command, cores, environment | {"OMP_NUM_THREADS": "1"})
    if processes == "2 threads, pinned":
        environment |= {"OMP_NUM_THREADS": str(len(cores)),
                        "GOMP_CPU_AFFINITY": " ".join(map(str, cores))}
    return one(command, cores, environment)


def torch(context, encoder, task, variant, extra=()):
    """PyTorch in one variant."""
    context.folder(task)
    command = [*context.script("speed_torch.py"), encoder, task, context.data,
               "--attention", variant.get("attention", "sdpa"),
               "--order", variant["order"].split()[0], *extra]
    for axis in ("compile", "weights"):
        if variant.get(axis):
            command.append("--" + axis)
    if variant.get("batch"):
        command += ["--batch-size", variant["batch"].split()[-1]]
    # Compiling is not timed; one process at it leaves no pool of others behind.
    environment = {"TORCHINDUCTOR_COMPILE_THREADS": "1",
                   "TORCHINDUCTOR_CACHE_DIR": os.path.join(context.out, "inductor")}
    return start(command, context.cores, variant["processes"],
                 environment | (KEPT if variant.get("memory") else {}))


def warm(group, variant, context, line):
    """Pages, caches, first allocations; compiling, for shapes of all lengths."""
    for _ in range(3 if variant.get("compile") else 0):
        group.ask(line)
    group.ask(warm_line(context, line))


def warm_line(context, line):
    if line.startswith("train"):
        return f"train {min(1, context.seconds)}"
    return "evaluate 128"


def torch_axes(context, **more):
    axes = {"attention": ATTENTION, "memory": MEMORY, "processes": PROCESSES,
            "order": ORDER, "compile": COMPILE} | more
    if context.no_compile:
        axes["compile"] = [""]
    return axes


def measure_torch(context, encoder, task, line, extra):
    """For pairs.best_variant(): a turn of a variant."""
    def measure(variant):
        with torch(context, encoder, task, variant, extra) as group:
            warm(group, variant, context, line)
            return group.rate(line)
    return measure


def ours(context, encoder, task, threads, workers, settings=(), environment=None):
    """bench/speed: workers with a trial each, or threads on one trial."""
    command = [context.program("bench/speed"), encoder, task, context.folder(task),
               str(threads), *settings]
    environment = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"} | (environment or {})
    if workers > 1:
        return one_a_core(command, context.cores[:workers], environment)
    return one(command, context.cores[:threads], environment)


def named(variant, what="PyTorch"):
    return f"{what}: {words(variant)}"


def needs_two_cores(context):
    if len(context.cores) < 2:
        raise Skip(f"2 cores are wanted, {len(os.sched_getaffinity(0))} may be used")
