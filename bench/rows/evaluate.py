"""Evaluation of dev against PyTorch and ONNX Runtime at their best."""
import os
import subprocess

from comparison import contestants, pairs
from comparison.result import missing, paired
from comparison.side import Skip, reason

NAME = "evaluate"
TITLE = "evaluation of the dev rows, examples/s on 2 cores"

TORCH_BAR, ONNX_BAR = 2.5, 1.5
BATCHES = ["batches of 32", "batches of 8", "batches of 128"]
# Its processes have a thread each, or one has two.
ONNX_AXES = {"order": contestants.ORDER, "batch": BATCHES,
             "graph": ["", "fused by its BERT optimizer"],
             "processes": ["2 threads, pinned", "2 processes of 1 thread"]}


def run(context):
    contestants.needs_two_cores(context)
    results = []
    for name, folder in context.encoders():
        for task in ("mrpc", "cola"):
            results += case(context, folder(), task, f"{name} {task}")
    return results


def line_of(context):
    return "evaluate 128" if context.quick else "evaluate 0"


def case(context, encoder, task, name):
    results = []
    with contestants.ours(context, encoder, task, 2, 1) as threads, \
            contestants.ours(context, encoder, task, 1, 2) as workers:
        groups = {"2 threads": threads, "2 workers": workers}
        for group in groups.values():
            group.ask("evaluate 128")
        for rival, bar in ((torch, TORCH_BAR), (onnx, ONNX_BAR)):
            try:
                results += rival(context, encoder, task, name, groups, bar)
            except Skip as why:
                results.append(missing(name, "examples/s", bar, rival.__name__, why))
    return results


def torch(context, encoder, task, name, groups, bar):
    line = line_of(context)
    measure = contestants.measure_torch(context, encoder, task, line, ("--evaluate",))
    variant, tried = pairs.best_variant(
        context, contestants.torch_axes(context, batch=BATCHES), measure)
    rival = contestants.torch(context, encoder, task, variant, ("--evaluate",))
    return against(context, rival, variant, "PyTorch", name, groups, line, bar, tried)


def against(context, rival, variant, what, name, groups, line, bar, tried):
    with rival:
        contestants.warm(rival, variant, context, line)
        seen = pairs.take_turns(context, {
            what: lambda: rival.rate(line),
            **{how: lambda g=group: g.rate(line) for how, group in groups.items()}})
        return [paired(f"{name}, {how}", "examples/s", seen[how], seen[what], bar=bar,
                       against=contestants.named(variant, what), tried=tried,
                       commands={"ours": group.printed, what: rival.printed})
                for how, group in groups.items()]


def export(context, encoder):
    """The encoder with a head as ONNX, and once more as ONNX Runtime fuses it."""
    path = os.path.join(context.out, os.path.basename(encoder) + ".onnx")
    context.say(f"  exporting {path}")
    made = subprocess.run([*context.script("speed_onnx.py"), "--export", encoder, path],
                          capture_output=True, text=True)
    if made.returncode:
        raise Skip("no export: " + reason(made.stderr))
    return path


def onnx(context, encoder, task, name, groups, bar):
    key = "onnx", encoder
    if key not in context.kept:
        context.kept[key] = export(context, encoder)
    line = line_of(context)

    def start(variant):
        model = context.kept[key]
        if variant["graph"]:
            model = model.replace(".onnx", ".fused.onnx")
        threads = 1 if variant["processes"].endswith("1 thread") else 2
        return contestants.start(
            [*context.script("speed_onnx.py"), model, encoder, task, context.data,
             "--threads", threads, "--order", variant["order"].split()[0], "--batch-size",
             variant["batch"].split()[-1]], context.cores, variant["processes"])

    def measure(variant):
        with start(variant) as group:
            group.ask("evaluate 128")
            return group.rate(line)

    variant, tried = pairs.best_variant(context, ONNX_AXES, measure)
    return against(context, start(variant), variant, "ONNX Runtime", name, groups, line, bar,
                   tried)
