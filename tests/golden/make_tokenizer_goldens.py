#!/usr/bin/env python3
"""Records what Hugging Face's tokenizers library gives, for tests/text.

    make_tokenizer_goldens.py base                   tests/data/text/tokenizer.json
    make_tokenizer_goldens.py unicode                tests/golden/unicode_blocks.txt
    make_tokenizer_goldens.py variants               tests/golden/tokenizer_variants.txt
    make_tokenizer_goldens.py truncation             tests/golden/tokenizer_truncation.txt
    make_tokenizer_goldens.py encoder ENCODER        tests/golden/tokenizer_encoder.txt
    make_tokenizer_goldens.py data ENCODER DATA      tests/golden/tokenizer_data.txt
    make_tokenizer_goldens.py glue ENCODER DATA      tests/golden/glue_splits.txt
    make_tokenizer_goldens.py dump ENCODER FILE MAX_LENGTH
                     (to compare with build/release/tests/text/dump_tokens)

Each prints to standard output. Needs tokenizers 0.23 and xxhash. A digest is XXH3-128
over all sequences: count (int32, little-endian), ids (int32), token type ids (bytes).
"""
import array
import csv
import json
import pathlib
import struct
import sys

import xxhash
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

HERE = pathlib.Path(__file__).resolve().parent
TEXT = HERE.parent / "data" / "text"
LENGTHS = (128, 32)
GENERATED = 4000
MASK64 = (1 << 64) - 1


# Sequences and digests


def set_length(tok, max_length):
    tok.no_padding()
    tok.enable_truncation(max_length)


def add_sequence(digest, enc):
    digest.update(struct.pack("<i", len(enc.ids)))
    digest.update(array.array("i", enc.ids).tobytes())
    digest.update(bytes(enc.type_ids))


def cells(line):
    """Every column alone, then every column with its right neighbour."""
    columns = line.split("\t")
    return columns + list(zip(columns, columns[1:]))


def file_lines(path):
    lines = path.read_bytes().split(b"\n")
    return [line.decode() for line in (lines if lines[-1] else lines[:-1])]


def file_digest(tok, path):
    digest, count = xxhash.xxh3_128(), 0
    lines = file_lines(path)
    for start in range(0, len(lines), 500):
        inputs = [c for line in lines[start:start + 500] for c in cells(line)]
        for enc in tok.encode_batch(inputs):
            add_sequence(digest, enc)
        count += len(inputs)
    return count, digest.hexdigest()


# Generated texts: tests/text/generated_text.c makes the same ones


class Random:
    """SplitMix64."""

    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK64
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK64
        return (z ^ (z >> 31)) % n


def point(c):
    return "\u00e9" if 0xD800 <= c < 0xE000 else chr(c)


def part(r, atoms):
    kind = r.below(16)
    if kind < 5:
        return atoms[r.below(len(atoms))]
    if kind == 5:
        return point(r.below(0x110000))
    if kind == 6:
        return point(r.below(0x3000))
    if kind == 7:
        return "".join(chr(0x300 + r.below(0x70)) for _ in range(1 + r.below(4)))
    if kind == 8:
        return chr(0xAC00 + r.below(11172))
    if kind == 9:
        return chr(0x4E00 + r.below(0x5200))
    if kind == 10:
        letter = chr(ord("a") + r.below(26))
        return letter * r.below(130)
    if kind == 11:
        return chr(r.below(128))
    if kind == 12:
        return " "
    return "".join("abcdeABtrs"[r.below(10)] for _ in range(1 + r.below(8)))


def generated(seed, atoms):
    r = Random(seed)
    return "".join(part(r, atoms) for _ in range(r.below(24)))


def generated_inputs():
    atoms = json.loads((TEXT / "atoms.json").read_text())
    texts = [generated(i, atoms) for i in range(GENERATED)]
    return texts + list(zip(texts, texts[1:]))


def print_generated(name, tok, lengths):
    for length in lengths:
        set_length(tok, length)
        digest = xxhash.xxh3_128()
        for enc in tok.encode_batch(generated_inputs()):
            add_sequence(digest, enc)
        print(name, length, digest.hexdigest())


# The tiny vocabulary and its variants


