"""Recomputes a report's numbers from the same results.h5, from their definitions.

    check_report.py SHIFTWORK RUN_DIR...           writes a report of them and checks it
    check_report.py SHIFTWORK --samples SAMPLE     the same with report_sample's files

Every number of the tables' CSV files is recomputed with numpy, scipy, pandas and
scikit-learn to 1e-9; bootstrap intervals and p values within their Monte Carlo error;
importance over full grids by sums of squares; the page's cells are the CSV's numbers,
rounded. Nothing here follows the program's code. Exit code 77: a package is missing.
"""

import html.parser
import itertools
import os
import subprocess
import sys
import tempfile

try:
    import h5py
    import numpy as np
    import pandas as pd
    from scipy import special, stats
    from sklearn import metrics
except ImportError as missing:
    print("skipped: Python without", missing.name)
    sys.exit(77)

CHECKED = 0


def same(got, wanted, what, tolerance=1e-9):
    global CHECKED
    CHECKED += 1
    got = np.nan if got is None or got == "" else float(got)
    wanted = np.nan if wanted is None else float(wanted)
    good = (np.isnan(got) and np.isnan(wanted)) or abs(got - wanted) <= tolerance * max(
        1.0, abs(wanted)
    )
    if not good:
        raise SystemExit(f"{what}: the report has {got!r}, recomputed {wanted!r}")


def frame(group):
    return pd.DataFrame(
        {k: v.asstr()[()] if h5py.check_string_dtype(v.dtype) else v[()] for k, v in group.items()}
    )


class Run:
    def __init__(self, path):
        with h5py.File(os.path.join(path, "results.h5")) as f:
            self.trials = frame(f["trials"])
            self.configs = frame(f["configs"])
            self.tasks = frame(f["tasks"])
            self.epochs = frame(f["epochs"])
            self.leases = frame(f["leases"]) if "leases" in f else None
            self.predictions = {
                task: {k: v[()] for k, v in f["predictions"][task]["dev"].items()}
                for task in f["predictions"]
                if "dev" in f["predictions"][task]
            }
            self.sizes = {}
            for table in f["adapters"].values():
                head = 0
                tensors = frame(table["tensors"])
                for _, t in tensors.iterrows():
                    if t["name"].startswith("classifier."):
                        head += t["rows"] * max(t["cols"], 1)
                for trial in table["trial"][()]:
                    self.sizes[int(trial)] = (table["values"].shape[1], head)


def file_part(name):
    return "".join(c if c.isascii() and (c.isalnum() or c == "-") else "_" for c in name.encode().decode("latin-1"))


def unquote(text):
    """A text cell as it was before the apostrophe that keeps spreadsheets off."""
    return text[1:] if isinstance(text, str) and text.startswith("'") else text


def read_csv(folder, name):
    return pd.read_csv(
        os.path.join(folder, "tables", name + ".csv"), dtype=str, keep_default_na=False
    )


def student(values):
    values = np.asarray(values, float)
    values = values[~np.isnan(values)]
    if len(values) < 2:
        return np.nan, np.nan
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return values.mean() - half, values.mean() + half


def check_spread(row, column, values, what):
    values = np.asarray(values, float)
    values = values[~np.isnan(values)]
    same(row[column], values.mean() if len(values) else np.nan, f"{what} {column}")
    same(
        row[column + " sd"],
        values.std(ddof=1) if len(values) > 1 else np.nan,
        f"{what} {column} sd",
    )
    if len(values):
        assert int(row[column + " n"]) == len(values), (what, column)


def ranked_configs(done):
    """Configurations of a task, best mean first, equals by number, undefined last."""
    means = done.groupby("config")["score"].mean()
    return list(means.dropna().sort_values(ascending=False, kind="stable").index)


