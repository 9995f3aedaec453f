#!/usr/bin/env python3
"""Runs whose workers keep the frozen prefix in a file of the node: one file, the same
numbers with any workers and with the death of one that fills it, nothing left behind.

    prefix.py PROGRAM RESULTS_DIGEST SOURCE_DIR CHUNK_FAULTS [CASE]...

Only the standard library is used.
"""
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import time

CHUNK_FAULTS, CASES = os.path.abspath(sys.argv[4]), sys.argv[5:]

import whole_runs as runs
from whole_runs import LONG, check, digest, expect, outcome, run

KEPT = ("--set", "training.hidden_dropout=0", "--set", "sweep.space.first_layer=[1, 2]")
HEADER, LINE = 64, 32  # bytes of the file's beginning, and of a chunk's line behind it


def places(folder):
    """The environment of a run whose node's files lie in a folder of its own."""
    path = os.path.join(folder, "tmp")
    os.makedirs(path, exist_ok=True)
    return {"TMPDIR": path}


def node_files(folder, kind=".prefix"):
    return [os.path.join(folder, "tmp", n) for n in os.listdir(os.path.join(folder, "tmp"))
            if n.startswith("shiftwork-") and n.endswith(kind)]


def check_none_left(folder):
    left = [n for n in node_files(folder, "") if not n.endswith(".lock")]
    check(not left, f"left: {left}")


def start(folder, *args, **env):
    return subprocess.Popen(runs.command(folder, *args), cwd=folder, text=True,
                            env={**os.environ, **places(folder), **env},
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)


def more_rows(folder, number):
    with open(os.path.join(folder, "train.tsv"), "w") as f:
        f.write(runs.rows(number, "train"))


