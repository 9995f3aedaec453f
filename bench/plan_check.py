#!/usr/bin/env python3
"""What `plan` predicts, before and after a real run of the same job, beside what the run
took: wall time, and seconds of all cores, which other programs hardly change.

    plan_check.py PROGRAM JOB.cfg... [--workers N]

Each job is run in its output.dir, which must not be there yet. One line a job.
Only the standard library is used.
"""
import argparse
import re
import resource
import subprocess
import sys
import time

UNITS = {"h": 3600, "min": 60, "s": 1}


def timed(command):
    def cores():
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime
    begun, before = time.monotonic(), cores()
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")
    return done.stdout, time.monotonic() - begun, cores() - before


def load():
    with open("/proc/loadavg") as f:
        return f.read().split()[0]


def predicted(program, job, workers):
    """Seconds, and those times the workers' share of their cores."""
    text = timed([program, "plan", job, "--workers", str(workers)])[0]
    inside = re.search(r"^expected .*?\((.*?)\)", text, re.M).group(1)
    wall = sum(float(n) * UNITS[u] for n, u in re.findall(r"([\d.]+) (h|min|s)", inside))
    others = re.search(r"Other programs had (\d+) %", text)
    share = 1 - int(others.group(1)) / 100 if others else 1
    return wall, wall * share * workers


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("jobs", nargs="+")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    for job in given.jobs:
        first_load = load()
        before = predicted(given.program, job, given.workers)
        _, wall, cores = timed([given.program, "run", job, "--workers", str(given.workers)])
        after = predicted(given.program, job, given.workers)
        print(f"{job}: wall {before[0]:.0f} s predicted, {wall:.1f} s real, "
              f"{after[0]:.0f} s predicted afterwards; core seconds {before[1]:.0f}, "
              f"{cores:.1f}, {after[1]:.0f}; load {first_load} to {load()}", flush=True)


if __name__ == "__main__":
    main()
