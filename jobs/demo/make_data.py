#!/usr/bin/env python3
"""Writes the demo's task: is the fault that a maintenance note is about still open?

Each row is a short note whose first word names the machine that it is about; the label
says whether that machine's fault is `open` or `resolved` now. Every clause that tells a
state comes in forms for both labels that share their words ("has not stopped leaking
since the seal was replaced", "has not leaked since the seal was replaced"). What decides
is order, tense, negation, condition, who is wrong about what, and which of two machines
is meant. So a linear layer on the frozen encoder sees little of it, adapters learn it.

usage: jobs/demo/make_data.py [--check]    writes demo/data/*.tsv, or says whether they are
                                      what this script writes

The text was written for this project. The result depends on the constants below only
(random.random() is the same in all versions of Python).
"""
import collections
import pathlib
import random
import sys

SEED = 20220505
ROWS = {"train": 1500, "dev": 300, "test": 300}
LABELS = ("open", "resolved")
MAX_WORDS = 26

# base, third person, past, participle, -ing, the fault as a noun
FAULTS = {
    "leak": ("leak", "leaks", "leaked", "leaked", "leaking", "leak"),
    "heat": ("overheat", "overheats", "overheated", "overheated", "overheating", "heat"),
    "rattle": ("rattle", "rattles", "rattled", "rattled", "rattling", "rattle"),
    "stall": ("stall", "stalls", "stalled", "stalled", "stalling", "stalling"),
    "jam": ("jam", "jams", "jammed", "jammed", "jamming", "jam"),
    "drift": ("drift", "drifts", "drifted", "drifted", "drifting", "drift"),
    "trip": ("trip the breaker", "trips the breaker", "tripped the breaker",
             "tripped the breaker", "tripping the breaker", "tripping"),
    "pressure": ("lose pressure", "loses pressure", "lost pressure", "lost pressure",
                 "losing pressure", "loss of pressure"),
    "smoke": ("smoke", "smokes", "smoked", "smoked", "smoking", "smoke"),
    "squeal": ("squeal", "squeals", "squealed", "squealed", "squealing", "squeal"),
    "freeze": ("freeze", "freezes", "froze", "frozen", "freezing", "freezing"),
    "drop": ("drop its connection", "drops its connection", "dropped its connection",
             "dropped its connection", "dropping its connection", "lost connection"),
    "flicker": ("flicker", "flickers", "flickered", "flickered", "flickering", "flicker"),
    "shake": ("shake", "shakes", "shook", "shaken", "shaking", "shaking"),
}

# part, participle, -ing
REPAIRS = {
    "seal": ("the seal", "replaced", "replacing"),
    "gasket": ("the gasket", "renewed", "renewing"),
    "filter": ("the filter", "cleaned", "cleaning"),
    "belt": ("the belt", "tightened", "tightening"),
    "bearing": ("the bearing", "greased", "greasing"),
    "valve": ("the valve", "adjusted", "adjusting"),
    "sensor": ("the sensor", "calibrated", "calibrating"),
    "cable": ("the cable", "rerouted", "rerouting"),
    "firmware": ("the firmware", "updated", "updating"),
    "bolts": ("the mounting", "bolted down", "bolting down"),
    "fan": ("the fan", "swapped", "swapping"),
    "switch": ("the switch", "rewired", "rewiring"),
    "roller": ("the roller", "aligned", "aligning"),
    "supply": ("the power supply", "exchanged", "exchanging"),
}

MACHINES = {
    "pump": ("leak heat rattle pressure stall", "seal gasket bearing valve bolts"),
    "boiler": ("leak pressure trip smoke", "gasket valve sensor seal switch"),
    "compressor": ("heat rattle pressure trip shake", "filter belt bearing valve fan"),
    "conveyor": ("jam squeal stall shake", "belt roller bearing sensor switch"),
    "press": ("leak jam stall shake", "seal valve bolts switch sensor"),
    "lift": ("squeal stall shake trip", "cable bearing switch roller sensor"),
    "printer": ("jam squeal freeze drop", "roller firmware sensor cable belt"),
    "scanner": ("freeze drift drop flicker", "firmware sensor cable supply roller"),
    "router": ("heat freeze drop", "fan firmware cable supply filter"),
    "server": ("heat freeze trip drop", "fan firmware supply filter cable"),
    "mixer": ("rattle heat smoke stall", "bearing belt switch bolts seal"),
    "chiller": ("leak freeze trip rattle", "filter valve sensor fan gasket"),
    "scale": ("drift flicker freeze", "sensor firmware cable supply bolts"),
    "display": ("flicker freeze drop drift", "cable supply firmware switch fan"),
    "generator": ("smoke stall trip shake", "filter belt bolts bearing switch"),
    "oven": ("smoke trip drift heat", "fan sensor switch seal supply"),
}