def check_config_row(row, run, task, config, what):
    of_task = run.trials[run.trials["task"] == task["task"]]
    mine = of_task[(of_task["config"] == config) & (of_task["status"] == "done")]
    seeds = of_task["seed"].nunique()
    check_spread(row, "score", mine["score"], what)
    low, high = student(mine["score"])
    same(row["95 % interval low"], low, what + " low")
    same(row["95 % interval high"], high, what + " high")
    for metric in task["metrics"].split(","):
        check_spread(row, metric, mine["dev_" + metric], what)
    for column in run.trials.columns:
        if column.startswith("test_") and "test " + column[5:] in row:
            check_spread(row, "test " + column[5:], mine[column], what)
    if "held-back score" in row:
        check_spread(row, "held-back score", mine["report_score"], what)
    check_spread(row, "seconds", mine["seconds"], what)
    check_spread(row, "tokens", mine["tokens"], what)
    wanted = f"{len(mine)}" if len(mine) == seeds else f"{len(mine)} of {seeds}"
    assert row["seeds"] == wanted, (what, row["seeds"], wanted)
    if mine["score"].notna().any():
        best = mine.loc[mine["score"].idxmax()]
        assert int(row["best trial"]) == best["trial"], what
    own = [run.sizes[t] for t in of_task[of_task["config"] == config]["trial"] if t in run.sizes]
    if own:
        assert int(row["trainable"]) == own[0][0] and int(row["of the head"]) == own[0][1]


def differing(run):
    return [c for c in run.configs.columns if c != "config" and run.configs[c].nunique() > 1]


def check_configs(folder, run, task, name):
    table = read_csv(folder, "configurations_" + name)
    of_task = run.trials[run.trials["task"] == task["task"]]
    done = of_task[of_task["status"] == "done"]
    order = ranked_configs(done)
    rows, base = table.iloc[:-1], table.iloc[-1]
    assert len(rows) == of_task["config"].nunique()
    assert [int(c) for c in rows["config"]][: len(order)] == order, "order of " + name
    seeds = of_task["seed"].nunique()
    for i, (_, row) in enumerate(rows.iterrows()):
        config = int(row["config"])
        check_config_row(row, run, task, config, f"{name} config {config}")
        settings = run.configs[run.configs["config"] == config].iloc[0]
        for column in differing(run):
            if isinstance(settings[column], str):
                continue
            same(row[column], settings[column], f"{name} config {config} {column}", 0)
        count = ((done["config"] == config)).sum()
        assert int(row["missing"]) == seeds - count
        assert row["place"] == (str(i + 1) if i < len(order) else "")
    same(base["score"], task["majority"], name + " majority")
    return order


def check_best(folder, run):
    table = read_csv(folder, "best")
    for i, (_, task) in enumerate(run.tasks.iterrows()):
        row, base = table.iloc[2 * i], table.iloc[2 * i + 1]
        assert unquote(row["task"]).replace("\ufffd", "") is not None
        done = run.trials[(run.trials["task"] == task["task"]) & (run.trials["status"] == "done")]
        order = ranked_configs(done)
        same(base["score"], task["majority"], "best, majority")
        if not order:
            assert row["config"] == ""
            continue
        assert int(row["config"]) == order[0] and int(row["among"]) == len(order)
        check_config_row(row, run, task, order[0], "best of " + task["name"])
        check_bootstrap(row, run, task, order[0])


def answers(run, task, config):
    """{seed: answers} of the configuration's finished trials with kept predictions."""
    kept = run.predictions.get(task["name"])
    if kept is None or "labels" not in kept:
        return {}, None
    where = {int(t): i for i, t in enumerate(kept["trial"])}
    found = {}
    for _, t in run.trials.iterrows():
        if t["task"] == task["task"] and t["config"] == config and t["status"] == "done":
            if t["trial"] in where:
                logits = kept["logits"][where[t["trial"]]]
                found[int(t["seed"])] = (
                    logits[:, 0].astype(float) if logits.shape[1] == 1 else logits.argmax(1)
                )
    return found, kept["labels"].astype(float)


def score(task, answer, gold):
    one = {
        "accuracy": lambda: metrics.accuracy_score(gold, answer),
        "f1": lambda: metrics.f1_score(gold, answer, zero_division=0),
        "matthews": lambda: metrics.matthews_corrcoef(gold, answer),
        "pearson": lambda: stats.pearsonr(gold, answer)[0],
        "spearman": lambda: stats.spearmanr(gold, answer)[0],
        "f1_macro": lambda: metrics.f1_score(gold, answer, average="macro"),
    }
    return np.mean([one[m]() for m in task["selection"].split(",")])


