"""Backbones: text in, unit vectors out.

`presets` are the backbones with short names; `packages` says which of them Python packages carry, which
`multilingual_e5` reads, and `english_bge` by `onnx_tensors`. `resolve` finds a backbone's folder and its fingerprint,
`hub` fetches it, `validation` refuses what must not be loaded, `families` knows pooling and prompts, `custom_modules`
the classes of our own. `backbone` loads, encodes, and says what a backbone is. `build` makes one from texts: `static`
embeddings over a `vocabulary`, or a `recurrent` network over `word_vectors`. `token_lengths` counts tokens.

Imports the top of modeling and text. `resolve`, `hub`, `validation`, `families` and the top of `backbone` are free of
torch, so that a worker or a check can use them.
"""

# pyright: reportUnsupportedDunderAll=false

__all__ = [
    "backbone",
    "build",
    "custom_modules",
    "english_bge",
    "families",
    "hub",
    "multilingual_e5",
    "onnx_tensors",
    "packages",
    "presets",
    "recurrent",
    "resolve",
    "static",
    "token_lengths",
    "validation",
    "vocabulary",
    "word_vectors",
]
