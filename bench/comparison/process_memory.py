"""What processes hold in memory, from /proc."""
import os
import re

SHARED = (".safetensors", ".f32", ".panels")  # the encoder's files, mapped by all workers


def children(pid):
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as f:
                for child in map(int, f.read().split()):
                    found += [child] + children(child)
    except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
        pass
    return found


def sizes(pid):
    """MiB: Rss and Pss of all, Rss and Pss of the mapped encoder."""
    total, encoder, inside = [0, 0], [0, 0], False
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as f:
        for line in f:
            if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                inside = line.rstrip().removesuffix(" (deleted)").endswith(SHARED)
            for i, key in enumerate(("Rss:", "Pss:")):
                if line.startswith(key):
                    size = int(line.split()[1]) / 1024
                    total[i] += size
                    encoder[i] += size if inside else 0
    return total + encoder


def ranks(launcher):
    """Processes of the program below a launcher."""
    found = []
    for pid in children(launcher):
        try:
            if "shiftwork" in os.readlink(f"/proc/{pid}/exe"):
                found.append(pid)
        except OSError:
            pass
    return found
