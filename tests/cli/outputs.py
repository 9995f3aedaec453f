#!/usr/bin/env python3
"""What comes out of a finished run: status, predict and export on a tiny encoder.

    outputs.py PROGRAM SOURCE_DIR

Tasks in GLUE's own file layouts are written with sentences made up here. results.h5 is
read by h5dump, so that this does not depend on our own reader.
"""
import os
import struct
import subprocess
import sys
import tempfile

PROGRAM, SOURCE = os.path.abspath(sys.argv[1]), sys.argv[2]
ENCODER = os.path.join(os.path.abspath(SOURCE), "tests/data/encoders/tiny-text")
failures = 0


def expect(what, holds):
    global failures
    failures += not holds
    print(("passed " if holds else "FAILED ") + what)


def run(*args, code=0, **environment):
    done = subprocess.run([PROGRAM, *args], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=240,
                          env={**os.environ, **environment})
    if done.returncode != code:
        print(f"{args}: exit {done.returncode}, not {code}\n{done.stderr}")
        sys.exit(1)
    return done.stdout + done.stderr


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)


def sentence(i):
    return f"the {['good', 'bad', 'cold'][i % 3]} day number {i} was not so old"


def make_tasks(folder):
    cola = [f"me\t{i % 2}\t\t{sentence(i)}\n" for i in range(60)]
    write(f"{folder}/CoLA/train.tsv", "".join(cola[:40]))
    write(f"{folder}/CoLA/dev.tsv", "".join(cola[40:]))
    write(f"{folder}/CoLA/test.tsv", "index\tsentence\n" + "".join(
        f"{i}\t{sentence(i)}\n" for i in range(7)))
    head = "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2"
    stsb = [f"{i}\tg\tf\ty\t{i}\ts\ts\t{sentence(i)}\t{sentence(i + 1)}\t{i % 6 * 0.9:.1f}\n"
            for i in range(60)]
    write(f"{folder}/STS-B/train.tsv", head + "\tscore\n" + "".join(stsb[:40]))
    write(f"{folder}/STS-B/dev.tsv", head + "\tscore\n" + "".join(stsb[40:]))
    write(f"{folder}/STS-B/test.tsv", head + "\n" + "".join(
        row.rsplit("\t", 1)[0] + "\n" for row in stsb[:5]))
    write(f"{folder}/job.cfg", f"""encoder = "{ENCODER}";
tasks = ( {{ name = "cola"; data = "CoLA"; max_length = 32; }},
          {{ name = "stsb"; data = "STS-B"; max_length = 48; }} );
training = {{ epochs = 2; batch_size = 8; head_dropout = 0.1; }};
sweep = {{ seeds = 2; space = {{ learning_rate = [1e-3, 1e-2]; }}; }};
output = {{ dir = "out"; keep = 8; }};
""")


def h5_floats(path, dataset):
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(["h5dump", "-d", dataset, "-b", "LE", "-o", out.name, path],
                       check=True, capture_output=True)
        data = open(out.name, "rb").read()
    return struct.unpack(f"<{len(data) // 4}f", data)


def h5_numbers(path, dataset):
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(["h5dump", "-d", dataset, "-b", "LE", "-o", out.name, path],
                       check=True, capture_output=True)
        data = open(out.name, "rb").read()
    return struct.unpack(f"<{len(data) // 8}q", data)


def read_tsv(path):
    with open(path) as f:
        return [line.rstrip("\n").split("\t") for line in f]


def check_dev_logits(folder, task, labels, name="out"):
    results = f"{folder}/{name}/results.h5"
    trials = h5_numbers(results, f"/predictions/{task}/dev/trial")
    logits = h5_floats(results, f"/predictions/{task}/dev/logits")
    rows = len(logits) // len(trials) // labels
    expect(f"{task}: four trials are kept", len(trials) == 4)
    for at, trial in enumerate(trials):
        run("predict", f"{folder}/{name}:{trial}", "-o", f"{folder}/p.tsv", "--logits",
            "--threads", str(1 + at % 3))
        table = read_tsv(f"{folder}/p.tsv")[1:]
        mine = [struct.unpack("<f", struct.pack("<f", float(x)))[0]
                for row in table for x in row[-labels:]]
        kept = logits[at * rows * labels:(at + 1) * rows * labels]
        expect(f"{task}: trial {trial} predicts dev with the bits of results.h5",
               tuple(mine) == kept)


