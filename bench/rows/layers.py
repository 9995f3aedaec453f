"""Fewer trained layers against all of them, in whole runs.

The column seconds of /epochs counts computing with the scoring of dev, from the trial's
start. The first epoch does not count: what later ones keep is made in it."""
import collections
import os
import statistics

from comparison import contestants, pairs, shiftwork_run
from comparison.result import paired

NAME = "layers"
TITLE = "seconds of an epoch after the first, by the first adapted layer, MRPC, 2 workers"

HALF_BAR, HEAD_BAR = 1.8, 50.0
TRAINING = "epochs = {epochs}; batch_size = 32; subsample = {rows};"
ROWS = {"MiniLM": 512, "BERT-base": 128}


def run(context):
    contestants.needs_two_cores(context)
    return [result for name, folder in context.encoders()
            for result in case(context, name, folder())]


def later_epochs(path):
    """Median seconds of an epoch after the first, of all trials."""
    seconds = collections.defaultdict(list)
    for trial, s in zip(shiftwork_run.column(path, "epochs/trial"),
                        shiftwork_run.column(path, "epochs/seconds")):
        seconds[trial].append(s)
    return statistics.median(b - a for s in seconds.values() for a, b in zip(s, s[1:]))


def measure(context, encoder, rows, first_layer):
    training = TRAINING.format(epochs=2 if context.quick else 4, rows=rows)
    with shiftwork_run.place(context) as folder:
        shiftwork_run.write_job(folder, encoder, "mrpc", context.folder("mrpc"), training,
                                "seeds = 2;")
        shiftwork_run.run(command(context, first_layer), folder, context.cores)
        return later_epochs(os.path.join(folder, "out/results.h5"))


def command(context, first_layer):
    return [context.shiftwork(), "run", "job.cfg", "--workers", "2", "--set",
            f"adapter.first_layer={first_layer}"]


def case(context, name, encoder):
    layers, rows = context.layers(encoder), 64 if context.quick else ROWS[name]
    seen = pairs.take_turns(context, {
        first: lambda f=first: measure(context, encoder, rows, f)
        for first in (0, layers // 2, layers)})
    note = f"{rows} training rows drawn, all of dev scored in each epoch"
    return [paired(f"{name}, first_layer = {first}", "s", seen[first], seen[0],
                   inverse=True, bar=bar, against="first_layer = 0", note=note,
                   commands={"ours": " ".join(command(context, first))})
            for first, bar in ((layers // 2, HALF_BAR), (layers, HEAD_BAR))]
