"""Records metrics as scikit-learn and scipy compute them: metrics.txt beside this file.

    python make_metrics_goldens.py      (numpy, scikit-learn, scipy)

One case is a line "case NAME ROWS LABELS", a line of logits, a line of labels, and a
line for each metric. Inputs are the shortest decimals of float32, metrics hexadecimal,
so nothing is rounded.
"""
import os
import warnings

import numpy as np
from scipy import stats
from sklearn import metrics

warnings.simplefilter("ignore")
rng = np.random.default_rng(20)
out = []


def numbers(values):
    return " ".join("nan" if np.isnan(v) else float(v).hex() for v in values)


def inputs(values):
    return " ".join(str(v) for v in values)


def case(name, logits, gold):
    logits = np.asarray(logits, np.float32).reshape(len(gold), -1)
    gold = np.asarray(gold, np.float32)
    out.append(f"case {name} {logits.shape[0]} {logits.shape[1]}")
    out.append(inputs(logits.ravel()))
    out.append(inputs(gold))
    if logits.shape[1] == 1:
        x, y = logits[:, 0].astype(np.float64), gold.astype(np.float64)
        out.append("pearson " + numbers([stats.pearsonr(x, y).statistic]))
        out.append("spearman " + numbers([stats.spearmanr(x, y).statistic]))
        return
    p, g = logits.argmax(1), gold.astype(int)
    out.append("accuracy " + numbers([metrics.accuracy_score(g, p)]))
    out.append("accuracy_mismatched " + numbers([metrics.accuracy_score(g, p)]))
    out.append("matthews " + numbers([metrics.matthews_corrcoef(g, p)]))
    f1 = metrics.f1_score(g == 1, p == 1, zero_division=0)
    out.append("f1 " + numbers([f1]))
    out.append("f1_macro " + numbers([metrics.f1_score(g, p, average="macro")]))


def one_hot(classes, labels):
    return np.eye(labels)[np.asarray(classes)]


for labels, rows in [(2, 1), (2, 7), (2, 101), (3, 50), (5, 211), (77, 80)]:
    case(f"random_{labels}_{rows}", rng.normal(size=(rows, labels)),
         rng.integers(0, labels, rows))
for labels in (2, 4):
    gold = rng.integers(0, labels, 40)
    case(f"perfect_{labels}", one_hot(gold, labels), gold)
    case(f"all_wrong_{labels}", one_hot((gold + 1) % labels, labels), gold)
    case(f"constant_prediction_{labels}", one_hot([1] * 40, labels), gold)
    case(f"constant_labels_{labels}", rng.normal(size=(40, labels)), [1] * 40)
    case(f"one_class_{labels}", one_hot([1] * 6, labels), [1] * 6)
    case(f"other_class_{labels}", one_hot([0] * 6, labels), [0] * 6)
case("no_class_one", one_hot([0, 2, 0, 2], 3), [0, 0, 2, 2])
case("tied_logits", [[1, 1], [1, 1], [0, 0], [0, 1]], [0, 1, 0, 1])
case("unbalanced", rng.normal(size=(400, 2)) + [2, 0], rng.random(400) < 0.03)

for rows in (2, 3, 50, 1009):
    x = rng.normal(size=rows)
    case(f"values_{rows}", x, 2 * x + rng.normal(size=rows))
case("values_ties", rng.integers(0, 6, 200), rng.integers(0, 6, 200) / 5)
case("values_all_tied_but_one", [1, 1, 1, 1, 2], [3, 1, 4, 1, 5])
case("values_equal", np.arange(20), np.arange(20))
case("values_opposite", np.arange(20), -3.0 * np.arange(20))
case("values_far_from_zero", 1e4 + rng.normal(size=60), rng.normal(size=60))
case("values_constant_prediction", [0.5] * 10, np.arange(10))
case("values_constant_labels", np.arange(10), [0.1] * 10)
case("values_both_constant", [2.5] * 5, [2.5] * 5)
case("values_nan", [1, np.nan, 3, 4], [1, 2, 3, 5])

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "metrics.txt")
with open(path, "w") as f:
    f.write("\n".join(out) + "\n")