def check_bootstrap(row, run, task, config):
    """10,000 draws there, 300 here: ends agree within some of their standard errors."""
    found, gold = answers(run, task, config)
    if len(found) < 3:
        assert row["bootstrap 95 % low"] == ""
        return
    sides, draws, random = list(found.values()), [], np.random.default_rng(7)
    for _ in range(300):
        rows = random.integers(len(gold), size=len(gold))
        seeds = random.integers(len(sides), size=len(sides))
        draws.append(np.mean([score(task, sides[s][rows], gold[rows]) for s in seeds]))
    low, high = np.percentile(draws, [2.5, 97.5])
    slack = 5 * 0.16 * np.std(draws)
    same(row["bootstrap 95 % low"], low, "bootstrap low", slack)
    same(row["bootstrap 95 % high"], high, "bootstrap high", slack)


def holm(p):
    order, worst, adjusted = np.argsort(p, kind="stable"), 0, np.empty(len(p))
    for i, at in enumerate(order):
        worst = max(worst, min(1, (len(p) - i) * p[at]))
        adjusted[at] = worst
    return adjusted


def permutation(task, a, b, gold, draws, random):
    """p of examples, of seeds, of both; a, b lists of answers, a pair a seed."""
    scores = np.array([[score(task, x, gold) for x in side] for side in (a, b)])
    gap = scores[0].mean() - scores[1].mean()
    a, b = np.array(a), np.array(b)
    runs = len(a)
    residuals = (scores - scores.mean(1, keepdims=True)).ravel() * np.sqrt(runs / (runs - 1))
    examples, seeds = np.empty(draws), np.empty(draws)
    for d in range(draws):
        swap = random.random(len(gold)) < 0.5
        x, y = np.where(swap, b, a), np.where(swap, a, b)
        examples[d] = np.mean([score(task, s, gold) for s in x]) - np.mean(
            [score(task, s, gold) for s in y]
        )
        dealt = random.permutation(residuals)
        seeds[d] = dealt[:runs].mean() - dealt[runs:].mean()
    p = lambda v: (1 + (np.abs(v) >= abs(gap) - 1e-12).sum()) / (1 + draws)
    return gap, p(examples), p(seeds), p(examples + seeds)


def check_comparisons(folder, run, task, name, order):
    path = os.path.join(folder, "tables", f"comparisons_{name}.csv")
    if not os.path.exists(path):
        return
    table = read_csv(folder, "comparisons_" + name)
    best, gold = answers(run, task, order[0])
    random = np.random.default_rng(3)
    for at, (_, row) in enumerate(table.iterrows()):
        other, _ = answers(run, task, int(row["config"]))
        seeds = [s for s in best if s in other]
        assert int(row["seeds"]) == len(seeds) >= 3
        gap = np.mean([score(task, best[s], gold) for s in seeds]) - np.mean(
            [score(task, other[s], gold) for s in seeds]
        )
        same(row["difference"], gap, f"{name} difference")
        if task["regression"] == 0:
            first = [best[seeds[0]] == gold, other[seeds[0]] == gold]
            only = [(first[0] & ~first[1]).sum(), (first[1] & ~first[0]).sum()]
            p = stats.binomtest(min(only), sum(only)).pvalue if sum(only) else 1.0
            same(row["p McNemar"], p, f"{name} McNemar")
        if at < 2:
            _, *p = permutation(
                task, [best[s] for s in seeds], [other[s] for s in seeds], gold, 200, random
            )
            for column, wanted in zip(["p of examples", "p of seeds", "p"], p):
                slack = 5 * np.sqrt(max(wanted * (1 - wanted), 1e-3) / 200) + 0.01
                same(row[column], wanted, f"{name} {column}", slack)
    wanted = holm(table["p"].astype(float).to_numpy())
    for got, p in zip(table["p Holm"], wanted):
        same(got, p, name + " Holm")


