"""Whole runs of `shiftwork run`, and what they leave behind. h5dump reads the results,
so that no Python package is needed."""
import contextlib
import os
import re
import signal
import subprocess
import tempfile
import time

from comparison.side import Skip, clean_environment, pinned, reason

JOB = """encoder = "{encoder}";
tasks = ( {{ name = "{task}"; data = "{data}"; max_length = 128; }} );
training = {{ {training} }};
sweep = {{ {sweep} }};
output = {{ dir = "out"; }};
"""


def write_job(folder, encoder, task, data, training, sweep="seeds = 1;"):
    path = os.path.join(folder, "job.cfg")
    with open(path, "w", encoding="utf-8") as f:
        f.write(JOB.format(encoder=encoder, task=task, data=data, training=training,
                           sweep=sweep))
    return path


@contextlib.contextmanager
def place(context):
    """A folder that is removed."""
    with tempfile.TemporaryDirectory(dir=context.out, prefix="run-") as folder:
        yield folder


@contextlib.contextmanager
def started(command, folder, cores, environment=None):
    """The process, whose messages go to the file log. A launcher that is left early is
    asked twice to stop, as a user would, and ends its ranks."""
    with open(os.path.join(folder, "log"), "w", encoding="utf-8") as log:
        process = subprocess.Popen(pinned(command, cores), cwd=folder, stdout=log,
                                   stderr=log, env=clean_environment(environment or {}))
        try:
            yield process
        finally:
            stop(process)


def stop(process):
    for _ in range(2):
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(2)
    process.wait()


def read_log(folder):
    with open(os.path.join(folder, "log"), encoding="utf-8", errors="replace") as f:
        return f.read()


def run(command, folder, cores, environment=None):
    """Wall seconds of a command that has to succeed."""
    begun = time.monotonic()
    with started(command, folder, cores, environment) as process:
        process.wait()
        seconds = time.monotonic() - begun
    if process.returncode:
        raise Skip(f"ended with {process.returncode}: {reason(read_log(folder))}")
    return seconds


def column(path, name):
    """Numbers of a column of results.h5: "epochs/seconds"."""
    text = subprocess.run(["h5dump", "-y", "-w", "0", "-m", "%.9g", "-d", "/" + name, path],
                          text=True, capture_output=True, check=True).stdout
    values = text[text.index("DATA {") + 6:]
    return [float(x) for x in re.findall(r"[-+.\w]+", values[:values.index("}")])]
