"""Exports as transformers and PEFT see them.

    export_check.py EXPORT_SAMPLE [--record FOLDER]

For tiny random encoders and the real one ($SHIFTWORK_ENCODER, else
encoders/all-MiniLM-L6-v2) if it is there: the merged form loads in transformers, the
peft form in PEFT, without a warning and without missing or unexpected keys; both give
the logits of the method's definition (hooks on the base, values from the adapter form);
disable_adapter() gives the base, merge_and_unload() the merged form. Exit code 77
(skipped) where the packages are missing. --record keeps what was checked of one tiny
encoder in FOLDER, for tests that run without these packages.
"""

import contextlib
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
try:
    import torch
    from peft import PeftModel
    from safetensors.torch import load_file, save_file
    from transformers import (
        AutoConfig,
        AutoModelForSequenceClassification,
        AutoTokenizer,
        BertConfig,
        BertModel,
    )
except ImportError as missing:
    print("skipped: Python without", missing.name)
    sys.exit(77)

torch.set_num_threads(1)  # tiny products; other tests run beside this one
TOLERANCE = 1e-4
LAYERNORMS = ["none", "output", "output+embeddings", "all"]


class Messages(logging.Handler):
    """Collects what transformers and PEFT say at WARNING and above."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.texts = []

    def emit(self, record):
        self.texts.append(record.getMessage())


class Warned(AssertionError):
    pass


@contextlib.contextmanager
def silence_expected():
    """Fails when anything inside warns."""
    handler = Messages()
    loggers = [logging.getLogger(name) for name in ("transformers", "peft")]
    for logger in loggers:
        logger.addHandler(handler)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for logger in loggers:
        logger.removeHandler(handler)
    texts = handler.texts + [str(w.message) for w in caught]
    # What the libraries say about their own next versions is not about our files.
    texts = [text for text in texts if "deprecated" not in text]
    if texts:
        raise Warned(texts)


def batch(config):
    generator = torch.Generator().manual_seed(3)
    length = min(12, config.max_position_embeddings)
    ids = torch.randint(0, config.vocab_size, (4, length), generator=generator)
    types = torch.zeros_like(ids)
    types[:, length // 2 :] = 1 if config.type_vocab_size > 1 else 0
    mask = torch.ones_like(ids)
    mask[1, length - 3 :] = 0
    return {"input_ids": ids, "token_type_ids": types, "attention_mask": mask}


def logits_by_definition(encoder, adapter, case, inputs):
    """out = LayerNorm(h W2ᵀ + b2 + (h·w + β) v + x), then pooler and classifier."""
    bert = BertModel.from_pretrained(encoder, attn_implementation="eager").float()
    bert.eval()
    values = load_file(os.path.join(adapter, "adapterbias.safetensors"))
    for name, value in values.items():
        if "LayerNorm" in name:
            module, leaf = name.rsplit(".", 1)
            getattr(bert.get_submodule(module), leaf).data.copy_(value)
    for number, layer in enumerate(bert.encoder.layer):
        if number < case["first_layer"]:
            continue
        own = f"encoder.layer.{number}.adapter."
        at = "adapter." if case["share_alpha"] else own
        w, beta = values[at + "alpha.weight"], values[at + "alpha.bias"]
        v = values[("adapter." if case["share_v"] else own) + "v"]

        def shift(module, args, out, w=w, beta=beta, v=v):
            return out + (args[0] @ w[0] + beta)[..., None] * v

        layer.output.dense.register_forward_hook(shift)
    pooled = bert(**inputs).pooler_output
    if case["first_layer"] < len(bert.encoder.layer):
        plain = BertModel.from_pretrained(encoder).eval()(**inputs).pooler_output
        assert (pooled - plain).abs().max() > 1e-3, "an adapter that does nothing"
    return pooled @ values["classifier.weight"].T + values["classifier.bias"]


def close(name, got, wanted):
    difference = (got - wanted).abs().max().item()
    print(f"    {name}: largest difference {difference:.2e}")
    assert difference <= TOLERANCE, name


def check_merged(folder, case, inputs, wanted):
    with silence_expected():
        model, info = AutoModelForSequenceClassification.from_pretrained(
            folder, output_loading_info=True
        )
    problems = {k: v for k, v in info.items() if v}
    assert not problems, problems
    config = model.config
    assert config.num_labels == case["labels"] and config.architectures
    regression = case["labels"] == 1
    kind = "regression" if regression else "single_label_classification"
    assert config.problem_type == kind, config.problem_type
    assert config.id2label[0] == ("LABEL_0" if regression else "no")
    model.eval()
    logits = model(**inputs).logits
    close("merged", logits, wanted)
    return logits


def check_peft(folder, encoder, inputs, wanted, merged):
    config = AutoConfig.from_pretrained(folder)
    torch.manual_seed(5)
    logging.disable(logging.WARNING)  # the base's own new classifier is expected
    base = AutoModelForSequenceClassification.from_pretrained(encoder, config=config)
    logging.disable(logging.NOTSET)
    base.eval()
    untouched = base(**inputs).logits
    keys = set(load_file(os.path.join(folder, "adapter_model.safetensors")))
    with silence_expected():
        model = PeftModel.from_pretrained(base, folder)
    model.eval()
    from peft import get_peft_model_state_dict

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about saving, which is not our concern
        held = set(get_peft_model_state_dict(model))
    assert held == keys, held ^ keys
    close("peft", model(**inputs).logits, wanted)
    with model.disable_adapter():
        assert torch.equal(model(**inputs).logits, untouched), "disable_adapter()"
    unloaded = model.merge_and_unload()
    close("merge_and_unload()", unloaded(**inputs).logits, merged)


def check_that_a_missing_tensor_is_noticed(sample, encoder):
    """The check of warnings itself can fail."""
    with tempfile.TemporaryDirectory() as out:
        command = [sample, encoder, out, "2", "0", "0", "0", "0", "pooler"]
        subprocess.run(command, check=True, capture_output=True)
        folder = os.path.join(out, "peft")
        path = os.path.join(folder, "adapter_model.safetensors")
        tensors = load_file(path)
        del tensors["base_model.model.bert.encoder.layer.0.output.dense.lora_B.bias"]
        save_file(tensors, path)
        base = AutoModelForSequenceClassification.from_pretrained(encoder)
        try:
            with silence_expected():
                PeftModel.from_pretrained(base, folder)
        except Warned:
            return
        raise AssertionError("a missing tensor went unnoticed")


def check_files(folder, encoder, form):
    with open(os.path.join(folder, "README.md")) as file:
        card = file.read()
    assert card.startswith("---\nbase_model: ") and "learning\\_rate=0x1.0p-9" in card
    with open(os.path.join(folder, "config.json")) as file:
        config = json.load(file)
    assert "_name_or_path" not in config
    for name in ("vocab.txt", "tokenizer.json", "tokenizer_config.json"):
        source = os.path.join(encoder, name)
        if os.path.exists(source):
            with open(source, "rb") as a, open(os.path.join(folder, name), "rb") as b:
                assert a.read() == b.read(), name
    if os.path.exists(os.path.join(encoder, "tokenizer.json")) and form == "merged":
        AutoTokenizer.from_pretrained(folder)


def check_case(sample, encoder, case):
    inputs = batch(BertConfig.from_pretrained(encoder))
    with tempfile.TemporaryDirectory() as out, torch.no_grad():
        arguments = [case["labels"], int(case["share_alpha"]), int(case["share_v"])]
        arguments += [case["first_layer"], LAYERNORMS.index(case["layernorm"])]
        command = [sample, encoder, out] + [str(a) for a in arguments] + ["pooler"]
        said = subprocess.run(command, check=True, capture_output=True, text=True)
        forms = sorted(os.listdir(out))
        adapter = os.path.join(out, "adapter")
        wanted = logits_by_definition(encoder, adapter, case, inputs)
        merged = check_merged(os.path.join(out, "merged"), case, inputs, wanted)
        if case["head_only"]:
            assert forms == ["adapter", "merged"], forms
            assert said.stdout.startswith("peft: head only"), said.stdout
        else:
            check_peft(os.path.join(out, "peft"), encoder, inputs, wanted, merged)
        for form in forms:
            check_files(os.path.join(out, form), encoder, form)


def check_poolings(sample, encoder):
    for pooling in ("cls", "mean"):
        with tempfile.TemporaryDirectory() as out:
            command = [sample, encoder, out, "2", "0", "0", "0", "0", pooling]
            said = subprocess.run(command, check=True, capture_output=True, text=True)
            assert os.listdir(out) == ["adapter"], os.listdir(out)
            lines = said.stdout.splitlines()
            assert [line.split(":")[0] for line in lines] == ["merged", "peft"], lines


def cases(layers):
    shapes = [
        # labels, share_alpha, share_v, first_layer, layernorm
        (2, False, False, 0, "none"),
        (3, True, False, 0, "output"),
        (1, False, True, layers - 1, "none"),
        (1, True, True, 0, "output+embeddings"),
        (2, False, False, 0, "all"),
        (2, False, False, 1 if layers > 1 else 0, "output"),
        (5, False, False, layers, "none"),
    ]
    names = ("labels", "share_alpha", "share_v", "first_layer", "layernorm")
    for shape in shapes:
        case = dict(zip(names, shape))
        case["head_only"] = case["first_layer"] == layers
        yield case


def tiny_encoders(folder):
    """Odd sizes; more than 10 layers, so that layer 1 could be taken for layer 10."""
    shapes = {
        "odd": (3, 21, 35, 3, "gelu"),
        "deep": (12, 8, 13, 2, "gelu_new"),
        "relu": (1, 10, 7, 5, "relu"),
    }
    for name, (layers, hidden, ffn, heads, activation) in shapes.items():
        torch.manual_seed(len(name))
        config = BertConfig(
            num_hidden_layers=layers,
            hidden_size=hidden,
            intermediate_size=ffn,
            num_attention_heads=heads,
            hidden_act=activation,
            vocab_size=41,
            max_position_embeddings=19,
            initializer_range=0.3,
        )
        path = os.path.join(folder, name)
        BertModel(config).save_pretrained(path)
        yield path


def real_encoder():
    """The real encoder's folder in a list, or an empty list."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    default = os.path.join(root, "encoders", "all-MiniLM-L6-v2")
    path = os.environ.get("SHIFTWORK_ENCODER", default)
    return [path] if os.path.isdir(path) else []