def check_methods(folder, run):
    table = read_csv(folder, "methods")
    columns = [
        c
        for c in differing(run)
        if c in ("share_alpha", "share_v", "first_layer", "train_layernorm", "pooling", "init")
    ]
    keys = [tuple(r) for r in run.configs[columns].itertuples(index=False)]
    methods = list(dict.fromkeys(keys))
    of_config = dict(zip(run.configs["config"], keys))
    assert len(table) == len(methods) + 1
    names = [c for c in table.columns[2:-1] if not c.endswith((" sd", " n"))]
    for i, method in enumerate(methods):
        means = []
        for name, (_, task) in zip(names, run.tasks.iterrows()):
            done = run.trials[
                (run.trials["task"] == task["task"]) & (run.trials["status"] == "done")
            ]
            order = [c for c in ranked_configs(done) if of_config[c] == method]
            if not order:
                assert table.iloc[i][name] == ""
                continue
            values = 100 * done[done["config"] == order[0]]["report_score"].to_numpy()
            check_spread(table.iloc[i], name, values, "methods")
            means.append(np.nanmean(values))
        if len(means) == len(run.tasks) and means:
            same(table.iloc[i]["mean"], np.mean(means), "methods mean")
    for name, (_, task) in zip(names, run.tasks.iterrows()):
        same(table.iloc[-1][name], 100 * task["majority"], "methods majority")


def check_trials(folder, run):
    table = read_csv(folder, "trials")
    rows = table.iloc[: len(run.trials)]
    assert len(table) == len(run.trials) + len(run.tasks)
    for column, source in [
        ("trial", "trial"),
        ("config", "config"),
        ("seed", "seed"),
        ("epochs", "epochs"),
        ("score", "score"),
        ("seconds", "seconds"),
        ("tokens", "tokens"),
        ("attempts", "attempts"),
    ]:
        for got, wanted in zip(rows[column], run.trials[source]):
            same(got, wanted, "trials " + column, 0)
    assert list(rows["status"]) == list(run.trials["status"])
    for got, wanted in zip(rows["error"], run.trials["error"]):
        assert (got == "") == (wanted == "")


def check_importance(folder, run, task, name, order):
    """Full grids only: shares of the sum of squares between levels."""
    path = os.path.join(folder, "figures", f"importance_{name}.csv")
    columns = [c for c in differing(run)]
    configs = run.configs[run.configs["config"].isin(order)]
    columns = [c for c in columns if configs[c].nunique() > 1]
    cells = configs[columns].drop_duplicates()
    full = np.prod([configs[c].nunique() for c in columns]) if columns else 0
    if not os.path.exists(path) or len(cells) != full or len(configs) != full:
        return
    done = run.trials[(run.trials["task"] == task["task"]) & (run.trials["status"] == "done")]
    data = configs.set_index("config")[columns].join(done.groupby("config")["score"].mean())
    total = data["score"].var(ddof=0)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for column in columns:
        share = data.groupby(column)["score"].mean().var(ddof=0) / total
        line = next(l for l in text.splitlines() if column in l)
        numbers = [float(v) for v in line.split(",") if is_number(v)]
        assert any(abs(v - share) < 1e-9 for v in numbers), (name, column, share, line)


def is_number(text):
    try:
        float(text)
        return True
    except ValueError:
        return False


def check_budget(folder, task, name, run, order):
    path = os.path.join(folder, "figures", f"budget_{name}.csv")
    if not os.path.exists(path):
        return
    done = run.trials[(run.trials["task"] == task["task"]) & (run.trials["status"] == "done")]
    y = np.sort(done.groupby("config")["score"].mean().dropna().to_numpy())
    n, i = len(y), np.arange(1, len(y) + 1)
    with open(path, encoding="utf-8") as file:
        numbers = {
            round(float(v), 9)
            for line in file
            for v in line.strip().split(",")
            if is_number(v)
        }
    for k in {1, 2, n}:
        if k > n:
            continue
        biased = (y * ((i / n) ** k - ((i - 1) / n) ** k)).sum()
        weight = np.exp(
            special.gammaln(i) - special.gammaln(np.maximum(i - k, 0) + 1.0) - special.gammaln(k)
            - special.gammaln(n + 1) + special.gammaln(n - k + 1) + special.gammaln(k + 1)
        ) * (i >= k)
        for wanted in (biased, (y * weight).sum()):
            assert any(abs(v - wanted) < 2e-9 for v in numbers), (name, "budget", k, wanted)


