#!/usr/bin/env python3
"""Whole runs of a tiny job with schedulers, adaptive search and limits: they train less
than a whole grid does, and with one worker a run that was killed and continued decides
as an undisturbed one.

    steered_runs.py PROGRAM RESULTS_DIGEST SOURCE_DIR [CASE]...

Only the standard library is used.
"""
import os
import re
import signal
import sys
import time

CASES = sys.argv[4:]

import whole_runs as runs
from whole_runs import check, command_on, digest, expect, outcome, run

GRID = "space = { learning_rate = [1e-3, 3e-3, 1e-2, 3e-2]; batch_size = [4, 8]; };"
RANGE = """space = { learning_rate = { min = 1e-4; max = 1e-1; scale = "log"; };
                  batch_size = [4, 8, 16]; };"""


def rewrite(folder, sweep, epochs=9, rows=96):
    path = os.path.join(folder, "job.cfg")
    with open(path) as f:
        text = f.read()
    text = re.sub(r"sweep = .*?; };\n(?=output)", f"sweep = {{ {sweep} }};\n", text, flags=re.S)
    with open(path, "w") as f:
        f.write(text.replace("epochs = 3;", f"epochs = {epochs};"))
    with open(os.path.join(folder, "train.tsv"), "w") as f:
        f.write(runs.rows(rows, "train"))


def counts(folder, name="out"):
    return {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", digest(folder, name).split("\n")[0])}


def kill_all(folder):
    for pid in runs.ranks(folder).values():
        os.kill(pid, signal.SIGKILL)


def disturbed(folder, kills, *args):
    """The same run, killed as often on its way, each time a little later."""
    for turn in range(1, kills + 1):
        launcher = runs.start(folder, *args)
        path = os.path.join(folder, f"out/journal.{turn:04}")
        runs.wait_for("reports", lambda: launcher.poll() is not None or
                      (os.path.exists(path) and os.path.getsize(path) > 2500))
        time.sleep(0.2 * turn)
        kill_all(folder)
        launcher.communicate(timeout=60)
        check(launcher.returncode in (0, 75), f"exit {launcher.returncode}")
        runs.wait_gone(folder)
    expect(run(folder, *args), 0)


def check_same_after_kills(folder, sweep, kills=3):
    rewrite(folder, sweep, rows=800)
    one = ("--workers", "1")
    expect(run(folder, "-o", "whole", *one), 0)
    disturbed(folder, kills, *one)
    check(digest(folder) == digest(folder, "whole"), "other numbers than undisturbed")
    for name in ("out", "whole"):
        verified = command_on("verify", os.path.join(folder, name))
        expect(verified, 0)
        check("agrees with the journal" in verified.stdout, verified.stdout)


def case_asha_trains_less_and_ends_done(folder):
    rewrite(folder, 'seeds = 1; scheduler = "asha"; eta = 3; ' + GRID)
    expect(run(folder, "--workers", "2"), 0)
    check(outcome(folder) == "exit=0 done=8 given_up=0 left=0\n", outcome(folder))
    epochs = counts(folder)["epochs"]
    check(8 + 2 * 2 <= epochs < 40, f"{epochs} epochs, of 72 of a whole grid")
    again = run(folder)
    expect(again, 0)
    check(counts(folder)["epochs"] == epochs, "it went on")


def case_asha_decides_the_same_after_kills(folder):
    check_same_after_kills(folder, 'seeds = 1; scheduler = "asha"; eta = 2; ' + GRID)


def case_hyperband_decides_the_same_after_kills(folder):
    check_same_after_kills(folder, 'seeds = 2; scheduler = "hyperband"; judge = "mean"; ' + GRID)


def case_median_decides_the_same_after_kills(folder):
    check_same_after_kills(folder, 'seeds = 1; scheduler = "median"; ' + GRID)


def case_tpe_proposes_the_same_after_kills(folder):
    check_same_after_kills(folder, 'seeds = 2; search = "tpe"; trials = 24; ' + RANGE)


def case_tpe_under_asha_decides_the_same_after_kills(folder):
    check_same_after_kills(
        folder, 'seeds = 1; search = "tpe"; trials = 30; scheduler = "asha"; ' + RANGE)


def case_a_population_replaces_its_losers(folder):
    rewrite(folder, 'seeds = 1; scheduler = "pbt"; min_epochs = 2; ' + GRID)
    expect(run(folder, "--workers", "2"), 0)
    found = counts(folder)
    check(found["trials"] > 8, f"{found}: nobody was replaced")
    check("left=0" in outcome(folder), outcome(folder))


def case_a_population_decides_the_same_after_kills(folder):
    check_same_after_kills(folder, 'seeds = 1; scheduler = "pbt"; min_epochs = 1; ' + GRID)


def case_tpe_proposes_as_many_as_asked_and_more_later(folder):
    rewrite(folder, 'seeds = 2; search = "tpe"; trials = 25; ' + RANGE, epochs=1)
    expect(run(folder, "--workers", "2"), 0)
    check(counts(folder)["trials"] == 24, "12 configurations of 2 seeds")
    done = run(folder, "--set", "sweep.trials=30")
    expect(done, 0)
    check(counts(folder)["trials"] == 30, digest(folder))


def case_epochs_are_a_limit_to_the_last(folder):
    rewrite(folder, "seeds = 1; epochs = 20; " + GRID)
    done = run(folder, "--workers", "3")
    expect(done, 0)
    check("sweep.epochs used up" in done.stderr, done.stderr)
    check(counts(folder)["epochs"] == 20, digest(folder))
    done = run(folder, "--set", "sweep.epochs=25")
    expect(done, 0)
    check(counts(folder)["epochs"] == 25, digest(folder))


def case_the_end_of_an_allocation_stops_and_the_next_goes_on(folder):
    rewrite(folder, "seeds = 2; " + GRID, epochs=60, rows=1200)
    expect(run(folder, "-o", "whole"), 0)
    code, starts = 75, 0
    while code == 75 and starts < 20:
        starts += 1
        done = run(folder, "--workers", "2", env={"SHIFTWORK_END_S": str(int(time.time()) + 14)})
        code = done.returncode
        if code == 75:
            check("before the allocation does" in done.stderr, done.stderr)
    check(code == 0 and starts > 1, f"exit {code} after {starts} starts: {done.stderr}")
    check(digest(folder) == digest(folder, "whole"), "other numbers than undisturbed")


sys.exit(1 if runs.run_cases(runs.cases_of(globals()), CASES) else 0)