PEOPLE = """Ada Ben Carla Deniz Emre Fatima Goran Hana Ines Jonas Kofi Lena Mira Nadia
Omar Petra Quentin Rosa Sven Tara Umut Vera Wanda Yusuf""".split() + [
    "the night shift", "the day shift", "the operator", "the contractor", "the foreman"]
SPANS = ["an hour", "two hours", "half a day", "one shift", "a whole day", "three days",
         "a week", "a fortnight"]
TIMES = ["this morning", "last night", "at noon", "on Monday", "on Tuesday", "on Friday",
         "at the weekend", "yesterday", "after lunch", "during the test"]

# Clauses that tell a state and what was done, in pairs for the two labels.
# {s} machine, {base} {third} {past} {part} {ing} {noun} its fault; {fix} the part,
# {done} {doing} what was done to it; {span} {time} {who}
CLAUSES = [
    ("{s} still {third} although {fix} was {done}",
     "{s} no longer {third} although {fix} was never {done}"),
    ("{s} has not stopped {ing} since {fix} was {done}",
     "{s} has not {part} since {fix} was {done}"),
    ("{doing} {fix} did not keep {s} from {ing}",
     "after {doing} {fix} nothing kept {s} from running, not even {ing}"),
    ("{s} will no longer {base} once {fix} is {done}",
     "{s} will no longer {base} now that {fix} is {done}"),
    ("{s} would not {base} any more if {fix} had been {done}",
     "{s} would still {base} if {fix} had not been {done}"),
    ("{s} stopped {ing} for {span} after {fix} was {done}, then it {past} again",
     "{s} {past} for {span} after {fix} was {done}, then it stopped for good"),
    ("until {fix} is {done}, {s} will go on {ing}",
     "until {fix} was {done}, {s} went on {ing}"),
    ("{s} {past} before {fix} was {done} and also afterwards",
     "{s} {past} before {fix} was {done} but not afterwards"),
    ("the {noun} seemed gone when {fix} was {done}, but it is back",
     "the {noun} seemed to be back when {fix} was {done}, but it is gone"),
    ("nobody has {done} {fix} yet, and {s} goes on {ing}",
     "nobody has {done} {fix} yet, but {s} has stopped {ing}"),
    ("{s} ran for {span} before the {noun} came back {time}",
     "the {noun} came back {time}, but {s} ran {span} later and runs now"),
    ("{who} {done} {fix} {time}, and {s} {past} again after {span}",
     "{s} {past} again {time}, and after {span} {who} had {done} {fix} for good"),
    ("{fix} was {done} {time}, not that {s} stopped {ing}",
     "not that {fix} was {done}, but {s} stopped {ing} {time}"),
    ("{who} wants to have {fix} {done} because {s} {third}",
     "{who} wanted {fix} {done} because {s} {past}, and it worked"),
]

# A state and nothing else, so that it can be denied, doubted or compared.
STATES = [
    ("{s} still {third}", "{s} no longer {third}"),
    ("{s} has not stopped {ing}", "{s} has stopped {ing}"),
    ("the {noun} is back", "the {noun} is gone"),
    ("the {noun} has not been cured", "the {noun} has been cured"),
    ("{s} keeps {ing}", "{s} has quit {ing}"),
    ("{doing} {fix} was in vain", "{doing} {fix} has helped"),
    ("{s} {third} as before", "{s} does not {base} as before"),
    ("{s} is out of order", "{s} is in working order"),
    ("the {noun} needs another visit", "the {noun} needs no further visit"),
    ("{s} is as bad as ever", "{s} is as good as new"),
    ("{s} waits for a repair", "{s} has been repaired"),
    ("we have to shut {s} down", "we can keep {s} running"),
    ("the ticket about the {noun} stays open", "the ticket about the {noun} is closed"),
]

