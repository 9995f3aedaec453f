"""Makes tests/data/encoders/*: small BERTs with random weights and odd sizes.

    python tests/golden/make_tiny_encoders.py

Needs numpy and safetensors. Same seed, same files.

tiny-odd   odd sizes, gelu, names without prefix, F32, with pooler
tiny-new   gelu_new, names with `bert.`, LayerNorms as gamma/beta, masked-LM heads to be
           ignored, no pooler, F32
tiny-half  relu, F16, one head, with pooler
tiny-wide  a feed-forward block wider than one block of columns
tiny-text  a usable WordPiece vocabulary, so that whole runs on text are quick
"""

import json
import pathlib
import string

import numpy as np
from safetensors.numpy import save_file

OUT = pathlib.Path(__file__).resolve().parent.parent / "data" / "encoders"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = """the a an and or but not of to in on at is are was were be been it this that
he she we you they i my your his her our their with for from as by so if then than very
too good bad great poor best worst fine nice awful happy sad love hate like dislike hot
cold new old big small fast slow early late more less most least all some none no yes
always never again once here there where when how why what who which one two three four
five six seven eight nine ten day night year time work shift train test model data film
movie book story price order room food service dog cat man woman city river house car
un ##ed ##ing ##s ##er ##est ##ly ##ful ##less ##ness ##able ##tion""".split()


def text_vocab():
    letters = list(string.ascii_lowercase + string.digits)
    marks = list(".,!?'\"-:;()%$&/")
    vocab = SPECIAL + marks + letters + ["##" + c for c in letters]
    return vocab + [w for w in WORDS if w not in vocab]


def letters_vocab(size):
    pool = SPECIAL + list(string.ascii_lowercase) + ["##" + c for c in string.ascii_lowercase]
    return pool[:size]


def tensors(rng, c, scale):
    h, f = c["hidden_size"], c["intermediate_size"]
    t = {}

    def dense(name, rows, cols):
        t[name + ".weight"] = rng.normal(0, scale / np.sqrt(cols), (rows, cols))
        t[name + ".bias"] = rng.normal(0, 0.1, rows)

    def norm(name):
        t[name + ".weight"] = rng.normal(1, 0.1, h)
        t[name + ".bias"] = rng.normal(0, 0.1, h)

    for name, rows in (("word", c["vocab_size"]), ("position", c["max_position_embeddings"]),
                       ("token_type", c["type_vocab_size"])):
        t[f"embeddings.{name}_embeddings.weight"] = rng.normal(0, 0.5, (rows, h))
    norm("embeddings.LayerNorm")
    for i in range(c["num_hidden_layers"]):
        p = f"encoder.layer.{i}."
        for name in ("query", "key", "value"):
            dense(p + "attention.self." + name, h, h)
        dense(p + "attention.output.dense", h, h)
        norm(p + "attention.output.LayerNorm")
        dense(p + "intermediate.dense", f, h)
        dense(p + "output.dense", h, f)
        norm(p + "output.LayerNorm")
    dense("pooler.dense", h, h)
    return t


def masked_lm(t, c):
    """As BertForMaskedLM of old checkpoints: prefix, gamma/beta, cls.*, no pooler."""
    out = {}
    for name, value in t.items():
        if name.startswith("pooler"):
            continue
        name = name.replace("LayerNorm.weight", "LayerNorm.gamma")
        out["bert." + name.replace("LayerNorm.bias", "LayerNorm.beta")] = value
    out["bert.embeddings.position_ids"] = np.arange(c["max_position_embeddings"])[None]
    out["cls.predictions.bias"] = np.zeros(c["vocab_size"])
    return out


def make(name, seed, vocab, layers, hidden, heads, ffn, positions, act, dtype="float32",
         scale=1.0, shape=lambda t, c: t):
    config = {
        "architectures": ["BertModel"], "model_type": "bert", "vocab_size": len(vocab),
        "hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads,
        "intermediate_size": ffn, "hidden_act": act, "max_position_embeddings": positions,
        "type_vocab_size": 2, "layer_norm_eps": 1e-12, "initializer_range": 0.02,
        "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1,
        "pad_token_id": 0, "position_embedding_type": "absolute", "dtype": dtype,
    }
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    t = shape(tensors(np.random.default_rng(seed), config, scale), config)
    t = {k: v if v.dtype == np.int64 else v.astype(dtype) for k, v in t.items()}
    save_file(t, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (folder / "vocab.txt").write_text("\n".join(vocab) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "do_lower_case": True, "tokenize_chinese_chars": True, "strip_accents": None,
        "unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]",
        "cls_token": "[CLS]", "mask_token": "[MASK]", "tokenizer_class": "BertTokenizer",
        "model_max_length": positions}, indent=2) + "\n")


make("tiny-odd", 1, letters_vocab(53), 3, 20, 5, 37, 40, "gelu")
make("tiny-new", 2, letters_vocab(41), 2, 12, 3, 29, 33, "gelu_new", shape=masked_lm)
make("tiny-half", 3, letters_vocab(31), 2, 13, 1, 22, 35, "relu", dtype="float16")
make("tiny-wide", 5, letters_vocab(29), 2, 6, 2, 401, 20, "gelu")
make("tiny-text", 4, text_vocab(), 2, 16, 2, 32, 128, "gelu", scale=1.5)
