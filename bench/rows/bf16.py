"""Training in bfloat16 against our own float32 and PyTorch's autocast."""
from comparison import contestants, pairs
from comparison.result import missing, paired
from comparison.side import Skip
from rows import train

NAME = "bf16"
TITLE = "training, bfloat16, real tokens/s on 2 cores, MRPC"

SETTINGS = ("training.precision=bf16",)
OWN_BARS = {"MiniLM": 1.5, "BERT-base": 1.7}
TORCH_BARS = {"MiniLM": None, "BERT-base": 1.9}
TASK = "mrpc"


def run(context):
    contestants.needs_two_cores(context)
    results = []
    for name, folder in context.encoders():
        encoder = folder()
        results.append(against_float32(context, encoder, name))
        results += against_torch(context, encoder, name)
    return results


def against_torch(context, encoder, name):
    try:
        return train.case(context, encoder, TASK, f"{name} {TASK}", TORCH_BARS[name],
                          SETTINGS, ("--precision", "bfloat16"), " bfloat16 autocast",
                          weights=["", "frozen weights converted once"])
    except Skip as why:
        return [missing(f"{name} {TASK}", "tokens/s", TORCH_BARS[name], "PyTorch", why)]


def against_float32(context, encoder, name):
    line = f"train {context.seconds}"
    with contestants.ours(context, encoder, TASK, 1, 2,
                          train.FILE_ORDER + SETTINGS) as ours, \
            contestants.ours(context, encoder, TASK, 1, 2, train.FILE_ORDER) as float32:
        for group in (ours, float32):
            group.ask(contestants.warm_line(context, line))
        seen = pairs.take_turns(context, {"bf16": lambda: ours.rate(line),
                                          "float32": lambda: float32.rate(line)})
        return paired(f"{name} {TASK}, 2 workers", "tokens/s", seen["bf16"],
                      seen["float32"], bar=OWN_BARS[name], against="our float32",
                      commands={"ours": ours.printed, "float32": float32.printed})
