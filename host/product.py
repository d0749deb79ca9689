"""A matrix product whose operands lie in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from host.accelerator import Accelerator, Running, Steps
from host.errors import AcceleratorError
from host.manifest import as_array
from host.packing import fold_bias, pack_columns, pack_rows, unpack_rows

__all__ = ["Product"]


class Product(Accelerator, kind="gemm"):
    """c = gemm(a, b, bias): C[M,N] = A[M,K] . B[K,N] + bias[N], for any sizes up to the maxima."""

    def _set_up(self) -> None:
        super()._set_up()
        self._lanes = {
            port["name"].removeprefix("m_axi_gmem_"): port["lanes"]
            for port in self._engine.manifest["ports"]
        }
        self._formats = {name: self._engine.required_format(name) for name in "abc"}

    def _steps(
        self,
        a: Any,
        b: Any,
        bias: npt.ArrayLike | None = None,
        multiplier: npt.ArrayLike | None = None,
        shift: npt.ArrayLike | None = None,
    ) -> Steps:
        with self._packing:
            sizes = self._sizes(a, b)
            m, k, n = sizes["m"], sizes["k"], sizes["n"]
            left = self._formats["a"].check("a", a, (m, k))
            right = self._formats["b"].check("b", b, (k, n))
            table = None
            if "p" in self._lanes:
                table = self._columns(right, bias, multiplier, shift)
            elif bias is not None or multiplier is not None or shift is not None:
                raise AcceleratorError(
                    f"{self._info.name} computes A . B alone; generate it with a bias or with "
                    "requantization"
                )
            buffers, sent_bytes = {}, 0
            for name, matrix in (("a", left), ("b", right)):
                lanes = self._lanes[name]
                buffers[name], rows = self._buffers.rows(name, matrix.shape, matrix.dtype, lanes)
                pack_rows(matrix, lanes, matrix.dtype, rows)
            if table is not None:
                buffers["p"] = self._buffers.get("p", table.nbytes)
                np.copyto(buffers["p"], table.reshape(-1).view(np.uint8))
            for buffer in buffers.values():
                buffer.flush()
                sent_bytes += buffer.nbytes
            buffers["c"], rows = self._buffers.rows(
                "c", (m, n), self._formats["c"].dtype, self._lanes["c"]
            )
        for name, (offset, bits) in self._engine.registers.items():
            value = sizes[name] if name in sizes else buffers[name].physical_address
            self._kernel.argument((offset, bits), value)
        with Running(self):
            self._kernel.start()
            yield self._kernel
        with self._packing:
            buffers["c"].invalidate()
            result = unpack_rows(rows, n).copy()
        self._info.sent_bytes += sent_bytes
        self._info.received_bytes += rows.nbytes
        return result

    def _sizes(self, a: Any, b: Any) -> dict[str, int]:
        shapes = as_array("a", a).shape, as_array("b", b).shape
        if len(shapes[0]) != 2 or len(shapes[1]) != 2 or shapes[0][1] != shapes[1][0]:
            raise AcceleratorError(
                f"a has shape {shapes[0]} and b {shapes[1]}; a product takes [m, k] and [k, n]"
            )
        sizes = {"m": shapes[0][0], "k": shapes[0][1], "n": shapes[1][1]}
        for name, limit in self._engine.manifest["shapes"]["maxima"].items():
            if not 1 <= sizes[name] <= limit:
                raise AcceleratorError(
                    f"{name}={sizes[name]} is outside 1..{limit} of {self._info.name}; split the "
                    f"product, or generate a design with a larger max_{name}"
                )
        return sizes

    def _columns(
        self,
        b: npt.NDArray[Any],
        bias: npt.ArrayLike | None,
        multiplier: npt.ArrayLike | None,
        shift: npt.ArrayLike | None,
    ) -> npt.NDArray[np.uint32]:
        """The table of the columns' parameters."""
        engine, shape = self._engine, (b.shape[1],)
        limits = engine.format("bias")
        held = None
        if bias is not None:
            if limits is None:
                raise AcceleratorError(f"{self._info.name} has no bias; leave it away")
            held = limits.integers("bias", bias, shape)
        quantization = engine.manifest["quantization"]
        scaled = quantization["requantize"] != "none"
        if scaled != (multiplier is not None) or scaled != (shift is not None):
            rule = "give multiplier and shift" if scaled else "leave multiplier and shift away"
            raise AcceleratorError(
                f"{self._info.name} {'requantizes' if scaled else 'puts out raw sums'}; {rule}"
            )
        if multiplier is not None and shift is not None:
            factors, places = engine.scale_formats
            multiplier = factors.integers("multiplier", multiplier, shape)
            shift = places.integers("shift", shift, shape)
        folded = fold_bias(held, b.sum(axis=0, dtype=np.int64), quantization["input_zero_point"])
        return pack_columns(folded, multiplier, shift, b.shape[1])
