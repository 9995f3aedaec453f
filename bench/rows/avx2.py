"""The AVX2 kernels, forced, against OpenBLAS' for the same instruction set."""
from comparison import machine
from comparison.side import Skip
from rows import share

NAME = "avx2"
TITLE = "needed flops of training as a share of the best sgemm rate, AVX2 on both sides"

BARS = {"MiniLM": 0.85, "BERT-base": 0.85}


def run(context):
    if "avx2" not in machine.flags():
        raise Skip("the processor has no AVX2")
    found = {"OpenBLAS Haswell": share.openblas(context, "Haswell")}
    return share.shares(context, found, BARS, (1,), {"SHIFTWORK_ISA": "avx2"}, "avx2")
