"""Records updates by torch.optim.AdamW (and clipping): optimizer.txt beside this file.

    python make_optimizer_goldens.py    (torch)

Tensors are those of common/adapter_layout for 2 layers, hidden 3, ffn 5, 2 labels,
LayerNorms "output". A case is a line of settings, the values before, and for each of 6
steps the gradient and the values after.
"""
import os

import torch

LAYER = [("v", 3), ("w", 5), ("beta", 1), ("norm", 3), ("norm", 3)]
TENSORS = LAYER * 2 + [("head", 6), ("head_bias", 2)]
# rate, head rate, decay, decay_v, decay_head_bias, beta1, beta2, eps, clip
CASES = [
    (1e-2, 0.0, 0.0, 0, 0, 0.9, 0.999, 1e-8, 0.0),
    (1e-2, 5e-2, 0.1, 0, 0, 0.9, 0.999, 1e-8, 0.0),
    (2e-3, 1e-3, 0.5, 1, 1, 0.8, 0.98, 1e-6, 0.0),
    (1e-2, 0.0, 0.1, 1, 0, 0.9, 0.999, 1e-8, 0.5),
    (1e-2, 0.0, 0.1, 0, 1, 0.9, 0.999, 1e-8, 100.0),
]
out = []


def line(tensors):
    values = torch.cat([t.detach().flatten() for t in tensors])
    out.append(" ".join(f"{x:.9g}" for x in values.tolist()))


def decays(name, decay_v, decay_head_bias):
    return (name in ("w", "head") or (name == "v" and decay_v)
            or (name == "head_bias" and decay_head_bias))


for rate, head, decay, decay_v, decay_head_bias, b1, b2, eps, clip in CASES:
    torch.manual_seed(len(out))
    out.append(f"{rate} {head} {decay} {decay_v} {decay_head_bias} {b1} {b2} {eps} {clip}")
    tensors = [torch.nn.Parameter(torch.randn(n)) for _, n in TENSORS]
    line(tensors)
    groups = [{"params": [p], "lr": head if head and name.startswith("head") else rate,
               "weight_decay": decay if decays(name, decay_v, decay_head_bias) else 0.0}
              for (name, _), p in zip(TENSORS, tensors)]
    optimizer = torch.optim.AdamW(groups, betas=(b1, b2), eps=eps)
    for step in range(6):
        for p in tensors:
            p.grad = torch.randn_like(p) * 10.0 ** (-step)
        line([p.grad for p in tensors])
        if clip:
            torch.nn.utils.clip_grad_norm_(tensors, clip)
        optimizer.step()
        line(tensors)

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "optimizer.txt")
with open(path, "w") as f:
    f.write("\n".join(out) + "\n")
