#!/usr/bin/env python3
"""Whole runs of a tiny job: how they end, what they leave, and that their numbers do not
depend on how they were run.

    whole_runs.py PROGRAM RESULTS_DIGEST SOURCE_DIR [CASE]...

Only the standard library is used.
"""
import csv
import fcntl
import os
import pty
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

PROGRAM, DIGEST, SOURCE = (os.path.abspath(a) for a in sys.argv[1:4])
MPIRUN = ["mpirun", "--oversubscribe", "--bind-to", "none", "--mca", "btl", "tcp,self"]
if os.geteuid() == 0:
    MPIRUN.append("--allow-run-as-root")
FINISHED = ["checkpoints", "datasets", "job.cfg", "journal.0001", "log", "outcome",
            "outputs", "progress", "results.h5"]
LONG = ("--set", "training.epochs=100000", "--set", "training.schedule=constant")


class Failure(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Failure(text)


def rows(number, seed):
    words = random.Random(seed)
    good, bad = ["good", "great", "fine", "happy"], ["bad", "poor", "sad", "awful"]
    lines = ["sentence\tlabel"]
    for _ in range(number):
        label = words.randrange(2)
        text = [words.choice(["the", "on", "of", "was", "not"]) for _ in range(words.randrange(2, 9))]
        text.insert(words.randrange(len(text)), words.choice(good if label else bad))
        lines.append(" ".join(text) + f"\t{label}")
    return "\n".join(lines) + "\n"


def make_job(folder):
    shutil.copytree(os.path.join(SOURCE, "tests/data/encoders/tiny-text"),
                    os.path.join(folder, "encoder"))
    for name, number in (("train", 96), ("dev", 40), ("test", 30)):
        with open(os.path.join(folder, name + ".tsv"), "w") as f:
            f.write(rows(number, name))
    with open(os.path.join(folder, "job.cfg"), "w") as f:
        f.write("""encoder = "encoder";
tasks = ( { name = "mood"; data = "."; train = "train.tsv"; dev = "dev.tsv";
            test = "test.tsv"; text = ["sentence"]; label = "label";
            labels = ["0", "1"]; metrics = ["accuracy", "f1"]; max_length = 32; } );
training = { epochs = 3; batch_size = 8; hidden_dropout = 0.1; };
sweep = { seeds = 2; space = { learning_rate = [1e-2, 3e-2]; first_layer = [0, 2]; }; };
output = { dir = "out"; keep = 3; };
""")


def command(folder, *args, prefix=()):
    return [*prefix, PROGRAM, "run", os.path.join(folder, "job.cfg"), *args]


def run(folder, *args, prefix=(), env=None, timeout=120):
    return subprocess.run(command(folder, *args, prefix=prefix), cwd=folder, text=True,
                          capture_output=True, stdin=subprocess.DEVNULL, timeout=timeout,
                          env={**os.environ, **(env or {})})


def start(folder, *args):
    return subprocess.Popen(command(folder, *args), cwd=folder, text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)


def expect(done, code):
    check(done.returncode == code, f"exit {done.returncode}, not {code}: {done.stderr}")


def outcome(folder, name="out"):
    with open(os.path.join(folder, name, "outcome")) as f:
        return f.read()


def digest(folder, name="out"):
    done = subprocess.run([DIGEST, os.path.join(folder, name, "results.h5")], text=True,
                          capture_output=True)
    check(done.returncode == 0, f"results.h5 of {name}: {done.stderr}")
    return done.stdout


def ranks(folder):
    """Process numbers by rank of the run whose job lies in folder."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                line = f.read()
            with open(f"/proc/{pid}/environ", "rb") as f:
                rank = re.search(rb"OMPI_COMM_WORLD_RANK=(\d+)", f.read())
        except OSError:
            continue
        if rank and folder.encode() in line and line.startswith(PROGRAM.encode()):
            found[int(rank.group(1))] = int(pid)
    return found


def wait_for(what, condition, seconds=60):  # a busy machine's disk may take its time
    end = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < end, f"no {what} within {seconds} s")
        time.sleep(0.05)


def wait_working(folder, name="out"):
    """Until some trial has reported."""
    path = os.path.join(folder, name, "results.h5")
    wait_for("results.h5", lambda: os.path.exists(path))
    time.sleep(0.5)


def wait_gone(folder):
    wait_for("end of all ranks", lambda: not ranks(folder), 30)


def check_first_step(text, seconds):
    found = re.findall(r"^first step after ([0-9]+\.[0-9]{2}) s$", text, re.M)
    check(len(found) == 1 and 0 < float(found[0]) <= seconds + 0.01,
          f"{found} of {seconds} s: {text}")


def case_a_run_ends_done(folder):
    begun = time.monotonic()
    done = run(folder, "--workers", "2")
    expect(done, 0)
    check_first_step(done.stderr, time.monotonic() - begun)
    check(outcome(folder) == "exit=0 done=8 given_up=0 left=0\n", outcome(folder))
    check("trials=8 epochs=24 predictions=2" in digest(folder), digest(folder))
    check("learning" in done.stdout and "score" in done.stdout, done.stdout)
    left = sorted(os.listdir(os.path.join(folder, "out")))
    check(left == FINISHED, left)
    wait_gone(folder)


def case_numbers_do_not_depend_on_how_it_was_run(folder):
    expect(run(folder, "-o", "one", "--workers", "1"), 0)
    expect(run(folder, "-o", "three", "--workers", "3"), 0)
    expect(run(folder, "-o", "threads", "--workers", "2", "--threads", "2"), 0)
    expect(run(folder, "-o", "own", prefix=[*MPIRUN, "-n", "3"]), 0)
    for name in ("three", "threads", "own"):
        check(digest(folder, name) == digest(folder, "one"), f"{name} has other numbers")


def profile(folder, name):
    """Rows of profile.csv by phase, checked for their form."""
    with open(os.path.join(folder, name, "profile.csv"), newline="") as f:
        lines = list(csv.reader(f))
    head = ["phase", "seconds", "share", "calls", "gflop", "gflop_per_s"]
    check(lines[0] == head, lines[0])
    check(all(len(line) == len(head) for line in lines), lines)
    found = {line[0]: dict(zip(head[1:], (float(v or "nan") for v in line[1:])))
             for line in lines[1:]}
    check(len(found) == len(lines) - 1, "a phase comes twice")
    return found


def case_a_profile_says_where_the_time_went(folder):
    expect(run(folder, "-o", "plain", "--workers", "1"), 0)
    check("profile.csv" not in os.listdir(os.path.join(folder, "plain")), "unasked")
    begun = time.monotonic()
    done = run(folder, "-o", "out", "--workers", "2", "--threads", "2", "--profile",
               "--set", "cluster.workers_per_trial=1")
    took = time.monotonic() - begun
    expect(done, 0)
    check(digest(folder) == digest(folder, "plain"), "measuring changes numbers")
    check(sorted(os.listdir(os.path.join(folder, "out"))) == sorted(FINISHED + ["profile.csv"]),
          os.listdir(os.path.join(folder, "out")))
    rows = profile(folder, "out")
    check(abs(sum(r["share"] for r in rows.values()) - 1) < 1e-4, rows)
    for name in ("query_key_value", "attention", "ffn_up", "ffn_down", "evaluation",
                 "query_key_value_back", "attention_back", "ffn_up_back"):
        row = rows[name]
        check(row["seconds"] > 0 and row["calls"] > 0 and row["gflop"] > 0, (name, row))
        check(abs(row["gflop_per_s"] / (row["gflop"] / row["seconds"]) - 1) < 0.05, (name, row))
    for name in ("layernorm", "optimizer", "batch", "report", "waiting"):
        check(rows[name]["seconds"] > 0 and rows[name]["gflop"] != rows[name]["gflop"], (name, rows))
    # All the threads' time from the welcome to their last trials' ends; not less than
    # what the trials took, of which one thread is always busy or waits.
    seconds = sum(r["seconds"] for r in rows.values())
    check(seconds < 4 * took, f"{seconds} s of 4 threads in {took} s")
    trials = subprocess.run([DIGEST, "--seconds", os.path.join(folder, "out", "results.h5")],
                            text=True, capture_output=True)
    check(trials.returncode == 0, trials.stderr)
    check(seconds > 2 * float(trials.stdout), f"{seconds} s, trials took {trials.stdout}")
    check("profile of this start: 2 workers, 4 threads" in done.stdout, done.stdout)
    check("GFLOP/s a thread" in done.stdout and "ffn_up" in done.stdout, done.stdout)
    check(all(len(line) <= 80 for line in done.stdout.split("\n")), done.stdout)


def case_a_profile_is_of_one_start_and_survives_helpers(folder):
    expect(run(folder, "--set", "sweep.seeds=1"), 0)
    done = run(folder, "--profile", "--workers", "3", "--set", "cluster.workers_per_trial=3")
    expect(done, 0)
    check("profile of this start only: " in done.stdout, done.stdout)
    check(profile(folder, "out")["ffn_up"]["calls"] > 0, "nothing was computed")
    again = run(folder, "--profile")  # finished: there is nothing to measure
    expect(again, 0)
    check("profile" not in again.stdout, again.stdout)


def case_another_seed_has_other_numbers(folder):
    expect(run(folder, "-o", "one"), 0)
    expect(run(folder, "-o", "other", "--set", "training.seed=5"), 0)
    check(digest(folder, "other") != digest(folder, "one"), "the digest sees nothing")


def case_a_finished_directory_prints_its_table(folder):
    first = run(folder)
    expect(first, 0)
    before = digest(folder)
    again = run(folder)
    expect(again, 0)
    check(again.stdout == first.stdout and digest(folder) == before, again.stdout)
    expect(run(folder, "--threads", "2"), 0)  # still the same job
    own = run(folder, prefix=[*MPIRUN, "-n", "2"])
    expect(own, 0)
    check(own.stdout == first.stdout, own.stdout)


def case_another_job_is_refused(folder):
    expect(run(folder), 0)
    before = digest(folder)
    for change in ("training.batch_size=4", "tasks.mood.max_length=16"):
        done = run(folder, "--set", change)
        expect(done, 1)
        check("another job" in done.stderr and done.stderr.count("\n") == 1, done.stderr)
    os.rename(os.path.join(folder, "dev.tsv"), os.path.join(folder, "test.tsv"))
    with open(os.path.join(folder, "dev.tsv"), "w") as f:
        f.write(rows(41, "other"))
    done = run(folder)
    # a finished run of the same job prints its table without reading data
    expect(done, 0)
    done = run(folder, "--set", "sweep.seeds=3")
    expect(done, 1)
    check("task mood had other data" in done.stderr, done.stderr)
    check(digest(folder) == before, "results.h5 was changed")


def case_a_job_that_has_grown_goes_on(folder):
    expect(run(folder, "-o", "whole", "--set", "sweep.seeds=3"), 0)
    expect(run(folder, "--set", "sweep.space.first_layer=[0]"), 0)
    check(outcome(folder) == "exit=0 done=4 given_up=0 left=0\n", outcome(folder))
    grown = run(folder, "--set", "sweep.seeds=3")
    expect(grown, 0)
    check("8 trials are new" in grown.stderr, grown.stderr)
    check(outcome(folder) == "exit=0 done=12 given_up=0 left=0\n", outcome(folder))
    # numbers follow the first appearance, so only sums can be the same
    check("trials=12 epochs=36" in digest(folder), digest(folder))
    check("trials=12 epochs=36" in digest(folder, "whole"), digest(folder, "whole"))


def case_what_the_job_no_longer_names_does_not_count(folder):
    expect(run(folder), 0)
    done = run(folder, "--set", "sweep.space.first_layer=[0]", "--set", "sweep.seeds=3")
    expect(done, 0)
    check(outcome(folder) == "exit=0 done=6 given_up=0 left=0\n", outcome(folder))
    check("trials=10" in digest(folder), digest(folder))  # what was found stays
    expect(command_on("recover", os.path.join(folder, "out")), 0)
    check(outcome(folder) == "exit=0 done=6 given_up=0 left=0\n", outcome(folder))


def case_more_epochs_go_on_with_finished_trials(folder):
    constant = ("--set", "training.schedule=constant", "--set", "training.warmup=0")
    expect(run(folder, "-o", "whole", *constant, "--set", "training.epochs=5"), 0)
    expect(run(folder, *constant), 0)
    grown = run(folder, *constant, "--set", "training.epochs=5")
    expect(grown, 0)
    check("0 trials are new" in grown.stderr, grown.stderr)
    check(digest(folder) == digest(folder, "whole"), "other numbers than at once")
    # a schedule that ends makes other trials
    other = run(folder, "-o", "whole", "--set", "training.epochs=4")
    expect(other, 1)
    check("another job" in other.stderr, other.stderr)


def case_a_folder_of_other_things_is_refused(folder):
    done = run(folder, "-o", "encoder")
    expect(done, 1)
    check("not a run directory" in done.stderr, done.stderr)
    check("outcome" not in os.listdir(os.path.join(folder, "encoder")), "it was touched")


def stop_by(folder, number):
    name = f"out{number}"
    launcher = start(folder, "--workers", "2", "-o", name, *LONG)
    wait_working(folder, name)
    launcher.send_signal(number)
    _, stderr = launcher.communicate(timeout=60)
    check(launcher.returncode == 75, f"exit {launcher.returncode} after {number}: {stderr}")
    check(outcome(folder, name) == "exit=75 done=0 given_up=0 left=8\n", outcome(folder, name))
    check("trials=8" in digest(folder, name), digest(folder, name))
    wait_gone(folder)
    return name


def case_signals_stop_at_the_next_report(folder):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        name = stop_by(folder, number)


def case_a_stopped_run_goes_on_with_the_same_numbers(folder):
    with open(os.path.join(folder, "train.tsv"), "w") as f:
        f.write(rows(3000, "longer"))
    settings = ("--set", "training.epochs=20")
    expect(run(folder, "-o", "whole", *settings), 0)
    launcher = start(folder, *settings)
    wait_for("results.h5", lambda: os.path.exists(os.path.join(folder, "out/results.h5")))
    launcher.send_signal(signal.SIGTERM)
    launcher.communicate(timeout=60)
    check(launcher.returncode == 75, f"exit {launcher.returncode}")
    again = run(folder, *settings)
    expect(again, 0)
    check("going on with an earlier run" in again.stderr, again.stderr)
    check(digest(folder) == digest(folder, "whole"), "other numbers than undisturbed")


def case_a_run_keeps_to_the_processors_it_began_with(folder):
    # OpenBLAS multiplies, by a kernel that no machine of today takes
    nehalem = {"SHIFTWORK_ISA": "portable", "OPENBLAS_CORETYPE": "Nehalem"}
    expect(run(folder, "--set", "sweep.seeds=1"), 0)
    other = run(folder, env=nehalem)
    expect(other, 75)
    check("--accept-numerics" in other.stderr and "Nehalem" in other.stderr, other.stderr)
    check(outcome(folder) == "exit=75 done=4 given_up=0 left=4\n", outcome(folder))
    expect(run(folder, "--accept-numerics", env=nehalem), 0)
    check(outcome(folder) == "exit=0 done=8 given_up=0 left=0\n", outcome(folder))


def kernels_here():
    """Names of the instruction sets that this processor has, as a refusal says them."""
    done = subprocess.run([PROGRAM, "predict", "x"], text=True, capture_output=True,
                          env={**os.environ, "SHIFTWORK_ISA": "mmx"})
    expect(done, 1)
    check(done.stderr.count("\n") == 1 and '"mmx" is none of what' in done.stderr, done.stderr)
    return done.stderr.split("processor has: ")[1].split()


def numerics(folder, name):
    with open(os.path.join(folder, name, "journal.0001"), "rb") as f:
        return set(re.findall(rb"\d (avx512|avx2|portable)/", f.read()))


def case_the_instruction_set_can_be_chosen(folder):
    here = [k.rstrip(",") for k in kernels_here()]
    check(here[0] == "portable", here)
    done = run(folder, env={"SHIFTWORK_ISA": "mmx"})
    expect(done, 1)
    check('SHIFTWORK_ISA: "mmx"' in done.stderr and done.stderr.count("\n") == 1, done.stderr)
    check(not os.path.exists(os.path.join(folder, "out")), "a directory is left")
    expect(run(folder, "-o", "auto"), 0)
    check(numerics(folder, "auto") == {here[-1].encode()}, numerics(folder, "auto"))
    expect(run(folder, "-o", "set", "--set", "cluster.isa=portable"), 0)
    check(numerics(folder, "set") == {b"portable"}, numerics(folder, "set"))
    expect(run(folder, "-o", "variable", env={"SHIFTWORK_ISA": "portable"}), 0)
    check(digest(folder, "variable") == digest(folder, "set"), "two ways, other numbers")
    again = run(folder, "-o", "set")  # finished: still the same job
    expect(again, 0)
    other = run(folder, "-o", "set", "--set", "sweep.seeds=3", "--set", "cluster.isa=auto")
    if here[-1] != "portable":  # what it goes on with must be what it began with
        expect(other, 75)
        check("--accept-numerics" in other.stderr, other.stderr)


def case_a_worker_without_the_instruction_set_is_dismissed(folder):
    first = [*MPIRUN, "-n", "2", "-x", "SHIFTWORK_ISA=portable", *command(folder)]
    for isa, wanted, text in (("mmx", "auto", 'SHIFTWORK_ISA: "mmx" is none of'),
                              ("", "portable", "cluster.isa is portable")):
        change = ["-o", wanted, "--set", "cluster.isa=" + wanted]
        if wanted == "portable" and kernels_here()[-1] == "portable":
            continue  # there is no other to be dismissed for
        done = subprocess.run([*first, *change, ":", "-n", "1", "-x", "SHIFTWORK_ISA=" + isa,
                               *command(folder), *change], cwd=folder, text=True,
                              capture_output=True, stdin=subprocess.DEVNULL, timeout=120)
        expect(done, 0)
        check("worker 2 on " in done.stderr and "is dismissed: " in done.stderr, done.stderr)
        check(text in done.stderr, done.stderr)


def command_on(name, *args):
    return subprocess.run([PROGRAM, name, *args], text=True, capture_output=True, timeout=60)


def case_results_are_made_again_from_the_journal(folder):
    expect(run(folder), 0)
    before, out = digest(folder), os.path.join(folder, "out")
    expect(command_on("verify", out), 0)
    os.remove(os.path.join(folder, "job.cfg"))  # the run directory is enough
    os.remove(os.path.join(folder, "train.tsv"))
    os.remove(os.path.join(out, "results.h5"))
    done = command_on("verify", out)
    expect(done, 1)
    check("recover" in done.stderr, done.stderr)
    expect(command_on("recover", out), 0)
    check(digest(folder) == before, "other numbers than before")
    expect(command_on("verify", out), 0)


def case_tasks_of_the_same_rows_share_their_data(folder):
    with open(os.path.join(folder, "job.cfg")) as f:
        text = f.read()
    task = text[text.index("{ name"):text.index("} );") + 1]
    other = task.replace('"mood"', '"sense"').replace("max_length = 32", "max_length = 31")
    with open(os.path.join(folder, "job.cfg"), "w") as f:
        f.write(text.replace(task, task + ", " + other))
    expect(run(folder), 0)
    out = os.path.join(folder, "out")
    check(len(os.listdir(os.path.join(out, "datasets"))) == 1, "there are two files")
    expect(command_on("verify", out), 0)
    expect(command_on("recover", out), 0)
    for name in ("mood", "sense"):
        expect(command_on("predict", f"{out}:{name}/best", "-o", os.path.join(folder, name)), 0)


def flip(path, at):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 4]))


def records(path):
    """Places of the frames of a journal."""
    with open(path, "rb") as f:
        data = f.read()
    places = [m.start() for m in re.finditer(b"SWFR", data)]
    return places, len(data)


def case_a_damaged_journal_loses_only_what_is_computed_again(folder):
    expect(run(folder), 0)
    before, out = digest(folder), os.path.join(folder, "out")
    kept = os.path.join(folder, "kept")
    os.rename(out, kept)
    places, _ = records(os.path.join(kept, "journal.0001"))
    chance = random.Random(1)
    # START, JOB and the four configurations with their trials come first
    for place in chance.sample(places[7:-2], 8):
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(kept, out)
        flip(os.path.join(out, "journal.0001"), place + chance.randrange(40))
        done = command_on("verify", out)
        expect(done, 1)
        check("damaged at byte" in done.stderr, done.stderr)
        done = command_on("recover", out)
        expect(done, 0)
        check("1 damaged place" in done.stdout, done.stdout)
        expect(command_on("verify", out), 0)
        expect(run(folder), 0)
        check(digest(folder) == before, f"other numbers after damage in {place}")
    shutil.rmtree(out)
    shutil.copytree(kept, out)
    flip(os.path.join(out, "journal.0001"), places[1] + 60)  # the job itself
    done = command_on("recover", out)
    expect(done, 1)
    check("record of its job" in done.stderr, done.stderr)


def case_a_first_commit_that_never_ended_is_set_aside(folder):
    expect(run(folder), 0)
    before, out = digest(folder), os.path.join(folder, "out")
    journal = os.path.join(out, "journal.0001")
    places, _ = records(journal)
    with open(journal, "rb") as f:
        data = f.read()
    grants = [p for p in places if data[p + 6] in (12, 14)]  # CLOCK, GRANT
    with open(journal, "r+b") as f:
        f.truncate(grants[0])
        f.seek(places[1])
        f.write(bytes(100))
    os.remove(os.path.join(out, "outcome"))
    expect(run(folder), 1)
    done = command_on("recover", out)
    expect(done, 0)
    check("nothing in it had been acknowledged" in done.stdout, done.stdout)
    expect(run(folder), 0)
    check(digest(folder) == before, "other numbers than before")
    expect(command_on("verify", out), 0)


def case_lost_outputs_are_computed_again(folder):
    expect(run(folder), 0)
    before, out = digest(folder), os.path.join(folder, "out")
    shutil.rmtree(os.path.join(out, "outputs"))
    done = run(folder, "--set", "sweep.seeds=3")
    expect(done, 1)
    check("is missing" in done.stderr, done.stderr)
    expect(command_on("recover", out), 0)
    check("left=0" not in outcome(folder), outcome(folder))
    expect(run(folder), 0)
    check(digest(folder) == before, "other numbers than before")


def case_a_second_signal_stops_at_once(folder):
    with open(os.path.join(folder, "train.tsv"), "w") as f:
        f.write(rows(60000, "long"))
    launcher = start(folder, "--workers", "1", *LONG)
    wait_for("the run", lambda: os.path.exists(os.path.join(folder, "out/results.h5")))
    launcher.send_signal(signal.SIGINT)
    time.sleep(0.3)
    launcher.send_signal(signal.SIGINT)
    begun = time.monotonic()
    _, stderr = launcher.communicate(timeout=60)
    check(launcher.returncode == 75, f"exit {launcher.returncode}: {stderr}")
    check(time.monotonic() - begun < 5, "it took its time")


def case_a_signal_before_the_start_is_heeded(folder):
    launcher = start(folder, *LONG)
    time.sleep(0.05)  # mpirun is hardly there
    launcher.send_signal(signal.SIGTERM)
    _, stderr = launcher.communicate(timeout=60)
    check(launcher.returncode in (75, -signal.SIGTERM), f"exit {launcher.returncode}: {stderr}")
    wait_gone(folder)


def case_a_killed_coordinator_ends_all(folder):
    launcher = start(folder, "--workers", "2", *LONG)
    wait_working(folder)
    os.kill(ranks(folder)[0], signal.SIGKILL)
    _, stderr = launcher.communicate(timeout=60)
    check(launcher.returncode == 75, f"exit {launcher.returncode}: {stderr}")
    check("ended unexpectedly" in stderr, stderr)
    check("trials=8" in digest(folder), digest(folder))
    wait_gone(folder)


def case_a_death_while_mpi_starts_ends_all(folder):
    for rank in (0, 1, 2):
        launcher = subprocess.Popen(command(folder, "--workers", "2", "-o", f"out{rank}"),
                                    cwd=folder, text=True, stdin=subprocess.DEVNULL,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                    env={**os.environ, "SHIFTWORK_START_S": "4"})
        wait_for("the rank", lambda: rank in ranks(folder))
        os.kill(ranks(folder)[rank], signal.SIGKILL)
        _, stderr = launcher.communicate(timeout=60)
        # 0: it had started already, and the other worker did it all
        check(launcher.returncode in (75, 0), f"exit {launcher.returncode}: {stderr}")
        ours = [line for line in stderr.splitlines() if line.startswith("shiftwork:")]
        check(len(ours) <= 1, stderr)
        wait_gone(folder)
        expect(run(folder, "-o", f"out{rank}"), 0)


def case_a_killed_launcher_ends_all(folder):
    launcher = start(folder, "--workers", "2", *LONG)
    wait_working(folder)
    launcher.kill()
    launcher.communicate(timeout=60)
    wait_gone(folder)


def case_a_killed_mpirun_ends_all(folder):
    launcher = start(folder, "--workers", "2", *LONG)
    wait_working(folder)
    os.kill(child_of(launcher.pid), signal.SIGKILL)
    _, stderr = launcher.communicate(timeout=60)
    check(launcher.returncode == 75, f"exit {launcher.returncode}: {stderr}")
    check("ended unexpectedly" in stderr, stderr)
    check(not ranks(folder).get(0), "rank 0 lives")
    check(not os.path.exists(os.path.join(folder, "out/lock")), "the lock is left")
    wait_gone(folder)


def case_two_at_once_are_not_let(folder):
    first = start(folder, "--workers", "1", *LONG)
    wait_working(folder)
    second = run(folder, *LONG)
    expect(second, 1)
    check(f"process {ranks(folder)[0]}" in second.stderr or "works on it" in second.stderr,
          second.stderr)
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=60)
    check(first.returncode == 75, f"exit {first.returncode}")


def put_dead_lock(folder, name):
    """Of a process of this host that is no more."""
    os.makedirs(os.path.join(folder, name, "datasets"))
    with open("/proc/sys/kernel/random/boot_id") as f:
        boot = f.read().strip()
    with open(os.path.join(folder, name, "lock"), "w") as f:
        f.write(f"host={os.uname().nodename} boot={boot} pid={os.getpid()} started=1\n")


def start_two(folder, name, *args):
    """Two launchers at the same moment; the one that ends first and the other."""
    both = [start(folder, "--workers", "1", "-o", name, *args) for _ in range(2)]
    wait_for("end of a launcher", lambda: any(p.poll() is not None for p in both))
    return sorted(both, key=lambda p: p.poll() is None)


def case_of_two_at_the_same_moment_one_is_refused(folder):
    for turn in range(6):
        name = f"out{turn}"
        if turn % 2:
            put_dead_lock(folder, name)
        refused, first = start_two(folder, name, *LONG)
        _, stderr = refused.communicate(timeout=60)
        check(refused.returncode == 1 and stderr.count("\n") == 1,
              f"exit {refused.returncode}: {stderr}")
        wait_working(folder, name)
        with open(os.path.join(folder, name, "lock")) as f:
            lock = f.read()
        check(f"pid={ranks(folder)[0]} " in lock, f"{lock} is not of {ranks(folder)}")
        first.send_signal(signal.SIGINT)
        _, stderr = first.communicate(timeout=60)
        check(first.returncode == 75, f"exit {first.returncode}: {stderr}")
        check(outcome(folder, name) == "exit=75 done=0 given_up=0 left=8\n",
              outcome(folder, name))
        check(not os.path.exists(os.path.join(folder, name, "lock")), "the lock is left")
        wait_gone(folder)


def case_two_short_runs_at_the_same_moment_make_one(folder):
    expect(run(folder, "-o", "one"), 0)
    for turn in range(6):
        name = f"out{turn}"
        second, first = start_two(folder, name)
        for launcher in (second, first):
            _, stderr = launcher.communicate(timeout=60)
            check(launcher.returncode in (0, 1), f"exit {launcher.returncode}: {stderr}")
            check(launcher.returncode == 0 or stderr.count("\n") == 1, stderr)
        check(0 in (first.returncode, second.returncode), "both were refused")
        check(outcome(folder, name) == "exit=0 done=8 given_up=0 left=0\n",
              outcome(folder, name))
        check(digest(folder, name) == digest(folder, "one"), "it has other numbers")
        left = sorted(os.listdir(os.path.join(folder, name)))
        check(left == FINISHED, left)


def child_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return int((f.read().split() or ["0"])[0])


def case_a_signal_ends_an_mpirun_that_does_not_start(folder):
    for number in (signal.SIGINT, signal.SIGTERM):
        launcher = start(folder, *LONG)
        wait_for("mpirun", lambda: child_of(launcher.pid), 10)
        os.kill(child_of(launcher.pid), signal.SIGSTOP)
        launcher.send_signal(number)
        _, stderr = launcher.communicate(timeout=60)
        check(launcher.returncode == 75, f"exit {launcher.returncode}: {stderr}")
        check(stderr.count("\n") == 1 and "before the run began" in stderr, stderr)
        check(not os.path.exists(os.path.join(folder, "out")), "a directory is left")
        wait_gone(folder)


def case_an_mpirun_that_hangs_at_the_start_is_ended(folder):
    path = os.path.join(folder, "bin")
    os.mkdir(path)
    with open(os.path.join(path, "mpirun"), "w") as f:
        f.write("#!/bin/sh\nexec sleep 600\n")
    os.chmod(os.path.join(path, "mpirun"), 0o755)
    done = run(folder, env={"PATH": path + ":" + os.environ["PATH"], "SHIFTWORK_START_S": "1"})
    expect(done, 75)
    check("MPI did not start in time" in done.stderr, done.stderr)
    check(not os.path.exists(os.path.join(folder, "out")), "a directory is left")


def case_wrong_use_is_one_line(folder):
    for args in ([], ["a", "b"], ["--what"], ["job.cfg", "--workers", "none"],
                 ["job.cfg", "--set", "x"], ["job.cfg", "-o"]):
        done = subprocess.run([PROGRAM, "run", *args], cwd=folder, text=True, capture_output=True)
        expect(done, 2)
        check(done.stderr.count("\n") == 1 and not done.stdout, done.stderr)
    for args in (["--help"], ["run", "--help"], ["--version"]):
        done = subprocess.run([PROGRAM, *args], text=True, capture_output=True)
        expect(done, 0)
        check(done.stdout and not done.stderr, done.stderr)
    expect(subprocess.run([PROGRAM], text=True, capture_output=True), 2)
    expect(subprocess.run([PROGRAM, "fly"], text=True, capture_output=True), 2)


def case_one_rank_is_refused(folder):
    done = run(folder, prefix=[*MPIRUN, "-n", "1"])
    check(done.returncode == 1 and "one rank is not enough" in done.stderr, done.stderr)


def case_a_missing_mpirun_is_named(folder):
    done = run(folder, env={"PATH": folder})
    expect(done, 1)
    check("mpirun is not on PATH" in done.stderr, done.stderr)


def case_a_step_without_pmix_is_named(folder):
    done = run(folder, env={"SLURM_STEP_ID": "0"})
    expect(done, 1)
    check("--mpi=pmix" in done.stderr and done.stderr.count("\n") == 1, done.stderr)


def case_progress_fits_the_terminal(folder):
    try:
        master, slave = pty.openpty()
    except OSError as why:  # a chroot without /dev/pts
        print("   no terminal to be had:", why)
        return
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 50, 0, 0))
    launcher = subprocess.Popen(command(folder, "--workers", "1", *LONG), cwd=folder,
                                stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    wait_working(folder)
    time.sleep(2.5)
    launcher.send_signal(signal.SIGINT)
    text = b""
    while True:
        try:
            text += os.read(master, 4096)
        except OSError:
            break
    check(launcher.wait(timeout=60) == 75, f"exit {launcher.returncode}")
    drawn = [d.split("\n")[0].rstrip("\r") for d in text.decode().split("\r\x1b[K")[1:]]
    status = [d for d in drawn if "/8 trials" in d and "stop" not in d]
    check(len(status) >= 3, f"the line was drawn {len(status)} times: {text!r}")
    check(all(len(d) < 50 for d in status), status)
    check(any("examples/s" in d or "left" in d for d in status), status)


def cpu_ticks(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def case_idle_is_idle(folder):
    """One trial, for one worker: another and the coordinator have nothing to do."""
    with open(os.path.join(folder, "train.tsv"), "w") as f:
        f.write(rows(20000, "long"))  # epochs of some time: few reports
    launcher = start(folder, "--workers", "2", "--set", "sweep.seeds=1", "--set",
                     "sweep.space={}", "--set", "cluster.workers_per_trial=1", *LONG)
    try:
        wait_working(folder)
        pids = ranks(folder)
        seconds = 6
        before = {r: cpu_ticks(p) for r, p in pids.items()}
        time.sleep(seconds)
        share = sorted((cpu_ticks(p) - before[r]) / os.sysconf("SC_CLK_TCK") / seconds
                       for r, p in pids.items())
        print("   shares of a core:", " ".join(f"{s:.4f}" for s in share))
        check(share[0] < 0.02 and share[1] < 0.02, f"{share}")
        check(share[2] > 0.05, f"nobody works: {share}")
    finally:
        launcher.send_signal(signal.SIGINT)
        launcher.send_signal(signal.SIGINT)
        launcher.communicate(timeout=60)


def run_cases(cases, chosen):
    """Each in a folder of its own with the job in it; how many failed."""
    failed = 0
    for name in chosen or cases:
        with tempfile.TemporaryDirectory() as folder:
            make_job(folder)
            begun = time.monotonic()
            try:
                cases[name](folder)
                print(f"ok   {name} ({time.monotonic() - begun:.1f} s)", flush=True)
            except (Failure, subprocess.TimeoutExpired, OSError, KeyError) as why:
                failed += 1
                print(f"FAIL {name}: {why}", flush=True)
            for pid in ranks(folder).values():
                os.kill(pid, signal.SIGKILL)
    return failed


def cases_of(module):
    return {n[5:]: f for n, f in module.items() if n.startswith("case_")}


if __name__ == "__main__":
    sys.exit(1 if run_cases(cases_of(globals()), sys.argv[4:]) else 0)