def chunks_done(path):
    """How many of how many."""
    try:
        with open(path, "rb") as f:
            head = f.read(HEADER)
            count, = struct.unpack_from("<Q", head, 48)
            lines = f.read(LINE * count)
    except (OSError, struct.error):
        return 0, 0
    return sum(lines[i * LINE + 16] for i in range(len(lines) // LINE)), count


def curves(folder, name):
    path, texts = os.path.join(folder, name, "results.h5"), []
    for dataset in ("epochs/trial", "epochs/train_loss", "epochs/dev_loss", "epochs/score",
                    "predictions/mood/dev/logits"):
        done = subprocess.run(["h5dump", "-m", "%.17g", "-d", dataset, path], text=True,
                              capture_output=True)
        check(done.returncode == 0, f"h5dump: {done.stderr}")
        texts.append(done.stdout.split("\n", 2)[2])  # without the file's name
    return texts


def has_own_products():
    """Of frozen matrices, whose rows have bits of their own."""
    with open("/proc/cpuinfo") as f:
        return " avx2 " in f.read()


def case_kept_numbers_are_the_inline_ones(folder):
    env = places(folder)
    expect(run(folder, "-o", "kept", *KEPT, env=env), 0)
    expect(run(folder, "-o", "three", *KEPT, "--workers", "3", "--threads", "2", env=env), 0)
    expect(run(folder, "-o", "said", *KEPT, "--set", "training.prefix=kept", env=env), 0)
    expect(run(folder, "-o", "crews", *KEPT, "--workers", "3", "--set",
               "cluster.workers_per_trial=3", env=env), 0)
    for name in ("three", "said", "crews"):
        check(digest(folder, name) == digest(folder, "kept"), f"{name} has other numbers")
    check_none_left(folder)
    if not has_own_products() or not shutil.which("h5dump"):
        print("   inline is not compared: needs AVX2 and h5dump")
        return
    expect(run(folder, "-o", "inline", *KEPT, "--set", "training.prefix=inline", env=env), 0)
    check(curves(folder, "inline") == curves(folder, "kept"), "inline has other numbers")


def case_workers_share_one_file_which_the_last_removes(folder):
    layer = ("--set", "sweep.space.first_layer=[1]")
    launcher = start(folder, "--workers", "2", *LONG, *KEPT, *layer)
    runs.wait_working(folder)
    files = node_files(folder)
    check(len(files) == 1, f"files: {files}")
    check(os.stat(files[0]).st_mode & 0o7777 == 0o600, "open to others")
    for rank, pid in runs.ranks(folder).items():
        with open(f"/proc/{pid}/maps") as f:
            check((files[0] in f.read()) == (rank > 0), f"rank {rank}'s mappings")
    launcher.send_signal(signal.SIGINT)
    launcher.communicate(timeout=60)
    check(launcher.returncode == 75, f"exit {launcher.returncode}")
    check_none_left(folder)


def case_a_worker_may_die_while_it_fills(folder):
    more_rows(folder, 12000)
    one = (*KEPT, "--set", "sweep.space.first_layer=[1]", "--set", "training.epochs=1")
    expect(run(folder, "-o", "whole", *one, env=places(folder)), 0)
    launcher = start(folder, "--workers", "2", *one, LD_PRELOAD=CHUNK_FAULTS,
                     SHIFTWORK_TEST_CHUNK_MS="60")
    runs.wait_for("file", lambda: node_files(folder))
    runs.wait_for("chunks", lambda: chunks_done(node_files(folder)[0])[0] >= 8)
    os.kill(runs.ranks(folder)[1], signal.SIGKILL)
    done, count = chunks_done(node_files(folder)[0])
    check(done < count, "it was full already")
    _, stderr = launcher.communicate(timeout=120)
    check(launcher.returncode == 0, f"exit {launcher.returncode}: {stderr}")
    check(digest(folder) == digest(folder, "whole"), "other numbers")
    check_none_left(folder)


def case_a_stop_while_it_fills_is_quick(folder):
    more_rows(folder, 12000)
    one = (*KEPT, "--set", "sweep.space.first_layer=[1]", "--set", "training.epochs=1")
    launcher = start(folder, "--workers", "2", *one, LD_PRELOAD=CHUNK_FAULTS,
                     SHIFTWORK_TEST_CHUNK_MS="200")
    runs.wait_for("file", lambda: node_files(folder))
    runs.wait_for("chunks", lambda: chunks_done(node_files(folder)[0])[0] >= 4)
    launcher.send_signal(signal.SIGINT)
    launcher.send_signal(signal.SIGINT)  # does not wait for the report
    launcher.communicate(timeout=60)
    check(launcher.returncode == 75, f"exit {launcher.returncode}")
    check_none_left(folder)
    expect(run(folder, *one, env=places(folder)), 0)
    expect(run(folder, "-o", "whole", *one, env=places(folder)), 0)
    check(digest(folder) == digest(folder, "whole"), "other numbers")


def case_a_node_without_room_is_told_by_name(folder):
    env = {**places(folder), "LD_PRELOAD": CHUNK_FAULTS, "SHIFTWORK_TEST_NO_ROOM": "1"}
    done = run(folder, *KEPT, "--workers", "2", env=env)
    expect(done, 75)
    check(len(re.findall(r'training\.prefix = "inline" does without.*MB are needed, '
                         r".*MB are free", done.stderr)) >= 2, done.stderr)
    check(outcome(folder) == "exit=75 done=0 given_up=0 left=8\n", outcome(folder))
    check_none_left(folder)
    expect(run(folder, *KEPT, "--set", "training.prefix=inline", "-o", "inline", env=env), 0)


def doctor(folder, *args):
    done = subprocess.run([runs.PROGRAM, "doctor", *args], text=True, capture_output=True,
                          env={**os.environ, **places(folder)})
    check(done.returncode == 0, done.stderr)
    return [line for line in done.stdout.splitlines() if os.path.join(folder, "tmp") in line
            and line.split()[0] in ("used", "left", "removed")]


def case_doctor_removes_what_killed_workers_left(folder):
    layer = ("--set", "sweep.space.first_layer=[1]")
    launcher = start(folder, "--workers", "2", *LONG, *KEPT, *layer)
    runs.wait_working(folder)
    used = doctor(folder, "--clean")
    check(any(".prefix" in line for line in used), used)
    check(all(line.startswith("used ") for line in used), used)
    for pid in runs.ranks(folder).values():
        os.kill(pid, signal.SIGKILL)
    launcher.communicate(timeout=60)
    runs.wait_gone(folder)
    left = doctor(folder)
    check(len(left) == len(used) and all(l.startswith("left ") for l in left), left)
    removed = doctor(folder, "--clean")
    check(len(removed) == len(left) and all(l.startswith("removed ") for l in removed), removed)
    check_none_left(folder)
    check(doctor(folder) == [], "still there")


def floats(path, dataset):
    out = path + ".bin"
    subprocess.run(["h5dump", "-d", dataset, "-b", "LE", "-o", out, path], check=True,
                   capture_output=True)
    with open(out, "rb") as f:
        data = f.read()
    return struct.unpack(f"<{len(data) // 4}f", data)


def check_predicted(folder, name, env):
    tsv = os.path.join(folder, "p.tsv")
    subprocess.run([runs.PROGRAM, "predict", os.path.join(folder, name), "-o", tsv, "--logits"],
                   check=True, capture_output=True, env={**os.environ, **env})
    with open(tsv) as f:
        table = [line.split("\t") for line in f.read().splitlines()[1:]]
    mine = [struct.unpack("<f", struct.pack("<f", float(x)))[0] for row in table for x in row[-2:]]
    kept = floats(os.path.join(folder, name, "results.h5"), "/predictions/mood/dev/logits")
    check(tuple(mine) == kept, f"{name}: other logits")


def case_predict_gives_the_bits_of_results(folder):
    """Also where OpenBLAS computes, whose rows' bits depend on the cut."""
    if not shutil.which("h5dump"):
        print("   skipped: needs h5dump")
        return
    for isa in ({}, {"SHIFTWORK_ISA": "portable"}):
        for layer in (1, 2):
            for pooling in ("pooler", "mean"):
                name = f"{layer}-{pooling}-{len(isa)}"
                env = {**places(folder), **isa}
                expect(run(folder, "-o", name, *KEPT, "--set", "output.keep=1", "--set",
                           f"sweep.space.first_layer=[{layer}]", "--set",
                           f"adapter.pooling={pooling}", env=env), 0)
                check_predicted(folder, name, env)


sys.exit(1 if runs.run_cases(runs.cases_of(globals()), CASES) else 0)
