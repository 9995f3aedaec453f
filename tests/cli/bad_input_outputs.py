#!/usr/bin/env python3
"""Bad input of the commands that read a run or prepare one: predict, export, prepare and
status each print one line that names what is wrong, exit 1 (2 for wrong use), and leave
every file as it was.

    bad_input_outputs.py PROGRAM SOURCE_DIR [CASE]...

Only the standard library is used.
"""
import os
import random
import shutil
import subprocess
import sys
import tempfile

PROGRAM, SOURCE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
ENCODERS = os.path.join(SOURCE, "tests/data/encoders")
JOB = """encoder = "encoder";
tasks = ( { name = "days"; data = "."; train = "train.tsv"; dev = "dev.tsv";
            text = ["sentence"]; label = "label"; labels = ["0", "1"];
            metrics = ["accuracy"]; max_length = 32; } );
training = { epochs = 1; };
"""
KEPT = 'sweep = { space = { pooling = ["pooler", "mean"]; first_layer = [0, 2]; }; };\n'


def write(path, data):
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())


def rows(n):
    return "sentence\tlabel\n" + "".join(
        f"the {'good' if i % 2 else 'bad'} day number {i}\t{i % 2}\n" for i in range(n))


def make_runs(folder):
    """out: four trials, all kept (2 is head-only, 3 pools otherwise); bare: none kept."""
    shutil.copytree(os.path.join(ENCODERS, "tiny-text"), f"{folder}/encoder")
    write(f"{folder}/train.tsv", rows(40))
    write(f"{folder}/dev.tsv", rows(20))
    write(f"{folder}/job.cfg", JOB + KEPT + 'output = { dir = "out"; };\n')
    write(f"{folder}/bare.cfg", JOB + 'output = { dir = "bare"; keep = 0; };\n')
    write(f"{folder}/two.cfg", JOB.replace("} );", "}, { name = \"rte\"; data = \".\"; } );"))
    for job in ("job.cfg", "bare.cfg"):
        subprocess.run([PROGRAM, "run", job, "--workers", "1"], cwd=folder, check=True,
                       capture_output=True, stdin=subprocess.DEVNULL, timeout=120)


def tree(folder):
    """What there is: contents of files, targets of links, kinds of the rest."""
    found = {}
    for root, folders, names in os.walk(folder):
        for name in folders + names:
            path = os.path.join(root, name)
            if os.path.islink(path):
                found[path] = os.readlink(path)
            elif os.path.isfile(path):
                with open(path, "rb") as f:
                    found[path] = f.read()
            else:
                found[path] = os.stat(path).st_mode
    return found


def problems_of(folder, args, code, wanted):
    before = tree(folder)
    done = subprocess.run([PROGRAM, *args], cwd=folder, capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=60)
    message = done.stderr.decode(errors="replace")
    problems = []
    if done.returncode != code:
        problems.append(f"exit {done.returncode}, not {code}")
    if message.count("\n") != 1 or not message.startswith("shiftwork"):
        problems.append(f"{message.count(chr(10))} lines on stderr")
    if done.stdout:
        problems.append("something on stdout")
    problems += [f"no '{w}' in the message" for w in wanted if w not in message]
    if ".tmp." in message:
        problems.append("the message names a temporary file")
    after = tree(folder)
    problems += [f"touched: {p}" for p in sorted(set(before) | set(after))
                 if before.get(p) != after.get(p)]
    return problems, message


# Changes of the folder, before a command runs in it.

