"""Memory of one worker beside the encoder that all workers of a machine share."""
import time

from comparison import process_memory, shiftwork_run
from comparison.result import Result
from comparison.side import Skip

NAME = "memory"
TITLE = "highest resident MiB of one worker beyond the mapped encoder, MiniLM, MRPC, batch 32"

BAR = 250
TRAINING = "epochs = 1; batch_size = 32; limit = {limit};"
LIMIT = 640
COMMAND = ["run", "job.cfg", "--workers", "1"]


def worker_sizes(launcher):
    """Of the rank that has the encoder mapped; None before that."""
    for pid in process_memory.ranks(launcher):
        try:
            found = process_memory.sizes(pid)
        except OSError:
            continue
        if found[2] > 1:
            return found
    return None


def watch(process):
    """Highest of (beyond the encoder, the encoder's part) while a run lasts."""
    highest = (0, 0)
    while process.poll() is None:
        found = worker_sizes(process.pid)
        if found:
            highest = max(highest, (found[0] - found[2], found[2]))
        time.sleep(0.1)
    return highest


def run(context):
    command = [context.shiftwork(), *COMMAND]
    with shiftwork_run.place(context) as folder:
        limit = 64 if context.quick else LIMIT
        shiftwork_run.write_job(folder, context.small, "mrpc", context.folder("mrpc"),
                                TRAINING.format(limit=limit))
        with shiftwork_run.started(command, folder, context.cores) as process:
            beyond, encoder = watch(process)
    if process.returncode or not beyond:
        raise Skip(f"the run ended with {process.returncode} before it could be watched")
    return [Result("MiniLM, 1 worker", "MiB", beyond, bar=BAR, below=True, absolute=True,
                   note=f"looked at ten times a second; {encoder:.0f} MiB of the encoder's "
                        "files beside it",
                   commands={"ours": " ".join(command)})]
