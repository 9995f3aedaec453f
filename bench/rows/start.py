"""How long `shiftwork run` takes to get to work."""
import os
import re
import statistics

from comparison import shiftwork_run
from comparison.result import Result

NAME = "start"
TITLE = "seconds from the command to the first optimizer step, prepared data, MiniLM, MRPC"

BAR = 1.0
TRAINING = "epochs = 1; batch_size = 32; max_steps = 1; limit = 32;"
LOGGED = re.compile(r"first step after ([0-9.]+) s")


def prepare(context, folder):
    path = os.path.join(folder, "mrpc.h5")
    shiftwork_run.run([context.shiftwork(), "prepare", "--encoder", context.small, "--task",
                       "mrpc", "--data", context.folder("mrpc"), "-o", path], folder,
                      context.cores)
    return path


def command(context, number):
    return [context.shiftwork(), "run", "job.cfg", "--workers", "2", "-o", f"out{number}"]


def measure(context, folder, number):
    """(seconds to the first step as the run logs them or None, of the whole run)"""
    seconds = shiftwork_run.run(command(context, number), folder, context.cores)
    found = LOGGED.search(shiftwork_run.read_log(folder))
    return float(found[1]) if found else None, seconds


def run(context):
    with shiftwork_run.place(context) as folder:
        shiftwork_run.write_job(folder, context.small, "mrpc", prepare(context, folder),
                                TRAINING)
        seen = [measure(context, folder, n) for n in range(max(3, context.rounds))]
    logged, whole = [x for x, _ in seen if x is not None], [x for _, x in seen]
    took = f"the whole run took {statistics.median(whole):.2f} s"
    if len(logged) == len(seen):
        note = f"as the run logs it; {took}"
    else:
        logged = whole
        note = ("the whole run, since it does not log its first step: with that step, the "
                "scoring of dev, the results and the end of all processes")
    return [Result("MiniLM, 2 workers", "s", statistics.median(logged), bar=BAR, below=True,
                   absolute=True, note=f"{note}; {min(logged):.2f} to {max(logged):.2f}",
                   commands={"ours": " ".join(command(context, 0))})]
