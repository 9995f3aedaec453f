"""Training with dropout in the encoder on both sides."""
from comparison import contestants
from rows import train

NAME = "dropout"
TITLE = "training, float32, hidden and attention dropout 0.1, tokens/s on 2 cores"

SETTINGS = ("training.hidden_dropout=0.1", "training.attention_dropout=0.1")
EXTRA = ("--hidden-dropout", "0.1", "--attention-dropout", "0.1")
BAR = 2.0


def run(context):
    contestants.needs_two_cores(context)
    return [result for name, folder in context.encoders() for task in ("mrpc", "cola")
            for result in train.case(context, folder(), task, f"{name} {task}", BAR,
                                     SETTINGS, EXTRA)]
