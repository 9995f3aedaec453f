"""A sweep on MRPC in PyTorch: a process on each core takes trials from a queue.

    python sweep_torch.py ENCODER DATA --rows N --epochs N --rates X,... --sizes N,...
                          --seeds N --cores N,... [--attention A] [--grouped]

A process imports and tokenises once; each trial has its encoder from memory. One line a
trial: learning rate, batch size, seed, best score on dev.
"""
import argparse
import copy
import multiprocessing
import os
import queue


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("encoder")
    p.add_argument("data")
    p.add_argument("--rows", type=int, required=True)
    p.add_argument("--epochs", type=int, required=True)
    for name in ("rates", "sizes"):
        p.add_argument("--" + name, required=True, type=lambda text: [
            float(x) for x in text.replace(" ", "").split(",")])
    p.add_argument("--seeds", type=int, required=True)
    p.add_argument("--cores", required=True)
    p.add_argument("--attention", default="sdpa")
    p.add_argument("--grouped", action="store_true",
                   help="batches of rows of similar length, in a random order")
    return p.parse_args()


def batches_of(rows, size, grouped, torch):
    order = torch.randperm(len(rows)).tolist()
    if grouped:
        order.sort(key=lambda r: len(rows[r][0]))
    batches = [order[i:i + size] for i in range(0, len(order), size)]
    return [batches[i] for i in torch.randperm(len(batches)).tolist()] if grouped else batches


class Worker:
    def __init__(self, options):
        import torch
        import transformers
        import adapterbias_torch as ab
        self.torch, self.ab, self.options = torch, ab, options
        torch.set_num_threads(1)
        self.bert = transformers.BertModel.from_pretrained(
            options.encoder, attn_implementation=options.attention)
        texts, labels = ab.read_rows(options.data, "mrpc", "train")
        chosen = ab.subsample(labels, options.rows, 1, False)
        self.train = ab.encode(options.encoder, [texts[r] for r in chosen])
        self.labels = torch.tensor(labels[chosen]).long()
        texts, self.gold = ab.read_rows(options.data, "mrpc", "dev")
        dev = ab.encode(options.encoder, texts)
        # of similar length, so that little is padded; scores are put back into order
        self.order = sorted(range(len(dev)), key=lambda r: len(dev[r][0]))
        self.dev = [ab.pad([dev[r] for r in self.order[i:i + 32]])
                    for i in range(0, len(dev), 32)]

    def score(self, model):
        torch, model = self.torch, model.eval()
        with torch.inference_mode():
            logits = torch.cat([model(*inputs) for inputs in self.dev])
        out = torch.empty_like(logits)
        out[self.order] = logits
        model.train()
        return self.ab.score("mrpc", out.numpy(), self.gold)[0]

    def run(self, rate, size, seed):
        torch, ab = self.torch, self.ab
        torch.manual_seed(seed)
        model = ab.Model(copy.deepcopy(self.bert), 2, head_dropout=0.1).train()
        optimizer = ab.optimizer_of(model, rate, 0.01, fused=True)
        steps = -(-len(self.train) // size) * self.options.epochs
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda s: ab.factor(s, steps, 0.06, "linear"))
        best = 0.0
        for _ in range(self.options.epochs):
            for rows in batches_of(self.train, size, self.options.grouped, torch):
                logits = model(*ab.pad([self.train[r] for r in rows]))
                loss = torch.nn.functional.cross_entropy(logits, self.labels[rows])
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
                schedule.step()
            best = max(best, self.score(model))
        return best


def work(options, core, trials, results):
    os.sched_setaffinity(0, [core])
    worker = Worker(options)
    for trial in iter(trials.get, None):
        results.put((trial, worker.run(*trial)))


def wait(results, processes):
    while True:
        try:
            return results.get(timeout=1)
        except queue.Empty:
            if not all(process.is_alive() or process.exitcode == 0 for process in processes):
                raise SystemExit("a process has died") from None


def main():
    options = arguments()
    cores = [int(core) for core in options.cores.split(",")]
    trials = [(rate, int(size), seed) for rate in options.rates for size in options.sizes
              for seed in range(1, options.seeds + 1)]
    spawn = multiprocessing.get_context("spawn")
    todo, results = spawn.Queue(), spawn.Queue()
    for trial in trials + [None] * len(cores):
        todo.put(trial)
    processes = [spawn.Process(target=work, args=(options, core, todo, results),
                               daemon=True) for core in cores]
    for process in processes:
        process.start()
    for _ in trials:
        trial, score = wait(results, processes)
        print(*trial, f"{score:.4f}", flush=True)
    for process in processes:
        process.join()


if __name__ == "__main__":
    main()
