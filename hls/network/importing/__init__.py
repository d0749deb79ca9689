"""ONNX -> Network: quantized models in the forms in which they are written.

    load_model   the file                                  hls.network.modelfile
    read         a checked graph of nodes and constants    graph.py
    interpret    every name's value, by a rule a node      interpreter.py and the rules
    quantize     layers, where values become integers      emission.py

Forms: QuantizeLinear and DequantizeLinear around real-valued operators (QDQ); operators on integers
(QLinearConv, QGemm, ConvInteger and so on); Quant of QONNX. What they mean is the same, see
`values`. QDQ models follow ONNX's definitions; operators on integers follow onnxruntime.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hls.errors import DesignError
from hls.naming import require_name
from hls.network.importing.graph import read
from hls.network.importing.interpreter import interpret
from hls.network.packages import require_onnx

if TYPE_CHECKING:
    import onnx

    from hls.network.network import Network

__all__ = ["from_onnx"]


def from_onnx(model: str | Path | onnx.ModelProto, name: str | None = None) -> Network:
    """The network that `model` computes.

    Args:
        model: a file, or a model in memory.
        name: of the network; otherwise the file's, or that of the model's graph.

    Raises:
        InputError: the file is none that can be read, or a node cannot be mapped; the text names
            it and what would do.
        ToolNotFound: the onnx package is missing.
    """
    require_onnx()
    if isinstance(model, str | Path):
        from hls.network.modelfile import load_model

        source, title = str(model), Path(model).stem
        model = load_model(Path(model))
    else:
        source, title = "the model", model.graph.name
    network = interpret(read(model, source), name or _identifier(title), source)
    return replace(network, model=model.SerializeToString())


def _identifier(title: str) -> str:
    """`title` as a name that C++ and Verilog take."""
    name = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:40].rstrip("_")
    try:
        require_name("Network", name)
    except DesignError:
        return "network"
    return name
