"""Hugging Face's fast tokenizer on a file of SST-2, for bench/compare.

    python tokenize_hf.py ENCODER FILE.tsv encode_batch|encode_batch_fast

Each line of standard input is answered by "rows wall_s processor_s": reading the file
and encoding its rows, at most 128 word pieces each.
"""
import os
import sys
import time

from tokenizers import Tokenizer


def main():
    encoder, path, method = sys.argv[1:]
    tokenizer = Tokenizer.from_file(os.path.join(encoder, "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(128)
    encode = getattr(tokenizer, method)
    print("ready", method, flush=True)
    for _ in sys.stdin:
        start, processor = time.monotonic(), time.process_time()
        with open(path, encoding="utf-8", newline="\n") as f:
            next(f)
            texts = [line.rsplit("\t", 1)[0] for line in f]
        rows = len(encode(texts))
        print(rows, time.monotonic() - start, time.process_time() - processor, flush=True)


if __name__ == "__main__":
    main()
