#!/usr/bin/env python3
"""Runs of a small job under a real Slurm of two nodes on this machine.

    slurm_runs.py PROGRAM RESULTS_DIGEST JOURNAL_REPORTS SOURCE_DIR CLUSTER_DIR CASE...

The cluster is started before by `mini_cluster start CLUSTER_DIR` (CTest does so); skipped
(77) with a message where it does not run. Only the standard library is used.
"""
import collections
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

from cluster import Cluster, check, wait_until

PROGRAM, DIGEST, REPORTS, SOURCE = (os.path.abspath(a) for a in sys.argv[1:5])
CLUSTER = Cluster(sys.argv[5])
JOB = """encoder = "encoder";
tasks = ( { name = "days"; data = "."; train = "train.tsv"; dev = "dev.tsv";
            text = ["sentence"]; label = "label"; labels = ["0", "1"];
            metrics = ["accuracy"]; max_length = 32; } );
training = { epochs = 40; batch_size = 8; };
sweep = { seeds = 3; space = { learning_rate = [1e-2, 3e-2]; }; };
output = { dir = "out"; };
slurm = { nodes = 2; ranks_per_node = 2; memory = "400M"; time = "20"; };
"""
LONG = "training.epochs=2500"  # some 30 s on two idle cores


def make_job(folder, rows=600):
    shutil.copytree(os.path.join(SOURCE, "tests/data/encoders/tiny-text"),
                    os.path.join(folder, "encoder"))
    for name, number in (("train", rows), ("dev", 40)):
        with open(os.path.join(folder, name + ".tsv"), "w") as f:
            f.write("sentence\tlabel\n")
            for i in range(number):
                f.write(f"the {'good' if i % 3 else 'bad'} day was number {i}\t{int(i % 3 > 0)}\n")
    with open(os.path.join(folder, "job.cfg"), "w") as f:
        f.write(JOB)


def shiftwork(folder, *args, timeout=900):
    return CLUSTER.run(PROGRAM, *args, cwd=folder, timeout=timeout)


def submit(folder, *args):
    """The number of the job."""
    done = shiftwork(folder, "submit", "job.cfg", *args)
    check(done.returncode == 0, done.stderr)
    found = re.match(r"submitted job (\d+): ", done.stdout)
    check(found, done.stdout)
    return int(found[1])


def log_of(folder, number, name="out"):
    path = os.path.join(folder, f"{name}.slurm-{number}.out")
    if not os.path.exists(path):
        return "(no log)"
    with open(path) as f:
        return f.read()


def finish(folder, number, seconds=180, code=0):
    job = CLUSTER.wait_for(number, ("COMPLETED", "FAILED", "CANCELLED", "NODE_FAIL", "TIMEOUT"),
                           seconds)
    check(job["ExitCode"] == f"{code}:0", f"{job}\n{log_of(folder, number)}")
    return job


def outcome(folder, name="out"):
    with open(os.path.join(folder, name, "outcome")) as f:
        return f.read().strip()


def digest(folder, name="out"):
    done = subprocess.run([DIGEST, os.path.join(folder, name, "results.h5")], text=True,
                          capture_output=True)
    check(done.returncode == 0, f"{name}: {done.stderr}")
    return done.stdout


def reports(folder, name="out"):
    """(trial, step) of each report that the journal has, in order."""
    done = subprocess.run([REPORTS, os.path.join(folder, name)], text=True, capture_output=True)
    lines = [line.split() for line in done.stdout.splitlines()] if done.returncode == 0 else []
    return [(int(trial), int(step)) for trial, _, step in lines]


def local_run(folder, *args):
    done = shiftwork(folder, "run", "job.cfg", "-o", "local", "--workers", "2", *args)
    check(done.returncode == 0, done.stderr)
    return digest(folder, "local")


def wait_for_reports(folder, number, how_many, seconds=90):
    wait_until(lambda: len(reports(folder)) >= how_many, seconds,
               lambda: f"{len(reports(folder))} reports\n{log_of(folder, number)}")


# ---- the default suite ----


def case_a_job_finishes_on_two_nodes(folder):
    number = submit(folder)
    finish(folder, number)
    text = log_of(folder, number)
    check("on n[1-2]\n" in text and "on 4 workers" in text, text)
    check(outcome(folder) == "exit=0 done=6 given_up=0 left=0", outcome(folder))
    check(digest(folder) == local_run(folder), "other numbers than those of a local run")
    again = shiftwork(folder, "submit", "job.cfg")
    check(again.returncode == 0 and "Everything lies in" in again.stdout, again.stdout)


