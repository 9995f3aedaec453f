"""PyTorch + transformers at the same work as bench/speed.c, by the same protocol: a line
"train S" or "evaluate N" on standard input, "tokens or rows, wall, processor time".

    python speed_torch.py ENCODER TASK DATA [options]
    python speed_torch.py --make-base DIR TOKENIZER   a BERT-base with random weights

What a user who wants speed would do is done: batches are tensors before the clock
starts, frozen weights need no gradient and nothing below the first adapter is
differentiated, the optimizer is fused, evaluation is in inference mode on the plain
encoder that the adapters merge into. Padding reaches to the batch's longest row.
"""
import argparse
import contextlib
import shutil
import sys
import time

import torch
import transformers

import adapterbias_torch as ab

GOLDEN = 0.6180339887  # so that a few sorted batches in a row have all lengths


def make_base(path, tokenizer):
    torch.manual_seed(1)
    model = transformers.BertModel(transformers.BertConfig())
    model.save_pretrained(path)
    for name in ("tokenizer_config.json", "vocab.txt", "special_tokens_map.json",
                 "tokenizer.json"):
        shutil.copy(f"{tokenizer}/{name}", path)


def cut(rows, size, order):
    """Batches as lists of row numbers."""
    numbers = list(range(len(rows)))
    if order != "sorted":
        return [numbers[i:i + size] for i in range(0, len(rows), size)]
    numbers.sort(key=lambda r: len(rows[r][0]))
    batches = [numbers[i:i + size] for i in range(0, len(rows), size)]
    return [batches[i] for i in sorted(range(len(batches)), key=lambda i: i * GOLDEN % 1)]


def tensors(rows, batches, whole):
    """(ids, types, mask) and real tokens of each batch."""
    made = []
    for batch in batches:
        chosen = [rows[r] for r in batch]
        inputs = ab.pad(chosen)
        if whole:
            inputs = tuple(torch.nn.functional.pad(x, (0, whole - x.shape[1]))
                           for x in inputs)
        made.append((inputs, sum(len(ids) for ids, _ in chosen)))
    return made


def load(options, labels):
    bert = transformers.BertModel.from_pretrained(
        options.encoder, attn_implementation=options.attention)
    model = ab.Model(bert, labels, head_dropout=0.1)
    for name, module in bert.named_modules():
        if isinstance(module, torch.nn.Dropout):
            inner = name.endswith("attention.self.dropout")
            module.p = options.attention_dropout if inner else options.hidden_dropout
    return model


class Trainer:
    def __init__(self, options):
        texts, labels = ab.read_rows(options.data, options.task, "train")
        rows = ab.encode(options.encoder, texts)
        torch.manual_seed(1)
        model = load(options, 2).train()
        if options.weights:
            convert(model)
        batches = cut(rows, options.batch_size, options.order)
        self.inputs = tensors(rows, batches, 128 if options.order == "whole" else 0)
        self.labels = [torch.tensor(labels[list(b)]).long() for b in batches]
        self.optimizer = ab.optimizer_of(model, 2e-3, 0.01, fused=True)
        self.model = torch.compile(model, dynamic=True) if options.compile else model
        self.at, self.precision = 0, options.precision

    def step(self):
        inputs, tokens = self.inputs[self.at]
        with autocast(self.precision):
            logits = self.model(*inputs)
        loss = torch.nn.functional.cross_entropy(logits.float(), self.labels[self.at])
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.at = (self.at + 1) % len(self.inputs)
        return tokens

    def answer(self, seconds):
        tokens, start, processor = 0, time.monotonic(), time.process_time()
        while True:
            tokens += self.step()
            if time.monotonic() - start >= seconds:
                break
        return tokens, time.monotonic() - start, time.process_time() - processor


def convert(model):
    """Frozen weights to bfloat16 once, rather than in every forward pass; LayerNorms
    stay as they are, autocast runs them in float32."""
    for module in model.bert.modules():
        if isinstance(module, torch.nn.Linear) and not module.weight.requires_grad:
            module.to(torch.bfloat16)


def autocast(precision):
    if precision == "bfloat16":
        return torch.autocast("cpu", torch.bfloat16)
    return contextlib.nullcontext()


class Evaluator:
    """The plain encoder: W2 + v w', b2 + beta v are a checkpoint like any other."""

    def __init__(self, options):
        self.options = options
        texts, _ = ab.read_rows(options.data, options.task, "dev")
        self.rows = ab.encode(options.encoder, texts)
        model = load(options, 2).eval()
        for layer in model.bert.encoder.layer:
            layer.output = merged(layer.output)
        if options.compile:
            import torch._inductor.config
            torch._inductor.config.freezing = True  # packs the weights
            model = torch.compile(model, dynamic=True)
        self.model, self.batches = model, {}

    def answer(self, wanted):
        wanted = int(wanted) or len(self.rows)
        if wanted not in self.batches:
            rows = self.rows[:wanted]
            self.batches[wanted] = tensors(
                rows, cut(rows, self.options.batch_size, self.options.order), 0)
        rows, start, processor = 0, time.monotonic(), time.process_time()
        with torch.inference_mode(not self.options.compile), torch.no_grad():
            for inputs, _ in self.batches[wanted]:
                rows += len(self.model(*inputs))
        return rows, time.monotonic() - start, time.process_time() - processor


class Plain(torch.nn.Module):
    def __init__(self, output):
        super().__init__()
        self.dense, self.LayerNorm = output.dense, output.LayerNorm

    def forward(self, hidden_states, input_tensor):
        return self.LayerNorm(self.dense(hidden_states) + input_tensor)


def merged(output):
    with torch.no_grad():
        output.dense.weight += output.v[:, None] * output.alpha.weight
        output.dense.bias += output.alpha.bias * output.v
    return Plain(output)


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("encoder")
    p.add_argument("task")
    p.add_argument("data")
    p.add_argument("--order", choices=("file", "sorted", "whole"), default="file",
                   help="whole: file order, every row padded to 128")
    p.add_argument("--attention", choices=("sdpa", "eager"), default="sdpa")
    p.add_argument("--compile", action="store_true")
    p.add_argument("--weights", action="store_true", help="frozen ones to bfloat16 once")
    p.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    p.add_argument("--batch-size", type=int, default=32)
    p.add_argument("--hidden-dropout", type=float, default=0.0)
    p.add_argument("--attention-dropout", type=float, default=0.0)
    p.add_argument("--evaluate", action="store_true", help="lines are evaluate N")
    return p.parse_args()


def main():
    if sys.argv[1:2] == ["--make-base"]:
        return make_base(*sys.argv[2:4])
    options = arguments()
    server = (Evaluator if options.evaluate else Trainer)(options)
    print("ready", torch.get_num_threads(), "threads", flush=True)
    for line in sys.stdin:
        print(*server.answer(float(line.split()[1])), flush=True)


if __name__ == "__main__":
    main()
