"""How well TPE searches, against random search and against Optuna's TPE.

    python bench/search_quality.py [--search build/release/bench/search] [--repeats 100]
           [--first-seed 1] [--only NAME]... [--without-optuna]

Each surface is searched `--repeats` times with its budget of trials, by random search
and by TPE of bench/search (seeds from --first-seed on: the two are paired by seed) and
by Optuna's TPESampler at its defaults. Regret is the best value found less the surface's minimum.
Prints a table: medians of regret, the one-sided Wilcoxon signed-rank test of "TPE's
regret is below random's", and TPE's median over Optuna's.

The surfaces are written from their definitions. Their variables are settings of a job,
of which only the range matters here.
"""

import argparse
import math
import os
import subprocess
import sys
import tempfile

import numpy as np
from scipy.interpolate import RegularGridInterpolator
from scipy.stats import wilcoxon

HERE = os.path.dirname(os.path.abspath(__file__))


class Axis:
    """One line of sweep.space; unit() maps a value to [0, 1] on its scale."""

    def __init__(self, name, low=None, high=None, log=False, whole=False, values=None,
                 when=None):
        self.name, self.low, self.high, self.log = name, low, high, log
        self.whole, self.values, self.when = whole, values, when

    def job_line(self):
        def text(value):
            return f'"{value}"' if isinstance(value, str) else repr(value)

        when = ""
        if self.when:
            name, values = self.when
            when = f" when = {{ {name} = ({', '.join(map(text, values))}); }};"
        if self.values is not None:
            listed = ", ".join(str(v).lower() if isinstance(v, bool) else text(v)
                               for v in self.values)
            return f"{self.name} = {{ values = ({listed});{when} }};"
        scale = "log" if self.log else "linear"
        return (f'{self.name} = {{ min = {self.low}; max = {self.high}; '
                f'scale = "{scale}";{when} }};')

    def parse(self, text):
        if self.values is None:
            return int(text) if self.whole else float(text)
        for value in self.values:
            if text == (str(value).lower() if isinstance(value, bool) else str(value)):
                return value
            if isinstance(value, float) and float(text) == value:
                return value
        raise ValueError(f"{self.name}={text}")

    def suggest(self, trial):
        if self.values is not None:
            return trial.suggest_categorical(self.name, self.values)
        if self.whole:
            return trial.suggest_int(self.name, self.low, self.high, log=self.log)
        return trial.suggest_float(self.name, self.low, self.high, log=self.log)

    def unit(self, value):
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


class Surface:
    def __init__(self, name, axes, loss, minimum, trials, base=""):
        self.name, self.axes, self.loss = name, axes, loss
        self.minimum, self.trials, self.base = minimum, trials, base

    def job(self, search, seed):
        lines = "\n".join("    " + axis.job_line() for axis in self.axes)
        return (f'encoder = "e";\ntasks = ( {{ name = "mrpc"; data = "d"; }} );\n'
                f"{self.base}sweep = {{ search = \"{search}\"; search_seed = {seed}L; "
                f"trials = {self.trials};\n  space = {{\n{lines}\n  }};\n}};\n")


REALS = ["learning_rate", "head_learning_rate", "weight_decay", "warmup", "eps",
         "clip_norm"]


def real_axes(count):
    """Axes over [0, 1], or nearly: eps is above 0."""
    return [Axis(name, 1e-9 if name == "eps" else 0.0, 1.0) for name in REALS[:count]]


def on_cube(function, low, high):
    """A function of vectors in [low, high] as one of values of real_axes()."""
    low, high = np.asarray(low, float), np.asarray(high, float)

    def loss(values):
        unit = np.array([values[name] for name in REALS[:len(low)]])
        return float(function(low + unit * (high - low)))

    return loss


def branin(x):
    a, b = x
    return ((b - 5.1 / (4 * math.pi**2) * a**2 + 5 / math.pi * a - 6)**2
            + 10 * (1 - 1 / (8 * math.pi)) * math.cos(a) + 10)


def hartmann(alpha, matrix, centres):
    return lambda x: -np.sum(alpha * np.exp(-np.sum(matrix * (x - centres)**2, axis=1)))


