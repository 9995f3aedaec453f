#!/usr/bin/env python3
"""Each kind of bad input gives one line that names the file and the reason, exit 1, and
leaves nothing half-written.

    bad_input.py PROGRAM SOURCE_DIR

Only the standard library is used. The disk-full case mounts a small tmpfs, so it runs as
root only.
"""
import json
import os
import re
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
    if (not lines[0] or len(lines) != 1) and not started:
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
        replace_job("epochs = 2", "epochs = 2; batch_size = 7")(folder)
        check("output directory of another job", folder, ["out", "job"])
    with tempfile.TemporaryDirectory(prefix="shiftwork-bad-") as folder:
        make_case(folder)
        os.mkdir(os.path.join(folder, "out"))
        write(os.path.join(folder, "out", "thesis.txt"), "mine\n")
        check("output directory that holds other things", folder, ["out"])


def files_whole(out, sizes):
    """What is under a final name in a run directory is what a good run has there."""
    names = {os.path.relpath(os.path.join(r, n), out) for r, _, found in os.walk(out)
             for n in found}
    problems = [f"{n} is there" for n in names if n not in sizes or ".tmp" in n]
    # these only grow, and an end that is not whole does not count
    growing = {n for n in names if n.startswith(("journal.", "checkpoints/", "outputs/"))}
    for name in names - growing - {"log", "outcome", "progress", "results.h5"}:
        if os.path.getsize(os.path.join(out, name)) != sizes.get(name):
            problems.append(f"{name} is not whole")
    if "progress" in names:
        try:
            with open(os.path.join(out, "progress")) as f:
                json.load(f)
        except ValueError as why:
            problems.append(f"progress: {why}")
    if ("outcome" in names) != ("job.cfg" in names):
        problems.append("one of outcome and job.cfg only")
    if "outcome" in names:
        with open(os.path.join(out, "outcome")) as f:
            text = f.read()
        if not re.fullmatch(r"exit=75 done=\d+ given_up=0 left=\d+\n", text):
            problems.append(f"outcome is {text!r}")
    if "results.h5" in names and run(out, ["status", "."]).returncode:
        problems.append("results.h5 is not whole")
    return problems


def good_sizes(folder):
    """Sizes of the files of a run with room for all of it, in a directory of a name as
    long (job.cfg holds the path)."""
    out = os.path.join(folder, "large/out")
    os.mkdir(os.path.dirname(out))
    run(folder, ["run", "job.cfg", "--workers", "1", "-o", out])
    return {os.path.relpath(os.path.join(r, n), out): os.path.getsize(os.path.join(r, n))
            for r, _, found in os.walk(out) for n in found}


def beyond_the_journal(folder, out):
    """What results.h5 and outcome say although the journal could not hold it."""
    problems = []
    outcome = os.path.join(out, "outcome")
    said = open(outcome).read().split()[1:] if os.path.exists(outcome) else None
    if os.path.exists(os.path.join(out, "results.h5")):
        done = run(folder, ["verify", out])
        if done.returncode:
            problems.append(f"verify: {done.stderr.decode()}")
    done = run(folder, ["recover", out])
    if done.returncode == 0 and said != open(outcome).read().split()[1:]:
        problems.append(f"it said {said}: {done.stdout.decode()}")
    return problems


def disk_full_at(folder, kib, sizes):
    """The run stops, says so once, and goes on when there is room."""
    small, out = os.path.join(folder, "small"), os.path.join(folder, "small/out")
    args = ["run", "job.cfg", "--workers", "1", "-o", "small/out"]
    done = run(folder, args)
    message = done.stderr.decode(errors="replace")
    reasons = [line for line in message.split("\n") if "No space" in line]
    problems = files_whole(out, sizes)
    if done.returncode != 75:
        problems.append(f"exit {done.returncode}, not 75")
    if len(reasons) != 1 or "small/out/" not in reasons[0]:
        problems.append("not one line with file and reason")
    if "mpirun" in message:
        problems.append("a line about mpirun")
    subprocess.run(["mount", "-o", "remount,size=1m", small], check=True)
    problems += beyond_the_journal(folder, out)
    again = run(folder, args)
    if again.returncode:
        problems.append(f"exit {again.returncode} with room: {again.stderr.decode()}")
    if problems:
        failures.append(f"disk full at {kib} KiB")
        print(f"FAILED disk full at {kib} KiB: {'; '.join(problems)}\n{message}")
    else:
        print(f"passed disk full at {kib} KiB: {reasons[0]}")


