#!/usr/bin/env python3
"""Runs of a tiny job under a real Slurm of two nodes.

    slurm_runs.py PROGRAM RESULTS_DIGEST SOURCE_DIR

Needs root, Slurm 22.05 and a script that starts a private cluster on this machine:
$SHIFTWORK_MINI_SLURM, else ../shared/mini-slurm beside the source tree, not part of it.
`SCRIPT start DIR 2` keeps all state under DIR, waits until both nodes are idle and
prints shell lines that set SLURM_CONF and PATH; `SCRIPT stop DIR` ends it. Skipped (77)
with a message where one of them is missing.
"""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PROGRAM, DIGEST, SOURCE = (os.path.abspath(a) for a in sys.argv[1:4])
MINI = os.environ.get("SHIFTWORK_MINI_SLURM", os.path.join(SOURCE, "../shared/mini-slurm"))


def skip(why):
    print("skipped:", why)
    sys.exit(77)


def check(condition, text):
    if not condition:
        print("FAIL", text)
        sys.exit(1)


def make_job(folder):
    shutil.copytree(os.path.join(SOURCE, "tests/data/encoders/tiny-text"),
                    os.path.join(folder, "encoder"))
    for name, number in (("train", 96), ("dev", 40)):
        with open(os.path.join(folder, name + ".tsv"), "w") as f:
            f.write("sentence\tlabel\n")
            for i in range(number):
                f.write(f"the {'good' if i % 3 else 'bad'} day was number {i}\t{int(i % 3 > 0)}\n")
    with open(os.path.join(folder, "job.cfg"), "w") as f:
        f.write("""encoder = "encoder";
tasks = ( { name = "days"; data = "."; train = "train.tsv"; dev = "dev.tsv";
            text = ["sentence"]; label = "label"; labels = ["0", "1"];
            metrics = ["accuracy"]; max_length = 32; } );
training = { epochs = 50; batch_size = 8; };
sweep = { seeds = 3; space = { learning_rate = [1e-2, 3e-2]; }; };
output = { dir = "out"; };
""")


class Cluster:
    def __init__(self, folder):
        self.folder = folder
        text = subprocess.run([MINI, "start", folder, "2"], text=True, capture_output=True,
                              check=True).stdout
        show = subprocess.run(["bash", "-c", text + '\necho "$SLURM_CONF"; echo "$PATH"'],
                              text=True, capture_output=True, check=True).stdout.split("\n")
        self.env = {**os.environ, "SLURM_CONF": show[0], "PATH": show[1]}

    def run(self, *args, timeout=120, cwd=None):
        return subprocess.run(args, env=self.env, text=True, capture_output=True, cwd=cwd,
                              timeout=timeout)

    def stop(self):
        subprocess.run([MINI, "stop", self.folder], check=False)


def batch(cluster, job, name, args, during=None):
    """Runs the launcher in a batch script on both nodes; returns what the script wrote."""
    script, out = os.path.join(job, name + ".sh"), os.path.join(job, name + ".out")
    with open(script, "w") as f:
        f.write(f"#!/bin/bash\n{PROGRAM} run job.cfg -o {name} {args} &\nrun=$!\n"
                "trap 'kill -USR1 $run' USR1\nwait $run; code=$?\n"
                "while kill -0 $run 2>/dev/null; do wait $run; code=$?; done\n"
                'echo "exit $code"\n')
    done = cluster.run("sbatch", "-N2", "-n4", "-D", job, "-o", out, script)
    check(done.returncode == 0, done.stderr)
    number = done.stdout.split()[-1]
    if during:
        during(number)
    end = time.monotonic() + 120
    while not (os.path.exists(out) and "\nexit " in open(out).read()):
        check(time.monotonic() < end, f"{name}: no end: {os.path.exists(out) and open(out).read()}")
        time.sleep(0.2)
    return open(out).read()


def outcome(job, name):
    with open(os.path.join(job, name, "outcome")) as f:
        return f.read().strip()


def digest(job, name):
    done = subprocess.run([DIGEST, os.path.join(job, name, "results.h5")], text=True,
                          capture_output=True)
    check(done.returncode == 0, f"{name}: {done.stderr}")
    return done.stdout


def test(cluster, job):
    local = subprocess.run([PROGRAM, "run", "job.cfg", "-o", "local", "--workers", "1"],
                           cwd=job, text=True, capture_output=True, timeout=120)
    check(local.returncode == 0, local.stderr)

    text = batch(cluster, job, "batch", "")
    check("exit 0" in text and outcome(job, "batch") == "exit=0 done=6 given_up=0 left=0", text)
    check("on 4 workers" in text, text)
    check(digest(job, "batch") == digest(job, "local"), "batch: other numbers")
    print("ok   mpirun inside sbatch, 2 nodes, 4 workers: the numbers of a local run")

    done = cluster.run("srun", "--mpi=pmix", "-N2", "-n3", "-D", job, PROGRAM, "run", "job.cfg",
                       "-o", "step")
    check(done.returncode == 0, done.stderr)
    check(digest(job, "step") == digest(job, "local"), "step: other numbers")
    print("ok   srun --mpi=pmix, 2 nodes, 2 workers: the same")

    done = cluster.run("srun", "--mpi=none", "-N1", "-n2", "-D", job, PROGRAM, "run", "job.cfg",
                       "-o", "none")
    check(done.returncode == 1 and "srun --mpi=pmix" in done.stderr, done.stderr)
    check(not os.path.exists(os.path.join(job, "none")), "none: it was begun")
    print("ok   srun without PMIx is refused by name")

    def stop(number):
        path = os.path.join(job, "signal/results.h5")
        end = time.monotonic() + 60
        while not os.path.exists(path):
            check(time.monotonic() < end, "signal: it does not begin")
            time.sleep(0.2)
        time.sleep(1)
        cluster.run("scancel", "-b", "-s", "USR1", number)

    text = batch(cluster, job, "signal",
                 "--set training.epochs=100000 --set training.schedule=constant", stop)
    check("exit 75" in text and outcome(job, "signal") == "exit=75 done=0 given_up=0 left=6", text)
    digest(job, "signal")
    print("ok   USR1 from Slurm stops the run with 75, results readable")


def main():
    if os.geteuid() != 0:
        skip("mini-slurm needs root")
    if not os.access(MINI, os.X_OK):
        skip("no mini-slurm beside the source tree, nor in $SHIFTWORK_MINI_SLURM")
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    for program in ("slurmctld", "slurmd", "munged", "srun"):
        if not shutil.which(program, path=path):
            skip(f"{program} is not installed (apt: slurmctld slurmd slurm-client munge)")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="sw") as folder:
        job = os.path.join(folder, "job")
        os.mkdir(job)
        make_job(job)
        cluster = Cluster(os.path.join(folder, "c"))
        try:
            test(cluster, job)
        finally:
            cluster.stop()


main()
