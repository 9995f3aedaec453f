"""AdapterBias on transformers' BertModel, written from the definition in docs/, for
goldens and benchmarks. It shares no code with Shiftwork.

    y = act(x W1' + b1) . w + beta
    out = LayerNorm(dropout(h W2' + b2) + y v + x)
"""
import csv
import math
import os

import numpy as np
import torch
from scipy import stats
from sklearn import metrics
from tokenizers import Tokenizer
from torch import nn
from transformers import BertModel

TASKS = {
    # name: folder, columns (text, text, label) of train and dev, header, labels
    "mrpc": ("MRPC", ("#1 String", "#2 String", "Quality"), ["0", "1"]),
    "cola": ("CoLA", (3, None, 1), ["0", "1"]),
    "rte": ("RTE", ("sentence1", "sentence2", "label"),
            ["entailment", "not_entailment"]),
    "stsb": ("STS-B", ("sentence1", "sentence2", "score"), None),
}


class Output(nn.Module):
    """BertOutput with the layer's shift added."""

    def __init__(self, output, alpha, v):
        super().__init__()
        self.dense, self.LayerNorm = output.dense, output.LayerNorm
        self.dropout = output.dropout
        self.alpha, self.v = alpha, v

    def forward(self, hidden_states, input_tensor):
        y = self.alpha(hidden_states)
        out = self.dropout(self.dense(hidden_states)) + y * self.v
        return self.LayerNorm(out + input_tensor)


class Model(nn.Module):
    def __init__(self, encoder, labels, first_layer=0, share_alpha=False,
                 train_layernorm="none", pooling="pooler", head_dropout=0.0):
        super().__init__()
        if isinstance(encoder, str):
            encoder = BertModel.from_pretrained(encoder)
        config = encoder.config
        self.bert, self.pooling = encoder, pooling
        encoder.requires_grad_(False)
        for module in encoder.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        for layer in encoder.encoder.layer:
            layer.attention.self.dropout = nn.Dropout(0.0)
        ffn, hidden = config.intermediate_size, config.hidden_size
        shared = nn.Linear(ffn, 1) if share_alpha else None
        for layer in encoder.encoder.layer[first_layer:]:
            alpha = shared or nn.Linear(ffn, 1)
            for p in alpha.parameters():
                nn.init.uniform_(p, -1 / math.sqrt(ffn), 1 / math.sqrt(ffn))
            layer.output = Output(layer.output, alpha, nn.Parameter(torch.zeros(hidden)))
            if train_layernorm != "none":
                layer.output.LayerNorm.requires_grad_(True)
        if train_layernorm == "output+embeddings":
            encoder.embeddings.LayerNorm.requires_grad_(True)
        self.dropout = nn.Dropout(head_dropout)
        self.classifier = nn.Linear(hidden, labels)
        nn.init.normal_(self.classifier.weight, 0, config.initializer_range)
        nn.init.zeros_(self.classifier.bias)

    def pooled(self, ids, types, mask):
        out = self.bert(input_ids=ids, token_type_ids=types, attention_mask=mask)
        if self.pooling == "pooler":
            return out.pooler_output
        if self.pooling == "cls":
            return out.last_hidden_state[:, 0]
        weights = mask[:, :, None].float()
        return (out.last_hidden_state * weights).sum(1) / weights.sum(1)

    def forward(self, ids, types, mask):
        return self.classifier(self.dropout(self.pooled(ids, types, mask)))


def read_rows(data, task, split):
    """Texts and labels; the files are read without quoting."""
    folder, columns, names = TASKS[task]
    with open(os.path.join(data, folder, split + ".tsv"), encoding="utf-8-sig",
              newline="\n") as f:
        rows = list(csv.reader(f, delimiter="\t", quoting=csv.QUOTE_NONE))
    if isinstance(columns[0], str):
        header = rows.pop(0)
        columns = [header.index(c) for c in columns]
    texts = [(r[columns[0]], r[columns[1]] if columns[1] is not None else None)
             for r in rows]
    label = [r[columns[2]] for r in rows]
    return texts, np.array([float(x) if names is None else names.index(x) for x in label])


