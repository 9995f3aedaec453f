"""The comparison as a table on the terminal, as JSON and as Markdown."""
import json
import os


def number(x):
    if x is None:
        return ""
    return f"{x:,.0f}" if abs(x) >= 1000 else f"{x:.3g}"


def bar_text(r):
    if r["bar"] is None:
        return ""
    return ("below " if r["below"] else "") + f"{r['bar']:g}"


def cells(r):
    ratio = f"{r['ratio']:.2f}" if r["ratio"] is not None else ""
    spread = "" if r["lowest"] is None else f"{r['lowest']:.2f}..{r['highest']:.2f}"
    met = {None: "", True: "yes", False: "NO"}[r["met"]]
    return [r["case"], r["unit"], number(r["ours"]), number(r["theirs"]), ratio, spread,
            bar_text(r), met, r["against"]]


HEADER = ["case", "unit", "ours", "theirs", "ratio", "lowest..highest", "bar", "met",
          "against"]


def print_row(row):
    print(f"\n{row['name']}: {row['title']}")
    if row["skipped"]:
        print(f"  skipped: {row['skipped']}")
    table = [HEADER] + [cells(r) for r in row["results"]]
    widths = [max(len(line[i]) for line in table) for i in range(len(HEADER))]
    for line in table if row["results"] else []:
        print("  " + "  ".join(c.ljust(w) for c, w in zip(line, widths)).rstrip())
    for r in row["results"]:
        if r["note"]:
            print(f"  {r['case']}: {r['note']}")
    print(flush=True)


def markdown_row(row):
    lines = [f"## {row['name']}: {row['title']}", ""]
    if row["skipped"]:
        lines += [f"Skipped: {row['skipped']}", ""]
    if row["results"]:
        lines += ["| " + " | ".join(HEADER) + " |", "|---" * len(HEADER) + "|"]
        lines += ["| " + " | ".join(c.replace("|", "\\|") for c in cells(r)) + " |"
                  for r in row["results"]]
        lines.append("")
    for r in row["results"]:
        if r["note"]:
            lines += [f"{r['case']}: {r['note']}", ""]
    return lines + markdown_details(row["results"])


def markdown_details(results):
    lines, said = [], []
    for r in results:
        for side, command in r["commands"].items():
            lines.append(f"- {r['case']}, {side}: `{command}`")
        if r["tried"] and r["tried"] not in said:
            said.append(r["tried"])
            lines.append(f"- {r['case']}, tried: " + "; ".join(
                f"{name}: {number(x) if isinstance(x, float) else x}"
                for name, x in r["tried"]))
    return lines + [""] if lines else lines


def markdown(comparison):
    lines = ["# Comparison", ""]
    for part in ("machine", "versions", "settings"):
        lines += [f"- {k}: {v}" for k, v in comparison[part].items()]
    lines += ["", f"    {comparison['command']}", ""]
    for row in comparison["rows"]:
        lines += markdown_row(row)
    return "\n".join(lines).rstrip() + "\n"


def replace(path, text):
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(text)
    os.replace(path + ".new", path)


def write(folder, comparison):
    replace(os.path.join(folder, "comparison.json"), json.dumps(comparison, indent=1) + "\n")
    replace(os.path.join(folder, "comparison.md"), markdown(comparison))
