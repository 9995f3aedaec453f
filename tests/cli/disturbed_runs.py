#!/usr/bin/env python3
"""Whole runs that something comes between: another coordinator, signals, a directory
that goes away or cannot be written, a trial that kills its workers. Nothing is lost,
and the numbers are those of a run that nothing disturbed.

    disturbed_runs.py PROGRAM RESULTS_DIGEST SOURCE_DIR POISON_LIBRARY NO_LOCKS_LIBRARY
                      [CASE]...

Only the standard library is used. What needs another user or a mount runs as root only.
"""
import os
import shutil
import signal
import subprocess
import sys
import time

POISON = os.path.abspath(sys.argv[4])
NO_LOCKS = os.path.abspath(sys.argv[5])
CASES = sys.argv[6:]

import whole_runs as runs
from whole_runs import LONG, check, command_on, digest, expect, outcome, run

SHORT_LEASE = ("--set", "cluster.lost_after_s=5", "--set", "cluster.heartbeat_s=1")


def longer(folder, number=3000, epochs=20):
    with open(os.path.join(folder, "train.tsv"), "w") as f:
        f.write(runs.rows(number, "longer"))
    return ("--set", f"training.epochs={epochs}")


def wait_for_results(folder, name="out"):
    path = os.path.join(folder, name, "results.h5")
    runs.wait_for("results.h5", lambda: os.path.exists(path))


def end(launcher, code):
    _, stderr = launcher.communicate(timeout=120)
    check(launcher.returncode == code, f"exit {launcher.returncode}, not {code}: {stderr}")
    return stderr


def tree(path):
    found = {}
    for root, _, names in os.walk(path):
        for name in names:
            with open(os.path.join(root, name), "rb") as f:
                found[os.path.relpath(os.path.join(root, name), path)] = f.read()
    return found


def put_foreign_lock(folder, beat):
    os.makedirs(os.path.join(folder, "out"), exist_ok=True)
    with open(os.path.join(folder, "out/lock"), "w") as f:
        f.write(f"host=elsewhere.invalid boot=b pid=7 started=1 beat={beat:020}\n")


def case_a_lock_of_another_host_that_stands_still_is_taken_over(folder):
    put_foreign_lock(folder, 1)
    done = run(folder, *SHORT_LEASE)
    expect(done, 0)
    check("waiting 10 s to see whether elsewhere.invalid" in done.stderr, done.stderr)


def case_a_lock_of_another_host_that_changes_refuses_by_name(folder):
    put_foreign_lock(folder, 1)
    launcher = runs.start(folder, *SHORT_LEASE)
    beat = 1
    while launcher.poll() is None:
        time.sleep(0.3)
        beat += 1
        put_foreign_lock(folder, beat)
    stderr = end(launcher, 1)
    check("process 7 on elsewhere.invalid works on it" in stderr, stderr)
    check(sorted(os.listdir(os.path.join(folder, "out"))) == ["lock"], "it was touched")


def case_a_coordinator_that_wakes_after_it_was_taken_over_changes_nothing(folder):
    settings = longer(folder)
    expect(run(folder, "-o", "whole", *settings), 0)
    first = runs.start(folder, *settings, *SHORT_LEASE)
    runs.wait_working(folder)
    sleeper = runs.ranks(folder)[0]
    os.kill(sleeper, signal.SIGSTOP)
    time.sleep(0.5)
    os.remove(os.path.join(folder, "out/lock"))
    second = run(folder, *settings, *SHORT_LEASE)
    expect(second, 0)
    out = os.path.join(folder, "out")
    before, verified = tree(out), command_on("verify", out)
    expect(verified, 0)
    os.kill(sleeper, signal.SIGCONT)
    stderr = end(first, 75)
    # whichever it looks at first
    check("lock was removed" in stderr or "another coordinator has taken over" in stderr, stderr)
    after = tree(out)
    # a write that was under way when it was stopped still ends, behind what counts
    changed = {n for n in {*before, *after} if before.get(n) != after.get(n)}
    changed -= {"journal.0001", "checkpoints/000001.seg", "outputs/000001.seg"}
    # messages that it had received may still get a segment of their own, which no journal names
    changed -= {n for n in changed if n not in before and n.endswith(".seg")}
    check(not changed, f"it has changed {changed}")
    check(command_on("verify", out).stdout == verified.stdout, "other counts")
    check(digest(folder) == digest(folder, "whole"), "other numbers than undisturbed")


