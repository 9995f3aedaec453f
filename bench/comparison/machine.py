"""What was compared, and on what."""
import os
import platform
import re
import subprocess

FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_tile")
PACKAGES = ("torch", "transformers", "tokenizers", "onnxruntime", "numpy")


def output(command, cwd=None):
    try:
        return subprocess.run(command, capture_output=True, text=True, cwd=cwd,
                              check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def cpu():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        text = f.read()
    return {key: (re.search(rf"^{key}\s*: (.*)$", text, re.M) or [0, ""])[1]
            for key in ("model name", "flags", "cache size")}


def flags():
    have = cpu()["flags"].split()
    return [flag for flag in FLAGS if flag in have]


def machine(cores):
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {"processor": cpu()["model name"], "instruction sets": " ".join(flags()),
            "cores": os.cpu_count(), "cores used": " ".join(map(str, cores)),
            "memory": f"{memory:.0f} GiB", "system": platform.platform(),
            "load before": " ".join(f"{x:.1f}" for x in os.getloadavg())}


def python_versions(python):
    code = ("import importlib.metadata as m\n"
            f"for p in {PACKAGES!r}:\n"
            "    try: print(p, m.version(p))\n"
            "    except m.PackageNotFoundError: print(p, 'absent')\n")
    lines = output([python, "-c", code]).splitlines()
    return dict(line.split(" ", 1) for line in lines if " " in line)


def versions(context):
    commit = output(["git", "describe", "--always", "--dirty"], context.root)
    libraries = {name: output(["pkg-config", "--modversion", package])
                 for name, package in (("OpenBLAS", "openblas"), ("HDF5", "hdf5"))}
    return ({"shiftwork": commit, "compiler": output(["cc", "--version"]).split("\n")[0],
             "Open MPI": output(["mpirun", "--version"]).split("\n")[0]} | libraries
            | python_versions(context.python))
