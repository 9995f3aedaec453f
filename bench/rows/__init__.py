"""A module a row of bench/compare: NAME, TITLE and run(context), which returns Results
or raises Skip with the reason."""
from rows import (avx2, bf16, dropout, evaluate, layers, memory, prepare, profile, share,
                  start, sweep, train)

ALL = [train, share, dropout, evaluate, bf16, layers, start, prepare, memory, sweep, avx2,
       profile]
