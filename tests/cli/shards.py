#!/usr/bin/env python3
"""A job run in parts, `run --shard i/n`, and the parts made one run directory, `merge`:
its numbers are those of the whole job in one run.

    shards.py PROGRAM RESULTS_DIGEST SOURCE_DIR [CASE]...

Only the standard library is used. What needs a mount runs as root only.
"""
import ctypes
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
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


def merge(folder, *args):
    return subprocess.run([runs.PROGRAM, "merge", *args], cwd=folder, text=True,
                          capture_output=True, stdin=subprocess.DEVNULL, timeout=120)


def refused(folder, args, *words, code=1):
    """One line that says why, and everything as it was."""
    before = tree(folder)
    done = merge(folder, *args)
    expect(done, code)
    check(done.stderr.count("\n") == 1 and not done.stdout, done.stderr)
    for word in words:
        check(word in done.stderr, f"no '{word}' in {done.stderr}")
    check(".tmp." not in done.stderr, done.stderr)
    check(tree(folder) == before, "something was changed")


def tree(path):
    found = {}
    for root, folders, names in os.walk(path):
        for name in folders + names:
            at = os.path.join(root, name)
            if os.path.isfile(at):
                with open(at, "rb") as f:
                    found[os.path.relpath(at, path)] = f.read()
            else:
                found[os.path.relpath(at, path)] = None
    return found


def works(folder, name):
    """Every command that reads a run directory."""
    expect(command_on("verify", os.path.join(folder, name)), 0)
    expect(command_on("status", os.path.join(folder, name)), 0)
    expect(command_on("predict", os.path.join(folder, name), "-o", os.path.join(folder, "p.tsv")), 0)
    expect(command_on("export", os.path.join(folder, name), "--format", "adapter", "-o",
                      os.path.join(folder, name + "-adapter")), 0)
    before = digest(folder, name)
    os.remove(os.path.join(folder, name, "results.h5"))
    expect(command_on("recover", os.path.join(folder, name)), 0)
    check(digest(folder, name) == before, "recover makes other numbers")


def same_as_whole(folder, n, *args):
    parts = shards(folder, n, *args)
    before = tree(folder)
    done = merge(folder, *parts, "-o", "new/merged")
    expect(done, 0)
    check(not done.stderr and done.stdout.count("\n") == 1, done.stdout + done.stderr)
    after = tree(folder)
    check({k: v for k, v in after.items() if not k.startswith("new")} == before,
          "merge changed a source")
    check(outcome(folder, "new/merged") == outcome(folder, "whole"), outcome(folder, "new/merged"))
    check(digest(folder, "new/merged") == digest(folder, "whole"), f"{n} shards have other numbers")
    works(folder, "new/merged")
    left = sorted(os.listdir(os.path.join(folder, "new")))
    check(left == ["merged", "merged-adapter"], left)


def case_two_shards_are_the_whole_job(folder):
    expect(run(folder, "-o", "whole"), 0)
    same_as_whole(folder, 2)
    again = run(folder, "-o", "new/merged")  # finished, and of this job
    expect(again, 0)
    check("going on" not in again.stderr and "score" in again.stdout, again.stderr)


def case_three_shards_of_two_tasks_are_the_whole_job(folder):
    with open(os.path.join(folder, "job.cfg")) as f:
        text = f.read()
    task = text[text.index("{ name"):text.index("} );") + 1]
    with open(os.path.join(folder, "more.tsv"), "w") as f:
        f.write(runs.rows(64, "more"))
    other = task.replace('"mood"', '"sense"').replace("train.tsv", "more.tsv")
    with open(os.path.join(folder, "job.cfg"), "w") as f:
        f.write(text.replace(task, task + ", " + other))
    expect(run(folder, "-o", "whole"), 0)
    parts = shards(folder, 3)
    expect(merge(folder, *reversed(parts), "-o", "merged"), 0)
    check(digest(folder, "merged") == digest(folder, "whole"), "other numbers than the whole job")
    expect(command_on("verify", os.path.join(folder, "merged")), 0)
    expect(run(folder, "-o", "merged", "--set", "sweep.seeds=3"), 0)  # it grows as any other
    check(outcome(folder, "merged") == "exit=0 done=24 given_up=0 left=0\n", outcome(folder, "merged"))


