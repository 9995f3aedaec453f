#!/usr/bin/env python3
"""Kills workers and coordinators of a sweep at random moments, until it is done: the
numbers must be those of a sweep that nothing disturbed.

    kill_test.py PROGRAM RESULTS_DIGEST SOURCE_DIR JOURNAL_REPORTS RECEIPTS_LIBRARY
                 [WORKERS COORDINATORS STOPS [SEED [TRANSPORT...]]]

So many SIGKILLs of a random worker, of the coordinator (then it is started again), and
SIGSTOPs of a worker past its lease, then SIGCONT; with one worker on each trial and with
several; over the Open MPI transports named, from sweep to sweep. Reports and results are
large enough that a death comes within many of them. After each end: no process is left,
what the coordinator has acknowledged counts in the journal, results.h5 opens; a reader
opens it all the time. Only the standard library is used.
"""
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time

import whole_runs as runs
from whole_runs import Failure, check

REPORTS, RECEIPTS = (os.path.abspath(a) for a in sys.argv[4:6])
COUNTS = [int(a) for a in sys.argv[6:9]] or [6, 6, 2]
SEED = int(sys.argv[9]) if len(sys.argv) > 9 else 1
TRANSPORTS = sys.argv[10:] or ["tcp,self"]
WORKERS = 4
TOGETHER = (2, 4, 0, 1)  # workers on one trial, from sweep to sweep
SETTINGS = ("--workers", str(WORKERS), "--set", "cluster.heartbeat_s=0.2",
            "--set", "cluster.lost_after_s=1.5", "--set", "cluster.attempts=1000")


def make_sweep(folder):
    """12 trials of a second or so, whose reports carry 5,000 outputs."""
    runs.make_job(folder)
    for name, number in (("train", 1500), ("dev", 5000)):
        with open(os.path.join(folder, name + ".tsv"), "w") as f:
            f.write(runs.rows(number, name))
    path = os.path.join(folder, "job.cfg")
    with open(path) as f:
        job = f.read()
    job = job.replace("epochs = 3", "epochs = 30").replace("seeds = 2", "seeds = 3")
    with open(path, "w") as f:
        f.write(job)


class Reader(threading.Thread):
    """Opens results.h5 over and over, as other programs may."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.folder, self.name_now, self.reads, self.wrong, self.over = folder, "", 0, "", False

    def run(self):
        while not self.over:
            path = os.path.join(self.folder, self.name_now, "results.h5")
            if self.name_now and os.path.exists(path):
                done = subprocess.run(["h5dump", "-d", "/trials/epochs", path], text=True,
                                      capture_output=True)
                if done.returncode and os.path.exists(path):
                    self.wrong = self.wrong or f"h5dump: {done.stderr}"
                self.reads += 1
            time.sleep(0.05)


class Sweep:
    """One run directory, from its first start until all trials are done."""

    def __init__(self, folder, name, reader, together, transport):
        self.folder, self.name, self.launcher = folder, name, None
        self.transport = transport
        self.settings = (*SETTINGS, "--set", f"cluster.workers_per_trial={together}")
        self.receipts = os.path.join(folder, name + ".receipts")
        self.acknowledged = 0
        reader.name_now = name

    def start(self):
        env = {**os.environ, "LD_PRELOAD": RECEIPTS, "OMPI_MCA_btl": self.transport,
               "SHIFTWORK_TEST_RECEIPTS": self.receipts, "SHIFTWORK_START_S": "10"}
        self.launcher = subprocess.Popen(
            runs.command(self.folder, "-o", self.name, *self.settings), cwd=self.folder, env=env,
            text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)

    def running(self):
        return self.launcher.poll() is None

    def wait_rank(self, rank):
        """Its process, or None where the run ended first."""
        while self.running():
            pids = runs.ranks(self.folder)
            if rank in pids:
                return pids[rank]
            time.sleep(0.02)
        return None

    def end(self):
        """After the launcher's end, whatever the reason; its exit code."""
        _, stderr = self.launcher.communicate(timeout=120)
        code = self.launcher.returncode
        check(code in (0, 75), f"exit {code}: {stderr}")
        runs.wait_gone(self.folder)
        self.check_receipts()
        return code

    def check_receipts(self):
        path = os.path.join(self.folder, self.name)
        if not os.path.exists(self.receipts) or not os.path.exists(path):
            return
        with open(self.receipts) as f:
            acknowledged = {line for line in f.read().splitlines()}
        done = subprocess.run([REPORTS, path], text=True, capture_output=True)
        check(done.returncode == 0, f"journal: {done.stderr}")
        lost = acknowledged - set(done.stdout.splitlines())
        check(not lost, f"acknowledged but not in the journal: {sorted(lost)[:3]}")
        self.acknowledged = len(acknowledged)


