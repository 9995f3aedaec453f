"""A line of the comparison's table."""
import dataclasses
import statistics

from comparison.pairs import spread


@dataclasses.dataclass
class Result:
    case: str
    unit: str
    ours: float | None
    theirs: float | None = None
    ratio: float | None = None  # ours to theirs, or what the bar says; median
    lowest: float | None = None
    highest: float | None = None
    bar: float | None = None
    below: bool = False   # the bar is an upper one
    absolute: bool = False  # the bar is against ours, there is no ratio
    against: str = ""     # what theirs is
    pairs: list = dataclasses.field(default_factory=list)  # (ours, theirs) of each pair
    commands: dict = dataclasses.field(default_factory=dict)
    tried: list = dataclasses.field(default_factory=list)  # variants and their rates
    note: str = ""

    def met(self):
        value = self.ours if self.absolute else self.ratio
        if self.bar is None or value is None:
            return None
        return value < self.bar if self.below else value >= self.bar

    def as_dict(self):
        return dataclasses.asdict(self) | {"met": self.met()}


def paired(case, unit, ours, theirs, *, inverse=False, **rest):
    """From the turns' lists. inverse: of seconds, where less is better, so that the
    ratio says how many times faster ours is."""
    ratios = [b / a if inverse else a / b for a, b in zip(ours, theirs)]
    median, lowest, highest = spread(ratios)
    return Result(case, unit, statistics.median(ours), statistics.median(theirs), median,
                  lowest, highest, pairs=[list(p) for p in zip(ours, theirs)], **rest)


def missing(case, unit, bar, against, why):
    """A line of a row whose other lines could be measured."""
    return Result(case, unit, None, bar=bar, against=f"{against}: skipped",
                  note=f"{against}: {why}")
