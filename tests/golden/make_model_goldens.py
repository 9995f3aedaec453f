"""Records logits, loss and gradients of transformers + PyTorch: model-*.safetensors.

    python tests/golden/make_model_goldens.py [--encoder all-MiniLM-L6-v2's folder]

Needs torch, transformers, safetensors. The adapter is put into transformers' own
BertModel by replacing each layer's BertOutput; gradients are autograd's, in float64 on
the float32 weights, one sequence after the other. `logits` is one padded float32 batch
with an attention mask, as users of transformers run it. Dropout masks are Philox' as
worker/model.h defines them.

A file holds `ids`, `types`, `offsets` (int32), `examples` (int32) and for each case N:
  N.settings  int32: labels, regression, share_alpha, share_v, first_layer,
              train_layernorm, pooling, seed, step
  N.reals     float32: hidden, attention, head dropout; scale of the values
  N.precision int32: 1 for bf16; absent: float32
  N.labels    float32
  N.logits    (sequences, labels) float32 arithmetic; where there is dropout, float64's
  N.loss      float32 of the float64 mean loss
  N.grad      the flat gradient in the layout's order, float64 rounded to float32
Values are not stored: number i is scale·(2u - 1), plus 1 for a LayerNorm's weight, with
u from Philox(seed, 1), counter (0, 0, i/4, 0), word i % 4.
With bf16, the products with the encoder's frozen matrices round both factors to
bfloat16, forward and backward; sums and all else stay in float64. A rounding may fall
to the other side where float32 and float64 differ by little, so these agree less well.
"""

import argparse
import pathlib

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn
from transformers import AutoTokenizer, BertModel
from transformers.models.bert import modeling_bert

HERE = pathlib.Path(__file__).resolve().parent
ENCODERS = HERE.parent / "data" / "encoders"
MASK = 0xFFFFFFFF
INIT, DROPOUT = 1, 3
NONE, OUTPUT, OUTPUT_EMBEDDINGS, ALL = range(4)
POOLER, CLS, MEAN = range(3)


def philox(seed, purpose, c0, c1, c2, c3):
    """Counters as uint64 arrays or numbers; four arrays of words."""
    c = [np.asarray(x, dtype=np.uint64) for x in (c0, c1, c2, c3)]
    k0, k1 = seed, purpose
    for _ in range(10):
        p0 = np.uint64(0xD2511F53) * c[0]
        p1 = np.uint64(0xCD9E8D57) * c[2]
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k0), p1 & np.uint64(MASK),
             (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k1), p0 & np.uint64(MASK)]
        k0, k1 = (k0 + 0x9E3779B9) & MASK, (k1 + 0xBB67AE85) & MASK
    return np.broadcast_arrays(*c)