AGREE = ["{who} confirms that {x}", "according to {who} {x}", "{who} was right that {x}",
         "it is true that {x}", "{who} denied it {time}, but {x}",
         "we did not believe {who}, but {x}", "{who} no longer doubts that {x}"]
DENY = ["{who} was wrong to say that {x}", "it is not true that {x}",
        "{who} believed that {x}, but that was an error",
        "the log says that {x}, which is false",
        "nobody can confirm that {x}, quite the contrary",
        "{who} said {time} that {x}, but the opposite holds",
        "{who} no longer claims that {x}"]
COMPARE = ["unlike the {other}, which {y}, {x}", "{x}, whereas the {other} {y}",
           "the {other} {y}, but {x}", "{x}, and only the {other} {y}"]
OTHER = [("still {third}", "no longer {third}"), ("keeps {ing}", "has stopped {ing}"),
         ("has not been cured", "has been cured")]


class Dice:
    def __init__(self, seed):
        self.random = random.Random(seed).random

    def below(self, n):
        return int(self.random() * n)

    def pick(self, items):
        return items[self.below(len(items))]


def words_of(dice, machine):
    faults, repairs = (names.split() for names in MACHINES[machine])
    fault, repair = FAULTS[dice.pick(faults)], REPAIRS[dice.pick(repairs)]
    keys = ("base", "third", "past", "part", "ing", "noun")
    return dict(zip(keys, fault), fix=repair[0], done=repair[1], doing=repair[2],
                s="the " + machine, who=dice.pick(PEOPLE), span=dice.pick(SPANS),
                time=dice.pick(TIMES))


def compare(dice, machine, words, label):
    other = dice.pick([m for m in MACHINES if m != machine])
    theirs = dice.pick(OTHER)[1 - label].format(**words_of(dice, other))
    form = dice.pick(COMPARE)
    return form.format(x=dice.pick(STATES)[label].format(**words), y=theirs, other=other)


def note(dice, label):
    machine = dice.pick(list(MACHINES))
    words = words_of(dice, machine)
    kind = dice.random()
    if kind < 0.40:
        text = dice.pick(CLAUSES)[label].format(**words)
    elif kind < 0.58:
        text = dice.pick(STATES)[label].format(**words)
    elif kind < 0.75:
        text = dice.pick(AGREE).format(x=dice.pick(STATES)[label].format(**words), **words)
    elif kind < 0.85:
        text = dice.pick(DENY).format(x=dice.pick(STATES)[1 - label].format(**words), **words)
    else:
        text = compare(dice, machine, words, label)
    return f"{machine}: {text}."


def rows(dice):
    """Distinct notes, as many of one label as of the other, in mixed order."""
    seen, half = set(), [sum(ROWS.values()) // 2] * 2
    while any(half):
        label = dice.below(2)
        text = note(dice, label)
        if half[label] and text not in seen and len(text.split()) <= MAX_WORDS:
            half[label] -= 1
            seen.add(text)
            yield text, label


def balanced_splits(dice):
    left = {split: [n // 2, n // 2] for split, n in ROWS.items()}
    out = collections.defaultdict(list)
    for text, label in rows(dice):
        split = next(s for s in ("test", "dev", "train") if left[s][label])
        left[split][label] -= 1
        out[split].append((text, label))
    return out


def files():
    for split, lines in balanced_splits(Dice(SEED)).items():
        text = "".join(f"{text}\t{LABELS[label]}\n" for text, label in lines)
        yield split + ".tsv", "sentence\tlabel\n" + text


def main(arguments):
    folder = pathlib.Path(__file__).resolve().parent / "data"
    if arguments not in ([], ["--check"]):
        sys.exit("usage: jobs/demo/make_data.py [--check]")
    for name, text in files():
        path = folder / name
        if not arguments:
            folder.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        elif path.read_text(encoding="utf-8") != text:
            sys.exit(f"{path}: is not what jobs/demo/make_data.py writes")


if __name__ == "__main__":
    main(sys.argv[1:])
