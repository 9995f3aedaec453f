"""Programs that work on request, a line of numbers for a line of standard input, pinned
to cores. None of them is left behind, however the comparison ends."""
import atexit
import os
import re
import select
import subprocess
import tempfile

ANSWER_S = 3600  # the longest that an answer may take
running = set()


class Skip(Exception):
    """Why a row, or a variant in it, cannot be measured here."""


@atexit.register
def stop_all():
    for process in list(running):
        process.kill()
        process.wait()


def clean_environment(changes):
    """Without settings of threads that the caller's shell may hold."""
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("OMP_", "GOMP_", "MKL_", "OPENBLAS_", "KMP_", "MALLOC_"))}
    env.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error",
               TOKENIZERS_PARALLELISM="false", PYTHONWARNINGS="ignore")
    env.update(changes)
    return env


def pinned(command, cores):
    return ["taskset", "-c", ",".join(map(str, cores)), *map(str, command)]


def printed(command, environment):
    """As it would be typed."""
    return " ".join([f"{k}={v}" for k, v in sorted(environment.items())] + command)


def reason(errors):
    """The line that says why: the last one, or the one with a Python exception's name."""
    lines = [line.strip() for line in errors.split("\n") if line.strip()]
    named = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)]
    return (named or lines or [""])[-1][:200]


class Side:
    """One process. Its first line is "ready" and what it says of itself."""

    def __init__(self, command, cores, environment=None):
        environment = environment or {}
        self.command = pinned(command, cores)
        self.printed = printed(self.command, environment)
        self.errors = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            stderr=self.errors, env=clean_environment(environment))
        running.add(self.process)

    def started(self):
        """What it says of itself."""
        word, _, rest = self.receive().partition(" ")
        if word != "ready":
            self.fail()
        return rest

    def fail(self):
        self.end()
        self.errors.seek(0)
        why = reason(self.errors.read())
        self.close()
        raise Skip(why or f"ended with {self.process.returncode}: {self.printed}")

    def send(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            self.fail()

    def receive(self):
        if not select.select([self.process.stdout], [], [], ANSWER_S)[0]:
            self.process.kill()
        line = self.process.stdout.readline().strip()
        if not line:
            self.fail()
        return line

    def end(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        running.discard(self.process)

    def close(self):
        self.end()
        self.process.stdout.close()
        self.errors.close()


class Group:
    """Sides that work at the same time, asked the same."""

    def __init__(self, sides):
        self.sides = sides
        try:
            self.words = [side.started() for side in sides]
        except Skip:
            self.close()
            raise
        self.printed = sides[0].printed
        if len(sides) > 1:
            self.printed += f"  ({len(sides)} at the same time, a core each)"

    def ask(self, line):
        """The numbers of each side's answer."""
        for side in self.sides:
            side.send(line)
        return [[float(x) for x in side.receive().split()] for side in self.sides]

    def rate(self, line, column=0):
        """Of all together: each one's work by its own clock (column 1)."""
        return sum(a[column] / a[1] for a in self.ask(line))

    def close(self):
        for side in self.sides:
            side.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def one(command, cores, environment=None):
    return Group([Side(command, cores, environment)])


def one_a_core(command, cores, environment=None):
    return Group([Side(command, [core], environment) for core in cores])
