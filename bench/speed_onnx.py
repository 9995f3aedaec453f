"""ONNX Runtime at the evaluation of bench/speed.c, by the same protocol.

    python speed_onnx.py MODEL.onnx ENCODER TASK DATA [options]
    python speed_onnx.py --export ENCODER MODEL.onnx    and MODEL.fused.onnx

The model is the plain encoder with a head, which the adapters merge into.
"""
import argparse
import json
import os
import sys
import time

NAMES = ("input_ids", "token_type_ids", "attention_mask")


def export(encoder, path):
    import torch
    import transformers
    import adapterbias_torch as ab
    # eager: the exporter's and the BERT optimizer's patterns are of plain products
    model = ab.Model(transformers.BertModel.from_pretrained(
        encoder, attn_implementation="eager"), 2).eval()
    for layer in model.bert.encoder.layer:
        layer.output = merged_output(layer.output)
    inputs = ab.pad([(list(range(1, 9)), [0] * 8), (list(range(1, 6)), [0] * 5)])
    dynamic = {name: {0: "batch", 1: "length"} for name in NAMES}
    torch.onnx.export(model, inputs, path, input_names=list(NAMES),
                      output_names=["logits"], dynamic_axes=dynamic | {"logits": {0: "batch"}},
                      opset_version=17, dynamo=False)
    fuse(encoder, path)


def merged_output(output):
    from speed_torch import merged
    return merged(output)


def fuse(encoder, path):
    try:
        from onnxruntime.transformers import optimizer
        with open(os.path.join(encoder, "config.json"), encoding="utf-8") as f:
            config = json.load(f)
        model = optimizer.optimize_model(path, "bert", config["num_attention_heads"],
                                         config["hidden_size"])
        model.save_model_to_file(path.replace(".onnx", ".fused.onnx"))
        print(model.get_fused_operator_statistics(), file=sys.stderr)
    except Exception as error:  # the plain one still takes part
        print("not fused:", error, file=sys.stderr)


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("model", "encoder", "task", "data"):
        p.add_argument(name)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--order", choices=("file", "sorted"), default="file")
    p.add_argument("--batch-size", type=int, default=32)
    return p.parse_args()


class Evaluator:
    def __init__(self, options):
        import onnxruntime
        import adapterbias_torch as ab
        self.options, self.batches = options, {}
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = options.threads
        self.session = onnxruntime.InferenceSession(options.model, settings,
                                                    providers=["CPUExecutionProvider"])
        texts, _ = ab.read_rows(options.data, options.task, "dev")
        self.rows = ab.encode(options.encoder, texts)
        self.inputs = {i.name for i in self.session.get_inputs()}

    def prepare(self, wanted):
        from speed_torch import cut, tensors
        rows = self.rows[:wanted]
        batches = cut(rows, self.options.batch_size, self.options.order)
        return [{name: x.numpy() for name, x in zip(NAMES, inputs) if name in self.inputs}
                for inputs, _ in tensors(rows, batches, 0)]

    def answer(self, wanted):
        wanted = int(wanted) or len(self.rows)
        if wanted not in self.batches:
            self.batches[wanted] = self.prepare(wanted)
        rows, start, processor = 0, time.monotonic(), time.process_time()
        for batch in self.batches[wanted]:
            rows += len(self.session.run(None, batch)[0])
        return rows, time.monotonic() - start, time.process_time() - processor


def main():
    if sys.argv[1:2] == ["--export"]:
        return export(*sys.argv[2:4])
    options = arguments()
    evaluator = Evaluator(options)
    print("ready", options.threads, "threads", flush=True)
    for line in sys.stdin:
        print(*evaluator.answer(float(line.split()[1])), flush=True)


if __name__ == "__main__":
    main()
