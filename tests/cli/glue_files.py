#!/usr/bin/env python3
"""GLUE's submission files of every task, from runs on a tiny encoder.

    glue_files.py PROGRAM SOURCE_DIR

The tasks' files are in GLUE's own layouts, with sentences made up here in which one word
tells the label. So a trained trial predicts every test row rightly, and a word of a
submission file that stands for another class than it should is seen.
"""
import os
import random
import subprocess
import sys
import tempfile

PROGRAM, SOURCE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
ENCODER = os.path.join(SOURCE, "tests/data/encoders/tiny-text")
TELLING = ["good", "bad", "cold"]
FILLERS = ["the", "of", "was"]
TWO, NUMBERS = ["entailment", "not_entailment"], ["0", "1"]
THREE = ["entailment", "neutral", "contradiction"]
PARSES = "\tb1\tb2\tp1\tp2"
# Task, folder, words in the files, header and row of train and dev, of test (A, B: the
# texts, L: the label, N: the row's number); GLUE writes no header into CoLA's.
TASKS = [
    ("cola", "CoLA", NUMBERS, "", "src\tL\t\tA", "index\tsentence", "N\tA"),
    ("sst2", "SST-2", NUMBERS, "sentence\tlabel", "A\tL", "index\tsentence", "N\tA"),
    ("mrpc", "MRPC", NUMBERS, "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String",
     "L\t1\t2\tA\tB", "\ufeffindex\t#1 ID\t#2 ID\t#1 String\t#2 String", "N\t1\t2\tA\tB"),
    ("qqp", "QQP", NUMBERS, "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate",
     "N\t1\t2\tA\tB\tL", "id\tquestion1\tquestion2", "N\tA\tB"),
    ("stsb", "STS-B", ["-9.0", "14.0"],
     "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore",
     "N\tg\tf\ty\tN\ts\ts\tA\tB\tL",
     "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2",
     "N\tg\tf\ty\tN\ts\ts\tA\tB"),
    ("mnli", "MNLI", THREE,
     "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse"
     "\tsentence1_parse\tsentence2_parse\tsentence1\tsentence2\tlabel1\tgold_label",
     "N\t1\t1e\tg" + PARSES + "\tA\tB\tL\tL",
     "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse"
     "\tsentence1_parse\tsentence2_parse\tsentence1\tsentence2",
     "N\t1\t1e\tg" + PARSES + "\tA\tB"),
    ("qnli", "QNLI", TWO, "index\tquestion\tsentence\tlabel", "N\tA\tB\tL",
     "index\tquestion\tsentence", "N\tA\tB"),
    ("rte", "RTE", TWO, "index\tsentence1\tsentence2\tlabel", "N\tA\tB\tL",
     "index\tsentence1\tsentence2", "N\tA\tB"),
    ("wnli", "WNLI", NUMBERS, "index\tsentence1\tsentence2\tlabel", "N\tA\tB\tL",
     "index\tsentence1\tsentence2", "N\tA\tB"),
]
FILES = {"cola": "CoLA", "sst2": "SST-2", "mrpc": "MRPC", "qqp": "QQP", "stsb": "STS-B",
         "mnli": "MNLI-m", "qnli": "QNLI", "rte": "RTE", "wnli": "WNLI"}
TEST_ROWS = {"test.tsv": 11, "test_matched.tsv": 13, "test_mismatched.tsv": 8,
             "diagnostic.tsv": 9}
failures = 0


def expect(what, holds):
    global failures
    failures += not holds
    print(("passed " if holds else "FAILED ") + what, flush=True)


def run(*args, code=0):
    done = subprocess.run([PROGRAM, *args], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=240)
    if done.returncode != code:
        print(f"FAILED {args}: exit {done.returncode}, not {code}\n{done.stderr}")
        sys.exit(1)
    return done.stdout + done.stderr


def labels_of(name, count, classes):
    return [random.Random(f"{name} {i}").randrange(classes) for i in range(count)]


def write_rows(path, labels, words, header, row):
    """A row for each label, with its telling words in both texts."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(header + "\n" if header else "")
        for i, label in enumerate(labels):
            draw = random.Random(f"{path[-20:]} {i}")
            texts = [" ".join([draw.choice(FILLERS)] + 3 * [TELLING[label]]) for _ in "AB"]
            cells = {"A": texts[0], "B": texts[1], "L": words[label], "N": str(i)}
            f.write("\t".join(cells.get(c, c) for c in row.split("\t")) + "\n")


def make_tasks(folder):
    """True labels of the test files by path."""
    truth = {}
    for task, place, words, header, row, test_header, test_row in TASKS:
        kinds = ["_matched", "_mismatched"] if task == "mnli" else [""]
        names = ["train.tsv"] + [f"dev{k}.tsv" for k in kinds] + [f"test{k}.tsv" for k in kinds]
        for name in names:
            path, test = f"{folder}/{place}/{name}", name.startswith("test")
            labels = labels_of(name, TEST_ROWS.get(name, 90), len(words))
            write_rows(path, labels, words, *((test_header, test_row) if test
                                              else (header, row)))
            truth[f"{place}/{name}"] = labels
    truth["AX/diagnostic.tsv"] = labels_of("ax", TEST_ROWS["diagnostic.tsv"], 3)
    write_rows(f"{folder}/AX/diagnostic.tsv", truth["AX/diagnostic.tsv"], THREE,
               "index\tsentence1\tsentence2", "N\tA\tB")
    tasks = ",\n  ".join(f'{{ name = "{t[0]}"; data = "{t[1]}"; max_length = 32; }}'
                         for t in TASKS)
    with open(f"{folder}/job.cfg", "w") as f:
        f.write(f"""encoder = "{ENCODER}";
