"""A node with the values that it reads: what the rules of the operators are written in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hls.errors import InputError
from hls.network.importing.emission import Emitter
from hls.network.importing.graph import Node
from hls.network.importing.refusals import refused
from hls.network.importing.values import (
    Activation,
    Constant,
    Expression,
    Fed,
    Levels,
    Quantization,
    Stored,
    Value,
    steps_of,
)

__all__ = ["Call"]


@dataclass(frozen=True, kw_only=True)
class Call:
    """One node, its operands (None where one is left away), and where layers are collected."""

    node: Node
    operands: tuple[Value | None, ...]
    emitter: Emitter
    batch: int

    def refuse(self, rule: str, remedy: str) -> InputError:
        """The error that names this node."""
        return refused(self.node, rule, remedy)

    def attribute(self, name: str, default: Any = None) -> Any:
        """An attribute of the node."""
        return self.node.attributes.get(name, default)

    def has(self, index: int) -> bool:
        """Whether operand `index` is given."""
        return index < len(self.operands) and self.operands[index] is not None

    def value(self, index: int) -> Value:
        """Operand `index`."""
        found = self.operands[index] if index < len(self.operands) else None
        if found is None:
            raise self.refuse(f"has no input {index}", "export the model again")
        return found

    def array(self, index: int) -> npt.NDArray[Any]:
        """Operand `index`, a constant."""
        found = self.value(index)
        if isinstance(found, Constant):
            return found.array
        if isinstance(found, Levels):
            return found.real()
        name = self.node.inputs[index]
        raise self.refuse(f"its input {name!r} is computed, not constant", "make it a constant")

    def number(self, index: int) -> float:
        """Operand `index`, one constant number."""
        found = self.array(index)
        if found.size != 1:
            name = self.node.inputs[index]
            raise self.refuse(
                f"its input {name!r} has {found.size} values", "use one for the whole tensor"
            )
        return float(found.reshape(-1)[0])

    def activation(self, index: int) -> Activation:
        """Operand `index`, something that depends on the model's input."""
        found = self.value(index)
        if not isinstance(found, Activation):
            what = "constant" if isinstance(found, Constant | Levels) else "a Softmax or ArgMax"
            name = self.node.inputs[index]
            raise self.refuse(
                f"its input {name!r} is {what}", "let it read what a layer before it puts out"
            )
        return found

    def real(self, index: int) -> Activation:
        """Operand `index`, an activation of real values that the network computes."""
        found = self.activation(index)
        if found.integers:
            raise self.refuse("reads integers", "put a DequantizeLinear before it")
        if isinstance(found.expression, Fed):
            raise self.refuse(
                "reads the model's input in floating point", "put a QuantizeLinear before it"
            )
        return found

    def stored(self, value: Activation) -> Stored:
        """The tensor that `value` is, dequantized; a layer more if it picks values of others."""
        if isinstance(value.expression, Stored):
            return value.expression
        steps = steps_of(value.expression)
        if steps is None:
            before = value.expression.nodes[-1:] or ("a node",)
            raise self.refuse(
                f"reads the real-valued result of {before[0]!r}",
                "put QuantizeLinear and DequantizeLinear between the two (form QDQ has them)",
            )
        made = self.emitter.quantize(value.expression, steps, self.node.label)
        self.emitter.held(made, value, "float32")
        return made

    def image(self, value: Activation) -> Activation:
        """`value`, if it is an image as operators with windows see it."""
        if not value.view.image:
            raise self.refuse(
                f"reads [N, {', '.join(map(str, value.shape))}] that is no [N, C, H, W] of a layer",
                "undo reshapes and transposes before it, or leave them away",
            )
        return value

    def quantize(
        self, value: Activation, target: Quantization, *, real: bool = False
    ) -> Activation:
        """The integers of `target` that `value` becomes, or what they stand for if `real`."""
        stored = self.emitter.quantize(value.expression, target, self.node.label)
        made = replace(value, expression=stored, integers=not real, name=self.node.outputs[0])
        self.emitter.held(stored, made, "float32" if real else target.dtype)
        return made

    def becomes(self, value: Activation, expression: Expression) -> Activation:
        """`expression`, which this node makes of `value`, seen as before."""
        return replace(value, expression=self.noted(expression), integers=False)

    def noted(self, expression: Expression) -> Expression:
        """`expression` with this node's name among those that it comes from."""
        return replace(expression, nodes=(*expression.nodes, self.node.label))

    def whole(self, numbers: npt.ArrayLike) -> tuple[int, ...]:
        """`numbers` as integers."""
        return tuple(int(number) for number in np.asarray(numbers).reshape(-1))