HARTMANN_ALPHA = np.array([1.0, 1.2, 3.0, 3.2])
HARTMANN3 = hartmann(HARTMANN_ALPHA,
                     np.array([[3, 10, 30], [0.1, 10, 35], [3, 10, 30], [0.1, 10, 35]]),
                     1e-4 * np.array([[3689, 1170, 2673], [4699, 4387, 7470],
                                      [1091, 8732, 5547], [381, 5743, 8828]]))
HARTMANN6 = hartmann(HARTMANN_ALPHA,
                     np.array([[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14],
                               [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]),
                     1e-4 * np.array([[1312, 1696, 5569, 124, 8283, 5886],
                                      [2329, 4135, 8307, 3736, 1004, 9991],
                                      [2348, 1451, 3522, 2883, 3047, 6650],
                                      [4047, 8828, 8732, 5743, 1091, 381]]))


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1]**2)**2 + (1 - x[:-1])**2)


def ackley(x):
    return (-20 * math.exp(-0.2 * math.sqrt(np.mean(x**2)))
            - math.exp(np.mean(np.cos(2 * math.pi * x))) + 20 + math.e)


LOG_AXES = [Axis("learning_rate", 1e-6, 1e-1, log=True),
            Axis("head_learning_rate", 1e-6, 1e-1, log=True),
            Axis("weight_decay", 1e-5, 1.0, log=True),
            Axis("batch_size", 1, 1024, log=True, whole=True)]


def log_quadratic(values):
    """The best learning rate rises with the batch, as it does in training."""
    lr, head, decay, batch = (math.log10(values[a.name]) for a in LOG_AXES)
    return ((lr - (-3.3 + 0.5 * (batch - 1.5)))**2 + 0.3 * (head + 2.5)**2
            + 0.1 * (decay + 2)**2 + 0.2 * (batch - 1.5)**2)


MIXED_AXES = [Axis("schedule", values=["constant", "linear", "cosine"]),
              Axis("pooling", values=["pooler", "cls", "mean"]),
              Axis("share_v", values=[False, True]),
              Axis("first_layer", 0, 12, whole=True),
              Axis("learning_rate", 1e-5, 1e-1, log=True),
              Axis("batch_size", 4, 128, log=True, whole=True),
              Axis("warmup", 0.0, 0.5, when=("schedule", ["linear", "cosine"])),
              Axis("clip_norm", 0.1, 10.0, log=True, when=("pooling", ["mean"]))]


def mixed(values):
    """Words with a cost each, a layer, a learning rate that depends on the pooling, and
    two settings that matter only beside the best words. Minimum 0."""
    loss = {"constant": 0.4, "linear": 0.0, "cosine": 0.15}[values["schedule"]]
    loss += {"pooler": 0.3, "cls": 0.5, "mean": 0.0}[values["pooling"]]
    loss += 0.1 * (not values["share_v"]) + 0.02 * abs(values["first_layer"] - 4)
    best = {"pooler": -3.5, "cls": -3.0, "mean": -2.5}[values["pooling"]]
    loss += 0.3 * (math.log10(values["learning_rate"]) - best)**2
    loss += 0.1 * math.log2(values["batch_size"] / 16)**2
    if values["schedule"] != "constant":
        loss += 4 * (values["warmup"] - 0.1)**2
    if values["pooling"] == "mean":
        loss += 0.2 * math.log10(values["clip_norm"])**2
    return loss


WHOLE_AXES = [Axis("first_layer", 0, 12, whole=True),
              Axis("patience", 0, 40, whole=True),
              Axis("batch_size", 1, 256, log=True, whole=True),
              Axis("microshard_tokens", 1, 65536, log=True, whole=True)]


def whole(values):
    """Whole numbers on both scales; odd layers are better. Minimum 0."""
    layer = values["first_layer"]
    return (0.05 * abs(layer - 7) + 0.05 * (layer % 2 == 0)
            + 0.1 * ((values["patience"] - 11) / 8)**2
            + 0.1 * math.log2(values["batch_size"] / 24)**2
            + 0.1 * abs(math.log2(values["microshard_tokens"] / 600)))


