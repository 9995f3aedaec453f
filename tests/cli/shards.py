#!/usr/bin/env python3
"""A job run in parts, `run --shard i/n`, and the parts made one run directory, `merge`:
its numbers are those of the whole job in one run.

    shards.py PROGRAM RESULTS_DIGEST SOURCE_DIR [CASE]...

Only the standard library is used. What needs a mount runs as root only.
"""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import whole_runs as runs
from whole_runs import (LONG, check, command_on, digest, expect, flip, outcome, records,
                        run)


def shard(folder, i, n, *args):
    """Into part<i>."""
    return run(folder, "--shard", f"{i}/{n}", "-o", f"part{i}", *args)


def shards(folder, n, *args):
    for i in range(1, n + 1):
        expect(shard(folder, i, n, *args), 0)
    return [f"part{i}" for i in range(1, n + 1)]


def case_a_shard_runs_its_trials_alone(folder):
    done = run(folder, "--shard", "2/3", "--workers", "2")
    expect(done, 0)
    name = "out.shard-2-of-3"
    check("shard 2/3: 3 of them" in done.stderr, done.stderr)
    check(outcome(folder, name) == "exit=0 done=3 given_up=0 left=0\n", outcome(folder, name))
    check("trials=3 epochs=9 " in digest(folder, name), digest(folder, name))
    check(not os.path.exists(os.path.join(folder, "out")), "the whole job's directory is there")
    status = command_on("status", os.path.join(folder, name))
    check("3 trials of shard 2/3: 3 done\n" in status.stdout, status.stdout)
    expect(command_on("verify", os.path.join(folder, name)), 0)
    os.remove(os.path.join(folder, name, "results.h5"))
    expect(command_on("recover", os.path.join(folder, name)), 0)
    check("trials=3 epochs=9 " in digest(folder, name), digest(folder, name))
    again = run(folder, "--shard", "2/3")
    expect(again, 0)
    check(again.stdout == done.stdout, again.stdout)
    own = subprocess.run([runs.PROGRAM, "run", os.path.join(folder, name, "job.cfg")],
                         text=True, capture_output=True, timeout=60)
    expect(own, 0)  # its job.cfg names shard and directory
    check(own.stdout == done.stdout, own.stdout)


def case_a_shard_grows_to_the_whole_job(folder):
    expect(run(folder, "-o", "whole"), 0)
    expect(run(folder, "--shard", "1/3", "-o", "out"), 0)
    check(outcome(folder) == "exit=0 done=3 given_up=0 left=0\n", outcome(folder))
    expect(run(folder, "--shard", "2/3", "-o", "out"), 0)
    check(outcome(folder) == "exit=0 done=3 given_up=0 left=0\n", outcome(folder))
    check("trials=6 " in digest(folder), digest(folder))  # what was found stays
    expect(command_on("verify", os.path.join(folder, "out")), 0)
    expect(run(folder, "-o", "out"), 0)
    check(outcome(folder) == "exit=0 done=8 given_up=0 left=0\n", outcome(folder))
    check(digest(folder) == digest(folder, "whole"), "other numbers than at once")


def case_a_stopped_shard_counts_its_own_trials(folder):
    launcher = runs.start(folder, "--workers", "2", "--shard", "1/2", "-o", "out", *LONG)
    runs.wait_working(folder)
    launcher.send_signal(signal.SIGINT)
    launcher.communicate(timeout=60)
    check(outcome(folder) == "exit=75 done=0 given_up=0 left=4\n", outcome(folder))
    status = command_on("status", os.path.join(folder, "out"))
    check("4 trials of shard 1/2: 4 queued\n" in status.stdout, status.stdout)


def case_a_shard_that_cannot_be_is_wrong_use(folder):
    for text in ("0/4", "5/4", "x", "1", "1/", "/2", "1/0", "-1/2", "1/2/3", "1/2 ", " 1/2",
                 "1.5/2", "1/9999999", "99999999999/99999999999", ""):
        done = run(folder, "--shard", text)
        expect(done, 2)
        check("--shard" in done.stderr and done.stderr.count("\n") == 1, done.stderr)
    done = run(folder, "--shard", "9/10")
    expect(done, 1)
    check("shard 9/10: none of the job's 8 trials" in done.stderr, done.stderr)
    done = run(folder, "--set", "cluster.shard=2")
    expect(done, 1)
    check("shard: 2 is above shards, 1" in done.stderr, done.stderr)
    check(not os.path.exists(os.path.join(folder, "out.shard-9-of-10")), "a directory is left")
    expect(run(folder, "--shard", "1/1"), 0)  # the whole job
    check(outcome(folder) == "exit=0 done=8 given_up=0 left=0\n", outcome(folder))


if __name__ == "__main__":
    sys.exit(1 if runs.run_cases(runs.cases_of(globals()), sys.argv[4:]) else 0)
