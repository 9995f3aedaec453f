"""PyTorch + transformers at the same work as bench/speed.c, by the same protocol.

    python speed_torch.py ENCODER TASK DATA THREADS
    python speed_torch.py --make-base DIR TOKENIZER   a BERT-base with random weights
"""
import shutil
import sys
import time

import torch
import transformers

import adapterbias_torch as ab

BATCH = 32


def make_base(path, tokenizer):
    torch.manual_seed(1)
    model = transformers.BertModel(transformers.BertConfig())
    model.save_pretrained(path)
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt",
                 "special_tokens_map.json"):
        shutil.copy(f"{tokenizer}/{name}", path)


def main():
    if sys.argv[1] == "--make-base":
        return make_base(*sys.argv[2:4])
    encoder, task, data = sys.argv[1:4]
    torch.set_num_threads(int(sys.argv[4]))
    texts, labels = ab.read_rows(data, task, "train")
    rows = ab.encode(encoder, texts)
    regression = task == "stsb"
    torch.manual_seed(1)
    model = ab.Model(encoder, 1 if regression else 2, head_dropout=0.1)
    optimizer = ab.optimizer_of(model, 2e-3, 0.01)
    model.train()
    at = 0
    print("ready", flush=True)
    for line in sys.stdin:
        steps = int(line.split()[1])
        tokens, wall, processor = 0, time.monotonic(), time.process_time()
        for _ in range(steps):
            if at + BATCH > len(rows):
                at = 0
            batch = rows[at:at + BATCH]
            loss = ab.loss_of(model(*ab.pad(batch)), torch.tensor(labels[at:at + BATCH]),
                              regression)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            tokens += sum(len(ids) for ids, _ in batch)
            at += BATCH
        print(tokens, time.monotonic() - wall, time.process_time() - processor,
              flush=True)


if __name__ == "__main__":
    main()
