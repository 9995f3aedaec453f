#!/usr/bin/env python3
"""Runs with cluster.stage: workers compute from their node's copy, which one of them
has fetched from the coordinator, with the numbers of a run without; and what happens
when a copy is damaged, a worker or the coordinator dies, or the folder is of no use.

    staging.py PROGRAM RESULTS_DIGEST SOURCE_DIR [CASE]...

Only the standard library is used. What needs another user or a mount runs as root only.
"""
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

CASES = sys.argv[4:]

import whole_runs as runs
from whole_runs import LONG, check, digest, expect, outcome, run

LARGE = 300 << 20  # far more than any message may have


def stage(folder, name="stage"):
    return ("--set", f"cluster.stage={os.path.join(folder, name)}")


def enlarge(folder, size=LARGE):
    """Adds a tensor to the encoder that nothing reads, so that fetching takes a while.
    The bytes are there by pattern, so that every part differs."""
    path = os.path.join(folder, "encoder/model.safetensors")
    with open(path, "rb") as f:
        length, = struct.unpack("<Q", f.read(8))
        header, data = json.loads(f.read(length)), f.read()
    header["cls.filler"] = {"dtype": "U8", "shape": [size],
                            "data_offsets": [len(data), len(data) + size]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)
        for at in range(0, size, 1 << 20):
            f.write((b"%015d\n" % at) * (1 << 16))
        f.truncate(8 + len(text) + len(data) + size)


def staged_files(folder, name="stage"):
    return [os.path.join(root, n)
            for root, _, names in os.walk(os.path.join(folder, name)) for n in names]


def parts(folder):
    return [f for f in staged_files(folder) if f.endswith(".part")]


def weights(folder):
    return next(f for f in staged_files(folder) if f.endswith("model.safetensors"))


def check_whole(folder):
    same = subprocess.run(["cmp", weights(folder), f"{folder}/encoder/model.safetensors"])
    check(same.returncode == 0, "the copy differs")
    check(not parts(folder), "parts are left")


def staged_lines(stderr):
    return re.findall(r"^staged (.*) for host \S+: .* MB in .* s$", stderr, re.M)


def check_fetched(done, *what):
    check(sorted(staged_lines(done.stderr)) == sorted(what), done.stderr)
    check("found staged files" not in done.stderr, done.stderr)


def check_found(done):
    check(not staged_lines(done.stderr), done.stderr)
    check(done.stderr.count("found staged files on host") == 1, done.stderr)


def case_numbers_are_those_of_a_run_without(folder):
    expect(run(folder, "-o", "plain", "--workers", "3"), 0)
    first = run(folder, "-o", "first", "--workers", "3", *stage(folder))
    expect(first, 0)
    check_fetched(first, "the encoder", "task mood")
    check(os.stat(os.path.join(folder, "stage")).st_mode & 0o7777 == 0o700, "open to others")
    check(all(os.stat(f).st_mode & 0o7777 == 0o600 for f in staged_files(folder)), "modes")
    before = {f: os.stat(f).st_ino for f in staged_files(folder)}
    again = run(folder, "-o", "again", "--workers", "3", *stage(folder))
    expect(again, 0)
    check_found(again)
    check({f: os.stat(f).st_ino for f in staged_files(folder)} == before, "made anew")
    for name in ("first", "again"):
        check(digest(folder, name) == digest(folder, "plain"), f"{name} has other numbers")


def case_a_run_may_go_on_with_and_without(folder):
    expect(run(folder, "-o", "whole", "--set", "sweep.seeds=3"), 0)
    expect(run(folder, *stage(folder), "--set", "sweep.seeds=2"), 0)
    finished = run(folder, "--set", "sweep.seeds=2")  # the same job
    expect(finished, 0)
    check("on 2 workers" not in finished.stderr, finished.stderr)
    expect(run(folder, *stage(folder), "--set", "sweep.seeds=3"), 0)
    check(outcome(folder) == "exit=0 done=12 given_up=0 left=0\n", outcome(folder))


