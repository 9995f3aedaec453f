"""Simulates schedulers on learning curves: schedulers.txt beside this file.

    python make_scheduler_goldens.py [CURVES.csv]    (numpy)

Written from the papers, by sorting whole lists: ASHA, arXiv 1810.05934, Algorithm 2;
Hyperband, JMLR 18 (2018), Algorithm 1; median stopping, Google Vizier (KDD 2017),
section 3.2, over all that have come as far (docs/schedulers.md says where ours departs).
Curves are synthetic (fixed seed), or rows "trial,epoch,score" of CURVES.csv as one case
more of each rule (every epoch of every trial).

A case is a line of settings, a line a trial (unit, members, task, duration of an epoch,
epoch at which it fails or 0, scores) and the events. Workers take, whenever one is free,
what the rule lets go on, else the next new trial; of epochs that end at the same time
that of the lower trial comes first. Events: g granted, r resumed, p paused, s stopped,
d done, f failed; trial; epoch.
"""
import csv
import heapq
import math
import os
import statistics
import sys

import numpy as np


def last_rung(c):
    k = 0
    while c["min"] * c["eta"] ** (k + 1) <= c["max"]:
        k += 1
    return k


def bracket_size(smax, s, eta):
    return math.ceil((smax + 1) * eta ** s / (s + 1))


def ranked(rung):
    """Best first; NaN is -inf by now; of equals the unit that was there first."""
    return sorted(rung, key=lambda entry: (-entry[0], entry[1]))