def base_vocabulary():
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    single = [chr(c) for c in range(0x21, 0x7F)]
    single += [chr(c) for c in [*range(0xA1, 0x180), *range(0x391, 0x3CA)]]
    single += ["\u0130", "\u1885", "\u08d4", "\u302e", "\U00011938", "\u166d", "\u0a76",
               "\u4e2d", "\u6587", "\ufb01", "\u1e9e", "\u30ab", "\u212b", "\u2019", "\u2026"]
    inner = [chr(c) for c in [*range(0x61, 0x7B), *range(0x41, 0x5B), *range(0x300, 0x345)]]
    inner += [chr(c) for c in range(0x30, 0x3A)]
    inner += ["\u1161", "\u11a8", "\u3099", "\u1885", "\u08d4", "\u302e", "\u302f", "\u0328",
              "\u00e9", "\u03c3", "\u6587", "\U0001d165", "\u200d", "\u0000"]
    words = ["the", "The", "running", "##ing", "##ning", "run", "una", "##ffa", "##ble",
             "mask", "don", "<", "ab", "##ab", "abc", "##de", "##rs", "tra", "ss", "##ss"]
    tokens += single + ["##" + c for c in inner if c != "\u0000"] + words
    tokens += ["@" + c for c in "abcderst"] + ["@ab", "@tr"]
    return {t: i for i, t in enumerate(dict.fromkeys(tokens))}


def flags(content, special=False, **on):
    entry = dict(id=0, special=special, content=content, single_word=False, lstrip=False,
                 rstrip=False, normalized=False)
    return {**entry, **on}


def base():
    vocab = base_vocabulary()
    text = lambda name, t: {"Sequence": {"id": name, "type_id": t}}
    token = lambda name, t: {"SpecialToken": {"id": name, "type_id": t}}
    special = lambda name: {"id": name, "ids": [vocab[name]], "tokens": [name]}
    return {
        "version": "1.0",
        "truncation": {"direction": "Left", "max_length": 9, "strategy": "OnlySecond",
                       "stride": 3},
        "padding": None,
        "added_tokens": [flags(t, special=True, id=vocab[t])
                         for t in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")],
        "normalizer": {"type": "BertNormalizer", "clean_text": True,
                       "handle_chinese_chars": True, "strip_accents": None,
                       "lowercase": True},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [token("[CLS]", 0), text("A", 0), token("[SEP]", 0)],
            "pair": [token("[CLS]", 0), text("A", 0), token("[SEP]", 0), text("B", 1),
                     token("[SEP]", 1)],
            "special_tokens": {"[CLS]": special("[CLS]"), "[SEP]": special("[SEP]")}},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]",
                  "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
                  "vocab": vocab},
    }


def variant(description):
    out = json.loads((TEXT / "tokenizer.json").read_text())
    for key, value in description.get("set", {}).items():
        out[key] = value if "type" in value else {**out[key], **value}
    out["added_tokens"] += [flags(**t) for t in description.get("add", [])]
    return Tokenizer.from_str(json.dumps(out))


def truncations(tok):
    """Pairs of 0 to 12 words at every small max_length."""
    for length in range(4, 24):
        set_length(tok, length)
        digest = xxhash.xxh3_128()
        for a in range(13):
            for b in range(13):
                add_sequence(digest, tok.encode("a " * a, "b " * b))
        print(length, digest.hexdigest())


# All code points


def unicode_blocks():
    bert = lambda **on: normalizers.BertNormalizer(**{**dict(
        clean_text=False, handle_chinese_chars=False, strip_accents=False,
        lowercase=False), **on})
    steps = [bert(clean_text=True), bert(handle_chinese_chars=True),
             bert(strip_accents=True), bert(lowercase=True),
             bert(clean_text=True, handle_chinese_chars=True, strip_accents=True,
                  lowercase=True)]
    pre = pre_tokenizers.BertPreTokenizer()
    word = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    word.add_tokens([AddedToken("@", single_word=True, normalized=False)])
    for block in range(0, 0x110000, 0x1000):
        digest = xxhash.xxh3_128()
        for c in range(block, block + 0x1000):
            if 0xD800 <= c < 0xE000:
                continue
            s = chr(c)
            for step in steps:
                for text in (s, "a" + s + "b", "\u302e" + s + "\u1885\U0001d165"):
                    digest.update(step.normalize_str(text).encode() + b"\0")
            pieces = len(pre.pre_tokenize_str("a" + s + "a"))
            is_word = word.token_to_id("@") not in word.encode("@" + s).ids
            digest.update(bytes([pieces, is_word]))
        print(f"{block:06x} {digest.hexdigest()}")