def longer(folder, epochs=20):
    with open(os.path.join(folder, "train.tsv"), "w") as f:
        f.write(runs.rows(3000, "longer"))
    return ("--set", f"training.epochs={epochs}", "--set", "sweep.seeds=1")


def kill_shard(folder, i, n, *args):
    """SIGKILL of its coordinator, after a report and before the end."""
    launcher = runs.start(folder, "--workers", "1", "--shard", f"{i}/{n}", "-o", f"part{i}", *args)
    segment = os.path.join(folder, f"part{i}/checkpoints/000001.seg")
    runs.wait_for("a checkpoint", lambda: os.path.exists(segment) and os.path.getsize(segment))
    time.sleep(0.3)  # its report is in the journal soon after
    os.kill(runs.ranks(folder)[0], signal.SIGKILL)
    _, stderr = launcher.communicate(timeout=60)
    check(launcher.returncode == 75, f"exit {launcher.returncode}: {stderr}")
    runs.wait_gone(folder)


def case_a_killed_shard_is_no_loss(folder):
    settings = longer(folder, epochs=60)
    expect(run(folder, "-o", "whole", *settings), 0)
    expect(shard(folder, 1, 2, *settings), 0)
    kill_shard(folder, 2, 2, *settings)
    # as it is: what it has reported comes along, with the checkpoints
    done = merge(folder, "part1", "part2", "-o", "early")
    expect(done, 75)
    check(re.search(r"of 4 trials (is|are) missing: ", done.stdout), done.stdout)
    check("(of shard 2/2)" in done.stdout, done.stdout)
    check(" 1," not in done.stdout and ": 1" not in done.stdout, done.stdout)
    expect(command_on("verify", os.path.join(folder, "early")), 0)
    epochs = int(digest(folder, "early").split("epochs=")[1].split()[0])
    check(120 < epochs < 240, f"{epochs} epochs came along")
    going = run(folder, "-o", "early", *settings)
    expect(going, 0)
    check("going on with an earlier run: 0 trials are new" in going.stderr, going.stderr)
    check(digest(folder, "early") == digest(folder, "whole"), "other numbers than undisturbed")
    # and once it has gone on by itself
    shutil.copytree(os.path.join(folder, "part2"), os.path.join(folder, "cut"))
    expect(shard(folder, 2, 2, *settings), 0)
    expect(merge(folder, "part1", "part2", "-o", "late"), 0)
    check(digest(folder, "late") == digest(folder, "whole"), "other numbers than undisturbed")
    # of each trial the one that is done
    done = merge(folder, "cut", "late", "-o", "both")
    expect(done, 0)
    check("; 0 duplicates" not in done.stdout, done.stdout)
    check(digest(folder, "both") == digest(folder, "whole"), "not the ones that are done")


def case_a_missing_shard_is_said_and_can_be_run(folder):
    expect(run(folder, "-o", "whole"), 0)
    shards(folder, 3)
    done = merge(folder, "part1", "part3", "-o", "merged")
    expect(done, 75)
    check("3 of 8 trials are missing: 2, 5, 8 (of shard 2/3)" in done.stdout, done.stdout)
    check(outcome(folder, "merged") == "exit=75 done=5 given_up=0 left=3\n", outcome(folder, "merged"))
    status = command_on("status", os.path.join(folder, "merged"))
    check("8 trials: 5 done, 3 queued" in status.stdout, status.stdout)
    expect(command_on("verify", os.path.join(folder, "merged")), 0)
    # merged directories can be merged
    expect(merge(folder, "merged", "part2", "-o", "again"), 0)
    check(digest(folder, "again") == digest(folder, "whole"), "other numbers than the whole job")
    expect(run(folder, "-o", "merged"), 0)
    check(outcome(folder, "merged") == "exit=0 done=8 given_up=0 left=0\n", outcome(folder, "merged"))
    check(digest(folder, "merged") == digest(folder, "whole"), "other numbers than the whole job")


