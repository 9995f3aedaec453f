#!/usr/bin/env python3
"""Each kind of bad input gives one line that names the file and the reason, exit 1, and
leaves nothing half-written.

    bad_input.py PROGRAM SOURCE_DIR

Only the standard library is used. The disk-full case mounts a small tmpfs, so it runs as
root only.
"""
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile

PROGRAM, SOURCE = os.path.abspath(sys.argv[1]), sys.argv[2]
ENCODER = os.path.join(SOURCE, "tests/data/encoders/tiny-text")
failures = []


def write(path, data):
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())


def rows(n, start=0):
    return "".join(f"the {'good' if i % 2 else 'bad'} day number {i}\t{i % 2}\n"
                   for i in range(start, start + n))


def make_case(folder, **changes):
    """A job that works, in folder, with some files replaced."""
    shutil.copytree(ENCODER, os.path.join(folder, "encoder"))
    files = {
        "train.tsv": "sentence\tlabel\n" + rows(40),
        "dev.tsv": "sentence\tlabel\n" + rows(20, 40),
        "job.cfg": """encoder = "encoder";
tasks = ( { name = "days"; data = "."; train = "train.tsv"; dev = "dev.tsv";
            text = ["sentence"]; label = "label"; labels = ["0", "1"];
            metrics = ["accuracy"]; max_length = 32; } );
training = { epochs = 2; };
output = { dir = "out"; };
""",
    }
    files.update({k: v for k, v in changes.items() if k.endswith((".tsv", ".cfg"))})
    for name, data in files.items():
        if data is not None:
            write(os.path.join(folder, name), data)


def tree(folder):
    found = {}
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            with open(path, "rb") as f:
                found[os.path.relpath(path, folder)] = hash(f.read())
    return found


def run(folder, args):
    return subprocess.run([PROGRAM, *args], cwd=folder, capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=120)


def check(name, folder, wanted, code=1, args=("run", "job.cfg", "--workers", "1"),
          started=False):
    """started: the run had begun, so progress and a run directory are fine."""
    before = tree(folder)
    done = run(folder, list(args))
    lines = done.stderr.decode(errors="replace").strip("\n").split("\n")
    problems = []
    if done.returncode != code:
        problems.append(f"exit {done.returncode}, not {code}")
    if not lines[0] or (len(lines) != 1 and not started):
        problems.append(f"{len(lines)} lines on stderr")
    problems += [f"no '{w}' in the message" for w in wanted if not any(w in line for line in lines)]
    after = tree(folder)
    if not started and after != before:
        problems.append("left behind: " + ", ".join(sorted(set(after) ^ set(before))))
    if [p for p in after if ".tmp" in p]:
        problems.append("a temporary is left")
    if problems:
        failures.append(name)
        print(f"FAILED {name}: {'; '.join(problems)}\n" + done.stderr.decode(
            errors="replace"))
    else:
        print(f"passed {name}: {lines[0]}")


def case(name, wanted, change=None, **changes):
    with tempfile.TemporaryDirectory(prefix="shiftwork-bad-") as folder:
        make_case(folder, **changes)
        if change:
            change(folder)
        check(name, folder, wanted)


def weights(folder):
    return os.path.join(folder, "encoder", "model.safetensors")


def change_weights(edit):
    """edit(header, data) gives the new header and data."""
    def change(folder):
        with open(weights(folder), "rb") as f:
            blob = f.read()
        size = struct.unpack("<Q", blob[:8])[0]
        header, data = edit(json.loads(blob[8:8 + size]), bytearray(blob[8 + size:]))
        text = json.dumps(header).encode()
        write(weights(folder), struct.pack("<Q", len(text)) + text + bytes(data))
    return change


def truncate(folder):
    os.truncate(weights(folder), 100)


def lying_length(folder):
    with open(weights(folder), "r+b") as f:
        f.write(struct.pack("<Q", 1 << 60))


def lying_offsets(header, data):
    name = next(n for n in header if n != "__metadata__")
    header[name]["data_offsets"] = [0, 1 << 40]
    return header, data


def wrong_shape(header, data):
    name = next(n for n in header if "word_embeddings" in n)
    header[name]["shape"] = header[name]["shape"][::-1]
    return header, data


