"""Tokenising against Hugging Face's fast tokenizer.

Ours is the whole command, with the start of the process and the file that it writes.
Theirs is what happens within a Python process that has imported its libraries: reading
the file and encoding its rows; the fastest of its methods and thread settings."""
import os

from comparison import pairs, shiftwork_run
from comparison.result import paired
from comparison.side import Skip, one

NAME = "prepare"
TITLE = "seconds to tokenise SST-2's training rows on 2 cores"

BAR = 1.0
AXES = {"threads": ["2 threads", "1 thread"],
        "method": ["encode_batch_fast", "encode_batch"]}


def training_file(context):
    path = os.path.join(context.data, "SST-2", "train.tsv")
    if not os.path.isfile(path):
        raise Skip(f"{path} is not there")
    return path


def make_task(context, folder):
    """SST-2 with its training rows and, since dev must be there, one of them as dev."""
    source, data = training_file(context), os.path.join(folder, "SST-2")
    os.makedirs(data)
    os.symlink(source, os.path.join(data, "train.tsv"))
    with open(source, encoding="utf-8") as f, \
            open(os.path.join(data, "dev.tsv"), "w", encoding="utf-8") as dev:
        dev.writelines([f.readline(), f.readline()])
    return data


def ours(context, folder, data):
    command = [context.shiftwork(), "prepare", "--encoder", context.small, "--task", "sst2",
               "--data", data, "-o", os.path.join(folder, "sst2.h5")]
    return (lambda: shiftwork_run.run(command, folder, context.cores)), " ".join(command)


def theirs(context, variant):
    many = variant["threads"].startswith("2")
    return one([*context.script("tokenize_hf.py"), context.small, training_file(context),
                variant["method"]], context.cores,
               {"TOKENIZERS_PARALLELISM": "true" if many else "false",
                "RAYON_NUM_THREADS": str(len(context.cores) if many else 1)})


def run(context):
    def rate(variant):
        with theirs(context, variant) as group:
            return group.rate("encode 1")

    with shiftwork_run.place(context) as folder:
        take, printed = ours(context, folder, make_task(context, folder))
        variant, tried = pairs.best_variant(context, AXES, rate)
        with theirs(context, variant) as group:
            group.ask("encode 1")
            seen = pairs.take_turns(context, {
                "ours": take, "tokenizers": lambda: group.ask("encode 1")[0][1]})
            return [paired("SST-2, 67,349 rows", "s", seen["ours"], seen["tokenizers"],
                           inverse=True, bar=BAR, tried=tried,
                           against="tokenizers: " + pairs.words(variant),
                           commands={"ours": printed, "tokenizers": group.printed})]