tasks = ( {tasks} );
adapter = {{ pooling = "mean"; }};
training = {{ epochs = 20; batch_size = 8; learning_rate = 0.02; head_dropout = 0.0; }};
output = {{ dir = "out"; }};
""")
    return truth


def read_tsv(path):
    with open(path, encoding="utf-8") as f:
        return [line.rstrip("\n").split("\t") for line in f]


def check_file(folder, name, labels, words):
    wanted = [["index", "prediction"]] + [[str(i), words[x]] for i, x in enumerate(labels)]
    got = read_tsv(f"{folder}/{name}")
    expect(f"{name}: header, numbers and words of all {len(labels)} rows", got == wanted)
    if got != wanted:
        print("   wanted", wanted, "\n   got   ", got)


def check_classes(folder, truth):
    for task, place, words, *_ in TASKS:
        if task == "stsb":
            continue
        glue = f"{folder}/glue-{task}"
        text = run("predict", f"{folder}/out:{task}/best", "--glue", glue)
        names = ["MNLI-m.tsv", "MNLI-mm.tsv"] if task == "mnli" else [f"{FILES[task]}.tsv"]
        expect(f"{task}: writes {' and '.join(names)}, nothing else, and says so",
               sorted(os.listdir(glue)) == names and all(f"{glue}/{n}: " in text for n in names))
        tests = (["test_matched.tsv", "test_mismatched.tsv"] if task == "mnli"
                 else ["test.tsv"])
        for name, test in zip(names, tests):
            check_file(glue, name, truth[f"{place}/{test}"], words)


def check_diagnostics(folder, truth):
    for place in ("AX", "AX/diagnostic.tsv"):
        glue = f"{folder}/glue-{place.replace('/', '-')}"
        run("predict", f"{folder}/out:mnli/best", "--task", "ax", "--data",
            f"{folder}/{place}", "--glue", glue)
        expect(f"{place}: writes AX.tsv", os.listdir(glue) == ["AX.tsv"])
        check_file(glue, "AX.tsv", truth["AX/diagnostic.tsv"], THREE)
    text = run("predict", f"{folder}/out:rte/best", "--task", "ax", "--data",
               f"{folder}/AX", "--glue", f"{folder}/no", code=1)
    expect("ax with a model of two classes is refused", "3 outputs" in text and
           not os.path.exists(f"{folder}/no"))


def check_similarity(folder, truth):
    trial = f"{folder}/out:stsb/best"
    run("predict", trial, "--glue", f"{folder}/glue-stsb")
    run("predict", trial, "--split", "test", "-o", f"{folder}/stsb.tsv", "--logits")
    raw = [float(row[2]) for row in read_tsv(f"{folder}/stsb.tsv")[1:]]
    rows = read_tsv(f"{folder}/glue-stsb/STS-B.tsv")
    expect("STS-B: the model's own values leave 0..5 at both ends",
           min(raw) < 0 and max(raw) > 5 and len(raw) == len(truth["STS-B/test.tsv"]))
    expect("STS-B.tsv: clipped to 0..5, three decimals", rows == [["index", "prediction"]] + [
        [str(i), f"{min(5, max(0, x)):.3f}"] for i, x in enumerate(raw)])


def check_skipped_rows(folder):
    """A line that QQP's reader skips would give all behind it another row's number."""
    path = f"{folder}/QQP/test.tsv"
    with open(path, "a") as f:
        f.write("11\ta question alone\n12\tthe day\tthe day\n")
    text = run("predict", f"{folder}/out:qqp/best", "--data", f"{folder}/QQP", "--glue",
               f"{folder}/glue-short", code=1)
    expect("a submission file that lacked rows is refused",
           "qqp, test: 1 " in text and not os.path.exists(f"{folder}/glue-short"))
    text = run("predict", f"{folder}/out:qqp/best", "--data", f"{folder}/QQP", "-o",
               f"{folder}/short.tsv")
    expect("skipped rows are told", "12 rows, 1 skipped" in text)


with tempfile.TemporaryDirectory(prefix="shiftwork-glue-") as temporary:
    labels = make_tasks(temporary)
    run("run", f"{temporary}/job.cfg", "--workers", "2")
    check_classes(temporary, labels)
    check_diagnostics(temporary, labels)
    check_similarity(temporary, labels)
    check_skipped_rows(temporary)
print(f"{failures} failed")
sys.exit(1 if failures else 0)
