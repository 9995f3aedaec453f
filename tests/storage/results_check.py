"""results.h5 as h5py and pandas see it.

    results_check.py TEST_RESULTS_FILE

The test's program writes its example; every table is one line of pandas, as the design
promises. Exit code 77 (skipped) where the packages are missing.
"""

import os
import subprocess
import sys
import tempfile

try:
    import h5py
    import pandas
except ImportError as missing:
    print("skipped: Python without", missing.name)
    sys.exit(77)


def table(group):
    columns = {}
    for name, column in group.items():
        text = h5py.check_string_dtype(column.dtype)
        assert text is None or text.encoding == "utf-8", name
        columns[name] = column.asstr()[()] if text else column[()]
    return pandas.DataFrame(columns)


def check(f):
    epochs = pandas.DataFrame({k: v[()] for k, v in f["epochs"].items()})
    assert epochs.shape[0] == 40 and epochs["accuracy"][39] == 39 / 64
    trials = table(f["trials"])
    assert list(trials["status"]) == ["done", "given up"]
    assert trials["error"][1] == "café ?" and trials["dev_f1"][0] == 0.75
    assert table(f["configs"])["pooling"][0] == "cls"
    assert list(trials["bracket"]) == [2, 2] and list(trials["rung"]) == [3, -1]
    leases = table(f["leases"])
    assert list(leases["end"]) == ["done", ""] and leases["ended"].isna()[1]
    tasks = table(f["tasks"])
    assert tasks["metrics"][0] == "accuracy,f1" and tasks["rows_dev"][0] == 3
    dev = f["predictions/mrpc/dev"]
    assert dev["logits"].shape == (2, 3, 2) and list(dev["labels"]) == [0, 1, 1]
    (adapters,) = f["adapters"].values()
    tensors = table(adapters["tensors"])
    sizes = tensors["rows"] * tensors["cols"].clip(lower=1)
    assert sizes.sum() == adapters["values"].shape[1] == 26
    assert f.attrs["job"] == 'encoder = "x";\n' and f.attrs["schema"] == 1


with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "results.h5")
    program = [sys.argv[1], path]
    subprocess.run(program, check=True, stdout=subprocess.DEVNULL)
    with h5py.File(path) as file:
        check(file)
print("all tables are read")