def disk_full():
    if os.geteuid() != 0:
        print("skipped disk full: needs root to mount a small tmpfs")
        return
    with tempfile.TemporaryDirectory(prefix="shiftwork-bad-") as folder:
        make_case(folder)
        small = os.path.join(folder, "small")
        os.mkdir(small)
        sizes = good_sizes(folder)
        for kib in (4, 8, 12, 16, 20, 24, 28, 32, 48, 52, 56, 60, 64, 72, 80,
                    96, 112):
            mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k",
                                      "tmpfs", small], capture_output=True)
            if mounted.returncode:
                print("skipped disk full: cannot mount a tmpfs")
                return
            try:
                disk_full_at(folder, kib, sizes)
            finally:
                subprocess.run(["umount", "-l", small])


def directory(name, path, wanted, change=None):
    """A run into path that is refused: one line, and nothing made or removed."""
    with tempfile.TemporaryDirectory(prefix="shiftwork-bad-") as folder:
        make_case(folder)
        if change:
            change(folder)
        folders = sorted(r for r, _, _ in os.walk(folder))
        check(name, folder, wanted, args=("run", "job.cfg", "--workers", "1", "-o", path))
        if sorted(r for r, _, _ in os.walk(folder)) != folders:
            failures.append(name)
            print(f"FAILED {name}: folders were made or removed")


def spoiled_in(*parts):
    """The folder is the user's own, and the run cannot begin."""
    def change(folder):
        os.makedirs(os.path.join(folder, *parts))
        no_unknown(folder)
    return change


def lock_is_a_folder(folder):
    os.makedirs(os.path.join(folder, "mine", "lock"))


def named_like_a_value():
    for name in ("2024", "1.5", "true", "-o=1"):
        with tempfile.TemporaryDirectory(prefix="shiftwork-bad-") as folder:
            make_case(folder)
            done = run(folder, ["run", "job.cfg", "--workers", "1", f"-o{name}"])
            if done.returncode or not os.path.exists(f"{folder}/{name}/results.h5"):
                failures.append(f"-o {name}")
                print(f"FAILED -o {name}: {done.stderr.decode()}")


def tensors_of(path):
    with open(path, "rb") as f:
        blob = f.read()
    size = struct.unpack("<Q", blob[:8])[0]
    return json.loads(blob[8:8 + size]), bytearray(blob[8 + size:])


def write_tensors(path, header, data):
    text = json.dumps(header).encode()
    write(path, struct.pack("<Q", len(text)) + text + bytes(data))


def rename_tensor(header, data):
    header["classifier.weights"] = header.pop("classifier.weight")
    return header, data


def flat_shape(header, data):
    name = next(n for n in header if n.endswith("adapter.alpha.weight"))
    header[name]["shape"] = header[name]["shape"][::-1]
    return header, data


def nan_in_adapter(header, data):
    at = header["classifier.weight"]["data_offsets"][0]
    data[at:at + 4] = struct.pack("<f", float("nan"))
    return header, data


def prepared_file():
    """A prepared file with an id that the encoder has not, of the right tokenizer."""
    with tempfile.TemporaryDirectory(prefix="shiftwork-bad-") as folder:
        make_case(folder)
        run(folder, ["prepare", "job.cfg", "-o", "days.h5"])
        with open(os.path.join(folder, "encoder", "vocab.txt")) as f:
            words = f.read().split("\n")
        start = struct.pack("<2i", words.index("[CLS]"), words.index("the"))
        with open(os.path.join(folder, "days.h5"), "rb") as f:
            blob = f.read()
        assert start in blob
        write(os.path.join(folder, "days.h5"),
              blob.replace(start, start[:4] + struct.pack("<i", 1 << 20), 1))
        with open(os.path.join(folder, "job.cfg")) as f:
            text = f.read()
        write(os.path.join(folder, "job.cfg"), re.sub(
            r'data = "."; train = .*;\n', 'data = "days.h5"; type = "classification";\n',
            text))
        check("prepared file with an impossible id", folder, ["days.h5", "train: row 1", "vocabulary"])


