#!/usr/bin/env python3
"""What status says of a run while it runs, after it was stopped, when its coordinator
died, and when it is done.

    status_of_runs.py PROGRAM SOURCE_DIR

Only the standard library is used.
"""
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PROGRAM, SOURCE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
failures = 0


def expect(what, holds, text=""):
    global failures
    failures += not holds
    print(("passed " if holds else "FAILED ") + what + ("" if holds else f":\n{text}"))


def make_job(folder):
    shutil.copytree(os.path.join(SOURCE, "tests/data/encoders/tiny-text"), f"{folder}/encoder")
    for name, count in (("train", 40), ("dev", 20)):
        with open(f"{folder}/{name}.tsv", "w") as f:
            f.write("sentence\tlabel\n" + "".join(
                f"the {'good' if i % 2 else 'bad'} day number {i}\t{i % 2}\n"
                for i in range(count)))
    with open(f"{folder}/job.cfg", "w") as f:
        f.write("""encoder = "encoder";
tasks = ( { name = "days"; data = "."; train = "train.tsv"; dev = "dev.tsv";
            text = ["sentence"]; label = "label"; labels = ["0", "1"];
            metrics = ["accuracy"]; max_length = 32; } );
training = { epochs = 2; schedule = "constant"; warmup = 0.0; };
""")


def status(folder, name, *args):
    done = subprocess.run([PROGRAM, "status", name, *args], cwd=folder, text=True,
                          capture_output=True, timeout=60)
    return done.stdout if done.returncode == 0 else f"exit {done.returncode}: {done.stderr}"


def wait_for(path):
    end = time.monotonic() + 60
    while not os.path.exists(path):
        if time.monotonic() > end:
            sys.exit(f"FAILED: no {path} within 60 s")
        time.sleep(0.02)


def start(folder, name):
    launcher = subprocess.Popen(
        [PROGRAM, "run", "job.cfg", "-o", name, "--workers", "1", "--set",
         "training.epochs=100000"], cwd=folder, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(f"{folder}/{name}/results.h5")
    return launcher


def read_lock(folder, name):
    with open(f"{folder}/{name}/lock") as f:
        return f.read()


def check_running(folder):
    launcher = start(folder, "out")
    text, lock = status(folder, "out"), read_lock(folder, "out")
    pid = re.search(r"pid=(\d+)", lock).group(1)
    expect("a run that works is running, and its process is named",
           text.startswith(f"out: running, coordinated by process {pid} on "), text)
    expect("its trials are counted", "\n1 trial: 1 " in text, text)
    early = f"{folder}/early"
    os.mkdir(early)
    with open(f"{early}/lock", "w") as f:
        f.write(lock)
    text = status(folder, "early")
    expect("before the first results it is running already",
           text.startswith("early: running") and "nothing is published yet" in text, text)
    with open(f"{early}/lock", "w") as f:
        f.write(re.sub("host=[^ ]+", "host=elsewhere", lock))
    text = status(folder, "early")
    expect("of another host only the lock is known",
           "on elsewhere, as its lock says" in text, text)
    launcher.send_signal(signal.SIGINT)
    launcher.wait(timeout=60)
    text = status(folder, "out")
    expect("a run that was stopped says so", text.startswith("out: stopped before its end\n"),
           text)
    expect("and has the exit code for it", status(folder, "out", "--exit-code") == "75\n")


def watch(folder, name, key, limit=60):
    """status --watch on a terminal of 60 columns; what it drew, its exit code."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execv("/bin/sh", ["sh", "-c", f"stty cols 60 rows 20; exec '{PROGRAM}' status "
                             f"{name} --watch 1"])
    text, end, pressed = b"", time.monotonic() + limit, False
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                piece = os.read(terminal, 65536)
            except OSError:
                break
            if not piece:
                break
            text += piece
        if b"leaves" in text and not pressed:
            pressed = True
            os.write(terminal, key)
    _, state = os.waitpid(pid, 0)
    os.close(terminal)
    return text.decode(), os.waitstatus_to_exitcode(state)


def check_watched(folder):
    launcher = start(folder, "watched")
    wait_for(f"{folder}/watched/progress")
    before = set(os.listdir(f"{folder}/watched"))
    for key, what in ((b"q", "q"), (b"\x03", "Ctrl-C")):
        text, code = watch(folder, "watched", key)
        expect(f"{what} leaves a watched run", code == 0 and "1 computing" in text, text)
    lines = re.sub(r"\x1b\[[0-9]*[A-Z]", "", text).replace("\r", "").split("\n")
    expect("its lines fit the terminal", max(map(len, lines)) <= 60, text)
    expect("looking on leaves nothing behind",
           {n for n in os.listdir(f"{folder}/watched") if ".tmp." not in n} <= before |
           {"outputs", "checkpoints", "results.h5"}, str(os.listdir(f"{folder}/watched")))
    with open(f"{folder}/watched/progress") as f:
        live = json.load(f)
    expect("progress is JSON for others too", live["states"]["running"] == 1, str(live))
    with open(f"{folder}/watched/lock") as f:
        pid = int(re.search(r"pid=(\d+)", f.read()).group(1))
    expect("it names its writer", live["pid"] == pid, str(live))
    watcher = subprocess.Popen([PROGRAM, "status", "watched", "--watch", "1"], cwd=folder,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    time.sleep(1.5)
    launcher.send_signal(signal.SIGINT)
    launcher.wait(timeout=60)
    text = watcher.communicate(timeout=60)[0]
    expect("into a pipe it prints blocks with the time, and ends with the run",
           len(re.findall(r"^\d{4}-\d\d-\d\d ", text, re.M)) >= 2 and "\x1b" not in text
           and "watched: stopped before its end\n" in text and watcher.returncode == 0, text)


def check_killed(folder):
    launcher = start(folder, "killed")
    lock = read_lock(folder, "killed")
    os.kill(int(re.search(r"pid=(\d+)", lock).group(1)), signal.SIGKILL)
    launcher.wait(timeout=60)
    text = status(folder, "killed")
    expect("a run whose coordinator died is stopped", text.startswith("killed: stopped"), text)
    with open(f"{folder}/killed/lock", "w") as f:  # as where the launcher died with it
        f.write(lock)
    text = status(folder, "killed")
    expect("a lock that a dead process left is told",
           text.startswith("killed: stopped: its coordinator is gone\n"), text)


def check_finished(folder):
    subprocess.run([PROGRAM, "run", "job.cfg", "-o", "done", "--workers", "1"], cwd=folder,
                   check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=60)
    text = status(folder, "done")
    expect("a run that is done is finished", text.startswith("done: finished\n1 trial: 1 done\n"),
           text)
    with open(f"{folder}/done/outcome", "w") as f:
        f.write("exit=3 done=0 given_up=1 left=0\n")
    text = status(folder, "done")
    expect("trials that were given up are told",
           text.startswith("done: finished, some trials given up\n"), text)


with tempfile.TemporaryDirectory(prefix="shiftwork-status-") as temporary:
    make_job(temporary)
    check_running(temporary)
    check_watched(temporary)
    check_killed(temporary)
    check_finished(temporary)
print(f"{failures} failed")
sys.exit(1 if failures else 0)
