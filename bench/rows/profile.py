"""Where the time of training goes, by phase, beside the rate of matrix products.

`shiftwork run --profile` writes profile.csv: a line a phase with its seconds, calls and
gflop. A phase without gflop has no limit here and shows its share of the time."""
import csv
import os
import subprocess

from comparison import shiftwork_run
from comparison.result import Result
from comparison.side import Skip, clean_environment
from rows import share

NAME = "profile"
TITLE = "seconds by phase and GFLOP/s, 1 worker, MRPC, MiniLM"

TRAINING = "epochs = 1; batch_size = 32; limit = {limit};"
LIMIT = 960


def command(context):
    return [context.shiftwork(), "run", "job.cfg", "--workers", "1", "--profile"]


def phases(context):
    with shiftwork_run.place(context) as folder:
        limit = 64 if context.quick else LIMIT
        shiftwork_run.write_job(folder, context.small, "mrpc", context.folder("mrpc"),
                                TRAINING.format(limit=limit))
        shiftwork_run.run(command(context), folder, context.cores)
        with open(os.path.join(folder, "out/profile.csv"), encoding="utf-8") as f:
            return list(csv.DictReader(f))


def known(context):
    text = subprocess.run([context.shiftwork(), "run", "--help"], text=True,
                          capture_output=True, env=clean_environment({})).stdout
    return "--profile" in text


def run(context):
    if not known(context):
        raise Skip("this build's run has no --profile")
    library, shape, seen = share.fastest(context, share.libraries(context), 1)
    limit = max(rate for _, rate in seen if isinstance(rate, float))
    lines = [line for line in phases(context) if float(line["seconds"]) > 0]
    whole = sum(float(line["seconds"]) for line in lines)
    results = [phase(line, whole, limit) for line in lines]
    results[0].tried = seen
    results[0].commands = {"ours": " ".join(command(context))}
    results[0].note = f"the limit is {limit:.0f} GFLOP/s: {library}, {shape}"
    return results


def phase(line, whole, limit):
    """theirs: the seconds that the phase's products would take at the limit."""
    seconds, gflop = float(line["seconds"]), float(line.get("gflop") or 0)
    result = Result(line["phase"], "s", seconds,
                    against=f"{100 * seconds / whole:.1f} % of the time")
    if gflop > 0:
        result.theirs = gflop / limit
        result.ratio = result.theirs / seconds
        result.against += f"; {gflop / seconds:.0f} of {limit:.0f} GFLOP/s"
    return result
