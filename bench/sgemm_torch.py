"""The rate of the libraries that PyTorch brings, by the protocol of bench/sgemm.c.

    python sgemm_torch.py oneDNN|MKL

oneDNN has its weights in its own order beforehand, as a packed model would.
"""
import sys
import time

import torch


def onednn(x, w):
    packed = torch.ops.mkldnn._reorder_linear_weight(w, x.shape[0])
    return lambda: torch.ops.mkldnn._linear_pointwise(x, packed, None, "none", [], "")


def mkl(x, w):
    return lambda: torch.nn.functional.linear(x, w)


def answer(make, m, n, k, matrices, seconds):
    x = torch.rand(m, k)
    products = [make(x, torch.rand(n, k)) for _ in range(matrices)]
    each, start, flops, best = 2.0 * m * n * k, time.monotonic(), 0, 0
    while True:
        before, done = time.monotonic(), 0
        while done < 20e9:
            for product in products:
                product()
            done += each * matrices
        best = max(best, done / (time.monotonic() - before))
        flops += done
        if time.monotonic() - start >= seconds:
            return flops, time.monotonic() - start, best


def main():
    make = {"oneDNN": onednn, "MKL": mkl}[sys.argv[1]]
    torch.set_num_threads(1)
    print("ready", torch.backends.cpu.get_cpu_capability(), flush=True)
    with torch.inference_mode():
        for line in sys.stdin:
            *sizes, seconds = line.split()
            print(*answer(make, *map(int, sizes), float(seconds)), flush=True)


if __name__ == "__main__":
    main()