# GLUE's files, read with Python's csv module without quoting

NUMBERS, ENTAILMENT = ("0", "1"), ("entailment", "not_entailment")
INFERENCE = ("entailment", "neutral", "contradiction")
PAIR = ("sentence1", "sentence2")
SPLITS = (("train", "train.tsv"), ("dev", "dev.tsv"), ("test", "test.tsv"))
GLUE = (
    ("cola", "CoLA", ("sentence",), "label", NUMBERS, SPLITS),
    ("sst2", "SST-2", ("sentence",), "label", NUMBERS, SPLITS),
    ("mrpc", "MRPC", ("#1 String", "#2 String"), "Quality", NUMBERS, SPLITS),
    ("rte", "RTE", PAIR, "label", ENTAILMENT, SPLITS),
    ("stsb", "STS-B", PAIR, "score", None, SPLITS),
    ("wnli", "WNLI", PAIR, "label", NUMBERS, SPLITS),
    ("qnli", "QNLI", ("question", "sentence"), "label", ENTAILMENT,
     (("train", "train_sample.tsv"), *SPLITS[1:])),
    ("mnli", "MNLI", PAIR, "gold_label", INFERENCE,
     (("train", "train_sample.tsv"), ("dev", "dev_matched.tsv"))),
    ("qqp", "QQP", ("question1", "question2"), "is_duplicate", NUMBERS,
     (("train", "train_sample.tsv"), ("dev", "dev_sample.tsv"))),
    ("ax", "AX", PAIR, "label", INFERENCE, (("test", "diagnostic.tsv"),)),
)


def glue_rows(path, names):
    with open(path, encoding="utf-8-sig") as f:
        return list(csv.DictReader(f, names, delimiter="\t", quoting=csv.QUOTE_NONE))


def print_glue(tok, root):
    for task, folder, texts, label, values, splits in GLUE:
        for split, name in splits:
            bare = task == "cola" and split != "test"
            names = ("source", "label", "mark", "sentence") if bare else None
            rows = glue_rows(root / folder / name, names)
            digest = xxhash.xxh3_128()
            inputs = [tuple(r[t] for t in texts) if len(texts) > 1 else r[texts[0]]
                      for r in rows]
            for row, enc in zip(rows, tok.encode_batch(inputs)):
                add_sequence(digest, enc)
                if label in row:
                    value = values.index(row[label]) if values else float(row[label])
                    digest.update(struct.pack("<f", value))
            print(task, folder, split, name, len(rows), digest.hexdigest())


def open_encoder(path):
    return Tokenizer.from_file(str(pathlib.Path(path) / "tokenizer.json"))


def data_files(root):
    return sorted(p for p in root.rglob("*")
                  if p.suffix in (".tsv", ".txt") and p.name not in
                  ("LICENSE.txt", "SHA256SUMS") or p.name == "SMSSpamCollection")


def main():
    what, *args = sys.argv[1:]
    if what == "base":
        print(json.dumps(base(), indent=0))
    elif what == "unicode":
        unicode_blocks()
    elif what == "variants":
        for description in json.loads((TEXT / "variants.json").read_text()):
            print_generated(description["name"], variant(description), (64, 16))
    elif what == "truncation":
        truncations(variant({}))
    elif what == "encoder":
        print_generated("encoder", open_encoder(args[0]), LENGTHS)
    elif what == "data":
        tok, root = open_encoder(args[0]), pathlib.Path(args[1])
        for path in data_files(root):
            for length in LENGTHS:
                set_length(tok, length)
                print(path.relative_to(root), length, *file_digest(tok, path), flush=True)
    elif what == "glue":
        tok = open_encoder(args[0])
        set_length(tok, LENGTHS[0])
        print_glue(tok, pathlib.Path(args[1]))
    elif what == "dump":
        tok = open_encoder(args[0])
        set_length(tok, int(args[2]))
        for line in file_lines(pathlib.Path(args[1])):
            for enc in tok.encode_batch(cells(line)):
                print(*enc.ids)


main()