def cut(path):
    return lambda folder: os.truncate(f"{folder}/{path}",
                                      os.path.getsize(f"{folder}/{path}") // 2)


def put(path, data):
    return lambda folder: write(f"{folder}/{path}", data)


def remove(path):
    return lambda folder: os.remove(f"{folder}/{path}")


def folder_in_place_of(path):
    def change(folder):
        os.remove(f"{folder}/{path}")
        os.mkdir(f"{folder}/{path}")
    return change


def make(path):
    return lambda folder: os.mkdir(f"{folder}/{path}")


def pipe(path):
    return lambda folder: os.mkfifo(f"{folder}/{path}")


def link(path, target):
    return lambda folder: os.symlink(target, f"{folder}/{path}")


def datasets(folder):
    return [f"out/datasets/{n}" for n in os.listdir(f"{folder}/out/datasets")]


def each_dataset(change):
    def changes(folder):
        for path in datasets(folder):
            change(path)(folder)
    return changes


def heap_sizes(path):
    """Objects of HDF5's global heaps, where texts lie, that say they are 1 TB long."""
    def change(folder):
        with open(f"{folder}/{path}", "rb") as f:
            data = bytearray(f.read())
        at = data.find(b"GCOL")
        assert at >= 0
        while at >= 0:
            data[at + 24:at + 32] = (1 << 40).to_bytes(8, "little")
            at = data.find(b"GCOL", at + 1)
        write(f"{folder}/{path}", bytes(data))
    return change


def results_of_another_kind(folder):
    shutil.copy(f"{folder}/{datasets(folder)[0]}", f"{folder}/out/results.h5")


def dataset_of_another_kind(folder):
    for path in datasets(folder):
        shutil.copy(f"{folder}/out/results.h5", f"{folder}/{path}")


def other_vocabulary(folder):
    with open(f"{folder}/encoder/vocab.txt") as f:
        words = f.read().split("\n")
    words[-2], words[-3] = words[-3], words[-2]
    write(f"{folder}/encoder/vocab.txt", "\n".join(words))


NOISE = random.Random(1).randbytes(20000)
P = ("predict", "out:1", "-o", "p.tsv")
E = ("export", "out:1", "-o", "x", "--format", "adapter")
PREPARE = ("prepare", "job.cfg", "-o", "d.h5")
GLUE = ("prepare", "--encoder", "encoder", "--task", "rte", "--data", ".", "-o", "d.h5")
RESULTS = [
    ("results.h5 missing", remove("out/results.h5")),
    ("results.h5 cut in the middle", cut("out/results.h5")),
    ("results.h5 of zero bytes", put("out/results.h5", b"")),
    ("results.h5 of random bytes", put("out/results.h5", NOISE)),
    ("results.h5 of random bytes behind HDF5's signature",
     put("out/results.h5", b"\x89HDF\r\n\x1a\n" + NOISE)),
    ("results.h5 with lying sizes inside", heap_sizes("out/results.h5")),
    ("results.h5 that is a folder", folder_in_place_of("out/results.h5")),
    ("results.h5 that is a data set", results_of_another_kind),
]
DATASET = [
    ("data set missing", each_dataset(remove)),
    ("data set cut in the middle", each_dataset(cut)),
    ("data set of zero bytes", each_dataset(lambda p: put(p, b""))),
    ("data set of random bytes", each_dataset(lambda p: put(p, NOISE))),
    ("data set with lying sizes inside", each_dataset(heap_sizes)),
    ("data set that is a results.h5", dataset_of_another_kind),
]
DATA = [
    ("a row too short", "sentence\tlabel\ngood\n", ["data.tsv:2", "row"]),
    ("only an empty text", "sentence\n\n", ["data.tsv:2", "empty"]),
    ("an empty line in the middle", "sentence\ngood\n\nbad\n", ["data.tsv:3", "empty"]),
    ("an empty line at the end", "sentence\ngood\n\n", ["data.tsv:3", "empty"]),
    ("no rows", "sentence\n", ["data.tsv:1", "no rows"]),
    ("nothing", "", ["data.tsv:1", "empty"]),
    ("other columns", "words\tlabel\ngood\t1\n", ["data.tsv:1", "sentence", "words"]),
    ("an unknown label", "sentence\tlabel\ngood\t7\n", ["data.tsv:2", "label", "7"]),
    ("invalid UTF-8", b"sentence\ngood\nb\xffd\n", ["data.tsv:3", "UTF-8"]),
]
# Name, arguments, what the message says, change of the folder.
CASES = [
    ("predict: no such run directory", ("predict", "none", "-o", "p.tsv"), ["none"]),
    ("predict: a file for a run directory", ("predict", "job.cfg", "-o", "p.tsv"), ["job.cfg"]),
    ("predict: unknown trial", ("predict", "out:99", "-o", "p.tsv"), ["out", "99", "1 to 4"]),
    ("predict: trial 0", ("predict", "out:0", "-o", "p.tsv"), ["out", "0"]),
    ("predict: trial that is no number", ("predict", "out:x1", "-o", "p.tsv"), ["out:x1"]),
    ("predict: number with a tail", ("predict", "out:1x", "-o", "p.tsv"), ["out:1x"]),
    ("predict: digest too short", ("predict", "out:d12", "-o", "p.tsv"), ["d12", "8"]),
    ("predict: unknown digest", ("predict", "out:d00000000", "-o", "p.tsv"), ["00000000"]),
    ("predict: best of an unknown task", ("predict", "out:rte/best", "-o", "p.tsv"), ["rte"]),
    ("predict: adapter not kept", ("predict", "bare:1", "-o", "p.tsv"), ["bare", "keep"]),
    ("predict: split that the task lacks", (*P, "--split", "test"), ["out", "days", "test"]),
    ("predict: no such data", (*P, "--data", "none.tsv"), ["none.tsv", "No such file"]),
    ("predict: folder without the task's file", (*P, "--data", "empty"), ["empty", "test"],
     make("empty")),
    ("predict: folder without GLUE's file",
     (*P, "--data", "empty", "--task", "rte"), ["empty/test.tsv", "No such file"], make("empty")),
    ("predict: unknown task", (*P, "--data", ".", "--task", "days"), ["days", "cola"]),
    ("predict: task with other outputs", (*P, "--data", ".", "--task", "mnli"),
     ["mnli", "3", "2"]),
    ("predict: GLUE's form of a task of one's own", ("predict", "out:1", "--glue", "g"),
     ["days", "GLUE"]),
    ("predict: GLUE has no file of the dev split",
     ("predict", "out:1", "--glue", "g", "--task", "rte", "--data", ".", "--split", "dev"),
     ["rte", "dev", "GLUE"]),
    ("predict: no such encoder", (*P, "--encoder", "none"), ["none"]),
    ("predict: the job's encoder is gone", P, ["encoder"],
     lambda f: shutil.rmtree(f"{f}/encoder")),
    ("predict: another encoder", (*P, "--encoder", f"{ENCODERS}/tiny-odd"),
     ["tiny-odd", "not the encoder"]),
    ("predict: another tokenizer", (*P, "--data", "dev.tsv"), ["encoder", "not the tokenizer"],
     other_vocabulary),
    ("export: no such run directory", ("export", "none", "-o", "x", "--format", "peft"), ["none"]),
    ("export: unknown trial", ("export", "out:7", "-o", "x", "--format", "peft"), ["out", "7"]),
    ("export: adapter not kept", ("export", "bare", "-o", "x", "--format", "merged"),
     ["bare", "keep"]),
    ("export: another encoder", (*E, "--encoder", f"{ENCODERS}/tiny-odd"),
     ["tiny-odd", "not the encoder"]),
    ("export: config.json gone", E, ["config.json"], remove("encoder/config.json")),
    ("export: merged of a mean", ("export", "out:3", "-o", "x", "--format", "merged"),
     ["merged", "mean"]),
    ("export: peft of a mean", ("export", "out:3", "-o", "x", "--format", "peft"),
     ["peft", "mean"]),
    ("export: peft of a head alone", ("export", "out:2", "-o", "x", "--format", "peft"),
     ["peft"]),
    ("export: over a folder", E, ["x", "exists"], make("x")),
    ("export: over a file", E, ["x", "exists"], put("x", "mine\n")),
    ("export: over a broken link", E, ["x", "exists"], link("x", "nowhere")),
    ("export: into no folder", ("export", "out:1", "--format", "merged", "-o", "no/such/x"),
     ["no/such/x", "No such file"]),
    ("export: into a file", ("export", "out:1", "--format", "peft", "-o", "job.cfg/x"),
     ["job.cfg/x", "Not a directory"]),
    ("prepare: no such job", ("prepare", "none.cfg", "-o", "d.h5"), ["none.cfg"]),
    ("prepare: a job with a mistake", PREPARE, ["job.cfg:1"], put("job.cfg", "encoder = ;\n")),
    ("prepare: task that the job lacks", (*PREPARE, "--task", "rte"), ["job.cfg", "rte"]),
    ("prepare: several tasks", ("prepare", "two.cfg", "-o", "d.h5"), ["two.cfg", "--task"]),
    ("prepare: encoder gone", PREPARE, ["encoder"], lambda f: shutil.rmtree(f"{f}/encoder")),
    ("prepare: vocabulary of zero bytes", PREPARE, ["vocab.txt"], put("encoder/vocab.txt", "")),
    ("prepare: dev file gone", PREPARE, ["dev.tsv", "No such file"], remove("dev.tsv")),
    ("prepare: unlabelled training rows", PREPARE, ["train.tsv:1", "label"],
     put("train.tsv", "sentence\ngood\n")),
    ("prepare: an empty line at the end", PREPARE, ["dev.tsv:3", "row"],
     put("dev.tsv", "sentence\tlabel\ngood\t1\n\n")),
    ("prepare: unknown task", ("prepare", "--encoder", "encoder", "--task", "days", "--data",
                               ".", "-o", "d.h5"), ["days", "cola"]),
    ("prepare: files of another task", GLUE, ["train.tsv:1", "sentence1"]),
    ("status: no such run directory", ("status", "none"), ["none"]),
    ("status: no outcome", ("status", "out", "--exit-code"), ["out", "outcome"],
     remove("out/outcome")),
    ("status: an outcome that is none", ("status", "out", "--exit-code"), ["outcome", "gone"],
     put("out/outcome", "gone\n")),
]
CASES += [(f"{args[0]}: {name}", args, ["out/results.h5"], change)
          for args in (P, E, ("status", "out")) for name, change in RESULTS]
CASES += [(f"predict: {name}", P, ["out/datasets/"], change) for name, change in DATASET]
CASES += [(f"predict: data with {name}", (*P, "--data", "data.tsv"), wanted,
           put("data.tsv", text)) for name, text, wanted in DATA]
# An output that cannot be written is said before the data, which is gone, is missed.
for command, gone in ((("predict", "out:1"), each_dataset(remove)),
                      (("predict", "out:1", "--data", "none.tsv"), lambda f: None),
                      (("prepare", "job.cfg"), remove("train.tsv"))):
    def both(first, second):
        return lambda folder: (first(folder), second(folder))
    CASES += [
        (f"{' '.join(command)}: output {name}", (*command, "-o", out), wanted,
         both(change, gone))
        for name, out, wanted, change in (
            ("in no folder", "no/such/o.h5", ["no/such/o.h5", "No such file"], lambda f: None),
            ("in a file", "job.cfg/o.h5", ["job.cfg/o.h5", "Not a directory"], lambda f: None),
            ("that is a folder", "o.h5", ["o.h5", "no regular file"], make("o.h5")),
            ("that is a pipe", "o.h5", ["o.h5", "no regular file"], pipe("o.h5")),
            ("that is a broken link", "o.h5", ["o.h5", "no regular file"],
             link("o.h5", "nowhere")))]
RTE = ("predict", "out:1", "--task", "rte", "--data", "none", "--glue")
CASES += [
    ("predict: GLUE's folder in no folder", (*RTE, "no/g"), ["no/g", "No such file"]),
    ("predict: GLUE's folder is a file", (*RTE, "job.cfg"), ["job.cfg", "Not a directory"]),
    ("predict: GLUE's file is a folder", (*RTE, "g"), ["g/RTE.tsv", "no regular file"],
     lambda f: os.makedirs(f"{f}/g/RTE.tsv")),
    ("predict: GLUE's folder is not made in vain", (*RTE, "g"), ["none", "No such file"]),
]
MISUSE = [
    (("predict",), "run directory"), (("predict", "out"), "-o FILE.tsv"),
    (("predict", "out", "-o", "p", "--glue", "g"), "--glue"),
    (("predict", "out", "-o", "p", "--split", "half"), "half"),
    (("predict", "out", "-o", "p", "--threads", "0"), "--threads"),
    (("predict", "out", "-o", "p", "--task", "ax"), "--data"),
    (("predict", "out", "--glue", "g", "--logits"), "logits"),
    (("predict", "out", "more", "-o", "p"), "more"), (("predict", "out", "-o"), "-o"),
    (("predict", "out", "-o", "p", "--logit"), "--logit"),
    (("export",), "RUN_DIR"), (("export", "out", "-o", "x"), "--format"),
    (("export", "out", "--format", "peft"), "-o"),
    (("export", "out", "-o", "x", "--format", "onnx"), "onnx"),
    (("export", "out", "more", "-o", "x", "--format", "peft"), "more"),
    (("prepare",), "-o"), (("prepare", "-o", "d.h5"), "job file"),
    (("prepare", "job.cfg"), "-o"), (("prepare", "job.cfg", "-o", "days.hdf"), ".h5"),
    (("prepare", "job.cfg", "more", "-o", "d.h5"), "more"),
    (("prepare", "job.cfg", "--data", ".", "-o", "d.h5"), "--data"),
    (("prepare", "--encoder", "encoder", "--task", "rte", "-o", "d.h5"), "--data"),
    (("prepare", "--max-length", "3"), "--max-length"),
    (("status",), "run directory"), (("status", "out", "bare"), "bare"),
    (("status", "out", "--rows", "-1"), "--rows"),
]


def main():
    chosen, failed, count = sys.argv[3:], [], 0
    cases = [(name, args, 1, wanted, *change) for name, args, wanted, *change in CASES]
    cases += [(" ".join(args), args, 2, [wanted, "--help"]) for args, wanted in MISUSE]
    with tempfile.TemporaryDirectory(prefix="shiftwork-bad-") as temporary:
        made = f"{temporary}/made"
        os.mkdir(made)
        make_runs(made)
        for name, args, code, wanted, *change in cases:
            if chosen and name not in chosen:
                continue
            # The same place each time: a run directory knows where its encoder lies.
            shutil.copytree(made, f"{temporary}/kept", symlinks=True)
            for step in change:
                step(made)
            problems, message = problems_of(made, args, code, wanted)
            shutil.rmtree(made)
            os.rename(f"{temporary}/kept", made)
            count += 1
            print(f"FAILED {name}: {'; '.join(problems)}\n{message}" if problems
                  else f"passed {name}: {message.strip()}", flush=True)
            failed += [name] if problems else []
    print(f"{count} cases, {len(failed)} failed" + "".join("\n  " + n for n in failed))
    sys.exit(1 if failed or not count else 0)


main()