def recorded():
    """The best dev scores of a real sweep over two axes (the file tells which one), and
    between its points what is linear in both logarithms."""
    with open(os.path.join(HERE, "../tests/golden/search_surface.tsv")) as file:
        lines = [line.split() for line in file if line[0] != "#"]
    table = {(float(rate), int(batch)): float(score) for rate, batch, score in lines[1:]}
    rates, batches = (sorted(set(column)) for column in zip(*table))
    score = RegularGridInterpolator(
        (np.log(rates), np.log(batches)),
        np.array([[table[rate, batch] for batch in batches] for rate in rates]))
    axes = [Axis("learning_rate", rates[0], rates[-1], log=True),
            Axis("batch_size", batches[0], batches[-1], log=True, whole=True)]
    return Surface("recorded", axes,
                   lambda v: -float(score([np.log([v[a.name] for a in axes])])[0]),
                   -max(table.values()), 40)


def surfaces():
    return [
        Surface("branin", real_axes(2), on_cube(branin, [-5, 0], [10, 15]),
                branin((math.pi, 2.275)), 60),
        Surface("hartmann3", real_axes(3), on_cube(HARTMANN3, [0] * 3, [1] * 3),
                -3.86278214782076, 80),
        Surface("hartmann6", real_axes(6), on_cube(HARTMANN6, [0] * 6, [1] * 6),
                -3.32236801141551, 150),
        Surface("rosenbrock4", real_axes(4), on_cube(rosenbrock, [-2] * 4, [2] * 4), 0.0,
                150),
        Surface("ackley5", real_axes(5), on_cube(ackley, [-10] * 5, [20] * 5), 0.0, 150),
        Surface("log_quadratic", LOG_AXES, log_quadratic, 0.0, 100),
        Surface("mixed", MIXED_AXES, mixed, 0.0, 100),
        Surface("whole", WHOLE_AXES, whole, 0.0, 80),
        recorded(),
    ]


def search_ours(program, surface, search, seed):
    with tempfile.NamedTemporaryFile("w", suffix=".cfg") as job:
        job.write(surface.job(search, seed))
        job.flush()
        process = subprocess.Popen([program, job.name], text=True, bufsize=1,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        best = math.inf
        for _ in range(surface.trials):
            process.stdin.write("next\n")
            answer = process.stdout.readline().split()
            if not answer:
                sys.exit(f"{surface.name}: {program} ended")
            if answer[0] == "end":
                break
            texts = dict(part.split("=", 1) for part in answer[1:])
            loss = surface.loss({a.name: a.parse(texts[a.name]) for a in surface.axes})
            process.stdin.write(f"tell {answer[0]} {-loss!r} 1\n")
            best = min(best, loss)
        process.stdin.close()
        process.wait()
    return best - surface.minimum


def search_optuna(surface, seed):
    import optuna
    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def objective(trial):
        values = {}
        for axis in surface.axes:
            if not axis.when or values.get(axis.when[0]) in axis.when[1]:
                values[axis.name] = axis.suggest(trial)
        return surface.loss(values)

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(objective, n_trials=surface.trials)
    return study.best_value - surface.minimum


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--search", default="build/release/bench/search")
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--only", action="append")
    parser.add_argument("--without-optuna", action="store_true")
    options = parser.parse_args()
    print("| surface | axes | trials | random | TPE | p (TPE < random) | Optuna's TPE "
          "| TPE / Optuna |\n|---|---|---|---|---|---|---|---|")
    for surface in surfaces():
        if options.only and surface.name not in options.only:
            continue
        seeds = range(options.first_seed, options.first_seed + options.repeats)
        random, tpe = (np.array([search_ours(options.search, surface, kind, seed)
                                 for seed in seeds]) for kind in ("random", "tpe"))
        p = wilcoxon(tpe, random, alternative="less").pvalue if any(tpe != random) else 1
        row = [surface.name, len(surface.axes), surface.trials,
               f"{np.median(random):.3g}", f"{np.median(tpe):.3g}", f"{p:.1e}"]
        if not options.without_optuna:
            theirs = np.median([search_optuna(surface, seed) for seed in seeds])
            ratio = np.median(tpe) / theirs if theirs > 0 else float(np.median(tpe) > 0)
            row += [f"{theirs:.3g}", f"{ratio:.2f}"]
        print("| " + " | ".join(map(str, row)) + " |", flush=True)


if __name__ == "__main__":
    main()
