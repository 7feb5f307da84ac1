"""From labelled messages to a verified bundle: which method to train by, fine-tuning, and the search for a recipe.

`train` is the whole run; `base_selection` compares installed backbones by their frozen heads; `method_selection`
chooses between the frozen and fine-tuned backbones by `cross_validation`; `finetune` trains one backbone, in the loop
of `trainer`, which pretraining and distillation use as well. `recipe` is everything that can be set, `search` looks for
a better one in trials of `study`. `run_directory` keeps two runs out of one folder and lets a killed one go on;
`distributed` is for several processes under `accelerate launch`.

For the command line, pretraining and distillation. Nothing here knows of a chat, a queue or a database.
"""

# pyright: reportUnsupportedDunderAll=false
__all__ = [
    "adapters",
    "base_selection",
    "checkpoints",
    "cross_validation",
    "distributed",
    "finetune",
    "losses",
    "method_selection",
    "out_of_memory",
    "recipe",
    "run_directory",
    "search",
    "study",
    "train",
    "trainer",
    "weight_averaging",
]
