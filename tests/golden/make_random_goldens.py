"""Records what the definitions of random choices give: random.txt beside this file.

    python make_random_goldens.py       (nothing but Python)

Philox4x32-10 with key (seed, purpose), written from the paper in plain integers.
"""
import math
import os

M32 = 0xFFFFFFFF
INIT, SHUFFLE, SUBSAMPLE, SELECTION = 1, 2, 4, 5


def philox(seed, purpose, *counter):
    c = list(counter) + [0] * (4 - len(counter))
    k = [seed, purpose]
    for _ in range(10):
        p, q = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(q >> 32) ^ c[1] ^ k[0], q & M32, (p >> 32) ^ c[3] ^ k[1], p & M32]
        k = [(k[0] + 0x9E3779B9) & M32, (k[1] + 0xBB67AE85) & M32]
    return c


def number(seed, purpose, a, b=0):
    x = philox(seed, purpose, a, b)
    return x[1] << 32 | x[0]


def shuffle(rows, seed, epoch):
    order = list(rows)
    for i in range(len(order) - 1, 0, -1):
        j = number(seed, SHUFFLE, epoch, i) % (i + 1)
        order[i], order[j] = order[j], order[i]
    return order


def quotas(counts, wanted):
    total = sum(counts.values())
    quota = {c: wanted * n // total for c, n in counts.items()}
    by_rest = sorted(counts, key=lambda c: (-(wanted * counts[c] % total), c))
    for c in by_rest[:wanted - sum(quota.values())]:
        quota[c] += 1
    return quota


def draw(rows, labels, seed, purpose, quota):
    """The rows drawn and the rows left, ascending."""
    drawn = []
    for c, n in quota.items():
        of_class = [r for r in rows if labels[r] == c]
        drawn += sorted(of_class, key=lambda r: (number(seed, purpose, r), r))[:n]
    return sorted(drawn), sorted(set(rows) - set(drawn))


def counts_of(rows, labels):
    present = sorted({labels[r] for r in rows})
    return {c: sum(labels[r] == c for r in rows) for c in present}


def uniform(seed, kind, layer, n, ffn):
    out = []
    for e in range(n):
        x = philox(seed, INIT, kind, layer + 1, e // 4)[e % 4]
        out.append((2 * (x >> 8) * 2.0 ** -24 - 1) / math.sqrt(ffn))
    return out


def normal(seed, kind, n, deviation):
    out = []
    for e in range(n):
        x = philox(seed, INIT, kind, 0, e // 4)
        a, b = x[:2] if e % 4 < 2 else x[2:]
        r = math.sqrt(-2 * math.log((a + 0.5) * 2.0 ** -32))
        angle = 2 * math.pi * (b + 0.5) * 2.0 ** -32
        out.append(deviation * r * (math.sin(angle) if e % 2 else math.cos(angle)))
    return out


def label_of(row):
    """Three classes, unevenly: as in the test."""
    return row * row % 7 % 3


out = []


def line(name, values):
    out.append(name + " " + str(len(values)) + " " + " ".join(map(str, values)))


line("shuffle_0", shuffle(range(20), 1, 0))
line("shuffle_1", shuffle(range(20), 1, 1))
line("shuffle_list", shuffle([3, 5, 8, 13, 21, 34], 4000000000, 7))
labels = [label_of(r) for r in range(60)]
rows = range(50)
line("subsample", draw(rows, labels, 9, SUBSAMPLE,
                       quotas(counts_of(rows, labels), 17))[0])
line("subsample_regression", draw(rows, [0] * 60, 9, SUBSAMPLE, {0: 17})[0])
half = {c: n // 2 for c, n in counts_of(range(60), labels).items()}
chosen, left = draw(range(60), labels, 1, SELECTION, half)
line("dev_choose", chosen)
line("dev_report", left)
big = [label_of(r) for r in range(1030)]
chosen, left = draw(range(1030), big, 1, SELECTION,
                    quotas(counts_of(range(1030), big), 1000))
line("train_left", left)
line("train_left_subsample", draw(left, big, 2, SUBSAMPLE,
                                  quotas(counts_of(left, big), 11))[0])
line("alpha_weight", uniform(5, 1, 2, 37, 37))
line("alpha_bias", uniform(5, 2, 2, 1, 37))
line("shared_alpha_weight", uniform(5, 1, -1, 37, 37))
line("head_weight", normal(5, 5, 60, 0.02))

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "random.txt")
with open(path, "w") as f:
    f.write("\n".join(out) + "\n")
