"""A whole sweep against a PyTorch script with the same trials, a process on each core."""
from comparison import contestants, pairs, shiftwork_run
from comparison.result import paired

NAME = "sweep"
TITLE = "seconds of a sweep of 12 configurations x 2 seeds, MRPC, MiniLM, 2 cores"

BAR = 3.0
RATES, SIZES, SEEDS = (5e-4, 1e-3, 2e-3, 3e-3, 5e-3, 1e-2), (16, 32), 2
AXES = {"order": ["shuffled batches", "batches grouped by length"],
        "memory": contestants.MEMORY, "attention": contestants.ATTENTION}


class Plan:
    """What both sides train."""

    def __init__(self, context, trial=False):
        quick = context.quick
        self.rows, self.epochs = (64, 1) if quick else (256, 2)
        self.rates = RATES[:1] if quick or trial else RATES
        self.sizes = SIZES[1:] if quick or trial else SIZES
        self.seeds = SEEDS  # so one for each core at least


def listed(values):
    return ", ".join(f"{x:g}" for x in values)


def ours(context, plan):
    command = [context.shiftwork(), "run", "job.cfg", "--workers", "2"]
    training = f"epochs = {plan.epochs}; subsample = {plan.rows};"
    sweep = (f"seeds = {plan.seeds}; space = {{ learning_rate = ({listed(plan.rates)}); "
             f"batch_size = [{listed(plan.sizes)}]; }};")
    with shiftwork_run.place(context) as folder:
        shiftwork_run.write_job(folder, context.small, "mrpc", context.folder("mrpc"),
                                training, sweep)
        return shiftwork_run.run(command, folder, context.cores), " ".join(command)


def theirs(context, plan, variant):
    command = [*context.script("sweep_torch.py"), context.small, context.data, "--rows",
               plan.rows, "--epochs", plan.epochs, "--rates", listed(plan.rates),
               "--sizes", listed(plan.sizes), "--seeds", plan.seeds, "--cores",
               ",".join(map(str, context.cores)), "--attention", variant["attention"]]
    if "grouped" in variant["order"]:
        command.append("--grouped")
    environment = {"OMP_NUM_THREADS": "1"}
    environment |= contestants.KEPT if variant["memory"] else {}
    with shiftwork_run.place(context) as folder:
        seconds = shiftwork_run.run(command, folder, context.cores, environment)
    return seconds, " ".join(map(str, command))


def run(context):
    contestants.needs_two_cores(context)
    plan, few = Plan(context), Plan(context, trial=True)
    axes = {axis: values[:1] for axis, values in AXES.items()} if context.quick else AXES
    variant, tried = pairs.best_variant(
        context, axes, lambda v: 1 / theirs(context, few, v)[0])
    commands = {}

    def take(name, side):
        seconds, commands[name] = side()
        return seconds

    rounds, context.rounds = context.rounds, min(context.rounds, 3)  # minutes each
    try:
        seen = pairs.take_turns(context, {
            "ours": lambda: take("ours", lambda: ours(context, plan)),
            "PyTorch": lambda: take("PyTorch", lambda: theirs(context, plan, variant))})
    finally:
        context.rounds = rounds
    trials = len(plan.rates) * len(plan.sizes) * plan.seeds
    return [paired(f"{trials} trials", "s", seen["ours"], seen["PyTorch"], inverse=True,
                   bar=BAR, against=contestants.named(variant), commands=commands,
                   tried=tried,
                   note=f"{plan.rows} training rows drawn, {plan.epochs} epochs, dev scored "
                        "after each; whole commands, from start to end; the variant was "
                        "chosen by the runs a second of two of the trials")]
