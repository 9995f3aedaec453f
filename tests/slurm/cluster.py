"""The cluster that tests/slurm/mini_cluster has started, and what tests ask of it. Only the
standard library is used."""
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
MINI = os.path.join(HERE, "mini_cluster")


def check(condition, text):
    if not condition:
        print("FAIL", text)
        sys.exit(1)


class Cluster:
    """folder: mini_cluster's DIR. Commands of Slurm are on the PATH of env."""

    def __init__(self, folder):
        self.folder = folder
        self.env = {**os.environ, "PATH": os.path.join(folder, "bin") + ":" + os.environ["PATH"]}

    def runs(self):
        done = subprocess.run([MINI, "exec", self.folder, "ctl", "true"], capture_output=True)
        return done.returncode == 0

    def run(self, *args, timeout=120, **rest):
        return subprocess.run(args, env=self.env, text=True, capture_output=True,
                              timeout=timeout, **rest)

    def as_user(self, number, *args, cwd):
        """A command of the user sw1 or sw2 on the login host."""
        return self.run(MINI, "exec", self.folder, "ctl", "setpriv", f"--reuid={60000 + number}",
                        "--regid=65534", "--clear-groups", *args, cwd=cwd)

    def kill_node(self, node):
        subprocess.run([MINI, "kill", self.folder, node], check=True)

    def boot_node(self, node):
        subprocess.run([MINI, "boot", self.folder, node], check=True)

    def job(self, number):
        """What scontrol knows of a job: {"JobState": "RUNNING", ...}."""
        done = self.run("scontrol", "-o", "show", "job", str(number))
        check(done.returncode == 0, done.stderr)
        return dict(re.findall(r"(\S+?)=(\S*)", done.stdout.split("\n")[0]))

    def wait_for(self, number, states, seconds):
        """Until a job is in one of the states; what scontrol says then."""
        return wait_until(lambda: (lambda job: job["JobState"] in states and job)(
            self.job(number)), seconds, lambda: f"job {number}: {self.job(number)}")

    def cancel_all(self):
        self.run("scancel", "--state=PENDING", "--quiet")
        self.run("scancel", "--state=RUNNING", "--quiet")


def wait_until(found, seconds, why):
    """Calls found() until it returns something true, and returns that."""
    end = time.monotonic() + seconds
    while True:
        value = found()
        if value:
            return value
        check(time.monotonic() < end, f"not within {seconds} s: {why()}")
        time.sleep(0.2)
