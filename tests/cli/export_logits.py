#!/usr/bin/env python3
"""Exports of a real run against predict, on every dev row.

    export_logits.py PROGRAM SOURCE_DIR

Trains briefly on MRPC and STS-B ($SHIFTWORK_DATA, else ../shared/data) with the real
encoder ($SHIFTWORK_ENCODER, else encoders/all-MiniLM-L6-v2), plainly, with share_alpha
and with trained LayerNorms; then transformers with the merged form, PEFT with the peft
form, and what merge_and_unload() makes of it must give predict's logits within 1e-4 on
all dev rows, tokenised by transformers from the exported folder. Exit code 77 (skipped)
without the packages, the encoder or the data.
"""
import csv
import os
import subprocess
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
try:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
except ImportError as missing:
    print("skipped: Python without", missing.name)
    sys.exit(77)

PROGRAM, SOURCE = (os.path.abspath(p) for p in sys.argv[1:3])
ENCODER = os.path.abspath(os.environ.get("SHIFTWORK_ENCODER")
                          or f"{SOURCE}/encoders/all-MiniLM-L6-v2")
DATA = os.path.abspath(os.environ.get("SHIFTWORK_DATA") or f"{SOURCE}/../shared/data")
torch.set_num_threads(1)  # other tests run beside this one
TOLERANCE = 1e-4
failures = 0

JOB = """encoder = "{encoder}";
tasks = ( {{ name = "mrpc"; data = "{data}/MRPC"; }},
          {{ name = "stsb"; data = "{data}/STS-B"; }} );
training = {{ epochs = 1; subsample = 128; learning_rate = 5e-3; }};
sweep = {{ seeds = 1; space = {{ share_alpha = [false, true];
                                 train_layernorm = ["none", "output+embeddings"]; }}; }};
output = {{ dir = "out"; keep = 100; }};
"""
COLUMNS = {"mrpc": ("MRPC/dev.tsv", "#1 String", "#2 String"),
           "stsb": ("STS-B/dev.tsv", "sentence1", "sentence2")}


def run(*args):
    subprocess.run([PROGRAM, *args], check=True, stdout=subprocess.DEVNULL,
                   stdin=subprocess.DEVNULL)


def read_pairs(task):
    name, a, b = COLUMNS[task]
    with open(os.path.join(DATA, name), encoding="utf-8-sig", newline="\n") as f:
        rows = list(csv.DictReader((line.rstrip("\n") for line in f), delimiter="\t",
                                   quoting=csv.QUOTE_NONE))
    return [(row[a], row[b]) for row in rows]


def logits_of(model, tokenizer, pairs):
    model.eval()
    out = []
    with torch.no_grad():
        for at in range(0, len(pairs), 32):
            batch = tokenizer(*map(list, zip(*pairs[at:at + 32])), truncation=True,
                              max_length=128, padding=True, return_tensors="pt")
            out.append(model(**batch).logits)
    return torch.cat(out)


def predicted(folder, trial):
    run("predict", f"{folder}/out:{trial}", "-o", f"{folder}/p.tsv", "--logits")
    with open(f"{folder}/p.tsv") as f:
        rows = [line.rstrip("\n").split("\t") for line in f]
    first = next(i for i, name in enumerate(rows[0]) if name.startswith("logit"))
    return torch.tensor([[float(x) for x in row[first:]] for row in rows[1:]])


def compare(what, ours, theirs):
    global failures
    worst = (ours - theirs).abs().max().item()
    holds = ours.shape == theirs.shape and worst <= TOLERANCE
    failures += not holds
    print(f"{'passed' if holds else 'FAILED'} {what}: {len(ours)} rows, largest "
          f"difference {worst:.1e}", flush=True)


def check_trial(folder, trial, task):
    pairs, ours = read_pairs(task), predicted(folder, trial)
    for form in ("merged", "peft"):
        run("export", f"{folder}/out:{trial}", "--format", form, "-o",
            f"{folder}/{form}{trial}")
    merged = AutoModelForSequenceClassification.from_pretrained(f"{folder}/merged{trial}")
    tokenizer = AutoTokenizer.from_pretrained(f"{folder}/merged{trial}")
    compare(f"{task} trial {trial} merged", ours, logits_of(merged, tokenizer, pairs))
    if task == "stsb":
        pairs, ours = pairs[:300], ours[:300]
    base = AutoModelForSequenceClassification.from_pretrained(
        ENCODER, num_labels=ours.shape[1])
    peft = PeftModel.from_pretrained(base, f"{folder}/peft{trial}")
    compare(f"{task} trial {trial} peft", ours, logits_of(peft, tokenizer, pairs))
    compare(f"{task} trial {trial} merge_and_unload", ours,
            logits_of(peft.merge_and_unload(), tokenizer, pairs))


if not os.path.isdir(ENCODER) or not os.path.isdir(DATA):
    print("skipped: no encoder or no benchmark data")
    sys.exit(77)
with tempfile.TemporaryDirectory(prefix="shiftwork-export-") as temporary:
    with open(f"{temporary}/job.cfg", "w") as f:
        f.write(JOB.format(encoder=ENCODER, data=DATA))
    run("run", f"{temporary}/job.cfg")
    for number in range(1, 9):
        check_trial(temporary, number, "mrpc" if number <= 4 else "stsb")
print(f"{failures} failed")
sys.exit(1 if failures else 0)
