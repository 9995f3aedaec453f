"""Turns on the same cores, so that a pair of turns sees the same machine."""
import statistics


def take_turns(context, contestants):
    """Measures each of {name: function without arguments} once a round, first in turn;
    the lists of what they returned."""
    names = list(contestants)
    seen = {name: [] for name in names}
    for r in range(context.rounds):
        shift = r % len(names)
        for name in names[shift:] + names[:shift]:
            seen[name].append(contestants[name]())
        context.say(f"  round {r + 1} of {context.rounds}: "
                    + ", ".join(f"{n} {seen[n][-1]:.5g}" for n in names))
    return seen


def spread(ratios):
    return statistics.median(ratios), min(ratios), max(ratios)


def best_variant(context, axes, measure, start=None):
    """The variant with the highest rate, one axis after the other.

    axes     {axis: values}, the first of each to begin with
    measure  rate of a variant {axis: value}; Skip where it does not work
    Returns it and what was seen: [(variant in words, rate or reason)]."""
    from comparison.side import Skip
    best = {axis: values[0] for axis, values in axes.items()} | (start or {})
    seen, fastest = [], None

    def attempt(variant):
        try:
            rate = measure(variant)
        except Skip as reason:
            context.say(f"  {words(variant)}: does not work: {reason}")
            seen.append([words(variant), str(reason)])
            return None
        context.say(f"  {words(variant)}: {rate:.5g}")
        seen.append([words(variant), rate])
        return rate

    fastest = attempt(best)
    for axis, values in axes.items():
        kept = best
        for value in values:
            if value == kept[axis]:
                continue
            rate = attempt(kept | {axis: value})
            if rate is not None and (fastest is None or rate > fastest):
                best, fastest = kept | {axis: value}, rate
    if fastest is None:
        raise Skip(seen[0][1])
    return best, seen


def words(variant):
    return ", ".join(str(value) for value in variant.values() if value)
