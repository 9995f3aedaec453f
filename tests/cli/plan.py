#!/usr/bin/env python3
"""`plan` counts what a job holds, its hours follow from a stated rate, it measures where
none is stated, refuses bad input in one line, and writes nothing.

    plan.py PROGRAM SOURCE_DIR

Only the standard library is used.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

PROGRAM, SOURCE = os.path.abspath(sys.argv[1]), sys.argv[2]
ENCODER = os.path.join(SOURCE, "tests/data/encoders/tiny-text")
TRAIN, DEV = 60, 24
JOB = """encoder = "encoder";
tasks = ( { name = "days"; data = "."; train = "train.tsv"; dev = "dev.tsv";
            text = ["sentence"]; label = "label"; labels = ["0", "1"];
            metrics = ["accuracy"]; max_length = 32; } );
training = { epochs = 4; batch_size = 8; };
cluster = { workers_per_trial = 1; };
output = { dir = "out"; };
"""
GRID = "sweep.space.learning_rate=[1e-3, 2e-3, 4e-3]"
failures = []


def check(name, holds, detail=""):
    print(f"{'passed' if holds else 'FAILED'} {name}" + ("" if holds else f": {detail}"))
    if not holds:
        failures.append(name)


def make(folder):
    shutil.copytree(ENCODER, os.path.join(folder, "encoder"))
    for name, rows in (("train.tsv", TRAIN), ("dev.tsv", DEV)):
        with open(os.path.join(folder, name), "w") as f:
            f.write("sentence\tlabel\n")
            f.writelines(f"the {'good' if i % 2 else 'bad'} day\t{i % 2}\n"
                         for i in range(rows))
    with open(os.path.join(folder, "job.cfg"), "w") as f:
        f.write(JOB)


def run(folder, *args):
    return subprocess.run([PROGRAM, "plan", *args], cwd=folder, capture_output=True,
                          text=True, stdin=subprocess.DEVNULL, timeout=120)


def plan(folder, *sets, rate="20", workers="1"):
    args = ["job.cfg", "--workers", workers] + (["--rate", rate] if rate else [])
    for s in sets:
        args += ["--set", s]
    done = run(folder, *args)
    check(f"plan {' '.join(args[1:])} succeeds", done.returncode == 0, done.stderr)
    return done.stdout


def number(text, pattern):
    found = re.search(pattern, text, re.M)
    return int(found.group(1).replace(",", "")) if found else -1


UNITS = {"h": 3600, "min": 60, "s": 1}


def seconds(text):
    """The exact duration in brackets of the line `expected`."""
    inside = re.search(r"^expected .*?\((.*?)\)", text, re.M).group(1)
    return sum(float(n) * UNITS[u] for n, u in re.findall(r"([\d.]+) (h|min|s)", inside))


def near(a, b, share=0.03):
    return abs(a - b) <= share * b


def counts(folder):
    text = plan(folder, GRID, "sweep.seeds=2")
    check("trials", "trials    6: 1 task, 3 configurations, 2 seeds\n" in text, text)
    check("epochs", number(text, r"^epochs +([\d,]+)$") == 24, text)
    # [CLS] the good day [SEP], all words of the vocabulary or pieces: rows are alike
    tokens = number(text, r"trains 60 rows \(([\d,]+) tokens\)")
    scored = number(text, r"scores 24 \(([\d,]+)\)")
    check("rows", tokens > 0 and tokens * DEV == scored * TRAIN, text)
    check("tokens", number(text, r"^tokens +([\d,]+) trained") == 24 * tokens and
          number(text, r"trained, ([\d,]+) scored") == 24 * scored, text)
    return tokens, scored


def hours(folder, tokens, scored):
    one = seconds(plan(folder))
    check("training at the stated rate, scoring no slower",
          4 * tokens / 20 < one < 4 * (tokens + scored) / 20 + 3, one)
    check("twice the epochs", near(seconds(plan(folder, "training.epochs=8")), 2 * one))
    check("half the rate", near(seconds(plan(folder, rate="10")), 2 * one))
    check("four trials on two workers",
          near(seconds(plan(folder, "sweep.seeds=4", workers="2")), 2 * one))
    check("three trials on two workers",
          near(seconds(plan(folder, "sweep.seeds=3", workers="2")), 2 * one))


def useful(folder):
    text = plan(folder, "sweep.seeds=5")
    check("a worker for each trial", "at most 5 are of use: one for each trial" in text, text)
    text = plan(folder, "cluster.workers_per_trial=0")
    check("no more than a batch's microshards",  # of one batch: one
          "at most 1 are of use" in text, text)


def limits(folder):
    text = plan(folder, "sweep.wall_time=100")
    check("fits", re.search(r"^limit .* fits$", text, re.M), text)
    text = plan(folder, "sweep.seeds=4", "sweep.wall_time=0.05")
    check("too short, more workers would do",
          re.search(r"^limit .* too short, .*; \d+ workers would do$", text, re.M), text)
    check("no word without a limit", "\nlimit" not in plan(folder))


def schedulers(folder):
    text = plan(folder, "sweep.seeds=9", "training.epochs=9", "sweep.scheduler=asha",
                "sweep.min_epochs=1", "sweep.eta=3")
    expected = number(text, r"^epochs +(\d+) expected with asha, 81 at most$")
    # halving that waits for all: 9 + 3·2 + 1·6; each promoted too early adds to it
    check("asha leaves epochs out", 21 <= expected <= 40, text)
    text = plan(folder, "sweep.search=tpe", "sweep.trials=7",
                "sweep.space.learning_rate={ min = 1e-4; max = 1e-2; scale = \"log\"; }")
    check("an adaptive search", "trials    7: 1 task, 7 configurations" in text, text)


def measuring(folder):
    text = plan(folder, GRID, rate=None)
    check("a measurement", re.search(r"^rate +measured for", text, re.M) and
          seconds(text) > 0, text)


def refused(folder, name, code, wanted, *args):
    done = run(folder, *args)
    lines = done.stderr.strip("\n").split("\n")
    check(name, done.returncode == code and len(lines) == 1 and wanted in lines[0] and
          not done.stdout, f"exit {done.returncode}: {done.stdout}{done.stderr}")


def bad_input(folder):
    refused(folder, "no job", 2, "a job file is wanted")
    refused(folder, "no such job", 1, "none.cfg", "none.cfg")
    for rate in ("0", "-1", "nan", "inf", "1e999", "fast", ""):
        refused(folder, f"--rate {rate!r}", 2, "--rate", "job.cfg", "--rate", rate)
    refused(folder, "--workers 0", 2, "--workers", "job.cfg", "--workers", "0")
    refused(folder, "--threads 0", 2, "--threads", "job.cfg", "--threads", "0")
    refused(folder, "--nodes 0", 2, "--nodes", "job.cfg", "--nodes", "0")
    refused(folder, "more nodes than workers", 1, "only 2 workers", "job.cfg",
            "--workers", "2", "--nodes", "3", "--rate", "20")
    refused(folder, "an unknown option", 2, "--json", "job.cfg", "--json")
    refused(folder, "an unknown setting", 1, "training.epoch", "job.cfg", "--set",
            "training.epoch=3")
    refused(folder, "min_epochs above epochs", 1, "min_epochs", "job.cfg", "--set",
            "sweep.scheduler=asha", "--set", "sweep.min_epochs=9", "--rate", "20")
    os.rename(os.path.join(folder, "dev.tsv"), os.path.join(folder, "away.tsv"))
    refused(folder, "missing data", 1, "dev.tsv", "job.cfg")
    os.rename(os.path.join(folder, "away.tsv"), os.path.join(folder, "dev.tsv"))


def tree(folder):
    return sorted(os.path.join(root, n) for root, _, names in os.walk(folder) for n in names)


with tempfile.TemporaryDirectory(prefix="shiftwork-plan-") as place:
    make(place)
    before = tree(place)
    hours(place, *counts(place))
    useful(place)
    limits(place)
    schedulers(place)
    measuring(place)
    bad_input(place)
    check("nothing is written", tree(place) == before, tree(place))
sys.exit(1 if failures else 0)
