"""Training in float32 against PyTorch at its best, and against padding to 128."""
import contextlib

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


def case(context, encoder, task, name, bar, settings=(), extra=(), precision="", **axes):
    """Two workers with a trial each, and two threads on one trial, against PyTorch with
    the same batches and with batches of rows of like length, both at their best."""
    line = f"train {context.seconds}"
    settings = FILE_ORDER + tuple(settings)
    with contestants.ours(context, encoder, task, 1, 2, settings) as workers, \
            contestants.ours(context, encoder, task, 2, 1, settings) as threads:
        ours = {"2 workers": workers, "2 threads": threads}
        rivals, tried = best(context, encoder, task, line, extra, axes)
        groups = {variant["order"]: contestants.torch(context, encoder, task, variant, extra)
                  for variant in rivals}
        with contextlib.ExitStack() as stack:
            for variant in rivals:
                group = stack.enter_context(groups[variant["order"]])
                contestants.warm(group, variant, context, line)
            seen = compare(context, line, ours, groups)
        return [paired(f"{name}, {how}", "tokens/s", seen[how], seen[variant["order"]],
                       bar=bar, tried=tried,
                       against=contestants.named(variant, f"PyTorch{precision}"),
                       commands={"ours": ours[how].printed,
                                 "PyTorch": groups[variant["order"]].printed})
                for how in ours for variant in rivals]


def best(context, encoder, task, line, extra, more):
    """The best variant with batches in file order, and the best with sorted ones; all
    but torch.compile, which depends on the shapes, is searched for once, and what
    another row has found is where the search begins."""
    measure = contestants.measure_torch(context, encoder, task, line, extra)
    axes = contestants.torch_axes(context, **more)
    orders = axes.pop("order")
    found = context.kept.get(("train", encoder, task))
    if found:
        axes = {"attention": axes["attention"]} | more
    base, tried = pairs.best_variant(context, axes | {"order": orders[:1]}, measure, found)
    context.kept["train", encoder, task] = base
    rivals = [base]
    compiled = {} if found else {"compile": contestants.torch_axes(context)["compile"]}
    for order in orders[1:]:
        turned = {"order": [order]} | compiled
        variant, seen = pairs.best_variant(context, turned, measure,
                                           base | {"order": order})
        rivals.append(variant)
        tried = tried + seen
    return rivals, tried


def compare(context, line, ours, groups):
    for group in ours.values():
        group.ask(contestants.warm_line(context, line))
    return pairs.take_turns(context, {name: (lambda g=group: g.rate(line))
                                      for name, group in (ours | groups).items()})


def padded(context, encoder, task, name):
    """The reference code pads each row to 128, whatever its length."""
    line = f"train {context.seconds}"
    measure = contestants.measure_torch(context, encoder, task, line, ())
    axes = contestants.torch_axes(context, order=["whole batches padded to 128"])
    axes = {axis: axes[axis] for axis in ("order", "processes", "compile")}
    found = context.kept["train", encoder, task] | {"order": axes["order"][0]}
    variant, tried = pairs.best_variant(context, axes, measure, found)
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
