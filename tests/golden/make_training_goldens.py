"""Records 40 steps of training with PyTorch + transformers, on real data, dropout 0, no
shuffle: files in training/ beside this one.

    python make_training_goldens.py ENCODER DATA [CASE...]

CASE_init.safetensors  what training starts from (v is not zero)
CASE.safetensors       what it ends with
CASE.txt               settings, then the loss of each step

The model is ../../bench/adapterbias_torch.py, the optimizer torch.optim.AdamW.
"""
import os
import sys

import torch
from safetensors.torch import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "bench"))
import adapterbias_torch as ab

STEPS, BATCH = 40, 32
BASE = {"lr": 1e-3, "weight_decay": 0.01, "schedule": "linear", "warmup": 0.1, "clip": 0.0}
CASES = {
    "mrpc": ("mrpc", {}, {"schedule": "constant", "warmup": 0.0}),
    "mrpc_clip": ("mrpc", {}, {"clip": 0.25, "schedule": "cosine"}),
    "mrpc_share_alpha": ("mrpc", {"share_alpha": True}, {"weight_decay": 0.1}),
    "mrpc_layernorm": ("mrpc", {"train_layernorm": "output+embeddings"}, {}),
    "stsb": ("stsb", {}, {"weight_decay": 0.1}),
    "stsb_share_alpha": ("stsb", {"share_alpha": True}, {}),
    "stsb_layernorm": ("stsb", {"train_layernorm": "output+embeddings"}, {"clip": 5.0}),
}


def own_name(name, share_alpha):
    name = name.removeprefix("bert.")
    if ".output.alpha." in name and share_alpha:
        return "adapter.alpha." + name.rsplit(".", 1)[1]
    return name.replace(".output.v", ".adapter.v").replace(".output.alpha.",
                                                            ".adapter.alpha.")


def trained(model, share_alpha):
    return {own_name(n, share_alpha): p.detach().clone()
            for n, p in model.named_parameters() if p.requires_grad}


def disturb(model):
    """Values as they may be in the middle of a training."""
    torch.manual_seed(7)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name.endswith(".v"):
                p.normal_(0, 0.05)
            elif p.requires_grad and "LayerNorm" in name:
                p.mul_(1 + 0.02 * torch.randn_like(p))
            elif name == "classifier.bias":
                p.normal_(0, 0.1)


def record(encoder, data, case):
    task, adapter, changes = CASES[case]
    s = {**BASE, **changes}
    share = adapter.get("share_alpha", False)
    torch.manual_seed(3)
    model = ab.Model(encoder, 1 if task == "stsb" else 2, **adapter)
    disturb(model)
    out = os.path.join(HERE, "training")
    os.makedirs(out, exist_ok=True)
    save_file(trained(model, share), os.path.join(out, case + "_init.safetensors"))
    texts, labels = ab.read_rows(data, task, "train")
    rows = ab.encode(encoder, texts[:STEPS * BATCH])
    optimizer = ab.optimizer_of(model, s["lr"], s["weight_decay"])
    parameters = [p for p in model.parameters() if p.requires_grad]
    model.train()
    losses = []
    for step in range(STEPS):
        at = slice(step * BATCH, (step + 1) * BATCH)
        for group in optimizer.param_groups:
            group["lr"] = s["lr"] * ab.factor(step, STEPS, s["warmup"], s["schedule"])
        loss = ab.loss_of(model(*ab.pad(rows[at])), torch.tensor(labels[at]),
                          task == "stsb")
        optimizer.zero_grad()
        loss.backward()
        if s["clip"]:
            torch.nn.utils.clip_grad_norm_(parameters, s["clip"])
        optimizer.step()
        losses.append(loss.item())
    save_file(trained(model, share), os.path.join(out, case + ".safetensors"))
    with open(os.path.join(out, case + ".txt"), "w") as f:
        f.write(f"{task} {int(share)} {adapter.get('train_layernorm', 'none')} "
                f"{s['lr']} {s['weight_decay']} {s['schedule']} {s['warmup']} "
                f"{s['clip']}\n")
        f.writelines(f"{x:.9g}\n" for x in losses)
    print(case, losses[0], losses[-1], flush=True)


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    for name in sys.argv[3:] or CASES:
        record(sys.argv[1], sys.argv[2], name)
