"""The layers of the BERT family (Devlin et al. 2019) as an ONNX graph for ONNX Runtime on a CPU.

Messages of different lengths are read together without padding: all dense layers see one long row of tokens, only
attention sees a grid. The inputs are

    ids [t], positions [t]  int64   the tokens of all messages, one after another
    grid [b, s]             int64   where in that row each message's tokens are; 0 behind its end
    mask [b, s]             int32   1 for tokens, 0 behind the end
    slots [t]               int64   where in the flattened grid each token is

and the output is `hidden` float32 [t, d]. In 8 bits each token is scaled by its own largest entry, so that its vector
depends neither on what is read beside it nor on the processor's way to add.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from modeling.inference import quantization

Precision = Literal["int8", "fp32"]

FUSED = "com.microsoft"  # ONNX Runtime's own operators
OPSET, IR = 20, 10
STEPS = 127.0  # of a token's entries, to each side of zero
ZERO = 128  # what stands for 0 in a byte


@dataclass(frozen=True, slots=True)
class Shape:
    """What a configuration says: how many layers and heads, the width d, the epsilon of layer normalisation."""

    layers: int
    heads: int
    width: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes and constants as they are put together; the name of each is that of what it gives."""

    weights: Mapping[str, NDArray[np.float32]]
    shape: Shape
    precision: Precision
    nodes: list[Any] = field(default_factory=list)
    constants: dict[str, Any] = field(default_factory=dict)

    def constant(self, name: str, value: NDArray[Any]) -> str:
        """Add a constant once."""
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def node(self, kind: str, inputs: Sequence[str], outputs: int = 1, domain: str = "", **attributes: Any) -> str:
        """Add a node and return the name of its first output; those of others end in 1, 2 and so on."""
        name = f"{kind}_{len(self.nodes)}"
        names = [name, *(f"{name}_{position}" for position in range(1, outputs))]
        self.nodes.append(helper.make_node(kind, list(inputs), names, domain=domain, **attributes))
        return name


def build(weights: Mapping[str, NDArray[np.float32]], shape: Shape, precision: Precision) -> onnx.ModelProto:
    """Return the model of float32 weights named as in transformers' `BertModel`, positions from the first token's on.

    Raises KeyError for weights that are not there.
    """
    graph = Graph(weights, shape, precision)
    hidden = _embeddings(graph)
    for layer in range(shape.layers):
        hidden = _layer(graph, hidden, f"encoder.layer.{layer}.")
    graph.nodes.append(helper.make_node("Squeeze", [hidden, _axis(graph)], ["hidden"]))
    of_tokens = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["t"]) for name in ("ids", "positions", "slots")
    ]
    grid = helper.make_tensor_value_info("grid", TensorProto.INT64, ["b", "s"])
    mask = helper.make_tensor_value_info("mask", TensorProto.INT32, ["b", "s"])
    output = helper.make_tensor_value_info("hidden", TensorProto.FLOAT, ["t", shape.width])
    made = helper.make_graph(graph.nodes, "bert", [*of_tokens, grid, mask], [output], list(graph.constants.values()))
    operators = [helper.make_opsetid("", OPSET), helper.make_opsetid(FUSED, 1)]
    return helper.make_model(made, opset_imports=operators, ir_version=IR)


def _axis(graph: Graph) -> str:
    return graph.constant("first_axis", np.array([0], np.int64))


def _embeddings(graph: Graph) -> str:
    """Return [1, t, d]: of tokens and positions, normalised. Every token is of the first kind (`token_type`)."""
    name = "embeddings.word_embeddings.weight"
    if graph.precision == "int8":
        table, scales = quantization.per_row(graph.weights[name])
        entries = graph.node("Gather", [graph.constant(name, table), "ids"])
        scale = graph.node("Gather", [graph.constant(f"{name}.scales", scales), "ids"])
        tokens = graph.node("Mul", [graph.node("Cast", [entries], to=TensorProto.FLOAT), scale])
    else:
        tokens = graph.node("Gather", [graph.constant(name, graph.weights[name]), "ids"])
    places = graph.weights["embeddings.position_embeddings.weight"]
    if "embeddings.token_type_embeddings.weight" in graph.weights:
        places = places + graph.weights["embeddings.token_type_embeddings.weight"][0]
    positions = graph.node("Gather", [graph.constant("positions.table", places), "positions"])
    both = [graph.node("Unsqueeze", [part, _axis(graph)]) for part in (tokens, positions)]
    return _normalised(graph, both, "embeddings.LayerNorm")


