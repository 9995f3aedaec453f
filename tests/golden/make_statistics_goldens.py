"""Records the statistics of reports as numpy, scipy, scikit-learn and optuna compute them,
written from the definitions: statistics_PART.txt beside this file.

    python make_statistics_goldens.py [small|grids|resampling|forests]…
        (numpy, scipy, scikit-learn, optuna)

A line is "NAME COUNT values…". What has no closed form is a Monte Carlo estimate of
DRAWS draws (numpy's generator, not ours).
"""
import itertools
import math
import os
import sys
from fractions import Fraction

import numpy as np
from scipy import stats
from sklearn import metrics

DRAWS = 5000
rng = None  # of the part at hand
out = []


def put(name, values):
    values = np.atleast_1d(np.asarray(values, float)).ravel()
    text = " ".join("nan" if math.isnan(v) else repr(float(v)) for v in values)
    out.append(f"{name} {len(values)} {text}")


# Scores of single runs, by name.
def score(rule, gold, given):
    found = []
    for name in rule:
        if name == "accuracy":
            found.append(np.mean(gold == given))
        elif name == "f1":
            both, total = np.sum((gold == 1) & (given == 1)), np.sum(gold == 1) + np.sum(given == 1)
            found.append(2 * both / total if total else 0)
        elif name == "matthews":
            found.append(matthews(gold, given))
        elif name == "f1_macro":
            found.append(metrics.f1_score(gold, given, average="macro"))
        elif name == "pearson":
            found.append(np.corrcoef(gold, given)[0, 1])
        elif name == "spearman":
            found.append(np.corrcoef(stats.rankdata(gold), stats.rankdata(given))[0, 1])
    return np.mean(found)


def matthews(gold, given):
    a, b = gold - gold.mean(), given - given.mean()  # two classes: Pearson of indicators
    d = np.sqrt(np.sum(a * a) * np.sum(b * b))
    return np.sum(a * b) / d if d > 0 else 0


def intervals():
    for i, n in enumerate((2, 3, 5, 30)):
        x = rng.normal(0.8, 0.02, n)
        low, high = stats.t.interval(0.95, n - 1, x.mean(), x.std(ddof=1) / np.sqrt(n))
        put(f"interval{i}.values", x)
        put(f"interval{i}.want", [x.mean(), x.std(ddof=1), low, high])
    p = [0.001, 0.025, 0.3, 0.5, 0.8, 0.975, 0.9999]
    for d in (1, 2, 4, 9.5, 200):
        put(f"t{d}.want", stats.t.ppf(p, d))
    put("quantile.p", p)
    put("normal.want", stats.norm.ppf(p))


def mcnemar():
    for i, (rows, right_a, right_b) in enumerate(
            ((40, 0.9, 0.7), (300, 0.8, 0.8), (5000, 0.85, 0.83), (12, 1, 1), (40000, 0.9, 0.905))):
        a, b = rng.random(rows) < right_a, rng.random(rows) < right_b
        only_a, only_b = int(np.sum(a & ~b)), int(np.sum(b & ~a))
        n = only_a + only_b
        p = stats.binomtest(only_a, n, 0.5).pvalue if n else 1
        low = min(only_a, only_b)
        mid = 2 * (stats.binom.cdf(low - 1, n, 0.5) + 0.5 * stats.binom.pmf(low, n, 0.5)) if n else 1
        if only_a == only_b:
            mid = 1 - 0.5 * stats.binom.pmf(low, n, 0.5) if n else 1
        put(f"mcnemar{i}.counts", [rows, np.sum(a & b), only_a, only_b])
        put(f"mcnemar{i}.want", [p, mid])


def holm():
    p = np.array([0.01, 0.04, 0.03, 0.005, 0.5, 0.03, 0.9])
    m, order = len(p), np.argsort(p)
    want = np.empty(m)
    for place, i in enumerate(order):
        want[i] = min(1, max((m - k) * p[order[k]] for k in range(place + 1)))
    put("holm.p", p)
    put("holm.want", want)


def expected_best():
    y = np.round(rng.normal(0.8, 0.05, 60), 3)  # with ties
    budgets = [1, 2, 3, 10, 30, 59, 60]
    n, s = len(y), sorted(Fraction(float(v)) for v in y)
    biased, sd, unbiased = [], [], []
    for k in budgets:
        w = [Fraction(i, n) ** k - Fraction(i - 1, n) ** k for i in range(1, n + 1)]
        mean = sum(a * b for a, b in zip(w, s))
        biased.append(float(mean))
        sd.append(math.sqrt(float(sum(a * (b - mean) ** 2 for a, b in zip(w, s)))))
        unbiased.append(float(sum(Fraction(math.comb(i - 1, k - 1), math.comb(n, k)) * s[i - 1]
                                  for i in range(1, n + 1))))
    put("best.scores", y)
    put("best.budgets", budgets)
    put("best.biased", biased)
    put("best.sd", sd)
    put("best.unbiased", unbiased)