def case_one_of_duplicates_is_kept(folder):
    expect(run(folder, "-o", "whole"), 0)
    shards(folder, 3)
    expect(run(folder, "-o", "few", "--shard", "1/2"), 0)
    for names, count in (("part1 whole", 3), ("whole part2 part3", 5), ("whole whole", 8),
                         ("few part1 part2 part3", 4)):
        done = merge(folder, *names.split(), "-o", "merged")
        expect(done, 0)
        check(f"; {count} duplicates left out" in done.stdout, done.stdout)
        check(digest(folder, "merged") == digest(folder, "whole"), f"{names}: other numbers")
        expect(command_on("verify", os.path.join(folder, "merged")), 0)
        shutil.rmtree(os.path.join(folder, "merged"))


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def change_a_report(path):
    """Another training loss in the journal's last REPORT, under a right checksum."""
    with open(path, "r+b") as f:
        data = bytearray(f.read())
        for place in reversed(records(path)[0]):
            kind, size = struct.unpack_from("<HI", data, place + 6)
            if kind == 6:
                break
        payload = data[place + 24:place + 24 + size]
        struct.pack_into("<d", payload, 40, 0.125)
        data[place + 24:place + 28 + size] = payload + struct.pack("<I", crc32c(payload))
        f.seek(0)
        f.write(data)
    return struct.unpack_from("<Q", payload, 16)[0]


def case_duplicates_of_other_numbers_are_refused(folder):
    expect(run(folder, "-o", "whole"), 0)
    shards(folder, 2)
    trial = change_a_report(os.path.join(folder, "part2/journal.0001"))
    expect(command_on("recover", os.path.join(folder, "part2")), 0)
    refused(folder, ["whole", "part2", "-o", "merged"], f"trial {trial} has other numbers",
            "in part2 than in whole")
    refused(folder, ["part1", "part2", "whole", "-o", "merged"], f"trial {trial} ", "part2", "whole")


def case_of_other_numerics_the_first_is_kept(folder):
    expect(run(folder, "-o", "whole"), 0)
    expect(run(folder, "--shard", "1/4", "-o", "part", env={
        "SHIFTWORK_ISA": "portable", "OPENBLAS_CORETYPE": "Nehalem"}), 0)
    done = merge(folder, "whole", "part", "-o", "merged")
    expect(done, 0)
    check(done.stderr.count("\n") == 1 and "part: 2 trials, trial 1 first" in done.stderr
          and "Nehalem" in done.stderr and "in whole, which is kept" in done.stderr, done.stderr)
    check(digest(folder, "merged") == digest(folder, "whole"), "the other's were taken")
    done = merge(folder, "part", "whole", "-o", "other")
    expect(done, 0)
    check(digest(folder, "other") != digest(folder, "whole"), "the other's were taken")
    expect(command_on("verify", os.path.join(folder, "other")), 0)