class Asha:
    """get_job() over the rungs of every bracket and task, those of more epochs first."""

    def __init__(self, c):
        self.c, self.K = c, last_rung(c)
        self.brackets = min(c["brackets"], self.K + 1)
        self.weights = [bracket_size(self.K, self.K - s, c["eta"])
                        for s in range(self.brackets)]
        self.credit = {t: [0] * self.brackets for t in range(c["tasks"])}
        self.place, self.rungs, self.promoted = {}, {}, set()

    def add(self, unit, task):
        credit = self.credit[task]
        for s, weight in enumerate(self.weights):
            credit[s] += weight
        s = credit.index(max(credit))
        credit[s] -= sum(self.weights)
        self.place[unit] = [task, s, 0]

    def complete(self):
        pass

    def target(self, unit):
        _, s, k = self.place[unit]
        return None if s + k == self.K else self.c["min"] * self.c["eta"] ** (s + k)

    def judge(self, unit, score, alive):
        self.rungs.setdefault(tuple(self.place[unit]), []).append((score, unit))
        if not alive:
            self.promoted.add((unit, self.place[unit][2]))

    def get_job(self):
        for level in range(self.K - 1, -1, -1):
            for s in range(min(self.brackets, level + 1)):
                for task in range(self.c["tasks"]):
                    k = level - s
                    rung = ranked(self.rungs.get((task, s, k), []))
                    candidates = rung[:len(rung) // self.c["eta"]]
                    promotable = [u for _, u in candidates if (u, k) not in self.promoted]
                    if promotable:
                        unit = promotable[0]
                        self.promoted.add((unit, k))
                        self.place[unit][2] += 1
                        return [unit]
        return []


class Hyperband:
    """Brackets s_max ... 0 filled in order, each run by successive halving."""

    def __init__(self, c):
        self.c, self.smax = c, last_rung(c)
        self.brackets = {t: [] for t in range(c["tasks"])}
        self.of, self.ready = {}, []

    def add(self, unit, task):
        brackets = self.brackets[task]
        if not brackets or len(brackets[-1]["T"]) == brackets[-1]["n"]:
            s = brackets[-1]["s"] - 1 if brackets else self.smax
            s = self.smax if s < 0 else s
            brackets.append({"s": s, "n": bracket_size(self.smax, s, self.c["eta"]),
                             "i": 0, "T": [], "L": [], "full": False})
        b = brackets[-1]
        b["T"].append(unit)
        b["full"] = len(b["T"]) == b["n"]
        self.of[unit] = [b, 0]

    def complete(self):
        for brackets in self.brackets.values():
            for b in brackets:
                b["n"], b["full"] = len(b["T"]) if not b["full"] else b["n"], True
                self.halve(b)

    def target(self, unit):
        b, i = self.of[unit]
        if i == b["s"]:
            return None
        return math.floor(self.c["max"] / self.c["eta"] ** (b["s"] - i) + 0.5)

    def judge(self, unit, score, alive):
        b, _ = self.of[unit]
        b["L"].append((score, unit, alive))
        self.halve(b)

    def halve(self, b):
        if not b["full"] or not b["T"] or len(b["L"]) < len(b["T"]) or b["i"] == b["s"]:
            return
        best = [u for _, u, alive in sorted(b["L"], key=lambda x: (-x[0], x[1])) if alive]
        n_i = math.floor(b["n"] / self.c["eta"] ** b["i"])
        b["T"], b["L"] = best[:max(1, n_i // self.c["eta"])], []
        b["i"] += 1
        for unit in b["T"]:
            self.of[unit][1] = b["i"]
        self.ready += b["T"]

    def get_job(self):
        units, self.ready = self.ready, []
        return units


class Median:
    def __init__(self, c):
        self.c, self.averages, self.scores, self.stopped = c, {}, {}, set()

    def add(self, unit, task):
        self.scores[unit] = (task, [])

    def complete(self):
        pass

    def get_job(self):
        return []

    def epoch(self, unit, score):
        task, scores = self.scores[unit]
        scores.append(score)
        step = len(scores)
        others = self.averages.setdefault((task, step), [])
        if (self.c["min"] <= step < self.c["max"] and len(others) >= 3
                and max(scores) < statistics.median(others)):
            self.stopped.add(unit)
        others.append(sum(scores) / step)


RULES = {"asha": Asha, "hyperband": Hyperband, "median": Median}


class Simulation:
    def __init__(self, c, trials):
        self.c, self.trials, self.rule = c, trials, RULES[c["kind"]](c)
        self.units, self.log = {}, []
        for number, t in enumerate(trials, 1):
            t["number"], t["epoch"], t["state"] = number, 0, "new"
            name = t["unit"] if c["judge"] == "mean" else number
            if name not in self.units:
                self.units[name] = []
                self.rule.add(number, t["task"])  # a unit is called by its first trial
            self.units[name].append(t)
            t["key"] = self.units[name][0]["number"]
        self.members = {m[0]["number"]: m for m in self.units.values()}
        self.backlog, self.queue = [], list(trials)

    def mean(self, members, epoch):
        scores = [t["scores"][epoch(t) - 1] for t in members]
        scores = [-math.inf if math.isnan(x) else x for x in scores]
        return sum(scores) / len(scores) if scores else -math.inf

    def take(self, now):
        if not self.backlog:
            for unit in self.rule.get_job():
                self.backlog += [t for t in self.members[unit] if t["state"] == "paused"]
        if self.backlog:
            t, event = self.backlog.pop(0), "r"
        elif self.queue:
            t, event = self.queue.pop(0), "g"
        else:
            return False
        t["state"] = "running"
        self.log.append((event, t["number"], t["epoch"]))
        heapq.heappush(self.running, (now + t["duration"], t["number"]))
        return True

    def settle_median(self, unit):
        members = self.members[unit]
        while True:
            step = len(self.rule.scores[unit][1]) + 1
            there = [t for t in members if t["epoch"] >= step]
            waiting = [t for t in members
                       if t["epoch"] < step and t["state"] not in ("failed", "stopped")]
            if waiting or not there:
                return
            self.rule.epoch(unit, self.mean(there, lambda t: step))

    def settle_rungs(self, unit):
        members = self.members[unit]
        if any(t["state"] in ("new", "running") for t in members):
            return
        alive = [t for t in members if t["state"] == "paused"]
        self.rule.judge(unit, self.mean(alive, lambda t: t["epoch"]), bool(alive))

    def ends(self, t, state, event):
        t["state"] = state
        self.log.append((event, t["number"], t["epoch"]))

    def step(self, t, now):
        c, unit = self.c, t["key"]
        rungs = c["kind"] != "median"
        target = self.rule.target(unit) if rungs else None
        if t["fails"] == t["epoch"] + 1:
            self.ends(t, "failed", "f")
            if target:
                self.settle_rungs(unit)
            elif not rungs:
                self.settle_median(unit)
            return
        t["epoch"] += 1
        if not rungs:
            self.settle_median(unit)
            if unit in self.rule.stopped and t["epoch"] < c["max"]:
                return self.ends(t, "stopped", "s")
        elif target and t["epoch"] >= target:
            self.ends(t, "paused", "p")
            return self.settle_rungs(unit)
        if t["epoch"] == c["max"]:
            return self.ends(t, "done", "d")
        heapq.heappush(self.running, (now + t["duration"], t["number"]))

    def run(self):
        self.running, now = [], 0
        self.rule.complete()
        free = self.c["workers"]
        while True:
            while free and self.take(now):
                free -= 1
            if not self.running:
                return self.log
            now, number = heapq.heappop(self.running)
            self.step(self.trials[number - 1], now)
            free += self.trials[number - 1]["state"] != "running"


def draw_curves(rng, units, seeds, tasks, epochs):
    """Saturating curves with noise over seeds, a few that overfit, diverge or fail."""
    trials = []
    for unit in range(1, units + 1):
        top, tau = rng.beta(4, 2), rng.uniform(0.5, epochs / 2)
        fall = rng.uniform(0, 0.02) if rng.random() < 0.2 else 0
        for _ in range(seeds):
            e = np.arange(1, epochs + 1)
            scores = top * (1 - np.exp(-e / tau)) - fall * e + rng.normal(0, 0.01, epochs)
            scores = np.round(scores, 3)
            if rng.random() < 0.05:
                scores[rng.integers(epochs):] = np.nan
            fails = int(rng.integers(1, 5)) if rng.random() < 0.08 else 0
            trials.append({"unit": unit, "task": (unit - 1) % tasks, "fails": fails,
                           "duration": int(rng.integers(10, 101)),
                           "scores": scores.tolist()})
    return trials


def read_curves(path, rng):
    curves = {}
    with open(path) as file:
        for row in csv.DictReader(file):
            curves.setdefault(int(row["trial"]), {})[int(row["epoch"])] = float(row["score"])
    return [{"unit": i, "task": 0, "fails": 0, "duration": int(rng.integers(10, 101)),
             "scores": [curve[e] for e in sorted(curve)]}
            for i, (_, curve) in enumerate(sorted(curves.items()), 1)]


# name, kind, min, max, eta, brackets, judge, tasks, workers, units, seeds
CASES = [
    ("asha_eta_2", "asha", 1, 16, 2, 1, "each", 1, 5, 40, 1),
    ("asha_eta_3", "asha", 1, 9, 3, 1, "each", 1, 7, 54, 1),
    ("asha_eta_4_misses_max", "asha", 1, 20, 4, 1, "each", 1, 4, 48, 1),
    ("asha_one_worker", "asha", 2, 18, 3, 1, "each", 1, 1, 30, 1),
    ("asha_brackets", "asha", 1, 9, 3, 3, "each", 1, 6, 60, 1),
    ("asha_mean", "asha", 1, 9, 3, 1, "mean", 1, 8, 27, 3),
    ("asha_tasks_brackets_mean", "asha", 1, 8, 2, 3, "mean", 2, 6, 40, 2),
    ("hyperband_eta_3", "hyperband", 1, 9, 3, 1, "each", 1, 6, 50, 1),
    ("hyperband_rounds", "hyperband", 1, 10, 2, 1, "each", 1, 5, 45, 1),
    ("hyperband_tasks_mean", "hyperband", 1, 9, 3, 1, "mean", 2, 7, 30, 2),
    ("median_each", "median", 2, 10, 3, 1, "each", 1, 6, 40, 1),
    ("median_tasks_mean", "median", 1, 8, 3, 1, "mean", 2, 6, 20, 3),
]
NAMES = ("name", "kind", "min", "max", "eta", "brackets", "judge", "tasks", "workers")


def written(c, trials, out):
    log = Simulation(c, trials).run()
    seeds = {u: sum(t["unit"] == u for t in trials) for u in {t["unit"] for t in trials}}
    out.append("case " + " ".join(str(c[n]) for n in NAMES)
               + f" {len(trials)} {len(log)}")
    for t in trials:
        out.append(f"{t['unit']} {seeds[t['unit']]} {t['task']} {t['duration']} {t['fails']} "
                   + " ".join(f"{x:.17g}" if x != round(x, 3) else f"{x:.3f}".rstrip("0")
                              for x in t["scores"]))
    out += [f"{event} {trial} {epoch}" for event, trial, epoch in log]
    kinds = {e: sum(x[0] == e for x in log) for e in "grpsdf"}
    print(c["name"], len(trials), "trials", kinds)


def main():
    rng, out = np.random.default_rng(6), []
    for case in CASES:
        c = dict(zip(NAMES, case))
        written(c, draw_curves(rng, case[9], case[10], c["tasks"], c["max"]), out)
    for kind in RULES if len(sys.argv) > 1 else ():
        trials = read_curves(sys.argv[1], rng)
        c = dict(zip(NAMES, ("recorded_" + kind, kind, 1, len(trials[0]["scores"]), 3, 1,
                             "each", 1, 4)))
        written(c, trials, out)
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "schedulers.txt")
    with open(path, "w") as file:
        file.write("\n".join(out) + "\n")


main()
