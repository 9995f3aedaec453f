"""Records the scores of a finished sweep over learning_rate and batch_size, for
bench/search_quality.py.

    python tests/golden/record_search_surface.py RUN_DIR >tests/golden/search_surface.tsv

The run recorded here: CoLA, 2,000 training rows (subsample), all-MiniLM-L6-v2, 9 epochs,
everything else at its default; of each configuration the best epoch's Matthews
correlation on dev.
"""

import os
import sys

import h5py

with h5py.File(os.path.join(sys.argv[1], "results.h5")) as file:
    configs = {int(number): i for i, number in enumerate(file["configs/config"][()])}
    rates, batches = (file[f"configs/{name}"][()]
                      for name in ("learning_rate", "batch_size"))
    print(f"# CoLA, 2,000 training rows, MiniLM, 9 epochs, seed 1; "
          f"Shiftwork {file.attrs['program_version']}")
    print("learning_rate\tbatch_size\tmatthews")
    for config, score in zip(file["trials/config"][()], file["trials/score"][()]):
        at = configs[int(config)]
        print(f"{float(rates[at])!r}\t{batches[at]}\t{float(score)!r}")