def uniforms(seed, purpose, c0, c1, count, c3):
    words = np.stack(philox(seed, purpose, c0, c1, np.arange((count + 3) // 4), c3), -1)
    return (words.reshape(-1)[:count] >> np.uint64(8)).astype(np.float32) * np.float32(2**-24)


class Case:
    def __init__(self, labels=2, regression=0, share_alpha=0, share_v=0, first=0, ln=NONE,
                 pooling=POOLER, hidden=0.0, attention=0.0, head=0.0, scale=0.3, seed=7,
                 step=0, bf16=False):
        self.__dict__.update({k: v for k, v in locals().items() if k != "self"})

    def settings(self):
        return [self.labels, self.regression, self.share_alpha, self.share_v, self.first,
                self.ln, self.pooling, self.seed, self.step]

    def reals(self):
        return [self.hidden, self.attention, self.head, self.scale]

    def dropped(self):
        return self.hidden or self.attention or self.head


def layout(case, config):
    """(name, shape) in the order of common/adapter_layout.c."""
    h, f, n = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    v = [("v", (h,))]
    alpha = [("alpha.weight", (1, f)), ("alpha.bias", (1,))]
    norm = [("weight", (h,)), ("bias", (h,))]
    out = []
    if case.first < n:
        shared = v * case.share_v + alpha * case.share_alpha
        out += [("adapter." + k, s) for k, s in shared]
    if case.ln in (OUTPUT_EMBEDDINGS, ALL):
        out += [("embeddings.LayerNorm." + k, s) for k, s in norm]
    for i in range(case.first, n):
        p = f"encoder.layer.{i}."
        own = v * (not case.share_v) + alpha * (not case.share_alpha)
        out += [(p + "adapter." + k, s) for k, s in own]
        if case.ln == ALL:
            out += [(p + "attention.output.LayerNorm." + k, s) for k, s in norm]
        if case.ln:
            out += [(p + "output.LayerNorm." + k, s) for k, s in norm]
    return out + [("classifier.weight", (case.labels, h)), ("classifier.bias", (case.labels,))]


def initial(case, config, dtype):
    names = layout(case, config)
    count = sum(int(np.prod(s)) for _, s in names)
    u = uniforms(case.seed, INIT, 0, 0, count, 0)
    flat = np.float32(case.scale) * (np.float32(2) * u - np.float32(1))
    out, at = {}, 0
    for name, shape in names:
        size = int(np.prod(shape))
        x = flat[at:at + size].reshape(shape)
        if name.endswith("LayerNorm.weight"):
            x = x + np.float32(1)
        out[name] = torch.tensor(x, dtype=dtype, requires_grad=True)
        at += size
    return out


class Masks:
    """Which example is computed, and its masks."""

    def __init__(self, case):
        self.case, self.example = case, None

    def apply(self, x, p, place):
        """Elements counted in the order of one example's tensor."""
        if p == 0:
            return x
        c = self.case
        u = uniforms(c.seed, DROPOUT, c.step, self.example, x.numel(), place)
        keep = torch.from_numpy(u >= np.float32(p)).reshape(x.shape)
        return torch.where(keep, x / (1 - float(np.float32(p))), torch.zeros((), dtype=x.dtype))


class Place(nn.Module):
    """Stands where transformers has a hidden dropout."""

    p = 0.0

    def __init__(self, masks, place):
        super().__init__()
        self.masks, self.place = masks, place

    def forward(self, x):
        return self.masks.apply(x, self.masks.case.hidden, self.place)


def rounded(x):
    return x.to(torch.bfloat16).to(x.dtype)


class RoundedProduct(torch.autograd.Function):
    """x Wᵀ of rounded factors; the gradient that comes back is rounded as well."""

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(w)
        return rounded(x) @ rounded(w).T

    @staticmethod
    def backward(ctx, dy):
        (w,) = ctx.saved_tensors
        return rounded(dy) @ rounded(w), None


class RoundedLinear(nn.Module):
    def __init__(self, linear):
        super().__init__()
        self.weight, self.bias = linear.weight, linear.bias

    def forward(self, x):
        return RoundedProduct.apply(x, self.weight) + self.bias


class AdapterOutput(nn.Module):
    """BertOutput with AdapterBias."""

    def __init__(self, output, tensor, layer):
        super().__init__()
        self.dense, self.dropout, self.norm = output.dense, output.dropout, output.LayerNorm
        self.tensor, self.layer = tensor, layer

    def forward(self, h, x):
        y = self.dropout(self.dense(h))
        w = self.tensor(self.layer, "alpha.weight")
        if w is not None:
            alpha = h @ w[0] + self.tensor(self.layer, "alpha.bias")
            y = y + alpha[..., None] * self.tensor(self.layer, "v")
        return self.norm(y + x)


class Model:
    def __init__(self, folder, case, dtype):
        # eager: dropout on probabilities is transformers' own line, with our masks in it
        self.bert = BertModel.from_pretrained(folder, attn_implementation="eager",
                                              dtype=torch.float32).to(dtype)
        self.bert.eval().requires_grad_(False)
        self.case, self.masks = case, Masks(case)
        self.values = initial(case, self.bert.config, dtype)
        if case.bf16:
            self.round_products()
        self.bert.embeddings.dropout = Place(self.masks, 0)
        for i, layer in enumerate(self.bert.encoder.layer):
            layer.attention.output.dropout = Place(self.masks, 16 + 4 * i + 1)
            layer.output.dropout = Place(self.masks, 16 + 4 * i + 2)
            layer.output = AdapterOutput(layer.output, self.adapter, i)
        for name, value in self.values.items():
            if "LayerNorm" in name:
                self.put_norm(name, value)

    def round_products(self):
        """All linear layers of the encoder's layers; what the last layer's first tokens
        read, they read without keys and values, from the weights as they are."""
        last = len(self.bert.encoder.layer) - 1
        for i, layer in enumerate(self.bert.encoder.layer):
            attention = layer.attention.self
            attention.query = RoundedLinear(attention.query)
            if i < last or self.case.pooling == MEAN:
                attention.key = RoundedLinear(attention.key)
                attention.value = RoundedLinear(attention.value)
            layer.attention.output.dense = RoundedLinear(layer.attention.output.dense)
            layer.intermediate.dense = RoundedLinear(layer.intermediate.dense)
            layer.output.dense = RoundedLinear(layer.output.dense)

    def put_norm(self, name, value):
        parts = name.replace("output.LayerNorm", "output.norm").split(".")
        if "attention" in name or "embeddings" in name:
            parts = name.split(".")
        module = self.bert
        for part in parts[:-1]:
            module = getattr(module, part)
        delattr(module, parts[-1])
        setattr(module, parts[-1], value)

    def adapter(self, layer, end):
        if layer < self.case.first:
            return None
        own = self.values.get(f"encoder.layer.{layer}.adapter.{end}")
        return own if own is not None else self.values[f"adapter.{end}"]

    def logits(self, ids, types, mask):
        c = self.case
        hidden = self.bert(input_ids=ids, token_type_ids=types,
                           attention_mask=mask).last_hidden_state
        if c.pooling == POOLER:
            pooled = self.bert.pooler(hidden)
        elif c.pooling == CLS:
            pooled = hidden[:, 0]
        else:
            m = mask[..., None].to(hidden.dtype)
            pooled = (hidden * m).sum(1) / m.sum(1)
        if c.head:
            pooled = self.masks.apply(pooled, c.head, 1)
        return pooled @ self.values["classifier.weight"].T + self.values["classifier.bias"]


def with_attention_masks(model):
    """transformers' eager attention, its dropout replaced by the masks."""
    layer = iter([])

    def dropout(x, p, training):
        if x.dim() != 4:
            return x
        return model.masks.apply(x, model.case.attention, 16 + 4 * next(layer))

    class Functional:
        softmax = staticmethod(nn.functional.softmax)

    Functional.dropout = staticmethod(dropout)

    class Patched:
        functional = Functional

        def __getattr__(self, name):
            return getattr(nn, name)

    def start():
        nonlocal layer
        layer = iter(range(model.bert.config.num_hidden_layers))

    return Patched(), start


def loss_of(case, logits, labels):
    if case.regression:
        return ((logits[:, 0] - labels) ** 2).sum()
    return nn.functional.cross_entropy(logits, labels.long(), reduction="sum")


def exact(folder, case, sequences, labels):
    """float64, sequence by sequence: logits, mean loss, flat gradient."""
    model = Model(folder, case, torch.float64)
    original = modeling_bert.nn
    patched, start = with_attention_masks(model)
    rows, total = [], 0
    try:
        modeling_bert.nn = patched
        for i, (ids, types) in enumerate(sequences):
            model.masks.example = EXAMPLES + 3 * i
            start()
            row = model.logits(torch.tensor([ids]), torch.tensor([types]),
                               torch.ones(1, len(ids), dtype=torch.long))
            total = total + loss_of(case, row, labels[i:i + 1].double())
            rows.append(row.detach())
    finally:
        modeling_bert.nn = original
    loss = total / len(sequences)
    loss.backward()
    grad = [model.values[name].grad.reshape(-1) for name, _ in layout(case, model.bert.config)]
    return torch.cat(rows).numpy(), loss.item(), torch.cat(grad).numpy()


def padded(folder, case, sequences):
    """float32, one padded batch: logits."""
    model = Model(folder, case, torch.float32)
    n = max(len(ids) for ids, _ in sequences)
    ids, types, mask = (torch.zeros(len(sequences), n, dtype=torch.long) for _ in range(3))
    for i, (a, b) in enumerate(sequences):
        ids[i, :len(a)], types[i, :len(a)] = torch.tensor(a), torch.tensor(b)
        mask[i, :len(a)] = 1
    with torch.no_grad():
        return model.logits(ids, types, mask).numpy()


EXAMPLES = 11  # row number of the first sequence; the next ones are three apart


def record(name, folder, sequences, cases):
    rng = np.random.default_rng(5)
    offsets = np.cumsum([0] + [len(ids) for ids, _ in sequences])
    out = {
        "ids": np.concatenate([ids for ids, _ in sequences]).astype(np.int32),
        "types": np.concatenate([types for _, types in sequences]).astype(np.int32),
        "offsets": offsets.astype(np.int32),
        "examples": (EXAMPLES + 3 * np.arange(len(sequences))).astype(np.int32),
    }
    for i, case in enumerate(cases):
        count = len(sequences)
        labels = (rng.uniform(0, 5, count) if case.regression
                  else rng.integers(0, case.labels, count)).astype(np.float32)
        logits, loss, grad = exact(folder, case, sequences, torch.from_numpy(labels))
        if not case.dropped() and not case.bf16:
            single = padded(folder, case, sequences)
            print(name, i, "float32 against float64:", np.abs(single - logits).max())
            logits = single
        out |= {
            f"{i}.settings": np.array(case.settings(), np.int32),
            f"{i}.reals": np.array(case.reals(), np.float32),
            f"{i}.labels": labels,
            f"{i}.logits": logits.astype(np.float32),
            f"{i}.loss": np.array([loss], np.float32),
            f"{i}.grad": grad.astype(np.float32),
        }
        if case.bf16:
            out[f"{i}.precision"] = np.array([1], np.int32)
    save_file(out, HERE / f"model-{name}.safetensors")
    (HERE / f"model-{name}.safetensors").chmod(0o644)


def random_sequences(vocab, lengths):
    rng = np.random.default_rng(3)
    return [(list(rng.integers(0, vocab, n)), sorted(rng.integers(0, 2, n))) for n in lengths]


def all_variants():
    drops = dict(hidden=0.1, attention=0.15, head=0.2, step=3)
    return [
        Case(),
        Case(labels=3, share_alpha=1, pooling=CLS),
        Case(labels=3, share_v=1, pooling=MEAN),
        Case(labels=1, regression=1, share_alpha=1, share_v=1),
        Case(labels=4, first=1),
        Case(first=2, ln=OUTPUT, pooling=MEAN),
        Case(first=2, share_alpha=1, ln=OUTPUT),
        Case(labels=3, first=3),
        Case(labels=1, regression=1, first=3, pooling=MEAN),
        Case(share_alpha=1, ln=OUTPUT, pooling=CLS),
        Case(ln=OUTPUT_EMBEDDINGS),
        Case(ln=ALL, pooling=MEAN),
        Case(labels=1, regression=1, share_alpha=1, share_v=1, ln=ALL, pooling=CLS),
        Case(ln=ALL, pooling=MEAN, **drops),
        Case(first=1, **drops),
        Case(share_alpha=1, ln=OUTPUT_EMBEDDINGS, pooling=CLS, seed=1234567, **drops),
        Case(first=3, head=0.5, hidden=0.3),
    ]


SENTENCES = [
    ("The committee postponed its decision until the spring.", None),
    ("A shift vector moves every token in the same direction.",
     "Every token is moved in one direction, but by its own amount."),
    ("Rain.", None),
    ("She repaired the old clock, wound it up and listened to it tick for a while.",
     "The old clock ticked again after she had repaired it."),
    ("Which of the two workers finished first?", "The second one did, by a minute."),
]


def record_bf16(minilm, sequences):
    record("bf16-tiny-odd", ENCODERS / "tiny-odd", random_sequences(53, [7, 1, 33, 2, 19]), [
        Case(bf16=True),
        Case(labels=3, share_v=1, pooling=MEAN, bf16=True),
        Case(first=1, ln=OUTPUT, pooling=CLS, bf16=True),
        Case(ln=ALL, pooling=MEAN, hidden=0.1, attention=0.15, head=0.2, step=3, bf16=True)])
    record("bf16-tiny-wide", ENCODERS / "tiny-wide", random_sequences(29, [6, 20, 1]), [
        Case(bf16=True), Case(share_alpha=1, ln=OUTPUT_EMBEDDINGS, pooling=CLS, bf16=True)])
    record("bf16-minilm", minilm, sequences, [
        Case(scale=0.05, bf16=True),
        Case(scale=0.05, labels=3, first=4, ln=OUTPUT, bf16=True)])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--encoder", default=str(HERE.parent.parent / "encoders/all-MiniLM-L6-v2"))
    parser.add_argument("--only-bf16", action="store_true")
    options = parser.parse_args()
    encoder = options.encoder
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    tokens = [tokenizer(a, b) for a, b in SENTENCES]
    sequences = [(t["input_ids"], t["token_type_ids"]) for t in tokens]
    record_bf16(encoder, sequences)
    if options.only_bf16:
        return
    record("tiny-odd", ENCODERS / "tiny-odd", random_sequences(53, [7, 1, 33, 2, 19]),
           all_variants())
    record("tiny-new", ENCODERS / "tiny-new", random_sequences(41, [5, 12, 30]), [
        Case(pooling=CLS), Case(labels=3, ln=ALL, pooling=MEAN),
        Case(pooling=CLS, hidden=0.2, attention=0.3, head=0.1, step=77)])
    record("tiny-half", ENCODERS / "tiny-half", random_sequences(31, [9, 35, 17]), [
        Case(labels=5), Case(ln=OUTPUT_EMBEDDINGS, pooling=MEAN),
        Case(share_v=1, hidden=0.2, attention=0.3, head=0.1, step=77)])
    record("tiny-wide", ENCODERS / "tiny-wide", random_sequences(29, [6, 20, 1]), [
        Case(), Case(first=1, pooling=MEAN, hidden=0.1, step=5),
        Case(share_alpha=1, ln=OUTPUT_EMBEDDINGS, pooling=CLS)])
    record("minilm", encoder, sequences, [
        Case(scale=0.05),
        Case(scale=0.05, share_alpha=1, ln=OUTPUT_EMBEDDINGS, pooling=CLS),
        Case(scale=0.05, labels=1, regression=1, share_alpha=1, share_v=1, pooling=MEAN, ln=ALL),
        Case(scale=0.05, labels=3, first=4, ln=OUTPUT)])


if __name__ == "__main__":
    main()
