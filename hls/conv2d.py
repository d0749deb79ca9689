"""Conv2d: a line-buffer 2D convolution, fully checked, with everything that derives from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from hls import pacing, windows
from hls.checks import reject, require_format
from hls.dsp import Obstacle, Packing, choose
from hls.epilogue import Clip, Epilogue, worst_case
from hls.fixed import Fixed
from hls.geometry import WindowGeometry
from hls.legality import ALGORITHMS, AUTO, BASELINES, check_conv2d
from hls.windows import Padding, Pair, Pool

__all__ = ["ALGORITHMS", "AUTO", "BASELINES", "Conv2d", "Padding", "Pool"]


@dataclass(frozen=True, kw_only=True)
class Conv2d:
    """A 2D convolution (cross-correlation, as ONNX Conv) on a stream of HWC frames.

    Shapes: input [height, width, in_channels], weights [out_channels, kernel_height,
    kernel_width, in_channels / groups], output [output_height, output_width, out_channels].

    Lanes: a beat of the input carries `simd` channels of one pixel; `pe` output channels are
    computed in parallel, each over `taps` kernel taps ("all", one "row", or "one"). Lanes that do
    not divide are rejected with the nearest legal values. With groups, `simd` divides the channels
    of a group, or covers several whole groups; then `pe` is all their outputs (a depthwise layer
    has simd = pe).

    Without requantization ("none") raw accumulators leave; else "tensor" or "channel" says
    whether one (multiplier, shift) serves all channels. The accumulator is the exact worst case
    unless given; a narrower one wraps, as two's complement does. Before the requantization a bias
    may have `bias_fraction` binary places: y = requantized((accumulator << places) + bias), whose
    shift counts from the last of them.

    Algorithms: "direct" is the line buffer described above. "im2col", "implicit" and "kn2row" run
    the layer on the systolic array of Gemm, see `hls.matrix_conv2d`: `simd` output positions and
    `pe` filters side by side, weights in memory, up to `batch` frames a call. Two are baselines:
    "kn2row_partials" writes the products of all taps to memory before it adds them up
    (`hls.partials_conv2d`), "naive" is plain loops with words of `simd` and `pe` elements in
    memory. "auto" stands for the cheapest of the others on a board (`hls.algorithms.resolve`, which
    `hls.generate` calls): `simd` x `pe` is then the number of multipliers, and a line buffer gets
    the lanes that suit it.

    With `packing`, two filters share a DSP block, which can ask for symmetric weights; "auto" does
    so where it saves DSPs, by the rules of the DSP48E1, which hold on the DSP48E2 too; "dsp48e1"
    and "dsp48e2" insist on it. See `hls.dsp`.

    Raises:
        DesignError: a rule is broken; the text names value, rule and remedy.
    """

    height: int
    width: int
    in_channels: int
    out_channels: int
    kernel: Pair = 3
    stride: Pair = 1
    dilation: Pair = 1
    padding: str | int | tuple[int, int, int, int] | Padding = "valid"
    groups: int = 1
    input: str | Fixed = "s8"
    weight: str | Fixed = "s8"
    bias: str | Fixed | None = "s16"
    bias_fraction: int = 0
    output: str | Fixed | None = None
    accumulator: str | Fixed | None = None
    requantize: str = "tensor"
    multiplier_bits: int = 24
    max_shift: int = 47
    input_zero_point: int = 0
    output_zero_point: int = 0
    activation: str | Clip = "none"
    pooling: Pool | None = None
    simd: int = 1
    pe: int = 1
    taps: str = "all"
    weights: str = "rom"
    algorithm: str = "direct"
    batch: int = 1
    packing: str = "off"
    name: str = "conv2d"

    def __post_init__(self) -> None:
        """Check every rule; derived objects are built once so that none can fail later."""
        check_conv2d(self)

    # ------------------------------------------------------------------ formats

    @cached_property
    def input_format(self) -> Fixed:
        """Format of a pixel's channel."""
        return require_format("Conv2d", "input", self.input, 2, 16)

    @cached_property
    def weight_format(self) -> Fixed:
        """Format of a weight; symmetric where that lets two share a DSP block."""
        return self._given_weight if self.packed is None else self.packed.weight

    @cached_property
    def _given_weight(self) -> Fixed:
        return require_format("Conv2d", "weight", self.weight, 2, 16, symmetric=True)

    @cached_property
    def bias_format(self) -> Fixed | None:
        """Format of a bias, its binary places included; up to 32 bits, as ONNX has them."""
        return None if self.bias is None else require_format("Conv2d", "bias", self.bias, 2, 32)

    @cached_property
    def worst_case(self) -> Fixed:
        """The narrowest accumulator that no input, weight and bias can overflow."""
        bias, places = self.bias_format, self.bias_fraction
        steps = bias and Fixed.holding(bias.minimum >> places, bias.maximum >> places)
        return worst_case(
            self.taps_per_output,
            self.input_format,
            self.input_zero_point,
            self.weight_format,
            steps,
        )

    @cached_property
    def epilogue(self) -> Epilogue:
        """Accumulator to output."""
        if self.accumulator is None:
            accumulator = self.worst_case
        else:
            accumulator = require_format("Conv2d", "accumulator", self.accumulator, 2, 64)
            if not accumulator.signed:
                raise reject(
                    "Conv2d", f"accumulator={accumulator}", "is unsigned",
                    f"use s{accumulator.bits}",
                )  # fmt: skip
        return Epilogue.resolve(
            "Conv2d",
            accumulator=accumulator,
            output=self.output,
            requantize=self.requantize,
            multiplier_bits=self.multiplier_bits,
            max_shift=self.max_shift,
            zero_point=self.output_zero_point,
            activation=self.activation,
            bias_fraction=self.bias_fraction,
        )

    # ------------------------------------------------------------------ shapes

    @property
    def group_in_channels(self) -> int:
        """Input channels of a group."""
        return self.in_channels // self.groups

    @property
    def group_out_channels(self) -> int:
        """Output channels of a group."""
        return self.out_channels // self.groups

    @cached_property
    def pads(self) -> Padding:
        """The padding, resolved ("same" as ONNX SAME_UPPER: the odd row or column at the end)."""
        return windows.pads_of(self)

    @cached_property
    def window(self) -> WindowGeometry:
        """The sliding window of the convolution."""
        return windows.window_of(self)

    @cached_property
    def pool_window(self) -> WindowGeometry | None:
        """The sliding window of the pooling over the convolution's output, if there is one."""
        return windows.pool_window_of(self)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """[height, width, in_channels]."""
        return self.height, self.width, self.in_channels

    @property
    def weight_shape(self) -> tuple[int, int, int, int]:
        """[out_channels, kernel_height, kernel_width, in_channels / groups]."""
        rows, cols = self.window.rows, self.window.cols
        return self.out_channels, rows.kernel, cols.kernel, self.group_in_channels

    @property
    def output_shape(self) -> tuple[int, int, int]:
        """[output_height, output_width, out_channels], behind the pooling if there is one."""
        last = self.window if self.pool_window is None else self.pool_window
        return last.rows.outputs, last.cols.outputs, self.out_channels

    # ------------------------------------------------------------------ lanes and folds

    @property
    def groups_per_beat(self) -> int:
        """Groups whose channels travel in one beat (1 unless simd spans several)."""
        return max(1, self.simd // self.group_in_channels)

    @property
    def channels_per_pe(self) -> int:
        """Input channels that one PE multiplies in a cycle."""
        return self.simd // self.groups_per_beat

    @property
    def pe_per_group(self) -> int:
        """PEs that work on the same group at the same time."""
        return self.pe // self.groups_per_beat

    @property
    def parallel_taps(self) -> int:
        """Kernel taps that one PE multiplies in a cycle."""
        return {"all": self.window.taps, "row": self.window.cols.kernel, "one": 1}[self.taps]

    @property
    def tap_folds(self) -> int:
        """Cycles over the taps of a window."""
        return self.window.taps // self.parallel_taps

    @property
    def channel_folds(self) -> int:
        """Beats that one output needs."""
        return self.group_in_channels // self.channels_per_pe

    @property
    def filter_folds(self) -> int:
        """Passes over the same beats, for the output channels of a group."""
        return self.group_out_channels // self.pe_per_group

    @property
    def group_folds(self) -> int:
        """Groups (or bundles of groups that share a beat) one after the other."""
        return self.groups // self.groups_per_beat

    @property
    def steps_per_sum(self) -> int:
        """Cycles from one word of `pe` finished sums to the next."""
        return self.channel_folds * self.tap_folds

    @property
    def weight_words(self) -> int:
        """Depth of the weight memories; also the cycles a window position takes."""
        return self.group_folds * self.filter_folds * self.steps_per_sum

    @property
    def output_beats(self) -> int:
        """Words of `pe` channels at one output position."""
        return self.out_channels // self.pe

    @property
    def finish_lanes(self) -> int:
        """Requantizers: just as many as keep up with the sums."""
        return next(
            lanes
            for lanes in range(1, self.pe + 1)
            if self.pe % lanes == 0 and self.pe // lanes <= self.steps_per_sum
        )

    @property
    def finish_steps(self) -> int:
        """Cycles that the requantizers take for a word of sums."""
        return self.pe // self.finish_lanes

    # ------------------------------------------------------------------ DSP blocks

    @cached_property
    def _chosen_packing(self) -> Packing | Obstacle | None:
        odd = Obstacle(
            f"pe={self.pe}" + (f" of {self.groups_per_beat} groups" * (self.groups_per_beat > 1)),
            "leaves a filter without another one that sees the same pixels",
            "use an even pe for each group, or packing='off'",
        )
        constant = Obstacle(
            f"pe={self.pe}, simd={self.simd}, taps={self.taps}",
            "gives every multiplier one constant weight, which takes LUTs and no DSP",
            "use packing='off'",
        )
        single = Obstacle(
            "algorithm='naive'", "has one multiplier", "use another algorithm, or packing='off'"
        )
        direct = self.algorithm == "direct"
        fixed = direct and self.weights == "rom" and self.weight_words == 1
        return choose(
            "Conv2d",
            self.packing,
            shared=self.input_format,
            weight=self._given_weight,
            products=self.products_per_step if direct else 1,
            obstacles=[
                single if self.algorithm == "naive" else None,
                odd if direct and self.pe_per_group % 2 else None,
            ],
            pointless=[constant if fixed else None],
        )

    @property
    def packed(self) -> Packing | None:
        """How two filters share a DSP block; None if they do not."""
        chosen = self._chosen_packing
        return chosen if isinstance(chosen, Packing) else None

    @property
    def unpacked_because(self) -> str:
        """Why packing="auto" does not pack; empty if it does, or was not asked to."""
        chosen = self._chosen_packing
        return f"{chosen.value} {chosen.rule}" if isinstance(chosen, Obstacle) else ""

    @property
    def products_per_step(self) -> int:
        """Products that one PE adds up in a cycle."""
        return self.channels_per_pe * self.parallel_taps

    # ------------------------------------------------------------------ costs

    @property
    def taps_per_output(self) -> int:
        """Products in one output value."""
        return self.window.taps * self.group_in_channels

    @property
    def multipliers(self) -> int:
        """Products per cycle (without those of the requantization)."""
        return self.pe * self.products_per_step

    @property
    def multiplications(self) -> int:
        """Multiplications per cycle: half as many as products where two share one."""
        return self.multipliers if self.packed is None else self.multipliers // 2

    @property
    def macs(self) -> int:
        """Multiply-accumulates a frame; those with padding count, as is usual."""
        return self.window.positions * self.out_channels * self.taps_per_output

    @property
    def input_beats(self) -> int:
        """Beats of the input stream a frame."""
        return self.window.input_beats

    @property
    def lower_bound_cycles(self) -> int:
        """Cycles a frame that no schedule with these lanes can undercut.

        max(input beats, MACs / multipliers): the roofline of a line-buffer convolution
        (Zhang et al., FPGA'15; UG1399, "2D convolution").
        """
        return max(self.input_beats, -(-self.macs // self.multipliers))

    @cached_property
    def window_fifo_words(self) -> int:
        """Depth of the FIFO between line buffer and multipliers; see `hls.pacing`."""
        return pacing.fifo_words(self.window, self.weight_words)

    @cached_property
    def predicted_cycles(self) -> int:
        """Cycles a frame in steady state, frames back to back; see `hls.pacing`."""
        cycles = pacing.frame_cycles(self.window, self.weight_words, self.window_fifo_words)
        finish = self.window.positions * self.output_beats * self.finish_steps
        pool = (
            0
            if self.pool_window is None
            else (self.pool_window.frame_steps * self.pool_window.beats)
        )
        return max(cycles, finish, pool)

    @property
    def line_buffer_bits(self) -> int:
        """(K-1) rows of unpadded pixels plus the window's columns: the least that can do.

        Bound: (K-1)*W*C + (K-1)*C + 1 elements for a KxK window (hardware literature: UG1399).
        """
        window, element = self.window, self.input_format.bits * self.in_channels
        rows = window.rows.reach * window.cols.grid
        return (rows + window.rows.kernel * window.cols.reach) * element

    @property
    def weight_bits(self) -> int:
        """Bits of all weights."""
        weights = self.out_channels * self.taps_per_output
        if self.packed is None:
            return weights * self.weight_format.bits
        return weights // 2 * self.packed.pair.bits

    @property
    def on_chip_bits(self) -> int:
        """Line buffer, window FIFO, held window, pooling buffer and weights."""
        word = self.window.taps * self.simd * self.input_format.bits
        held = word * self.channel_folds if self.filter_folds > 1 or self.tap_folds > 1 else 0
        pool = 0
        if self.pool_window is not None:
            rows, cols = self.pool_window.rows, self.pool_window.cols
            element = self.out_channels * self.epilogue.output.bits
            pool = (rows.reach * cols.grid + rows.kernel * cols.reach) * element
        fifo = word * self.window_fifo_words
        return self.line_buffer_bits + fifo + held + pool + self.weight_bits

    @property
    def dram_bytes(self) -> int:
        """Bytes moved a frame: every input and every output once (the compulsory traffic).

        Weights are on chip; loading them once costs `parameter_bytes` more.
        """
        height, width, channels = self.output_shape
        read = self.height * self.width * self.in_channels * self.input_format.container_bits
        written = height * width * channels * self.epilogue.output.container_bits
        return (read + written) // 8

    @property
    def parameter_words(self) -> int:
        """32-bit words of the parameter stream for run-time weights; see `hls.parameters`."""
        groups = self.weight_words * self.pe * self.parallel_taps
        return groups * self.weight_group_words + self.out_channels * 4

    @property
    def weight_group_words(self) -> int:
        """32-bit words that carry the weights of one PE, one tap, all its channels."""
        return -(-self.channels_per_pe * self.weight_format.bits // 32)

    @property
    def parameter_bytes(self) -> int:
        """Bytes of one set of run-time weights; 0 when they are baked in."""
        return self.parameter_words * 4 if self.weights == "load" else 0