def maps(pid):
    with open(f"/proc/{pid}/maps") as f:
        return f.read()


def case_workers_map_the_staged_copy_only(folder):
    launcher = runs.start(folder, "--workers", "3", *stage(folder), *LONG)
    runs.wait_working(folder)
    found = {rank: maps(pid) for rank, pid in runs.ranks(folder).items() if rank > 0}
    launcher.send_signal(signal.SIGINT)
    launcher.communicate(timeout=60)
    check(len(found) == 3, found.keys())
    for text in found.values():
        check(weights(folder) in text, "the staged copy is not mapped")
        check(os.path.join(folder, "encoder") not in text, "the original is mapped")


def case_init_files_are_staged(folder):
    one_shape = ("--set", "sweep.space.first_layer=[0]")
    expect(run(folder, "-o", "source", *one_shape), 0)
    expect(subprocess.run([runs.PROGRAM, "export", os.path.join(folder, "source"),
                           "--format", "adapter", "-o", os.path.join(folder, "adapter")],
                          text=True, capture_output=True), 0)
    init = ("--set", f"adapter.init={folder}/adapter/adapterbias.safetensors", *one_shape)
    expect(run(folder, "-o", "plain", *init), 0)
    done = run(folder, "-o", "staged", *init, *stage(folder))
    expect(done, 0)
    check_fetched(done, "the encoder", "task mood", "an init file")
    check(digest(folder, "staged") == digest(folder, "plain"), "other numbers")


def case_workers_that_help_with_a_trial_use_the_copy_too(folder):
    with open(os.path.join(folder, "train.tsv"), "w") as f:
        f.write(runs.rows(3000, "longer"))
    one = ("--set", "sweep.seeds=1", "--set", "sweep.space.first_layer=[0]", "--set",
           "sweep.space.learning_rate=[1e-2]", "--set", "training.batch_size=64",
           "--set", "training.microshard_tokens=32", "--set", "training.epochs=40",
           "--set", "cluster.workers_per_trial=3")
    expect(run(folder, "-o", "plain", "--workers", "1", *one), 0)
    launcher = runs.start(folder, "--workers", "3", *one, *stage(folder))
    mapped = set()
    while launcher.poll() is None:
        for rank, pid in runs.ranks(folder).items():
            try:
                mapped.update({rank} if rank and "/stage/encoder-" in maps(pid) else ())
            except OSError:
                pass
        time.sleep(0.02)
    stderr = end(launcher, 0)
    check(len(mapped) > 1, f"only {mapped} had the copy: {stderr}")
    check(sorted(staged_lines(stderr)) == ["task mood", "the encoder"], stderr)
    check(digest(folder) == digest(folder, "plain"), "other numbers")


def flip(path, at):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 4]))