def record(sample, folder):
    """An encoder, an adapter and its forms, as the checks above found them good."""
    shutil.rmtree(folder, ignore_errors=True)
    encoder = os.path.join(folder, "encoder")
    torch.manual_seed(1)
    config = BertConfig(
        num_hidden_layers=2,
        hidden_size=6,
        intermediate_size=9,
        num_attention_heads=2,
        vocab_size=11,
        max_position_embeddings=8,
        initializer_range=0.3,
    )
    BertModel(config).save_pretrained(encoder)
    with open(os.path.join(encoder, "vocab.txt"), "w") as file:
        file.write("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\nd\n##a\n##b\n")
    case = next(c for c in cases(2) if c["share_alpha"] and c["layernorm"] == "output")
    check_case(sample, encoder, case)
    command = [sample, encoder, folder, "3", "1", "0", "0", "1", "pooler"]
    subprocess.run(command, check=True)
    for form in ("adapter", "merged", "peft"):
        os.remove(os.path.join(folder, form, "README.md"))


def main():
    sample = sys.argv[1]
    if sys.argv[2:3] == ["--record"]:
        record(sample, sys.argv[3])
        return
    with tempfile.TemporaryDirectory() as folder:
        encoders = list(tiny_encoders(folder)) + real_encoder()
        for encoder in encoders:
            layers = BertConfig.from_pretrained(encoder).num_hidden_layers
            real = encoder in real_encoder()
            for case in list(cases(layers))[1:5] if real else cases(layers):
                print(os.path.basename(encoder), case)
                check_case(sample, encoder, case)
            check_poolings(sample, encoder)
        check_that_a_missing_tensor_is_noticed(sample, encoders[0])
    print("all forms agree")


if __name__ == "__main__":
    main()