def huge_in_adapter(header, data):
    start, end = header["classifier.weight"]["data_offsets"]
    data[start:end] = struct.pack("<f", 3e38) * ((end - start) // 4)
    return header, data


def overflow(folder, good, args):
    """What only computing can tell: the trial is given up, then and whenever asked."""
    write_tensors(os.path.join(folder, "huge.safetensors"),
                  *huge_in_adapter(*tensors_of(os.path.join(folder, good))))
    for name in ("a trial that overflows", "a finished directory with one"):
        check(name, folder, [] if "finished" in name else ["step 1: the", "not finite"], code=3,
              started=True, args=(*args, "adapter.init=huge.safetensors", "-o", "huge"))


def init_files():
    """An adapter to start from that does not fit is found before the run."""
    with tempfile.TemporaryDirectory(prefix="shiftwork-bad-") as folder:
        make_case(folder)
        good = "start/adapterbias.safetensors"
        run(folder, ["run", "job.cfg", "--workers", "1"])
        run(folder, ["export", "out", "--format", "adapter", "-o", "start"])
        shutil.rmtree(os.path.join(folder, "out"))
        args = ("run", "job.cfg", "--workers", "1", "--set")
        for name, wanted, edit in (
                ("a missing tensor", "classifier.weight is missing", rename_tensor),
                ("a wrong shape", "alpha.weight: shape", flat_shape),
                ("NaN", "not finite", nan_in_adapter)):
            write_tensors(os.path.join(folder, "bad.safetensors"),
                          *edit(*tensors_of(os.path.join(folder, good))))
            check(f"adapter.init with {name}", folder, ["bad.safetensors", wanted],
                  args=(*args, "adapter.init=bad.safetensors"))
        check("adapter.init that is no adapter", folder, ["train.tsv"],
              args=(*args, "adapter.init=train.tsv"))
        check("adapter.init of other settings", folder,
              [good, "encoder.layer.0"],
              args=(*args, f"adapter.init={good}", "--set", "adapter.first_layer=1"))
        check("adapter.init in some trials only", folder, ["train.tsv"],
              args=(*args, f'sweep.space.init=["", "{folder}/{good}", '
                           f'"{folder}/train.tsv"]'))
        overflow(folder, good, args)
        done = run(folder, [*args, f"adapter.init={good}"])
        if done.returncode:
            failures.append("a good adapter.init")
            print("FAILED a good adapter.init:", done.stderr.decode())
        os.remove(os.path.join(folder, good))
        for command in ("verify", "recover"):  # they compute nothing
            done = run(folder, [command, "out"])
            if done.returncode:
                failures.append(f"{command} without the init file")
                print(f"FAILED {command} without the init file:", done.stderr.decode())


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
case("too few rows for split_train", ["selection_rows", "1000", "40"],
     replace_job("max_length = 32;", 'max_length = 32; selection_rows = "split_train";'))
case("too few rows for split_dev", ["selection_rows", "split_dev", "days"],
     replace_job("max_length = 32;", 'max_length = 32; selection_rows = "split_dev";'),
     **{"dev.tsv": "sentence\tlabel\n" + rows(1, 40)})
case("a limit that leaves too few rows for split_train", ["selection_rows", "1000", "900"],
     lambda f: (replace_job("max_length = 32;", 'max_length = 32; selection_rows = "split_train";')(f),
                replace_job("epochs = 2;", "epochs = 2; limit = 1100; };\n"
                            "sweep = { space = { limit = [0, 900, 1100]; };")(f)),
     **{"train.tsv": "sentence\tlabel\n" + rows(1200)})
other_job_directory()
directory("a directory that cannot be made", "/proc/xx", ["/proc/xx", "No such file"])
directory("a directory below a file", "job.cfg/a/b", ["job.cfg/a", "Not a directory"])
directory("a lock that is a folder", "mine", ["mine/lock"], lock_is_a_folder)
directory("refused in an own empty directory", "mine", ["[UNK]"], spoiled_in("mine"))
directory("refused in an own empty datasets", "mine", ["[UNK]"],
          spoiled_in("mine", "datasets"))
directory("refused in new folders", "a/b/c", ["[UNK]"], no_unknown)
named_like_a_value()
prepared_file()
init_files()
disk_full()
print(f"{len(failures)} failed" + (": " + ", ".join(failures) if failures else ""))
sys.exit(1 if failures else 0)