def nan_weight(header, data):
    name = next(n for n in header if "query.weight" in n)
    at = header[name]["data_offsets"][0]
    data[at:at + 4] = struct.pack("<f", float("nan"))
    return header, data


def no_unknown(folder):
    path = os.path.join(folder, "encoder", "vocab.txt")
    with open(path) as f:
        text = f.read().replace("[UNK]\n", "[other]\n")
    write(path, text)


def replace_job(old, new):
    def change(folder):
        path = os.path.join(folder, "job.cfg")
        with open(path) as f:
            text = f.read()
        assert old in text
        write(path, text.replace(old, new))
    return change


def other_job_directory():
    with tempfile.TemporaryDirectory(prefix="shiftwork-bad-") as folder:
        make_case(folder)
        first = run(folder, ["run", "job.cfg", "--workers", "1"])
        if first.returncode:
            failures.append("a good job")
            print("FAILED a good job:", first.stderr.decode())
            return
        replace_job("epochs = 2", "epochs = 3")(folder)
        check("output directory of another job", folder, ["out", "job"])
    with tempfile.TemporaryDirectory(prefix="shiftwork-bad-") as folder:
        make_case(folder)
        os.mkdir(os.path.join(folder, "out"))
        write(os.path.join(folder, "out", "thesis.txt"), "mine\n")
        check("output directory that holds other things", folder, ["out"])


def disk_full():
    if os.geteuid() != 0:
        print("skipped disk full: needs root to mount a small tmpfs")
        return
    with tempfile.TemporaryDirectory(prefix="shiftwork-bad-") as folder:
        make_case(folder)
        small = os.path.join(folder, "small")
        os.mkdir(small)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs",
                                  small], capture_output=True)
        if mounted.returncode:
            print("skipped disk full: cannot mount a tmpfs")
            return
        try:
            check("disk full", folder, ["results.h5", "No space left"], code=75, started=True,
                  args=["run", "job.cfg", "--workers", "1", "-o", "small/out"])
        finally:
            subprocess.run(["umount", "-l", small])


case("missing data file", ["dev.tsv", "No such file"], **{"dev.tsv": None})
case("missing encoder", ["encoder"], lambda f: shutil.rmtree(os.path.join(f, "encoder")))
case("truncated safetensors", ["model.safetensors"], truncate)
case("safetensors with a lying header length", ["model.safetensors"], lying_length)
case("safetensors with lying offsets", ["model.safetensors"],
     change_weights(lying_offsets))
case("tensor of a wrong shape", ["model.safetensors", "word_embeddings"],
     change_weights(wrong_shape))
case("NaN weights", ["model.safetensors", "query.weight"], change_weights(nan_weight))
case("vocabulary without [UNK]", ["vocab.txt", "[UNK]"], no_unknown)
case("invalid UTF-8", ["train.tsv:3", "UTF-8"],
     **{"train.tsv": b"sentence\tlabel\ngood\t1\nb\xff\xfed\t0\n"})
case("row with too few columns", ["train.tsv:3", "column"],
     **{"train.tsv": "sentence\tlabel\ngood\t1\nbad\n"})
case("unknown label", ["train.tsv:2", "label", "7"],
     **{"train.tsv": "sentence\tlabel\ngood\t7\n"})
case("empty file", ["train.tsv"], **{"train.tsv": ""})
case("empty text", ["train.tsv:3", "text"],
     **{"train.tsv": "sentence\tlabel\ngood\t1\n\t0\n"})
case("no dev set", ["dev"], replace_job(' dev = "dev.tsv";', ""))
case("unknown setting", ["job.cfg:5", "epoch"],
     replace_job("epochs = 2", "epoch = 2"))
case("value out of range", ["job.cfg:5", "learning_rate", "outside"],
     replace_job("epochs = 2", "learning_rate = 3.0"))
case("missing column", ["train.tsv:1", "label"],
     **{"train.tsv": "sentence\tclass\ngood\t1\n"})
other_job_directory()
disk_full()
print(f"{len(failures)} failed" + (": " + ", ".join(failures) if failures else ""))
sys.exit(1 if failures else 0)