def case_a_second_signal_loses_nothing(folder):
    settings = longer(folder)
    expect(run(folder, "-o", "whole", *settings), 0)
    code, turns = 75, 0
    while code == 75 and turns < 3:
        turns += 1
        launcher = runs.start(folder, *settings)
        runs.wait_for("the coordinator", lambda: launcher.poll() is not None or
                      os.path.exists(os.path.join(folder, f"out/journal.{turns:04}")))
        time.sleep(0.7)
        for _ in range(2):
            launcher.send_signal(signal.SIGINT)
            time.sleep(0.1)
        _, stderr = launcher.communicate(timeout=60)
        code = launcher.returncode
        check(code in (0, 75), f"exit {code}: {stderr}")
        expect(command_on("verify", os.path.join(folder, "out")), 0)
    expect(run(folder, *settings), 0)
    check(digest(folder) == digest(folder, "whole"), "other numbers than undisturbed")


def case_a_broken_connection_ends_no_rank(folder):
    """The kernel sends SIGPIPE to whoever writes to a process that has died."""
    settings = longer(folder)
    launcher = runs.start(folder, "--workers", "2", *settings)
    runs.wait_working(folder)
    for pid in runs.ranks(folder).values():
        os.kill(pid, signal.SIGPIPE)
    stderr = end(launcher, 0)
    check("is gone" not in stderr, stderr)


def epochs_reported(folder):
    return digest(folder).split("epochs=")[1].split()[0]


def case_the_grace_bounds_a_running_epoch(folder):
    with open(os.path.join(folder, "train.tsv"), "w") as f:
        head, *rest = runs.rows(3000, "longer").splitlines(keepends=True)
        f.write(head + "".join(rest) * 150)  # epochs of many seconds
    launcher = runs.start(folder, "--workers", "1", "--grace", "1", *LONG)
    wait_for_results(folder)
    launcher.send_signal(signal.SIGTERM)
    stderr = end(launcher, 75)
    check("stopping at once" in stderr, stderr)
    check(epochs_reported(folder) == "0", "an epoch came to its end")


def case_without_grace_the_epoch_comes_to_its_end(folder):
    longer(folder, 6000)
    launcher = runs.start(folder, "--workers", "1", *LONG)
    wait_for_results(folder)
    launcher.send_signal(signal.SIGTERM)
    end(launcher, 75)
    check(epochs_reported(folder) != "0", "the epoch was cut short")


def case_a_second_signal_does_not_wait_for_a_worker_that_hangs(folder):
    settings = ("--workers", "1", "--set", "cluster.lost_after_s=3600", *LONG)
    launcher = runs.start(folder, *settings)
    runs.wait_working(folder)
    os.kill(runs.ranks(folder)[1], signal.SIGSTOP)
    for _ in range(2):
        launcher.send_signal(signal.SIGINT)
        time.sleep(0.3)
    end(launcher, 75)
    check(outcome(folder) == "exit=75 done=0 given_up=0 left=8\n", outcome(folder))
    expect(command_on("verify", os.path.join(folder, "out")), 0)
    runs.wait_gone(folder)