def case_srun_starts_the_ranks(folder):
    number = submit(folder, "--set", "slurm.launcher=srun")
    finish(folder, number)
    check("on 4 workers" in log_of(folder, number), log_of(folder, number))
    check(digest(folder) == local_run(folder), "other numbers than those of a local run")


def case_srun_without_pmix_is_refused(folder):
    done = CLUSTER.run("srun", "--mpi=none", "-N1", "-n2", "-D", folder, PROGRAM, "run", "job.cfg")
    check(done.returncode == 1 and "srun --mpi=pmix" in done.stderr, done.stderr)
    check(not os.path.exists(os.path.join(folder, "out")), "it was begun")


def case_a_warned_job_requeues_itself(folder):
    number = submit(folder, "--set", LONG)
    wait_for_reports(folder, number, 100)
    CLUSTER.run("scancel", "--batch", "--signal=USR1", str(number))
    job = finish(folder, number)
    text = log_of(folder, number)
    check(job["Restarts"] == "1" and "to be continued" in text, f"{job}\n{text}")
    check("going on with an earlier run" in text, text)
    check(digest(folder) == local_run(folder, "--set", LONG), "other numbers")
    check(most_often(reports(folder)) == 1, "an epoch was computed twice")


def case_a_job_stopped_by_its_user_stays_stopped(folder):
    number = submit(folder, "--set", LONG)
    wait_for_reports(folder, number, 100)
    CLUSTER.run("scancel", "--batch", "--signal=INT", str(number))
    job = finish(folder, number, code=75)
    check(job["Restarts"] == "0", job)
    check(outcome(folder).startswith("exit=75 "), outcome(folder))
    digest(folder)  # results can be read


def case_a_cancelled_job_loses_nothing(folder):
    number = submit(folder, "--set", LONG)
    wait_for_reports(folder, number, 100)
    before = collections.Counter(reports(folder))
    CLUSTER.run("scancel", str(number))
    CLUSTER.wait_for(number, ("CANCELLED",), 60)
    number = submit(folder, "--set", LONG)
    finish(folder, number)
    check(not before - collections.Counter(reports(folder)), "reports are gone")
    check(digest(folder) == local_run(folder, "--set", LONG), "other numbers")


def refused(folder, text, *args):
    done = shiftwork(folder, "submit", "job.cfg", *args)
    check(done.returncode == 1 and done.stderr.count("\n") == 1 and text in done.stderr,
          f"{args}: {done.returncode} {done.stderr}")


def case_what_cannot_run_is_refused_at_once(folder):
    refused(folder, 'there is no partition "nowhere" (there are: all)', "--set",
            "slurm.partition=nowhere")
    refused(folder, "2 nodes of 9 cores and 400M asked for, but partition all has 2 nodes of up "
            "to 2 cores", "--set", "slurm.ranks_per_node=9")
    refused(folder, "sbatch refused the job: Batch job submission failed: Invalid partition",
            "--", "-p", "nowhere")
    done = subprocess.run([PROGRAM, "submit", "job.cfg"], cwd=folder, text=True,
                          capture_output=True, env={**os.environ, "PATH": "/nowhere"})
    check(done.returncode == 1 and "sbatch is not on PATH" in done.stderr, done.stderr)
    done = CLUSTER.run("srun", "-n1", "-D", folder, "sh", "-c",
                       f"unset SLURM_STEP_ID; exec {PROGRAM} run job.cfg --workers 9")
    check(done.returncode == 1 and "9 workers are more than the allocation has: 1 task on 1 core"
          in done.stderr, done.stderr)
    check(not os.path.exists(os.path.join(folder, "out")), "one was begun")


def most_often(things):
    return max(collections.Counter(things).values())


# ---- labelled slow ----


def rate_of(folder, *args):
    """Epochs a second of one worker alone on this machine, start included."""
    epochs = 20
    begun = time.monotonic()
    done = shiftwork(folder, "run", "job.cfg", "-o", "rate", "--workers", "1", "--set",
                     f"training.epochs={epochs}", *args)
    check(done.returncode == 0, done.stderr)
    return 6 * epochs / (time.monotonic() - begun)


