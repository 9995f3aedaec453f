#!/usr/bin/env python3
"""The same numbers however a sweep was run: the real encoder on MRPC and CoLA, dropout
on, with 1 and 3 workers, 3 workers on each trial, 1, 2 and 3 threads, a coordinator killed and started again;
workers and the death under another BLAS kernel too.

    same_bits.py PROGRAM RESULTS_DIGEST SOURCE_DIR

Skipped (exit 77) without the encoder or the data: $SHIFTWORK_ENCODER, $SHIFTWORK_DATA,
else encoders/all-MiniLM-L6-v2 and ../shared/data.
"""
import os
import signal
import subprocess
import sys
import tempfile
import time

import whole_runs as runs
from whole_runs import Failure, check

ENCODER = os.environ.get("SHIFTWORK_ENCODER",
                         os.path.join(runs.SOURCE, "encoders/all-MiniLM-L6-v2"))
DATA = os.environ.get("SHIFTWORK_DATA", os.path.join(runs.SOURCE, "../shared/data"))

JOB = """encoder = "%s";
tasks = ( { name = "mrpc"; data = "%s/MRPC"; max_length = 64; },
          { name = "cola"; data = "%s/CoLA"; max_length = 64; } );
training = { epochs = 2; subsample = 64; batch_size = 16; microshard_tokens = 64;
             hidden_dropout = 0.1; attention_dropout = 0.1; };
sweep = { seeds = 2; };
output = { dir = "out"; };
"""


def make_job(folder):
    with open(os.path.join(folder, "job.cfg"), "w") as f:
        f.write(JOB % (ENCODER, DATA, DATA))


def interrupted(folder, name, env):
    """A run whose coordinator is killed after its first reports, then run again."""
    launcher = subprocess.Popen(runs.command(folder, "-o", name, "--workers", "2"),
                                cwd=folder, stdin=subprocess.DEVNULL, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env={**os.environ, **env})
    segment = os.path.join(folder, name, "checkpoints/000001.seg")
    runs.wait_for("a checkpoint", lambda: os.path.exists(segment)
                  and os.path.getsize(segment) > 0, 120)
    time.sleep(1)
    os.kill(runs.ranks(folder)[0], signal.SIGKILL)
    launcher.communicate(timeout=60)
    check(launcher.returncode == 75, f"exit {launcher.returncode}")
    again = runs.run(folder, "-o", name, "--workers", "3", env=env, timeout=300)
    runs.expect(again, 0)
    check("going on with an earlier run" in again.stderr, again.stderr)


def compare(folder, kernel):
    env = {"OPENBLAS_CORETYPE": kernel} if kernel else {}
    label = kernel or "this machine's kernel"
    runs.expect(runs.run(folder, "-o", f"one{kernel}", "--workers", "1", env=env,
                         timeout=300), 0)
    digest = runs.digest(folder, f"one{kernel}")
    check("trials=4" in digest, digest)
    together = "cluster.workers_per_trial="
    others = [("workers", ("--workers", "3", "--set", together + "1")),
              ("together", ("--workers", "3", "--set", together + "3"))]
    if not kernel:
        others += [("two threads", ("--workers", "1", "--threads", "2")),
                   ("three threads", ("--workers", "1", "--threads", "3"))]
    for name, args in others:
        runs.expect(runs.run(folder, "-o", name + kernel, *args, env=env, timeout=300), 0)
        check(runs.digest(folder, name + kernel) == digest, f"{name}, {label}: other numbers")
    interrupted(folder, f"interrupted{kernel}", env)
    check(runs.digest(folder, f"interrupted{kernel}") == digest,
          f"interrupted, {label}: other numbers")
    print(f"ok   {label}: {digest}", flush=True)


def main():
    if not (os.path.exists(ENCODER) and os.path.exists(os.path.join(DATA, "MRPC"))):
        print("skipped: needs the encoder and the benchmark data")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        make_job(folder)
        try:
            for kernel in ("", "Haswell"):
                compare(folder, kernel)
        except (Failure, subprocess.TimeoutExpired, OSError, KeyError) as why:
            print(f"FAIL {why}", flush=True)
            sys.exit(1)
        finally:
            for pid in runs.ranks(folder).values():
                os.kill(pid, signal.SIGKILL)


main()