def violation(a, b):
    """Over the common refinement of both step functions: i = 1 … n m steps of 1/(n m)."""
    f, g = np.repeat(np.sort(a), len(b)), np.repeat(np.sort(b), len(a))
    d2 = (f - g) ** 2
    return d2[f < g].sum() / d2.sum() if d2.sum() > 0 else 0.5


def stochastic_order():
    for i, (n, m, shift) in enumerate(((5, 5, 0.01), (7, 6, 0.0), (10, 10, 0.03), (6, 9, -0.02))):
        a, b = rng.normal(0.8 + shift, 0.02, n), rng.normal(0.8, 0.03, m)
        scale = math.sqrt(n * m / (n + m))
        eps = violation(a, b)
        boot = [violation(rng.choice(a, n), rng.choice(b, m)) for _ in range(DRAWS)]
        sigma = scale * np.std(boot)
        bound = eps - sigma / scale * stats.norm.ppf(0.05)
        put(f"order{i}.a", a)
        put(f"order{i}.b", b)
        put(f"order{i}.want", [eps, sigma, min(1, max(0, bound))])


def answers_of(kind, rows, runs, quality, gold=None, hard=None):
    if kind == "values":
        gold = np.round(rng.random(rows) * 5, 1) if gold is None else gold
        return gold, [np.float32(gold + rng.normal(0, 1 / quality, rows)) for _ in range(runs)]
    labels = int(kind)
    gold = rng.integers(0, labels, rows) if gold is None else gold
    hard = rng.normal(0, 0.3, rows) if hard is None else hard
    given = []
    for _ in range(runs):
        wrong = rng.random(rows) > quality + hard + rng.normal(0, 0.01)
        given.append(np.where(wrong, (gold + rng.integers(1, labels, rows)) % labels, gold))
    return gold, given


def bootstrap_draw(rule, gold, side, rows):
    runs = rng.integers(0, len(side), len(side))
    scores = {r: score(rule, gold[rows], side[r][rows]) for r in set(runs)}
    return np.mean([scores[r] for r in runs])


def summary(draws):
    return [np.mean(draws), np.std(draws, ddof=1), *np.percentile(draws, [2.5, 97.5])]


def permuted(rule, gold, a, b):
    runs, n = len(a), len(gold)
    sa = np.array([score(rule, gold, x) for x in a])
    sb = np.array([score(rule, gold, x) for x in b])
    d = sa.mean() - sb.mean()
    left = np.concatenate([sa - sa.mean(), sb - sb.mean()]) * math.sqrt(runs / (runs - 1))
    d1, d2 = np.empty(DRAWS), np.empty(DRAWS)
    for t in range(DRAWS):
        coin = rng.random(n) < 0.5
        d1[t] = np.mean([score(rule, gold, np.where(coin, y, x)) - score(rule, gold, np.where(coin, x, y))
                         for x, y in zip(a, b)])
        dealt = rng.permutation(left)
        d2[t] = dealt[:runs].mean() - dealt[runs:].mean()
    far = abs(d) - 1e-12
    return [d] + [np.mean(np.abs(x) >= far) for x in (d1 + d2, d1, d2)]


def resampling():
    cases = (("few", "2", 90, 5, ("f1", "accuracy"), 0.75, 0.7),
             ("many", "2", 600, 3, ("matthews",), 0.80, 0.76),
             ("classes", "3", 400, 3, ("accuracy",), 0.80, 0.80),
             ("values", "values", 70, 4, ("pearson", "spearman"), 1.0, 0.8))
    for name, kind, rows, runs, rule, qa, qb in cases:
        hard = None if kind == "values" else rng.normal(0, 0.3, rows)
        gold, a = answers_of(kind, rows, runs, qa, None, hard)
        gold, b = answers_of(kind, rows, runs, qb, gold, hard)
        gold = np.float64(np.float32(gold))  # as our arrays hold it
        if kind != "values":
            check = {"accuracy": metrics.accuracy_score, "f1": metrics.f1_score,
                     "matthews": metrics.matthews_corrcoef}
            for x in a + b:
                want = np.mean([check[r](gold, x) for r in rule])
                assert abs(want - score(rule, gold, x)) < 1e-12
        out.append(f"{name}.rule {len(rule)} " + " ".join(rule))
        put(f"{name}.size", [rows, runs, 1 if kind == "values" else int(kind)])
        put(f"{name}.gold", gold)
        put(f"{name}.a", a)
        put(f"{name}.b", b)
        alone, differences = [], []
        for _ in range(DRAWS):
            drawn = rng.integers(0, rows, rows)
            alone.append(bootstrap_draw(rule, gold, a, drawn))
            differences.append(alone[-1] - bootstrap_draw(rule, gold, b, drawn))
        sa = np.mean([score(rule, gold, x) for x in a])
        sb = np.mean([score(rule, gold, x) for x in b])
        put(f"{name}.bootstrap", [sa] + summary(alone))
        put(f"{name}.difference", [sa - sb] + summary(differences))
        put(f"{name}.permutation", permuted(rule, gold, a, b))


