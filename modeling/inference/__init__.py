"""Text to vectors without torch: a backbone's graph in ONNX, its numbers in 8 bits, its tokeniser without transformers.

prepared.py             opens what reads for a backbone, exported before if need be
encoder.py              reads texts with what lies in an exported folder
export.py               makes such a folder out of a backbone's, or says why it cannot
verification.py         compares both on real messages
bert_graph.py           the layers of the BERT family as ONNX
quantization.py         weights in 8 bits
tokenizing.py           texts to numbers of tokens
sentencepiece_model.py  a vocabulary as SentencePiece reads it
"""

# pyright: reportUnsupportedDunderAll=false

__all__ = [
    "bert_graph",
    "encoder",
    "export",
    "prepared",
    "quantization",
    "sentencepiece_model",
    "tokenizing",
    "verification",
]
