#!/usr/bin/env python3
"""What doctor says where a run works, and where it would not; that nothing makes it hang.

    doctor.py PROGRAM

Only the standard library is used.
"""
import os
import re
import subprocess
import sys
import tempfile
import time

PROGRAM = os.path.abspath(sys.argv[1])
failures = 0


def expect(what, holds, text=""):
    global failures
    failures += not holds
    print(("passed " if holds else "FAILED ") + what + ("" if holds else f":\n{text}"))


def doctor(*args, code=0, **env):
    begun = time.monotonic()
    done = subprocess.run([PROGRAM, "doctor", *args], text=True, capture_output=True,
                          env={**os.environ, **env}, timeout=120)
    expect(f"doctor {' '.join(args)} {' '.join(env)} ends with {code}",
           done.returncode == code, done.stdout + done.stderr)
    return done.stdout, time.monotonic() - begun


def line(text, topic):
    found = [l for l in text.splitlines() if re.match(rf"\w+ +{topic} ", l)]
    return found[0] if found else ""


def program(folder, name, script):
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name)
    with open(path, "w") as f:
        f.write(f"#!/bin/sh\n{script}\n")
    os.chmod(path, 0o755)
    return folder


def check_healthy(folder):
    text, seconds = doctor(folder)
    start = line(text, "mpirun")
    expect("two ranks have started", start.startswith("ok ") and "2 ranks start" in start, text)
    expect("both tell what they may use", len(re.findall(r"^ok +rank ", text, re.M)) == 2, text)
    expect("it takes some seconds only", seconds < 30, str(seconds))
    expect("nothing is left in the folder", os.listdir(folder) == [], str(os.listdir(folder)))
    by_hand = start.split("by hand it is: ")[1].replace("run JOB.cfg", "doctor")
    done = subprocess.run(by_hand.split(), text=True, capture_output=True, timeout=60,
                          env={**os.environ, "OPENBLAS_NUM_THREADS": "1",
                               "OMP_NUM_THREADS": "1"})
    expect("its command line works", done.stdout.count("rank ") == 2, done.stdout + done.stderr)


def check_broken(folder):
    text, _ = doctor(folder, code=1, PATH=os.path.join(folder, "nothing"))
    expect("without mpirun it says what to do", "problem  mpirun" in text and
           "install Open MPI" in text, text)
    bad = program(os.path.join(folder, "bad"), "mpirun", "echo -----; echo no slots; exit 1")
    text, _ = doctor(code=1, PATH=f"{bad}:/usr/bin:/bin")
    expect("mpirun's own reason is told", "0 of 2 ranks came: no slots" in text, text)
    hang = program(os.path.join(folder, "hang"), "mpirun", "trap '' TERM; sleep 300")
    text, seconds = doctor(code=1, PATH=f"{hang}:/usr/bin:/bin")
    expect("an mpirun that hangs is ended", "not within 20 s" in text and seconds < 60, text)
    text, _ = doctor("/proc/nothing/here", code=1)
    expect("a folder that takes no files is a problem", "problem  run dir" in text, text)
    text, _ = doctor(code=1, SHIFTWORK_ISA="vax")
    expect("a wrong SHIFTWORK_ISA is a problem", 'problem  kernels     SHIFTWORK_ISA: "vax"'
           in text, text)


def check_allocation(folder):
    """With commands of Slurm that answer as the real ones do."""
    bin = program(os.path.join(folder, "slurm"), "squeue", "echo '1:30:00 (until 2026-01-01T00:00:00)'")
    program(bin, "scontrol", "echo slurm-wlm 22.05.8")
    program(bin, "srun", "echo 'srun: error: no pmix here'; exit 1")
    env = {"PATH": f"{bin}:{os.environ['PATH']}", "SLURM_JOB_NODELIST": "node[1-2]",
           "SLURM_JOB_CPUS_PER_NODE": "4(x2)"}
    text, _ = doctor(**env)
    expect("outside an allocation its version is told", "ok       slurm       slurm-wlm 22.05.8; "
           "not in an allocation" in text, text)
    # mpirun itself would believe a real allocation, so only its absence is looked at here.
    lone = program(os.path.join(folder, "lone"), "mpirun", "exit 1")
    text, _ = doctor(code=1, SLURM_JOB_ID="7", **{**env, "PATH": f"{lone}:{env['PATH']}"})
    expect("the time limit is told", "ok       time limit  1:30:00 (until" in text, text)
    expect("so are the nodes", "job 7: nodes node[1-2], cores a node 4(x2)" in text, text)
    expect("srun is only a note", "note     srun        0 of 2 ranks came: srun: error: no pmix"
           in text, text)


def check_output():
    with open("/dev/full", "w") as full:
        done = subprocess.run([PROGRAM, "doctor"], stdout=full, stderr=subprocess.PIPE,
                              text=True, timeout=60)
    expect("what cannot be printed is not a success", done.returncode == 1, done.stderr)


with tempfile.TemporaryDirectory(prefix="shiftwork-doctor-") as temporary:
    os.mkdir(f"{temporary}/empty")
    check_healthy(f"{temporary}/empty")
    check_broken(temporary)
    check_allocation(temporary)
    check_output()
print(f"{failures} failed")
sys.exit(1 if failures else 0)
