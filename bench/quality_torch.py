"""Scores of PyTorch + transformers at the settings of quality.cfg.

    python quality_torch.py ENCODER DATA OUT.csv [--seeds 5] [--rows 1000]
                            [--tasks mrpc,cola,rte,stsb] [--kinds head,adapters]

--rows 0 takes whole training sets, as quality_whole.cfg does.

One line a run is appended to OUT.csv; runs that are already there are left out, so an
interrupted study goes on. Rows are drawn as Shiftwork draws them (subsample 1000,
subsample_seed 1); initial values, order of rows and dropout come from torch's seeds.
"head" trains the classifier alone, on pooled vectors computed once.
"""
import argparse
import os
import time

import numpy as np
import torch

import adapterbias_torch as ab

EPOCHS, BATCH, RATE, WARMUP, DECAY = 4, 32, 2e-3, 0.06, 0.01


class Head(torch.nn.Module):
    """Dropout and classifier on vectors, with Model's initial values."""

    def __init__(self, model):
        super().__init__()
        self.dropout, self.classifier = model.dropout, model.classifier

    def forward(self, pooled):
        return self.classifier(self.dropout(pooled))


class Task:
    def __init__(self, encoder, data, name, drawn):
        self.name, self.regression = name, name == "stsb"
        texts, labels = ab.read_rows(data, name, "train")
        rows = range(len(labels))
        if drawn:
            rows = ab.subsample(labels, drawn, 1, self.regression)
        self.train = ab.encode(encoder, [texts[r] for r in rows])
        self.labels = torch.tensor(labels[list(rows)])
        texts, self.gold = ab.read_rows(data, name, "dev")
        self.dev = ab.encode(encoder, texts)


def pool(encoder, rows):
    model = ab.Model(encoder, 2).eval()
    with torch.no_grad():
        return torch.cat([model.pooled(*ab.pad(rows[i:i + BATCH]))
                          for i in range(0, len(rows), BATCH)])


def evaluate(model, inputs, rows):
    model.eval()
    with torch.no_grad():
        out = [model(*inputs(range(i, min(i + BATCH, rows)))) for i in range(0, rows, BATCH)]
    model.train()
    return torch.cat(out).numpy()


def train(task, model, train_inputs, dev_inputs):
    """Scores and metrics of each epoch."""
    optimizer = ab.optimizer_of(model, RATE, DECAY)
    batches = -(-len(task.labels) // BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda s: ab.factor(s, EPOCHS * batches, WARMUP, "linear"))
    epochs = []
    model.train()
    for _ in range(EPOCHS):
        order = torch.randperm(len(task.labels))
        for i in range(0, len(order), BATCH):
            rows = order[i:i + BATCH]
            loss = ab.loss_of(model(*train_inputs(rows)), task.labels[rows], task.regression)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        epochs.append(ab.score(task.name, evaluate(model, dev_inputs, len(task.dev)),
                               task.gold))
    return epochs


def run(encoder, task, kind, seed, pooled):
    torch.manual_seed(seed)
    labels = 1 if task.regression else 2
    model = ab.Model(encoder, labels, head_dropout=0.1)
    if kind == "head":
        train_pooled, dev_pooled = pooled
        return train(task, Head(model), lambda r: (train_pooled[r],),
                     lambda r: (dev_pooled[list(r)],))
    return train(task, model, lambda r: ab.pad([task.train[i] for i in r]),
                 lambda r: ab.pad([task.dev[i] for i in r]))


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("encoder")
    p.add_argument("data")
    p.add_argument("out")
    p.add_argument("--seeds", type=int, default=5)
    p.add_argument("--rows", type=int, default=1000, help="0: all")
    p.add_argument("--tasks", default="mrpc,cola,rte,stsb")
    p.add_argument("--kinds", default="head,adapters")
    return p.parse_args()


def main():
    options = arguments()
    encoder, path = options.encoder, options.out
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    done = set()
    if os.path.exists(path):
        done = {tuple(line.split(",")[:3]) for line in open(path)}
    else:
        with open(path, "w") as f:
            f.write("task,kind,seed,score,best_epoch,epoch_scores,metrics,seconds\n")
    tasks = {name: Task(encoder, options.data, name, options.rows)
             for name in options.tasks.split(",")}
    pooled = {}
    for kind in options.kinds.split(","):
        for seed in range(1, options.seeds + 1):
            for name, task in tasks.items():
                if (name, kind, str(seed)) in done:
                    continue
                if kind == "head" and name not in pooled:
                    pooled[name] = pool(encoder, task.train), pool(encoder, task.dev)
                start = time.time()
                epochs = run(encoder, task, kind, seed, pooled.get(name))
                scores = [s if s == s else -np.inf for s, _ in epochs]
                best = int(np.argmax(scores))
                line = [name, kind, seed, f"{epochs[best][0]:.10f}", best + 1,
                        " ".join(f"{s:.6f}" for s, _ in epochs),
                        " ".join(f"{k}={v:.10f}" for k, v in epochs[best][1].items()),
                        f"{time.time() - start:.1f}"]
                with open(path, "a") as f:
                    f.write(",".join(map(str, line)) + "\n")


if __name__ == "__main__":
    main()