def case_a_damaged_copy_is_fetched_again(folder):
    expect(run(folder, "-o", "plain", *stage(folder)), 0)
    for turn, path in enumerate(staged_files(folder)):
        flip(path, os.path.getsize(path) // 2)
        done = run(folder, "-o", f"out{turn}", "--workers", "3", *stage(folder))
        expect(done, 0)
        check(f"{path} on host " in done.stderr, done.stderr)
        check(done.stderr.count("was damaged and is fetched again") == 1, done.stderr)
        check(len(staged_lines(done.stderr)) == 1, done.stderr)
        check(digest(folder, f"out{turn}") == digest(folder, "plain"), "other numbers")
        os.truncate(path, 7)
        shutil.rmtree(os.path.join(folder, f"out{turn}"))
        done = run(folder, "-o", f"out{turn}", "--workers", "3", *stage(folder))
        expect(done, 0)
        check(digest(folder, f"out{turn}") == digest(folder, "plain"), "other numbers")


def case_a_large_file_comes_whole(folder):
    enlarge(folder)
    done = run(folder, "--workers", "3", *stage(folder))
    expect(done, 0)
    check_fetched(done, "the encoder", "task mood")
    check_whole(folder)


def fetcher(ranks):
    """Rank and process of the worker that fetches the weights."""
    for rank, pid in ranks.items():
        try:
            names = [os.readlink(f"/proc/{pid}/fd/{n}") for n in os.listdir(f"/proc/{pid}/fd")]
            if any(n.endswith(".part") and os.stat(n).st_size > LARGE for n in names):
                return rank, pid
        except OSError:
            pass
    return None


def hold_in_fetching(folder):
    """Stops the coordinator while a worker fetches: its process, that worker's rank and
    process. The file is so large that the rest takes longer than to come here."""
    found = []

    def is_fetching():
        ranks = runs.ranks(folder)
        if 0 not in ranks or not fetcher(ranks):
            return False
        os.kill(ranks[0], signal.SIGSTOP)
        time.sleep(0.1)  # a last chunk that is under way is taken
        if fetcher(ranks):
            found.extend((ranks[0], *fetcher(ranks)))
        else:
            os.kill(ranks[0], signal.SIGCONT)
        return bool(found)

    runs.wait_for("fetching", is_fetching)
    return found


def end(launcher, code):
    _, stderr = launcher.communicate(timeout=120)
    check(launcher.returncode == code, f"exit {launcher.returncode}, not {code}: {stderr}")
    return stderr


def case_a_fetcher_that_is_killed_is_followed_by_another(folder):
    enlarge(folder)
    launcher = runs.start(folder, "--workers", "3", *stage(folder))
    for _ in range(2):
        coordinator, rank, pid = hold_in_fetching(folder)
        os.kill(pid, signal.SIGKILL)
        runs.wait_for("its end", lambda: rank not in runs.ranks(folder))
        check(parts(folder), "it left no part")
        os.kill(coordinator, signal.SIGCONT)
    stderr = end(launcher, 0)
    check(len(re.findall(r"^worker \d+ on \S+ is gone", stderr, re.M)) == 2, stderr)
    check(outcome(folder) == "exit=0 done=8 given_up=0 left=0\n", outcome(folder))
    check_whole(folder)


def case_who_waits_for_a_fetcher_does_not_count_as_hung(folder):
    enlarge(folder)
    launcher = runs.start(folder, "--workers", "3", *stage(folder),
                          "--set", "cluster.hang_s=2", "--set", "cluster.lost_after_s=60",
                          "--set", "cluster.heartbeat_s=0.2")
    coordinator, rank, pid = hold_in_fetching(folder)
    os.kill(pid, signal.SIGSTOP)
    os.kill(coordinator, signal.SIGCONT)
    log = os.path.join(folder, "out/log")
    runs.wait_for("notice", lambda: "hang_s" in open(log).read())
    time.sleep(3)  # the others wait on, for longer than hang_s
    os.kill(pid, signal.SIGKILL)
    stderr = end(launcher, 0)
    gone = re.findall(r"^worker (\d+) on \S+ is gone", stderr, re.M)
    check(gone == [str(rank)], stderr)
    check_whole(folder)


def case_nobody_waits_for_a_fetcher_that_was_stopped(folder):
    enlarge(folder)
    launcher = runs.start(folder, "--workers", "3", *stage(folder),
                          "--set", "cluster.lost_after_s=3", "--set", "cluster.heartbeat_s=0.2")
    coordinator, rank, pid = hold_in_fetching(folder)
    os.kill(pid, signal.SIGSTOP)
    os.kill(coordinator, signal.SIGCONT)
    stderr = end(launcher, 0)
    check(f"worker {rank} on" in stderr and "silent for too long" in stderr, stderr)
    expect(run(folder, "-o", "again", *stage(folder)), 0)  # removes what it has left
    check_whole(folder)
    check(digest(folder, "again") == digest(folder), "other numbers")


def case_a_killed_coordinator_leaves_nothing_wrong(folder):
    enlarge(folder)
    expect(run(folder, "-o", "plain"), 0)
    launcher = runs.start(folder, "--workers", "3", *stage(folder))
    os.kill(hold_in_fetching(folder)[0], signal.SIGKILL)
    end(launcher, 75)
    runs.wait_gone(folder)
    again = run(folder, "--workers", "3", *stage(folder))
    expect(again, 0)
    check_whole(folder)
    check(digest(folder) == digest(folder, "plain"), "other numbers")


def case_a_stop_does_not_wait_for_the_files(folder):
    enlarge(folder)
    launcher = runs.start(folder, "--workers", "3", "--grace", "0", *stage(folder))
    coordinator = hold_in_fetching(folder)[0]
    launcher.send_signal(signal.SIGINT)
    time.sleep(0.5)  # it waits at the coordinator
    os.kill(coordinator, signal.SIGCONT)
    stderr = end(launcher, 75)
    check(outcome(folder) == "exit=75 done=0 given_up=0 left=8\n", outcome(folder))
    check("staged" not in stderr and "is dismissed" not in stderr, stderr)
    expect(run(folder, "--workers", "3", *stage(folder)), 0)
    check_whole(folder)


def case_two_runs_share_a_folder(folder):
    enlarge(folder)
    expect(run(folder, "-o", "plain"), 0)
    pair = [runs.start(folder, "--workers", "2", "-o", name, *stage(folder))
            for name in ("one", "two")]
    lines = []
    for launcher in pair:
        lines += staged_lines(end(launcher, 0))
    check(sorted(lines) == ["task mood", "the encoder"], lines)
    for name in ("one", "two"):
        check(digest(folder, name) == digest(folder, "plain"), f"{name} has other numbers")


def check_unfit(folder, why, *args):
    done = run(folder, "--workers", "2", *args)
    expect(done, 75)
    check(len(re.findall(f"is dismissed: .*{why}", done.stderr)) == 2, done.stderr)
    check(done.stderr.count("no worker is left") == 1, done.stderr)
    check(outcome(folder) == "exit=75 done=0 given_up=0 left=8\n", outcome(folder))
    shutil.rmtree(os.path.join(folder, "out"))


def case_folders_of_no_use_are_refused_by_name(folder):
    path = os.path.join(folder, "stage")
    check_unfit(folder, f"{folder}/job.cfg: not a directory", *stage(folder, "job.cfg"))
    check_unfit(folder, f"{folder}/job.cfg/x: cannot be made: Not a directory",
                *stage(folder, "job.cfg/x"))
    check_unfit(folder, "/proc/stage: cannot be made", "--set", "cluster.stage=/proc/stage")
    os.mkdir(path)
    os.chmod(path, 0o777)
    check_unfit(folder, f"{path}: others may write into it", *stage(folder))
    if os.geteuid() == 0:
        os.chmod(path, 0o700)
        os.chown(path, 65534, 65534)
        check_unfit(folder, f"{path}: belongs to another user", *stage(folder))
    check(not os.listdir(path), "it was written into")


def case_a_full_disk_is_said_before_anything_is_sent(folder):
    path = os.path.join(folder, "stage")
    os.mkdir(path, 0o700)
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", path]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        print("   skipped: needs root and mount")
        return
    try:
        enlarge(folder, 8 << 20)
        check_unfit(folder, f"{path}/.*No space left on device", *stage(folder))
        check(not parts(folder), "parts are left")
    finally:
        subprocess.run(["umount", path], check=True)


def main():
    cases = {n[5:]: f for n, f in globals().items() if n.startswith("case_")}
    failed = 0
    for name in CASES or cases:
        with tempfile.TemporaryDirectory() as folder:
            runs.make_job(folder)
            begun = time.monotonic()
            try:
                cases[name](folder)
                print(f"ok   {name} ({time.monotonic() - begun:.1f} s)", flush=True)
            except (runs.Failure, subprocess.TimeoutExpired, OSError, KeyError) as why:
                failed += 1
                print(f"FAIL {name}: {why}", flush=True)
            for pid in runs.ranks(folder).values():
                os.kill(pid, signal.SIGKILL)
    sys.exit(1 if failed else 0)


main()