def case_the_time_limit_is_reached_three_times(folder):
    """A start has 60 s and stops by itself before; the work is that of four."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
    make_job(folder, rows=2000)
    epochs = int(4 * 50 * rate_of(folder) / 6)
    work = ("--set", f"training.epochs={epochs}")
    small = ("--set", "slurm.nodes=1", "--set", "slurm.ranks_per_node=1", "--set", "slurm.time=1")
    local = shiftwork(folder, "run", "job.cfg", "-o", "local", "--workers", "1", *work,
                      timeout=1500)
    check(local.returncode == 0, local.stderr)
    number = submit(folder, *work, *small, "--", "--signal=B:USR1@1")
    job = finish(folder, number, 1500)
    text = log_of(folder, number)
    check(int(job["Restarts"]) >= 3, f"{job}\n{text}")
    check(digest(folder) == digest(folder, "local"), "other numbers than the undisturbed run's")
    check(most_often(reports(folder)) == 1, "an epoch was computed twice")
    print(f"     {epochs} epochs a trial, {job['Restarts']} requeues, "
          f"{text.count('no epoch more would end')} of them by the end time itself")


def case_a_killed_node_loses_nothing(folder):
    """The node of batch script and coordinator dies with all its processes."""
    work = ("--set", "training.epochs=3000")
    number = submit(folder, *work)
    wait_for_reports(folder, number, 1000)
    before = collections.Counter(reports(folder))
    CLUSTER.kill_node("n1")
    try:
        CLUSTER.wait_for(number, ("PENDING",), 120)
    finally:
        CLUSTER.boot_node("n1")
    job = finish(folder, number, 900)
    check(int(job["Restarts"]) >= 1, job)
    after = collections.Counter(reports(folder))
    check(not before - after, "reports that the journal had are gone")
    check(digest(folder) == local_run(folder, *work), "other numbers")
    print(f"     {sum(before.values())} reports before the kill, {sum(after.values())} in all, "
          f"{sum(after.values()) - len(after)} computed again")


def case_an_array_of_shards_is_merged(folder):
    done = shiftwork(folder, "submit", "job.cfg", "--array", "4", "--set", "slurm.nodes=1",
                     "--set", "slurm.ranks_per_node=1")
    check(done.returncode == 0, done.stderr)
    array, merge = map(int, re.findall(r"submitted job (\d+)", done.stdout))
    check(array != merge, done.stdout)
    job = CLUSTER.wait_for(merge, ("COMPLETED", "FAILED", "CANCELLED"), 180)
    with open(os.path.join(folder, f"out.merge-{merge}.out")) as f:
        check(job["ExitCode"] == "0:0", f"{job}\n{f.read()}")
    for i, trials in zip(range(1, 5), (2, 2, 1, 1)):
        check(outcome(folder, f"out.shard-{i}-of-4") == f"exit=0 done={trials} given_up=0 left=0",
              f"shard {i}: " + outcome(folder, f"out.shard-{i}-of-4"))
    check(digest(folder) == local_run(folder), "other numbers than those of one run")


def case_two_users_share_a_node(folder):
    """Both at once, with the same encoder and data, each seeing only the own run."""
    numbers = []
    for user in (1, 2):
        own = os.path.join(folder, f"user{user}")
        os.mkdir(own)
        make_job(own)
        subprocess.run(["chown", "-R", str(60000 + user), own], check=True)
        done = CLUSTER.as_user(user, PROGRAM, "submit", "job.cfg", "--set", LONG, "--set",
                               "encoder=../encoder", "--set", "slurm.nodes=1", "--set",
                               "slurm.ranks_per_node=1", "--", "--nodelist=n1", cwd=own)
        check(done.returncode == 0, done.stderr)
        numbers.append(int(re.match(r"submitted job (\d+)", done.stdout)[1]))
    both = wait_until(lambda: (lambda jobs: all(j["JobState"] == "RUNNING" for j in jobs) and
                               jobs)([CLUSTER.job(n) for n in numbers]), 60,
                      lambda: str([CLUSTER.job(n) for n in numbers]))
    check([j["NodeList"] for j in both] == ["n1", "n1"], both)
    check([j["UserId"][:4] for j in both] == ["sw1(", "sw2("], both)
    for user, number in zip((1, 2), numbers):
        own = os.path.join(folder, f"user{user}")
        finish(own, number, 300)
        check(os.stat(os.path.join(own, "out")).st_uid == 60000 + user, "whose is it?")
        check(digest(own) == digest(os.path.join(folder, "user1")), "numbers differ")
    check(digest(os.path.join(folder, "user1")) == local_run(folder, "--set", LONG),
          "other numbers than those of a local run")


def main():
    if not CLUSTER.runs():
        print(f"skipped: no Slurm in {CLUSTER.folder} (mini_cluster start tells why)")
        sys.exit(77)
    for name in sys.argv[6:]:
        with tempfile.TemporaryDirectory(prefix="sw-") as folder:
            os.chmod(folder, 0o755)
            make_job(folder)
            begun = time.monotonic()
            try:
                globals()["case_" + name](folder)
            finally:
                CLUSTER.cancel_all()
            print(f"ok   {name} ({time.monotonic() - begun:.0f} s)", flush=True)


main()
