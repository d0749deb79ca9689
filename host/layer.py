"""A convolution layer, whatever computes it: frames in, frames out, weights that can be loaded."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from host.accelerator import Guard, Steps
from host.errors import AcceleratorError
from host.frames import Frames

__all__ = ["Layer"]


class Layer(Frames):
    """y = conv(x), as of `Frames`."""

    _parameters: Any = None
    """What `load_weights` was given, as the hardware reads it."""

    def _set_up(self) -> None:
        super()._set_up()
        self._loads = self._engine.manifest["parameters"]["kind"] != "rom"
        if self._parameters is not None:
            self._load(self._parameters)

    # ------------------------------------------------------------------ for subclasses

    def _pack(
        self,
        weights: npt.NDArray[np.int64],
        bias: npt.NDArray[np.int64] | None,
        multiplier: npt.NDArray[np.int64] | None,
        shift: npt.NDArray[np.int64] | None,
    ) -> Any:
        """Checked parameters as the hardware reads them."""
        raise NotImplementedError

    def _load(self, parameters: Any) -> None:
        """Give the hardware what `_pack` made."""
        raise NotImplementedError

    # ------------------------------------------------------------------ calls

    def _steps(self, x: Any) -> Steps:
        if self._loads and self._parameters is None:
            raise AcceleratorError(
                f"{self._info.name} has no weights yet; call load_weights(w, bias, requant) first"
            )
        return (yield from super()._steps(x))

    # ------------------------------------------------------------------ weights

    def load_weights(
        self,
        weights: npt.ArrayLike,
        bias: npt.ArrayLike | None = None,
        requant: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    ) -> None:
        """Load the parameters of a design whose weights are not built in.

        They stay until others are loaded, also over errors and a reload of the overlay.

        Args:
            weights: [M, KH, KW, C].
            bias: [M], in steps of the accumulator, or of 2^-bias_fraction of them.
            requant: multiplier and shift, [M] each or one number for all channels:
                y = round_half_even(sum * multiplier / 2^shift) + zero point.
        """
        engine = self._engine
        if not self._loads:
            raise AcceleratorError(
                f"{self._info.name} has its weights built in; generate it with weights='load' to "
                "load others"
            )
        shape = tuple(engine.manifest["shapes"]["weights"])
        channels = shape[:1]
        held = engine.required_format("weights").integers("weights", weights, shape)
        offsets = None
        if bias is not None:
            limits = engine.format("bias")
            if limits is None:
                raise AcceleratorError(f"{self._info.name} has no bias; leave it away")
            offsets = limits.integers("bias", bias, channels)
        multiplier = shift = None
        if engine.manifest["quantization"]["requantize"] == "none":
            if requant is not None:
                raise AcceleratorError(f"{self._info.name} puts out raw sums; leave requant away")
        elif requant is None:
            raise AcceleratorError(
                f"{self._info.name} requantizes; give requant=(multiplier, shift)"
            )
        else:
            factors, places = engine.scale_formats
            multiplier = factors.integers("multiplier", requant[0], channels)
            shift = places.integers("shift", requant[1], channels)
        parameters = self._pack(held, offsets, multiplier, shift)
        with self._lock, Guard(self):
            self._load(parameters)
            self._parameters = parameters