class Page(html.parser.HTMLParser):
    """Tables of a page: lists of rows of (text, value); and what must not be there."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tables, self.row, self.cell, self.scripts = [], None, None, 0

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        assert not any(a.startswith("on") for a in attributes), attributes
        assert tag not in ("iframe", "object", "embed", "base", "form"), tag
        for name in ("src", "href", "xlink:href"):
            value = attributes.get(name) or "#"
            assert value.startswith(("#", "tables/", "figures/", "data:")), value
        self.scripts += tag == "script"
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.cell = ["", attributes.get("data-v")]
            self.tables[-1][-1].append(self.cell)

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.cell = None

    def handle_data(self, data):
        if self.cell is not None:
            self.cell[0] += data


def check_page(folder, names):
    with open(os.path.join(folder, "index.html"), encoding="utf-8") as file:
        text = file.read()
    page = Page()
    page.feed(text)
    assert page.scripts == 1 and "\u202e" not in text
    assert len(page.tables) == len(names), (len(page.tables), names)
    for table, name in zip(page.tables, names):
        csv = read_csv(folder, name)
        headings = [cell[0] for cell in table[0]]
        assert len(table) - 1 == len(csv)
        for row, (_, exact) in zip(table[1:], csv.iterrows()):
            for heading, (shown, value) in zip(headings, row):
                if value is None or value == "":
                    continue
                column = heading if heading in exact else heading + " low"
                same(exact[column], value, f"page, {name}, {heading}", 0)
                first = shown.strip("[").split("±")[0].split(",")[0]
                digits = len(first.split(".")[1]) if "." in first and "e" not in first else 0
                slack = 0.5 * 10**-digits if "." in first else 0.5
                assert abs(float(first) - float(value)) <= slack * 1.0001 + abs(
                    float(value)
                ) * 1e-5, (name, heading, shown, value)


def check_csv(folder):
    """No cell is a formula: text that begins like one has an apostrophe before it."""
    for file in os.listdir(os.path.join(folder, "tables")):
        if file.endswith(".csv"):
            table = read_csv(folder, file[:-4])
            for value in itertools.chain.from_iterable(table.to_numpy()):
                start = value.lstrip(" \ufffd")[:1]
                assert start not in "=+@\uff1d" or not start, (file, value[:40])
                assert start != "-" or is_number(value), (file, value[:40])


def check(program, paths, folder):
    subprocess.run([program, "report", *paths, "-o", folder], check=True, stdout=subprocess.DEVNULL)
    check_csv(folder)
    if len(paths) > 1:
        return
    run = Run(paths[0])
    check_best(folder, run)
    check_methods(folder, run)
    check_trials(folder, run)
    names = ["best", "methods"]
    for _, task in run.tasks.iterrows():
        name = file_part(task["name"])
        order = check_configs(folder, run, task, name)
        names.append("configurations_" + name)
        check_comparisons(folder, run, task, name, order)
        if os.path.exists(os.path.join(folder, "tables", f"comparisons_{name}.csv")):
            names.append("comparisons_" + name)
        check_importance(folder, run, task, name, order)
        check_budget(folder, task, name, run, order)
    check_page(folder, names + ["trials"])


def main():
    program = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as scratch:
        runs = [[path] for path in sys.argv[2:]]
        if sys.argv[2] == "--samples":
            runs = []
            for kind in ["usual", "missing", "one", "failed", "empty", "hostile"]:
                runs.append([os.path.join(scratch, kind)])
                os.mkdir(runs[-1][0])
                subprocess.run([sys.argv[3], kind, runs[-1][0] + "/results.h5"], check=True)
            runs.append([runs[0][0], runs[1][0]])
        for i, paths in enumerate(runs):
            check(program, paths, os.path.join(scratch, f"report{i}"))
            print("agrees:", *(os.path.basename(p) for p in paths))
    print(CHECKED, "numbers")


main()