def case_a_directory_that_is_removed_ends_the_run(folder):
    launcher = runs.start(folder, "--workers", "2", *LONG)
    runs.wait_working(folder)
    shutil.rmtree(os.path.join(folder, "out"), ignore_errors=True)
    shutil.rmtree(os.path.join(folder, "out"), ignore_errors=True)
    stderr = end(launcher, 75)
    check(stderr.count("removed") == 1, stderr)
    check(not os.path.exists(os.path.join(folder, "out")), "it was made again")
    runs.wait_gone(folder)


def as_nobody(folder, *args):
    """A launcher of a user whom permissions bind."""
    os.chmod(folder, 0o777)
    home = {"HOME": folder, "TMPDIR": folder}
    return subprocess.Popen(runs.command(folder, *args), cwd=folder, text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env={**os.environ, **home},
                            user=65534, group=65534, extra_groups=[])


def can_be_run_by_nobody():
    try:
        return os.geteuid() == 0 and subprocess.run(
            [runs.PROGRAM, "--version"], user=65534, group=65534, extra_groups=[],
            capture_output=True).returncode == 0
    except PermissionError:
        return False


def case_a_directory_made_read_only_ends_the_run(folder):
    if not can_be_run_by_nobody():
        print("   skipped: needs root, and the program where others may run it")
        return
    settings = longer(folder)
    expect(run(folder, "-o", "whole", *settings), 0)
    launcher = as_nobody(folder, *settings)
    runs.wait_working(folder)
    out = os.path.join(folder, "out")
    os.chmod(out, 0o555)
    stderr = end(launcher, 75)
    check("Permission denied" in stderr, stderr)
    os.chmod(out, 0o755)
    expect(command_on("verify", out), 0)
    code = as_nobody(folder, *settings)
    end(code, 0)
    check(digest(folder) == digest(folder, "whole"), "other numbers than undisturbed")


def case_a_read_only_file_system_is_refused(folder):
    expect(run(folder), 0)
    before = tree(folder)
    mounts = [["mount", "--bind", folder, folder],
              ["mount", "-o", "remount,bind,ro", folder]]
    if any(subprocess.run(m, capture_output=True).returncode for m in mounts):
        subprocess.run(["umount", "-l", folder], capture_output=True)
        print("   skipped: cannot mount")
        return
    try:
        expect(run(folder), 0)  # a finished one is only read
        for args in (("-o", "new"), ("--set", "sweep.seeds=3")):
            done = run(folder, *args)
            expect(done, 1)
            check(done.stderr.count("\n") == 1 and "Read-only" in done.stderr, done.stderr)
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
    check(tree(folder) == before, "something was written")


