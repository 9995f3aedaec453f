"""Compares the scores of `shiftwork run bench/quality.cfg` with those of quality_torch.py.

    python quality_compare.py TORCH.csv [--raw OUT.csv] RUN_DIR...     (numpy, h5py)

A task passes where |difference of means| <= max(1 point, 3 standard errors) and the
standard deviations are within a factor of 3 of each other. --raw writes every score of
both sides, a line each.
"""
import argparse
import csv
import os
from collections import defaultdict

import h5py
import numpy as np

LAYERS = 6  # first_layer of head-only


def read_table(f, name):
    columns = {}
    for key, column in f[name].items():
        text = h5py.check_string_dtype(column.dtype)
        columns[key] = column.asstr()[()] if text else column[()]
    return columns


def read_run(path, scores):
    with h5py.File(os.path.join(path, "results.h5")) as f:
        trials, configs, tasks = (read_table(f, t) for t in ("trials", "configs", "tasks"))
    names = dict(zip(tasks["task"], tasks["name"]))
    first = dict(zip(configs["config"], configs["first_layer"]))
    for i, status in enumerate(trials["status"]):
        if status == "done":
            kind = "head" if first[trials["config"][i]] == LAYERS else "adapters"
            key = names[trials["task"][i]], kind
            scores[key][int(trials["seed"][i])] = float(trials["score"][i])


def read_torch(path, scores):
    with open(path) as f:
        for row in csv.DictReader(f):
            scores[row["task"], row["kind"]][int(row["seed"])] = float(row["score"])


def spread(x):
    return np.std(x, ddof=1) if len(x) > 1 else float("nan")


def compare(task, kind, ours, torch):
    a, b = np.array(list(ours.values())), np.array(list(torch.values()))
    error = np.sqrt(spread(a) ** 2 / len(a) + spread(b) ** 2 / len(b))
    off, bar = abs(a.mean() - b.mean()), max(0.01, 3 * error)
    low, high = sorted((spread(a), spread(b)))
    alike = high <= 3 * low or high < 1e-6  # the scores have 10 digits
    print(f"{task:5} {kind:9} {len(a):4} {100 * a.mean():7.2f} {100 * spread(a):6.2f} "
          f"{len(b):6} {100 * b.mean():7.2f} {100 * spread(b):6.2f} "
          f"{100 * off:6.2f} {100 * bar:6.2f}  {'yes' if off <= bar else 'NO':4} "
          f"{'yes' if alike else 'NO'}")


def write_raw(path, sides):
    with open(path, "w") as f:
        f.write("side,task,kind,seed,score\n")
        for side, scores in sides.items():
            for (task, kind), values in sorted(scores.items()):
                for seed, score in sorted(values.items()):
                    f.write(f"{side},{task},{kind},{seed},{score:.10f}\n")


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("torch")
    p.add_argument("runs", nargs="+")
    p.add_argument("--raw")
    options = p.parse_args()
    ours, torch = defaultdict(dict), defaultdict(dict)
    read_torch(options.torch, torch)
    for run in options.runs:
        read_run(run, ours)
    if options.raw:
        write_raw(options.raw, {"shiftwork": ours, "pytorch": torch})
    print("task  kind      ours    mean     sd  torch    mean     sd |diff|    bar  "
          "mean sd")
    for key in sorted(torch):
        if key in ours:
            compare(*key, ours[key], torch[key])


if __name__ == "__main__":
    main()