def case_other_jobs_are_refused(folder):
    expect(shard(folder, 1, 2), 0)
    into = ["-o", "merged"]
    for change, words in (("training.batch_size=4", ["another job than part1", "trials"]),
                          ("sweep.seeds=3", ["another job than part1", "of its 12 trials, 8"]),
                          ("sweep.seeds=1", ["another job than part1", "of its 4 trials, 4"]),
                          ("tasks.mood.max_length=16", ["another job than part1", "task mood"])):
        expect(run(folder, "-o", "other", "--set", change), 0)
        refused(folder, ["part1", "other", *into], "other: ", *words)
        shutil.rmtree(os.path.join(folder, "other"))
    with open(os.path.join(folder, "dev.tsv"), "w") as f:
        f.write(runs.rows(41, "other"))
    expect(shard(folder, 2, 2), 0)
    refused(folder, ["part1", "part2", *into], "part2: ", "task mood had other data")
    with open(os.path.join(folder, "job.cfg")) as f:
        text = f.read()
    with open(os.path.join(folder, "job.cfg"), "w") as f:
        f.write(text.replace('"mood"', '"sense"'))
    expect(run(folder, "-o", "other"), 0)
    refused(folder, ["part1", "other", *into], "other: ", "one with task sense")
    shutil.copytree(os.path.join(folder, "encoder"), os.path.join(folder, "second"))
    with open(os.path.join(folder, "second/config.json")) as f:
        config = f.read()
    with open(os.path.join(folder, "second/config.json"), "w") as f:
        f.write(config.replace('"layer_norm_eps": 1e-12', '"layer_norm_eps": 1e-6'))
    expect(run(folder, "-o", "third", "--set", "encoder=second"), 0)
    refused(folder, ["part1", "third", *into], "third: ", "its encoder is another")


def case_more_epochs_go_on_in_the_merged_directory(folder):
    constant = ("--set", "training.schedule=constant", "--set", "training.warmup=0")
    five = (*constant, "--set", "training.epochs=5")
    expect(run(folder, "-o", "whole", *five), 0)
    parts = shards(folder, 2, *constant)
    expect(merge(folder, *parts, "-o", "merged"), 0)
    grown = run(folder, "-o", "merged", *five)
    expect(grown, 0)
    check("0 trials are new" in grown.stderr, grown.stderr)
    check(digest(folder, "merged") == digest(folder, "whole"), "other numbers than at once")
    expect(shard(folder, 1, 2, *five), 0)
    refused(folder, ["part1", "part2", "-o", "other"], "part2: asks for 3 epochs where part1 asks for 5")


def case_shards_grow_with_their_job(folder):
    more = ("--set", "sweep.seeds=3")
    expect(run(folder, "-o", "whole"), 0)
    expect(run(folder, "-o", "whole", *more), 0)
    parts = shards(folder, 3)
    for name in parts:  # nothing that is done moves to another shard
        check("exit=0" in outcome(folder, name), outcome(folder, name))
    for i in (1, 2, 3):
        grown = shard(folder, i, 3, *more)
        expect(grown, 0)
        check(f"shard {i}/3: 4 of them" in grown.stderr, grown.stderr)
        check("trials=4 " in digest(folder, f"part{i}"), digest(folder, f"part{i}"))
    done = merge(folder, *parts, "-o", "merged")
    expect(done, 0)
    check("; 0 duplicates" in done.stdout, done.stdout)
    check(digest(folder, "merged") == digest(folder, "whole"), "other numbers than the whole job")


