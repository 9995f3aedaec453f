"""How much of the machine's rate of matrix products the training reaches.

Needed operations only (count_work() in bench/speed.c), against the fastest sgemm that is
found on the same cores in the same run: OpenBLAS' kernels and PyTorch's two libraries,
weights in the caches or not."""
from comparison import contestants, machine, pairs
from comparison.result import paired
from comparison.side import Skip, one, one_a_core
from rows.train import FILE_ORDER

NAME = "share"
TITLE = "needed flops of training as a share of the best sgemm rate"

BARS = {"MiniLM": 0.80, "BERT-base": 0.85}
# M, N, K, matrices: 64 of the first lie outside the caches
SHAPES = {"256 x 768 x 768, weights outside the caches": "256 768 768 64",
          "256 x 768 x 768, weights in the caches": "256 768 768 1",
          "1024 x 1024 x 1024": "1024 1024 1024 1"}
KERNELS = {"Haswell": "avx2", "Zen": "avx2", "SkylakeX": "avx512f",
           "Cooperlake": "avx512_bf16", "Sapphirerapids": "amx_tile"}
OWN = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def openblas(context, kernel):
    environment = OWN | ({"OPENBLAS_CORETYPE": kernel} if kernel else {})
    return [context.program("bench/sgemm")], environment


def libraries(context):
    """{name: (command, environment)}"""
    have = machine.flags()
    kernels = [""] + [k for k, flag in KERNELS.items() if flag in have]
    found = {f"OpenBLAS {k or 'by default'}": openblas(context, k) for k in kernels}
    for kind in ("oneDNN", "MKL"):
        found[f"{kind} in PyTorch"] = ([*context.script("sgemm_torch.py"), kind],
                                       {"OMP_NUM_THREADS": "1"})
    return found


def start(command, environment, context, workers):
    if workers > 1:
        return one_a_core(command, context.cores[:workers], environment)
    return one(command, context.cores[:1], environment)


def fastest(context, found, workers):
    """(library, shape) of the highest rate, and what was seen. The rate is that of the
    fastest pass over the matrices."""
    seconds, seen, best = 0.01 if context.quick else 3, [], (0, None, None)
    for library, (command, environment) in found.items():
        try:
            with start(command, environment, context, workers) as group:
                for shape, numbers in SHAPES.items():
                    rate = best_passes(group, f"{numbers} {seconds}")
                    label = f"{library} ({group.words[0]}), {shape}"
                    context.say(f"  {workers} at once, {label}: {rate / 1e9:.1f} GFLOP/s")
                    seen.append([label, rate / 1e9])
                    best = max(best, (rate, library, shape), key=lambda x: x[0])
        except Skip as reason:
            seen.append([library, str(reason)])
    if best[1] is None:
        raise Skip("no sgemm could be measured")
    return best[1], best[2], seen


def best_passes(group, line):
    return sum(answer[2] for answer in group.ask(line))


def run(context):
    return shares(context, libraries(context), BARS, (1, 2))


def shares(context, found, bars, worker_counts, environment=None, isa=None):
    results = []
    for workers in worker_counts:
        if workers > len(context.cores):
            continue
        library, shape, seen = fastest(context, found, workers)
        limit_command, limit_environment = found[library]
        with start(limit_command, limit_environment, context, workers) as limit:
            for name, folder in context.encoders():
                for task in ("mrpc", "cola"):
                    result = case(context, folder(), task, workers, limit,
                                  f"{SHAPES[shape]} {context.seconds}", environment, isa)
                    result.case = f"{name} {task}, {workers} worker" + "s" * (workers > 1)
                    result.bar, result.tried = bars[name], seen
                    result.against = f"{library}, {shape}"
                    results.append(result)
    return results


def case(context, encoder, task, workers, limit, line, environment, isa):
    attention = []

    def matrix_rate():
        answers = ours.ask(f"train {context.seconds}")
        attention.append(sum(a[4] for a in answers) / sum(a[3] for a in answers))
        return sum(a[3] / a[1] for a in answers) / 1e9

    with contestants.ours(context, encoder, task, 1, workers, FILE_ORDER,
                          environment) as ours:
        if isa and not ours.words[0].startswith(isa):
            raise Skip(f"asked for {isa}, the program uses {ours.words[0]}")
        ours.ask(contestants.warm_line(context, "train"))
        seen = pairs.take_turns(context, {
            "training": matrix_rate, "sgemm": lambda: best_passes(limit, line) / 1e9})
        result = paired("", "GFLOP/s", seen["training"], seen["sgemm"],
                        commands={"ours": ours.printed, "sgemm": limit.printed})
    more = 1 + sum(attention) / len(attention)
    result.note = ("the frozen matrices' products only, which the bar is held against; "
                   f"with attention's own {result.ratio * more:.2f}")
    return result