def case_a_file_system_without_locks_and_links_will_do(folder):
    """All of a run's life on it: two at once, a death, going on, reading, mending."""
    env = {"LD_PRELOAD": NO_LOCKS, "SHIFTWORK_TEST_NO_LOCKS": folder}
    settings = longer(folder)
    locked = subprocess.run(
        [sys.executable, "-c", "import fcntl; fcntl.flock(open('job.cfg'), fcntl.LOCK_SH)"],
        cwd=folder, env={**os.environ, **env}, capture_output=True, text=True)
    check("No locks available" in locked.stderr, "there are locks")
    expect(run(folder, "-o", "whole", *settings), 0)
    launcher = subprocess.Popen(runs.command(folder, *settings), cwd=folder, text=True,
                                env={**os.environ, **env}, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    runs.wait_working(folder)
    second = run(folder, *settings, env=env)
    expect(second, 1)
    check("process" in second.stderr, second.stderr)
    os.kill(runs.ranks(folder)[0], signal.SIGKILL)
    end(launcher, 75)
    runs.wait_gone(folder)
    expect(run(folder, *settings, env=env), 0)
    check(digest(folder) == digest(folder, "whole"), "other numbers")
    out = os.path.join(folder, "out")
    for command in (("verify",), ("status",), ("recover",)):
        done = subprocess.run([runs.PROGRAM, *command, out], text=True, capture_output=True,
                              env={**os.environ, **env})
        check(done.returncode == 0, f"{command}: {done.stderr}")
    predicted = os.path.join(folder, "predicted.tsv")
    done = subprocess.run([runs.PROGRAM, "predict", out, "--split", "dev", "-o", predicted],
                          text=True, capture_output=True, env={**os.environ, **env})
    check(done.returncode == 0 and os.path.exists(predicted), done.stderr)


def poisoned(folder, *args, poison="patience=77"):
    """Trials with patience = 77, the last two, kill their workers."""
    space = ("--set", "sweep.space={ patience = [50, 77]; learning_rate = [1e-2, 2e-2]; }")
    return run(folder, *SHORT_LEASE, "--set", "sweep.seeds=1", *space, *args,
               env={"LD_PRELOAD": POISON, "SHIFTWORK_TEST_POISON": poison})


def numbers(folder, name):
    """Curves and outputs, as text."""
    path, texts = os.path.join(folder, name, "results.h5"), []
    for dataset in ("epochs/trial", "epochs/train_loss", "epochs/dev_loss", "epochs/score",
                    "predictions/mood/dev/trial", "predictions/mood/dev/logits"):
        done = subprocess.run(["h5dump", "-m", "%.17g", "-d", dataset, path], text=True,
                              capture_output=True)
        check(done.returncode == 0, f"h5dump: {done.stderr}")
        texts.append(done.stdout.split("\n", 2)[2])  # without the file's name
    return texts


def check_given_up(folder):
    check(outcome(folder) == "exit=3 done=2 given_up=2 left=0\n", outcome(folder))
    done = subprocess.run(["h5dump", "-d", "trials/error", os.path.join(folder, "out/results.h5")],
                          text=True, capture_output=True)
    check(done.stdout.count("its workers were lost") == 2, done.stdout)
    check(numbers(folder, "out") == numbers(folder, "whole"), "other numbers than undisturbed")


def check_retry(folder, settings):
    """Trials that were given up are tried again only where that is asked for, and again
    with all their attempts."""
    again = os.path.join(folder, "again")
    shutil.copytree(os.path.join(folder, "out"), again)
    expect(poisoned(folder, "--workers", "8", "-o", "again", *settings), 3)
    done = poisoned(folder, "--workers", "8", "-o", "again", "--retry", *settings)
    expect(done, 3)
    check("2 trials that failed or were given up: tried again" in done.stderr, done.stderr)
    check(done.stderr.count("is given up: it lost its worker too often") == 2, done.stderr)
    expect(poisoned(folder, "-o", "again", "--retry", *settings, poison="none"), 0)
    check(outcome(folder, "again") == "exit=0 done=4 given_up=0 left=0\n",
          outcome(folder, "again"))


def case_a_trial_that_kills_its_workers_is_given_up(folder):
    if not shutil.which("h5dump"):
        print("   skipped: needs h5dump")
        return
    settings = longer(folder, 1500, 20)
    expect(poisoned(folder, "-o", "whole", *settings, "--set", "sweep.space.patience=[50]"), 0)
    done = poisoned(folder, "--workers", "8", *settings)
    expect(done, 3)
    check(done.stderr.count("is given up: it lost its worker too often") == 2, done.stderr)
    check_given_up(folder)
    shutil.rmtree(os.path.join(folder, "out"))
    codes = []  # losses count over starts: two workers a start, three losses a trial
    while not codes or codes[-1] == 75 and len(codes) < 10:
        codes.append(poisoned(folder, "--workers", "2", *settings).returncode)
    check(codes[-1] == 3 and len(codes) > 1, f"exits {codes}")
    check_given_up(folder)
    check_retry(folder, settings)
    # a job that no longer names them is done
    expect(poisoned(folder, *settings, "--set", "sweep.space.patience=[50]"), 0)
    check(outcome(folder) == "exit=0 done=2 given_up=0 left=0\n", outcome(folder))


sys.exit(1 if runs.run_cases(runs.cases_of(globals()), CASES) else 0)
