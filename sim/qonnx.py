"""QONNX's Quant as a function of ONNX operators, so that onnxruntime runs models that have it."""

from __future__ import annotations

import onnx
import onnx.parser

__all__ = ["DOMAINS", "runnable"]

DOMAINS = ("qonnx.custom_op.general", "onnx.brevitas")
"""Where Quant is, by who wrote the model."""

_QUANT = """
<domain: "DOMAIN", opset_import: ["" : 17]>
Quant <signed, narrow> (x, scale, zeropt, bits) => (y)
{
    one = Constant <value_float = 1.0> ()
    two = Constant <value_float = 2.0> ()
    signed_int = Constant <value_int: int = @signed> ()
    s = Cast <to = 1> (signed_int)
    narrow_int = Constant <value_int: int = @narrow> ()
    n = Cast <to = 1> (narrow_int)
    free = Sub (bits, s)
    reach = Pow (two, free)
    largest = Sub (reach, one)
    unsigned = Sub (one, s)
    spare = Mul (n, unsigned)
    high = Sub (largest, spare)
    inner = Sub (reach, n)
    below = Mul (s, inner)
    low = Neg (below)
    divided = Div (x, scale)
    moved = Add (divided, zeropt)
    rounded = ROUNDING (moved)
    capped = Min (rounded, high)
    clipped = Max (capped, low)
    centred = Sub (clipped, zeropt)
    y = Mul (centred, scale)
}
"""
"""As QONNX defines it."""
_ROUNDING = {"ROUND": "Round", "FLOOR": "Floor"}
"""Its rounding_mode -> the operator of ONNX; Round is half to even."""


def runnable(model: onnx.ModelProto) -> onnx.ModelProto:
    """`model` with definitions of its Quant nodes, one a rounding mode; itself if it has none."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    used = set()
    for node in made.graph.node:
        if node.op_type == "Quant" and node.domain in DOMAINS:
            modes = [each for each in node.attribute if each.name == "rounding_mode"]
            mode = modes[0].s.decode() if modes else "ROUND"
            for each in modes:
                node.attribute.remove(each)
            node.op_type = f"Quant{mode}"
            used.add((node.domain, mode))
    for domain, mode in sorted(used):
        text = _QUANT.replace("DOMAIN", domain).replace("ROUNDING", _ROUNDING[mode])
        function = onnx.parser.parse_function(text)
        function.name = f"Quant{mode}"
        made.functions.append(function)
    return made
