"""What the command line asked for."""
import json
import os
import subprocess
import sys
import time

from comparison.side import Skip

BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(BENCH)
TASKS = {"mrpc": "MRPC", "cola": "CoLA"}


class Context:
    def __init__(self, options):
        self.root, self.bench = ROOT, BENCH
        self.python, self.quick = options.python, options.quick
        self.small = os.path.abspath(options.encoder)
        self.data = os.path.abspath(options.data)
        self.build = os.path.abspath(options.build)
        self.out = os.path.abspath(options.out)
        self.no_compile = options.quick or options.no_compile
        self.rounds = 1 if options.quick else options.rounds
        self.seconds = 0.01 if options.quick else options.seconds  # of a turn
        self.cores = sorted(os.sched_getaffinity(0))[:2]
        self.began = time.monotonic()
        self.kept = {}  # what one row found that another can use

    def say(self, text):
        print(f"[{time.monotonic() - self.began:6.0f} s] {text}", file=sys.stderr,
              flush=True)

    def program(self, name):
        path = os.path.join(self.build, name)
        if not os.access(path, os.X_OK):
            raise Skip(f"{path} is not there: build it first")
        return path

    def shiftwork(self):
        return self.program("shiftwork")

    def script(self, name):
        return [self.python, os.path.join(self.bench, name)]

    def folder(self, task):
        path = os.path.join(self.data, TASKS[task])
        if not os.path.isdir(path):
            raise Skip(f"{path} is not there")
        return path

    def layers(self, encoder):
        with open(os.path.join(encoder, "config.json"), encoding="utf-8") as f:
            return json.load(f)["num_hidden_layers"]

    def base(self):
        """BERT-base's shape with random weights; made where it is absent."""
        path = os.path.join(self.out, "bert-base")
        if not os.path.exists(f"{path}/tokenizer.json"):
            self.say(f"making {path}")
            made = subprocess.run([*self.script("speed_torch.py"), "--make-base", path,
                                   self.small], capture_output=True, text=True)
            if made.returncode:
                raise Skip("no BERT-base: " + (made.stderr.strip().split("\n") or [""])[-1])
        return path

    def encoders(self):
        """(name, function that returns the folder)."""
        small, base = ("MiniLM", lambda: self.small), ("BERT-base", self.base)
        return [small] if self.quick else [small, base]
