"""Training in float32 against PyTorch at its best, and against padding to 128."""
from comparison import contestants, pairs
from comparison.result import paired

NAME = "train"
TITLE = "training, float32, real tokens/s on 2 cores, batch 32, max_length 128"

BARS = {("MiniLM", "mrpc"): 2.5, ("MiniLM", "cola"): 3.0,
        ("BERT-base", "mrpc"): 2.0, ("BERT-base", "cola"): 2.0}
PADDED_BAR = 15.0
FILE_ORDER = ("training.shuffle=false",)


def run(context):
    contestants.needs_two_cores(context)
    results = []
    for name, folder in context.encoders():
        for task in ("mrpc", "cola"):
            results += case(context, folder(), task, f"{name} {task}", BARS[name, task])
            if (name, task) == ("MiniLM", "cola"):
                results.append(padded(context, folder(), task, f"{name} {task}"))
    return results


def best(context, encoder, task, line, extra=(), **axes):
    measure = contestants.measure_torch(context, encoder, task, line, extra)
    return pairs.best_variant(context, contestants.torch_axes(context, **axes), measure)


def case(context, encoder, task, name, bar, settings=(), extra=(), precision="", **axes):
    """Two results: two workers with a trial each, and two threads on one trial."""
    line = f"train {context.seconds}"
    settings = FILE_ORDER + tuple(settings)
    context.say(f"{name}: starting ours")
    with contestants.ours(context, encoder, task, 1, 2, settings) as workers, \
            contestants.ours(context, encoder, task, 2, 1, settings) as threads:
        variant, tried = best(context, encoder, task, line, extra, **axes)
        context.kept["train", encoder, task] = variant
        with contestants.torch(context, encoder, task, variant, extra) as torch:
            contestants.warm(torch, variant, context, line)
            seen = compare(context, line, workers, threads, torch)
            commands = {"PyTorch": torch.printed}
        against = contestants.named(variant, f"PyTorch{precision}")
        return [paired(f"{name}, {how}", "tokens/s", seen[how], seen["PyTorch"], bar=bar,
                       against=against, tried=tried,
                       commands={"ours": group.printed} | commands)
                for how, group in (("2 workers", workers), ("2 threads", threads))]


def compare(context, line, workers, threads, torch):
    for group in (workers, threads):
        group.ask(contestants.warm_line(context, line))
    return pairs.take_turns(context, {"2 workers": lambda: workers.rate(line),
                                      "PyTorch": lambda: torch.rate(line),
                                      "2 threads": lambda: threads.rate(line)})


def padded(context, encoder, task, name):
    """The reference code pads each row to 128, whatever its length."""
    line = f"train {context.seconds}"
    measure = contestants.measure_torch(context, encoder, task, line, ())
    axes = contestants.torch_axes(context, order=["whole batches padded to 128"])
    variant, tried = pairs.best_variant(context, axes, measure)
    with contestants.ours(context, encoder, task, 1, 2, FILE_ORDER) as ours, \
            contestants.torch(context, encoder, task, variant) as torch:
        contestants.warm(torch, variant, context, line)
        ours.ask(contestants.warm_line(context, line))
        seen = pairs.take_turns(context, {"ours": lambda: ours.rate(line),
                                          "PyTorch": lambda: torch.rate(line)})
        return paired(f"{name}, 2 workers, padding to 128", "tokens/s", seen["ours"],
                      seen["PyTorch"], bar=PADDED_BAR, tried=tried,
                      against=contestants.named(variant),
                      commands={"ours": ours.printed, "PyTorch": torch.printed})