def check_numerics(folder):
    args = ("predict", f"{folder}/out:cola/best", "-o", f"{folder}/n.tsv")
    expect("predict says nothing where it computes as the run did",
           "last digits" not in run(*args))
    with open("/proc/cpuinfo") as f:
        if " avx2 " in f.read():
            expect("predict says that it computes otherwise", "portable" in run(
                *args, SHIFTWORK_ISA="portable").split("last digits may differ")[0])


def check_glue(folder):
    run("predict", f"{folder}/out:cola/best", "--glue", f"{folder}/glue")
    rows = read_tsv(f"{folder}/glue/CoLA.tsv")
    expect("CoLA.tsv has GLUE's form", rows[0] == ["index", "prediction"] and
           [r[0] for r in rows[1:]] == [str(i) for i in range(7)] and
           all(r[1] in "01" for r in rows[1:]))
    run("predict", f"{folder}/out:stsb/best", "--glue", f"{folder}/glue")
    rows = read_tsv(f"{folder}/glue/STS-B.tsv")[1:]
    expect("STS-B.tsv lies within 0..5", len(rows) == 5 and
           all(0 <= float(r[1]) <= 5 for r in rows))
    text = run("predict", f"{folder}/out", "-o", f"{folder}/x.tsv", code=1)
    expect("several tasks want a name", "several tasks" in text)
    text = run("predict", f"{folder}/out:cola/best", "--task", "rte", "--data",
               f"{folder}/CoLA", "-o", f"{folder}/x.tsv", code=1)
    expect("a file with other columns is named", "test.tsv:1" in text)
    run("predict", f"{folder}/out:cola/best", "--data", f"{folder}/CoLA/dev.tsv",
        "--split", "dev", "-o", f"{folder}/given.tsv", "--logits")
    run("predict", f"{folder}/out:cola/best", "-o", f"{folder}/own.tsv", "--logits")
    expect("a file is predicted as the run's own copy of it",
           read_tsv(f"{folder}/given.tsv") == read_tsv(f"{folder}/own.tsv"))


def check_exports(folder):
    for form, file in (("adapter", "adapterbias.safetensors"),
                       ("merged", "model.safetensors"),
                       ("peft", "adapter_model.safetensors")):
        out = f"{folder}/{form}"
        run("export", f"{folder}/out:cola/best", "--format", form, "-o", out)
        expect(f"{form}: its files are there", all(
            os.path.getsize(f"{out}/{name}") > 0 for name in (file, "README.md")))
        text = run("export", f"{folder}/out:cola/best", "--format", form, "-o", out,
                   code=1)
        expect(f"{form}: a folder that exists is refused", out in text)


def check_status(folder):
    text = run("status", f"{folder}/out")
    expect("status shows all trials, both tasks and their baselines",
           "out: finished\n8 trials: 8 done" in text and "cola:" in text and "stsb:" in text and
           "majority" in text and "mean" in text)
    expect("status --exit-code prints the outcome",
           run("status", f"{folder}/out", "--exit-code") == "0\n")
    again = run("run", f"{folder}/job.cfg")
    expect("a finished run prints its table again", "cola:" in again)


def has_bf16():
    with open("/proc/cpuinfo") as f:
        return " avx512_bf16 " in f.read()


def check_bf16(folder):
    """The same job in bfloat16, where the processor has it; else it is refused."""
    args = ("run", f"{folder}/job.cfg", "-o", f"{folder}/narrow", "--set",
            "training.precision=bf16")
    if not has_bf16():
        text = run(*args, code=1)
        expect("bf16 is refused by name", "AVX512-BF16" in text and text.count("\n") == 1 and
               not os.path.exists(f"{folder}/narrow"))
        return
    run(*args)
    check_dev_logits(folder, "cola", 2, "narrow")
    logits = [h5_floats(f"{folder}/{name}/results.h5", "/predictions/cola/dev/logits")
              for name in ("out", "narrow")]
    expect("bf16 has logits of its own, near those of float32", logits[0] != logits[1] and
           max(abs(a - b) for a, b in zip(*logits)) < 0.1)


with tempfile.TemporaryDirectory(prefix="shiftwork-out-") as temporary:
    make_tasks(temporary)
    run("run", f"{temporary}/job.cfg", "--workers", "2")
    check_dev_logits(temporary, "cola", 2)
    check_dev_logits(temporary, "stsb", 1)
    check_bf16(temporary)
    check_numerics(temporary)
    check_glue(temporary)
    check_exports(temporary)
    check_status(temporary)
print(f"{failures} failed")
sys.exit(1 if failures else 0)