def shares_of(table):
    """ANOVA of a full table, equal weights: main effects, pairs (row by row), rest."""
    axes, centred = table.ndim, table - table.mean()
    total = np.mean(centred ** 2)

    def variance(keep):
        other = tuple(j for j in range(axes) if j not in keep)
        return np.mean(centred.mean(axis=other) ** 2) / total

    main = np.array([variance((j,)) for j in range(axes)])
    pairs = np.zeros((axes, axes))
    for j, k in itertools.combinations(range(axes), 2):
        pairs[j, k] = pairs[k, j] = variance((j, k)) - main[j] - main[k]
    return main, pairs, total


def grids():
    for i, levels in enumerate(((4,), (3, 5), (3, 4, 2), (2, 1, 3, 4))):
        table = rng.normal(size=levels) + 2 * np.arange(levels[0]).reshape([-1] + [1] * (len(levels) - 1))
        main, pairs, total = shares_of(table)
        cells = np.array(list(itertools.product(*map(range, levels))))
        order = rng.permutation(len(cells))
        put(f"grid{i}.levels", levels)
        put(f"grid{i}.cells", cells[order])
        put(f"grid{i}.scores", table.ravel()[order])
        put(f"grid{i}.main", main)
        put(f"grid{i}.pairs", pairs)
        put(f"grid{i}.variance", total)


def bowl(x):  # a learning rate with an optimum, decay, warmup; lr and decay go together
    return -((x[0] - 0.4) ** 2) * 4 + 0.6 * x[1] + 1.2 * (x[0] - 0.5) * (x[1] - 0.5) + 0.1 * x[2]


def linear(x):
    return 3 * x[0] + 2 * x[1] + x[2] + 0.3 * x[3]


def mixed(x):  # x[0]: three methods, the second with a slope in x[1]
    return np.choose(x[0].astype(int), [0.0, 0.4 + 1.5 * (x[1] - 0.5), 1.0]) + 0.9 * x[2]


def product(x):  # Sobol's g-function, a = 0, 1, 4.5, 9
    return np.prod([(abs(4 * x[j] - 2) + a) / (1 + a) for j, a in enumerate((0, 1, 4.5, 9))], axis=0)


def optuna_shares(points, scores, levels):
    import optuna
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space = {f"x{j}": optuna.distributions.CategoricalDistribution(list(range(n))) if n
             else optuna.distributions.FloatDistribution(0, 1) for j, n in enumerate(levels)}
    study = optuna.create_study(direction="maximize")
    for p, y in zip(points, scores):
        params = {f"x{j}": int(v) if n else float(v) for j, (v, n) in enumerate(zip(p, levels))}
        study.add_trial(optuna.trial.create_trial(params=params, distributions=space, value=float(y)))
    found = optuna.importance.FanovaImportanceEvaluator(n_trees=8, seed=1).evaluate(study)
    return [found[f"x{j}"] for j in range(len(levels))]


def forests():
    cases = (("bowl", bowl, (0, 0, 0)), ("linear", linear, (0, 0, 0, 0)),
             ("mixed", mixed, (3, 0, 0)), ("product", product, (0, 0, 0, 0)))
    for name, function, levels in cases:
        fine = [np.arange(n) if n else (np.arange(60) + 0.5) / 60 for n in levels]
        main, pairs, _ = shares_of(function(np.meshgrid(*fine, indexing="ij")))
        points = np.column_stack([rng.integers(0, n, 500) if n else np.round(rng.random(500), 4)
                                  for n in levels])
        scores = function(list(points.T))
        put(f"{name}.levels", levels)
        put(f"{name}.points", points)
        put(f"{name}.scores", np.round(scores, 6))
        put(f"{name}.truth", main)
        put(f"{name}.true_pairs", pairs)
        put(f"{name}.optuna", optuna_shares(points, scores, levels))


PARTS = {"small": (intervals, mcnemar, holm, expected_best), "grids": (grids,),
         "resampling": (stochastic_order, resampling), "forests": (forests,)}
for part in sys.argv[1:] or PARTS:
    out, rng = [], np.random.default_rng(7)
    for record in PARTS[part]:
        record()
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"statistics_{part}.txt")
    with open(path, "w") as f:
        f.write("\n".join(out) + "\n")