def _layer(graph: Graph, hidden: str, prefix: str) -> str:
    attended = _attention(graph, hidden, f"{prefix}attention.self.")
    hidden = _added(graph, attended, hidden, f"{prefix}attention.output.dense", f"{prefix}attention.output.LayerNorm")
    inner = f"{prefix}intermediate.dense"
    product = _product(graph, hidden, inner, graph.weights[f"{inner}.weight"])
    active = graph.node("Gelu", [graph.node("Add", [product, _bias(graph, inner)])], domain=FUSED)
    return _added(graph, active, hidden, f"{prefix}output.dense", f"{prefix}output.LayerNorm")


def _attention(graph: Graph, hidden: str, prefix: str) -> str:
    """Return [1, t, d]; queries, keys and values come from one product, and only then stand in the grid."""
    parts, width = [f"{prefix}{part}" for part in ("query", "key", "value")], graph.shape.width
    joined = np.concatenate([graph.weights[f"{part}.weight"] for part in parts])
    bias = np.concatenate([graph.weights[f"{part}.bias"] for part in parts])
    product = _product(graph, hidden, f"{prefix}all", joined)
    rows = graph.node("Add", [product, graph.constant(f"{prefix}all.bias", bias)])
    rows = graph.node("Squeeze", [rows, _axis(graph)])
    in_grid = graph.node("Gather", [rows, "grid"])
    sizes = graph.constant("thirds", np.full(3, width, np.int64))
    query = graph.node("Split", [in_grid, sizes], 3, axis=-1)
    inputs = [query, f"{query}_1", f"{query}_2", "", "mask"]
    attended = graph.node("MultiHeadAttention", inputs, domain=FUSED, num_heads=graph.shape.heads)
    flat = graph.node("Reshape", [attended, graph.constant("flat", np.array([-1, width], np.int64))])
    return graph.node("Unsqueeze", [graph.node("Gather", [flat, "slots"]), _axis(graph)])


def _added(graph: Graph, inner: str, hidden: str, dense: str, norm: str) -> str:
    """Return the normalised sum of a dense layer over `inner` and of `hidden`."""
    product = _product(graph, inner, dense, graph.weights[f"{dense}.weight"])
    return _normalised(graph, [product, hidden], norm, _bias(graph, dense))


def _normalised(graph: Graph, parts: Sequence[str], name: str, bias: str = "") -> str:
    gain, shift = (graph.constant(f"{name}.{part}", graph.weights[f"{name}.{part}"]) for part in ("weight", "bias"))
    # Not `SkipLayerNormalization`, which adds, too: it takes four times as long as this does.
    total = graph.node("Add", parts)
    total = graph.node("Add", [total, bias]) if bias else total
    return graph.node("LayerNormalization", [total, gain, shift], axis=-1, epsilon=graph.shape.epsilon)


def _bias(graph: Graph, name: str) -> str:
    return graph.constant(f"{name}.bias", graph.weights[f"{name}.bias"])


def _product(graph: Graph, rows: str, name: str, weights: NDArray[np.float32]) -> str:
    """Return [1, t, out] of rows [1, t, in] and weights [out, in], without a bias."""
    if graph.precision == "fp32":
        return graph.node("MatMul", [rows, graph.constant(f"{name}.weight", weights.T)])
    numbers, scales = quantization.per_output(weights)
    last = graph.constant("last_axis", np.array([-1], np.int64))
    highest = graph.node("ReduceMax", [rows, last], keepdims=1)
    lowest = graph.node("ReduceMin", [rows, last], keepdims=1)
    # A row of zeros is divided by this instead of by zero.
    tiny = graph.constant("tiny", np.array(1e-12, np.float32))
    largest = graph.node("Max", [highest, graph.node("Neg", [lowest]), tiny])
    step, zero = (
        graph.constant("step", np.array(1 / STEPS, np.float32)),
        graph.constant("zero", np.array(ZERO, np.uint8)),
    )
    steps = graph.node("Mul", [graph.node("Reshape", [largest, graph.constant("row", np.array([-1], np.int64))]), step])
    zeros = graph.node("Expand", [zero, graph.node("Shape", [steps])])
    in_bytes = graph.node("QuantizeLinear", [rows, steps, zeros], axis=1)
    constants = [graph.constant(f"{name}.weight", numbers), step, graph.constant(f"{name}.scales", scales), zero]
    product = graph.node("MatMulIntegerToFloat", [in_bytes, *constants], domain=FUSED)
    return graph.node("Mul", [product, largest])