def encode(encoder, texts, max_length=128):
    """Word piece ids and types of each row, [CLS] and [SEP] included."""
    tokenizer = Tokenizer.from_file(os.path.join(encoder, "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length, strategy="longest_first")
    rows = [tokenizer.encode(a) if b is None else tokenizer.encode(a, b) for a, b in texts]
    return [(r.ids, r.type_ids) for r in rows]


def pad(rows):
    """Dynamic padding: as long as the batch's longest row."""
    longest = max(len(ids) for ids, _ in rows)
    out = torch.zeros(3, len(rows), longest, dtype=torch.long)
    for i, (ids, types) in enumerate(rows):
        out[0, i, :len(ids)] = torch.tensor(ids)
        out[1, i, :len(ids)] = torch.tensor(types)
        out[2, i, :len(ids)] = 1
    return out[0], out[1], out[2]


def philox(seed, purpose, c0, c1=0):
    """First two words of Philox4x32-10 as one number, for an array c0."""
    mask = np.uint64(0xFFFFFFFF)
    c = [np.asarray(c0, np.uint64)] + [np.full(len(c0), x, np.uint64) for x in (c1, 0, 0)]
    k0, k1 = seed, purpose
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k0), p1 & mask,
             (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k1), p0 & mask]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return (c[1] << np.uint64(32)) | c[0]


def subsample(labels, wanted, seed, regression):
    """Rows drawn by stratum: largest remainder, then the smallest numbers of each."""
    if wanted >= len(labels):
        return np.arange(len(labels))
    keys = philox(seed, 4, np.arange(len(labels)))
    strata = np.zeros(len(labels), int) if regression else labels.astype(int)
    counts = np.bincount(strata)
    quota = wanted * counts // len(labels)
    rest = wanted * counts % len(labels)
    for c in np.argsort(-rest, kind="stable")[:wanted - quota.sum()]:
        quota[c] += 1
    chosen = []
    for c in range(len(counts)):
        rows = np.flatnonzero(strata == c)
        chosen.extend(rows[np.argsort(keys[rows], kind="stable")[:quota[c]]])
    return np.sort(chosen)


def score(task, logits, gold):
    """The task's selection score and its metrics."""
    if task == "stsb":
        x = logits[:, 0].astype(np.float64)
        m = {"pearson": stats.pearsonr(x, gold).statistic,
             "spearman": stats.spearmanr(x, gold).statistic}
    elif task == "cola":
        m = {"matthews": metrics.matthews_corrcoef(gold, logits.argmax(1))}
    elif task == "mrpc":
        m = {"f1": metrics.f1_score(gold, logits.argmax(1)),
             "accuracy": metrics.accuracy_score(gold, logits.argmax(1))}
    else:
        m = {"accuracy": metrics.accuracy_score(gold, logits.argmax(1))}
    return float(np.mean(list(m.values()))), m


def loss_of(logits, labels, regression):
    if regression:
        return nn.functional.mse_loss(logits[:, 0], labels.float())
    return nn.functional.cross_entropy(logits, labels.long())


def factor(step, steps, warmup, schedule):
    """The learning rate's factor at a step from 0."""
    warm = math.floor(warmup * steps)
    if step < warm:
        return (step + 1) / warm
    left = (steps - step) / (steps - warm)
    if schedule == "linear":
        return left
    if schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * (1 - left)))
    return 1.0


def optimizer_of(model, lr, weight_decay, fused=False):
    """AdamW, decay on w and the head's weight only."""
    decay, plain = [], []
    for name, p in model.named_parameters():
        if p.requires_grad:
            decays = name.endswith("alpha.weight") or name == "classifier.weight"
            (decay if decays else plain).append(p)
    return torch.optim.AdamW([{"params": decay, "weight_decay": weight_decay},
                              {"params": plain, "weight_decay": 0.0}], lr=lr,
                             fused=fused)