def case_damaged_directories_are_refused(folder):
    shards(folder, 2)
    kept = os.path.join(folder, "kept")
    shutil.copytree(os.path.join(folder, "part2"), kept)
    places, size = records(os.path.join(kept, "journal.0001"))
    for place in (places[1], places[3], places[len(places) // 2], places[-3]):
        flip(os.path.join(folder, "part2/journal.0001"), place + 30)
        refused(folder, ["part1", "part2", "-o", "merged"], "part2/journal.0001", "damaged", "recover")
        shutil.rmtree(os.path.join(folder, "part2"))
        shutil.copytree(kept, os.path.join(folder, "part2"))
    outputs = os.path.join(folder, "part2/outputs")
    for name in os.listdir(outputs):
        flip(os.path.join(outputs, name), 60)
    refused(folder, ["part1", "part2", "-o", "merged"], "part2/outputs", "damaged", "recover")
    expect(command_on("recover", os.path.join(folder, "part2")), 0)
    done = merge(folder, "part1", "part2", "-o", "merged")
    expect(done, 75)
    expect(run(folder, "-o", "merged"), 0)
    expect(run(folder, "-o", "whole"), 0)
    check(digest(folder, "merged") == digest(folder, "whole"), "other numbers than the whole job")


def case_what_cannot_be_merged_is_one_line(folder):
    shards(folder, 2)
    os.mkdir(os.path.join(folder, "empty"))
    refused(folder, [], "-o RUN_DIR are wanted", code=2)
    refused(folder, ["part1"], "-o RUN_DIR are wanted", code=2)
    refused(folder, ["-o", "merged"], "-o RUN_DIR are wanted", code=2)
    refused(folder, ["part1", "--what", "-o", "merged"], "unknown option --what", code=2)
    refused(folder, ["part1", "part2", "-o", "part1"], "part1: is not empty")
    refused(folder, ["part1", "part2", "-o", "job.cfg"], "job.cfg: Not a directory")
    refused(folder, ["part1", "part2", "-o", "job.cfg/merged"], "job.cfg")
    refused(folder, ["part1", "nothing", "-o", "merged"], "nothing: there is no journal in it")
    refused(folder, ["part1", "empty", "-o", "merged"], "empty: there is no journal in it")
    refused(folder, ["part1", "encoder", "-o", "merged"], "encoder: not a run directory")
    refused(folder, ["part1", "nothing", "-o", "a/b/merged"], "nothing: ")
    expect(merge(folder, "part1", "part2", "-o", "empty/"), 0)  # an empty folder will do
    check(outcome(folder, "empty") == "exit=0 done=8 given_up=0 left=0\n", outcome(folder, "empty"))


def case_a_running_shard_is_refused_by_name(folder):
    expect(shard(folder, 1, 2, *LONG[:2], "--set", "training.epochs=2", *LONG[2:]), 0)
    launcher = runs.start(folder, "--workers", "1", "--shard", "2/2", "-o", "part2", *LONG)
    runs.wait_working(folder, "part2")
    pid = runs.ranks(folder)[0]
    done = merge(folder, "part1", "part2", "-o", "merged")
    launcher.send_signal(signal.SIGINT)
    launcher.communicate(timeout=60)
    expect(done, 1)
    check(f"part2: process {pid} on " in done.stderr and done.stderr.count("\n") == 1, done.stderr)
    check(not os.path.exists(os.path.join(folder, "merged")), "something was made")


def case_a_trial_that_failed_is_no_missing_one(folder):
    expect(run(folder, "-o", "start", "--set", "sweep.space={}", "--set", "sweep.seeds=1"), 0)
    expect(command_on("export", os.path.join(folder, "start"), "--format", "adapter", "-o",
                      os.path.join(folder, "good")), 0)
    with open(os.path.join(folder, "good/adapterbias.safetensors"), "rb") as f:
        data = f.read()
    header = 8 + struct.unpack("<Q", data[:8])[0]
    with open(os.path.join(folder, "huge.safetensors"), "wb") as f:
        f.write(data[:header] + struct.pack("<f", 3e38) * ((len(data) - header) // 4))
    space = ("--set", 'sweep.space={ init = ("huge.safetensors", "good/adapterbias.safetensors"); }')
    expect(run(folder, "-o", "whole", *space), 3)
    for i, code in ((1, 3), (2, 3), (3, 0), (4, 0)):
        expect(shard(folder, i, 4, *space), code)
    done = merge(folder, "part1", "part2", "part3", "part4", "-o", "merged")
    expect(done, 3)
    check(outcome(folder, "merged") == "exit=3 done=2 given_up=2 left=0\n", outcome(folder, "merged"))
    check(digest(folder, "merged") == digest(folder, "whole"), "other numbers than the whole job")
    expect(run(folder, "-o", "merged", *space), 3)


IN_MOVED_TO, IN_CREATE = 0x80, 0x100


def names_that_came(folder, act):
    """What was made or moved into folder while act() was under way: (mask, name)."""
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.inotify_init1(os.O_NONBLOCK)
    check(fd >= 0 and libc.inotify_add_watch(fd, folder.encode(), IN_MOVED_TO | IN_CREATE) >= 0,
          "inotify cannot be had")
    act()
    data, at, came = os.read(fd, 1 << 16), 0, []
    os.close(fd)
    while at < len(data):
        _, mask, _, size = struct.unpack_from("<iIII", data, at)
        came.append((mask & (IN_MOVED_TO | IN_CREATE), data[at + 16:at + 16 + size].rstrip(b"\0")))
        at += 16 + size
    return came


def case_the_new_directory_appears_by_a_rename_alone(folder):
    parts = shards(folder, 2)
    came = names_that_came(folder, lambda: expect(merge(folder, *parts, "-o", "merged"), 0))
    check([mask for mask, name in came if name == b"merged"] == [IN_MOVED_TO], came)


def case_a_killed_merge_leaves_no_half_directory(folder):
    parts = shards(folder, 2)
    whole, turns = 0, 30
    for turn in range(turns):
        going = subprocess.Popen([runs.PROGRAM, "merge", *parts, "-o", "merged"], cwd=folder,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.004 * turn)
        going.kill()
        going.wait()
        if os.path.exists(os.path.join(folder, "merged")):
            whole += 1
            expect(command_on("verify", os.path.join(folder, "merged")), 0)
            shutil.rmtree(os.path.join(folder, "merged"))
    expect(merge(folder, *parts, "-o", "merged"), 0)
    print(f"   killed {turns} times, {whole} after its end")


def case_a_signal_ends_a_merge_and_leaves_nothing(folder):
    parts = shards(folder, 2)
    before, codes = sorted(os.listdir(folder)), []
    for turn in range(12):
        going = subprocess.Popen([runs.PROGRAM, "merge", *parts, "-o", "merged"], cwd=folder,
                                 text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        time.sleep(0.01 * turn)
        going.send_signal(signal.SIGTERM)
        _, stderr = going.communicate(timeout=60)
        codes.append(going.returncode)
        check(codes[-1] in (0, 75, -signal.SIGTERM), f"exit {codes[-1]}")  # before it had begun
        check(codes[-1] != 75 or stderr == "shiftwork: merge was stopped; nothing was made\n", stderr)
        if codes[-1] == 0:
            shutil.rmtree(os.path.join(folder, "merged"))
        check(sorted(os.listdir(folder)) == before, os.listdir(folder))
    print("   exit codes:", *codes)


def case_a_full_disk_leaves_nothing(folder):
    small = os.path.join(folder, "small")
    os.mkdir(small)
    parts = shards(folder, 2)
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", small],
                                           capture_output=True).returncode:
        print("   skipped: needs root to mount a small tmpfs")
        return
    try:
        full = 0
        for kib in (*range(4, 64, 4), *range(64, 400, 24), 1024):
            subprocess.run(["mount", "-o", f"remount,size={kib}k", small], check=True)
            done = merge(folder, *parts, "-o", "small/merged")
            if done.returncode == 0:
                break
            full += 1
            expect(done, 75)
            check(done.stderr.count("\n") == 1 and "No space" in done.stderr
                  and "small/merged" in done.stderr and ".tmp." not in done.stderr, done.stderr)
            check(os.listdir(small) == [], os.listdir(small))
        expect(done, 0)
        check(full > 5, f"only {full} sizes were too small")
        expect(command_on("verify", os.path.join(small, "merged")), 0)
    finally:
        subprocess.run(["umount", "-l", small])


if __name__ == "__main__":
    sys.exit(1 if runs.run_cases(runs.cases_of(globals()), sys.argv[4:]) else 0)
