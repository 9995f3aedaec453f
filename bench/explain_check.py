#!/usr/bin/env python3
"""Recomputes what `shiftwork explain` wrote, from the exported adapter alone, with transformers.

    shiftwork export RUN:T --format adapter -o ADAPTER
    shiftwork explain RUN:T --data D -o OUT [--control …]
    bench/explain_check.py OUT ADAPTER ENCODER POOLING [--lexicon]

Checks |y|·‖v‖ of every token and layer and its share of the state before LayerNorm; the logits; the sums of
words.csv. With --lexicon: how many of the 50 content words with the largest mean (20 uses or more) are words of
VADER's sentiment lexicon (pip install vaderSentiment), for each adapter of the page; and the correlation of a
word's shift with the change of the prediction when its pieces are masked.
"""
import csv, json, sys
import h5py, numpy as np, torch
from safetensors.torch import load_file
from transformers import AutoModel

out, adapter, encoder, pooling = sys.argv[1:5]
A = load_file(f"{adapter}/adapterbias.safetensors")
model = AutoModel.from_pretrained(encoder, attn_implementation="eager").eval()
layers = model.config.num_hidden_layers
H = h5py.File(f"{out}/explain.h5")
ids, offsets = H["input_ids"][()], H["offsets"][()]
y, state = {}, {}


def get(kind, l):
    return A.get(f"encoder.layer.{l}.adapter.{kind}", A.get(f"adapter.{kind}"))


def hook(l):
    def forward(module, args):
        h, x = args
        shift = h @ get("alpha.weight", l)[0] + get("alpha.bias", l)
        s = module.dense(h) + shift[..., None] * get("v", l) + x
        y[l], state[l] = shift[0], s[0].norm(dim=-1)
        return s
    return forward


for l, layer in enumerate(model.encoder.layer):
    if get("v", l) is None:
        continue
    def patched(h, x, module=layer.output, f=hook(l)):
        return module.LayerNorm(f(module, (h, x)))
    layer.output.forward = patched


@torch.no_grad()
def logits_of(tokens, types):
    r = model(input_ids=torch.tensor(tokens)[None], token_type_ids=torch.tensor(types)[None])
    last = r.last_hidden_state[0]
    pooled = {"mean": last.mean(0), "cls": last[0], "pooler": r.pooler_output[0] if r.pooler_output is not None else None}
    return (A["classifier.weight"] @ pooled[pooling] + A["classifier.bias"]).numpy()


def types_of(tokens):
    first = list(tokens).index(102) if 102 in tokens else len(tokens)
    return [int(i > first) for i in range(len(tokens))]


rows = min(len(offsets) - 1, 300)
ours = H["explained/logits"][()].reshape(len(offsets) - 1, -1)
worst = {"size": 0.0, "relative": 0.0, "logit": 0.0}
for r in range(rows):
    a, b = offsets[r], offsets[r + 1]
    worst["logit"] = max(worst["logit"], np.abs(logits_of(ids[a:b], types_of(ids[a:b])) - ours[r]).max())
    for l in y:
        size = y[l].abs().numpy() * get("v", l).norm().item()
        mine = H[f"explained/size_{l}"][a:b]
        seen = np.isfinite(mine)
        assert seen.all() or (l == layers - 1 and pooling != "mean" and seen.tolist() == [True] + [False] * (b - a - 1))
        scale = get("v", l).norm().item() * y[l].abs().max().item()
        worst["size"] = max(worst["size"], (np.abs(size - mine)[seen] / scale).max())
        share = size / state[l].numpy()
        worst["relative"] = max(worst["relative"], np.abs(share - H[f"explained/relative_{l}"][a:b])[seen].max())
print(f"{rows} rows: largest difference of a shift / the row's largest {worst['size']:.1e}, "
      f"of its share of the state {worst['relative']:.1e}, of a logit {worst['logit']:.1e}")
assert max(worst.values()) < 5e-5

views = [k for k in H if isinstance(H[k], h5py.Group)]
tokens = list(csv.DictReader(open(f"{out}/tokens.csv")))
for view in views:
    total = np.nansum([H[f"{view}/size_{l}"][()] for l in range(layers)], axis=0)
    assert np.allclose(total, H[f"{view}/sum"][()], rtol=1e-12, atol=0)
    sums, at = {}, 0
    for t in tokens:
        n = int(t["pieces"])
        mean = total[at:at + n].mean()
        at += n
        assert abs(mean - float(t[view])) <= 1e-8 * max(1, mean)
        if t["text"] != "-1":
            w = "".join(c.lower() if c.isascii() else c for c in t["word"])
            sums.setdefault(w, []).append(mean)
    assert at == len(ids)
    for w in csv.DictReader(open(f"{out}/words.csv")):
        if w["adapter"] == view:
            v = np.array(sums[w["word"]])
            assert len(v) == int(w["count"]) and abs(v.mean() - float(w["mean"])) < 1e-8 * max(1, v.mean())
            if len(v) > 1:
                half = 1.959963984540054 * v.std(ddof=1) / len(v) ** 0.5
                assert abs(v.mean() - half - float(w["low"])) < 1e-7
print(f"words and sums of {len(views)} adapters agree")

if "--lexicon" in sys.argv:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
    lexicon = SentimentIntensityAnalyzer().lexicon
    for view in views:
        top = [w["word"] for w in csv.DictReader(open(f"{out}/words.csv"))
               if w["adapter"] == view and w["content"] == "1" and int(w["count"]) >= 20][:50]
        print(f"{view}: {sum(w in lexicon for w in top)} of {len(top)} in VADER's lexicon: {' '.join(top[:20])}")

rng, shifts, changes, at = np.random.default_rng(1), [], [], 0
for t in tokens:
    n, r = int(t["pieces"]), int(t["row"])
    if r >= min(rows, 100):
        break
    if t["text"] != "-1":
        masked = ids[offsets[r]:offsets[r + 1]].copy()
        k = at - offsets[r]
        masked[k:k + n] = 103
        p = [torch.softmax(torch.tensor(x), -1).numpy() for x in
             (ours[r], logits_of(masked, types_of(ids[offsets[r]:offsets[r + 1]])))]
        shifts.append(float(t["explained"]))
        changes.append(abs(p[0] - p[1]).max())
    at += n
from scipy.stats import pearsonr, spearmanr
print(f"masking {len(shifts)} words: |change of probability| against the shift: Spearman "
      f"{spearmanr(shifts, changes)[0]:.3f}, Pearson {pearsonr(shifts, changes)[0]:.3f}")