def send(pid, number):
    try:
        os.kill(pid, number)
        return True
    except ProcessLookupError:
        return False


def kill_coordinator(sweep, chance):
    pid = sweep.wait_rank(0)
    time.sleep(chance.uniform(0, 3))
    return bool(pid) and sweep.running() and send(pid, signal.SIGKILL)


def kill_worker(sweep, chance):
    pid = sweep.wait_rank(chance.randrange(1, WORKERS + 1))
    time.sleep(chance.uniform(0, 1.5))
    return bool(pid) and sweep.running() and send(pid, signal.SIGKILL)


def stop_worker(sweep, chance):
    pid = sweep.wait_rank(chance.randrange(1, WORKERS + 1))
    time.sleep(chance.uniform(0, 1.5))
    if not (pid and sweep.running() and send(pid, signal.SIGSTOP)):
        return False
    time.sleep(3)  # twice lost_after_s
    send(pid, signal.SIGCONT)
    return True


def campaign(folder, reader, what, disturb, wanted, wanted_digest):
    """Sweeps until so many disturbances were had; each sweep to its end."""
    chance = random.Random(f"{SEED} {what}")
    had = sweeps = starts = acknowledged = 0
    while had < wanted:
        sweeps += 1
        sweep = Sweep(folder, f"{what}{sweeps}", reader, TOGETHER[sweeps % len(TOGETHER)],
                      TRANSPORTS[sweeps // len(TOGETHER) % len(TRANSPORTS)])
        code = 75
        while code == 75:
            starts += 1
            sweep.start()
            more = True
            while more and had < wanted and sweep.running():
                done = disturb(sweep, chance)
                had += done
                more = done and disturb is not kill_coordinator
            code = sweep.end()
        acknowledged += sweep.acknowledged
        check(runs.outcome(folder, sweep.name) == "exit=0 done=12 given_up=0 left=0\n",
              runs.outcome(folder, sweep.name))
        check(runs.digest(folder, sweep.name) == wanted_digest,
              f"{sweep.name} has other numbers")
        check(not reader.wrong, reader.wrong)
    print(f"ok   {what}: {had} in {sweeps} sweeps and {starts} starts; {acknowledged} "
          f"acknowledged reports, none lost; same numbers", flush=True)


def main():
    with tempfile.TemporaryDirectory() as folder:
        make_sweep(folder)
        runs.expect(runs.run(folder, "-o", "undisturbed", *SETTINGS), 0)
        digest = runs.digest(folder, "undisturbed")
        reader = Reader(folder)
        reader.start()
        try:
            for what, disturb, wanted in (("worker", kill_worker, COUNTS[0]),
                                          ("coordinator", kill_coordinator, COUNTS[1]),
                                          ("stopped", stop_worker, COUNTS[2])):
                campaign(folder, reader, what, disturb, wanted, digest)
        except (Failure, subprocess.TimeoutExpired, OSError) as why:
            print(f"FAIL {why}", flush=True)
            sys.exit(1)
        finally:
            reader.over = True
            for pid in runs.ranks(folder).values():
                send(pid, signal.SIGCONT)
                send(pid, signal.SIGKILL)
        print(f"     results.h5 was read {reader.reads} times meanwhile")


main()
