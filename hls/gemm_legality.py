"""Which products are legal: the rules of Gemm, each with its remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hls.checks import one_of, reject, whole
from hls.dsp import CHOICES
from hls.fixed import Fixed
from hls.naming import require_name

if TYPE_CHECKING:
    from hls.gemm import Gemm

__all__ = ["check_gemm"]

MAX_PORT_BITS = 1024
"""Widest AXI4 data bus (ARM IHI 0022, A1.3.1)."""


def check_gemm(gemm: Gemm) -> None:
    """Check every rule of a product.

    Raises:
        DesignError: one is broken; the text names value, rule and remedy.
    """
    require_name("Gemm", gemm.name)
    one_of("Gemm", "packing", gemm.packing, CHOICES)
    for field in ("max_m", "max_k", "max_n"):
        whole("Gemm", field, getattr(gemm, field), 1, 65536)
    for field in ("rows", "cols"):
        count = whole("Gemm", field, getattr(gemm, field), 2, 64)
        if count & (count - 1):
            below = 1 << (count.bit_length() - 1)
            rule = "is not a power of two, as a memory word must be"
            raise reject("Gemm", f"{field}={count}", rule, f"use {below} or {2 * below}")
    _check_port("rows", gemm.rows, gemm.input_format)
    _check_port("cols", gemm.cols, gemm.weight_format)
    _check_port("cols", gemm.cols, gemm.epilogue.output)
    _ = gemm.bias_format  # which nothing else asks for where the accumulator is given
    for field, step, multiple in (
        ("tile_m", "rows", gemm.rows), ("tile_n", "cols", gemm.cols),
        ("tile_k", "rows", gemm.rows),
    ):  # fmt: skip
        _check_tile(gemm, field, step, multiple)
    _check_budget(gemm)
    whole(
        "Gemm", "input_zero_point", gemm.input_zero_point,
        gemm.input_format.minimum, gemm.input_format.maximum,
    )  # fmt: skip
    if gemm.input_zero_point and not gemm.has_parameters:
        raise reject(
            "Gemm", f"input_zero_point={gemm.input_zero_point}",
            "needs a bias to be folded into", "set bias, for example s32",
        )  # fmt: skip


def _check_port(lanes: str, count: int, element: Fixed) -> None:
    bits = count * element.container_bits
    if bits > MAX_PORT_BITS:
        raise reject(
            "Gemm", f"{lanes}={count}",
            f"makes a memory port of {bits} bits ({element.container_bits} an element), over "
            f"the {MAX_PORT_BITS} of AXI4",
            f"use {lanes} up to {MAX_PORT_BITS // element.container_bits}",
        )  # fmt: skip


def _check_tile(gemm: Gemm, field: str, step: str, multiple: int) -> None:
    given = getattr(gemm, field)
    if given is None:
        return
    size = whole("Gemm", field, given, 1, 65536)
    if size % multiple:
        below, above = size // multiple * multiple, -(-size // multiple) * multiple
        use = f"use {below} or {above}" if below else f"use {above}"
        raise reject("Gemm", f"{field}={size}", f"is not a multiple of {step}={multiple}", use)


def _check_budget(gemm: Gemm) -> None:
    if gemm.on_chip_kbits is None:
        return
    budget = whole("Gemm", "on_chip_kbits", gemm.on_chip_kbits, 1, 1 << 20)
    if gemm.tile_m is not None or gemm.tile_n is not None:
        raise reject(
            "Gemm", f"on_chip_kbits={budget}", "chooses the tile, which is given as well",
            "leave tile_m and tile_n away, or on_chip_kbits",
        )  # fmt: skip
    if gemm.affordable_sums < 1:
        least = -(-gemm.sum_bits // 1024)
        raise reject(
            "Gemm", f"on_chip_kbits={budget}",
            f"does not hold one sum in each of {gemm.multipliers} PEs",
            f"use at least {least}",
        )  # fmt: skip
