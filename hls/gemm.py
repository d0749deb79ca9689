"""Gemm: a tiled matrix product on an output-stationary systolic array, fully checked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from hls import gemm_pacing
from hls.checks import reject, require_format
from hls.dsp import Obstacle, Packing, choose
from hls.epilogue import Clip, Epilogue, worst_case
from hls.fixed import Fixed
from hls.gemm_legality import check_gemm
from hls.tiling import Tile, best_tile

__all__ = ["Gemm"]

MEMORY_LATENCY_CYCLES = 2
"""Of the memories in a cosimulation: the word of an address comes two cycles after it."""


@dataclass(frozen=True, kw_only=True)
class Gemm:
    """C[M,N] = A[M,K] . B[K,N] (+ bias[N]) for run-time m, k, n up to given maxima.

    An array of `rows` x `cols` PEs holds its sums in place (output-stationary). A tile of
    `tile_m` x `tile_n` results stays on chip while all of K streams past, so that the traffic is
    m*n*(1 + k/tile_m + k/tile_n) elements (de Fine Licht et al., "Flexible Communication Avoiding
    Matrix Multiplication on FPGA with High-Level Synthesis", FPGA'20). Tiles need not divide m, k
    or n; only the partial tile at the edge is computed, not its padding. With `on_chip_kbits`, that
    many Kibit for the sums, the tile is the one that moves least at the maximum sizes.

    With `packing`, two columns share a DSP block; "auto" does so where it saves DSPs, by the rules
    of the DSP48E1, which hold on the DSP48E2 too; "dsp48e1" and "dsp48e2" insist on it. See
    `hls.dsp`.

    In memory the rows of A, B and C start on word boundaries: a word of A holds `rows` elements,
    a word of B or C `cols` elements. The padding elements are never used as data.

    Raises:
        DesignError: a rule is broken; the text names value, rule and remedy.
    """

    max_m: int
    max_k: int
    max_n: int
    rows: int = 8
    cols: int = 8
    tile_m: int | None = None
    tile_n: int | None = None
    tile_k: int | None = None
    on_chip_kbits: int | None = None
    input: str | Fixed = "s8"
    weight: str | Fixed = "s8"
    bias: str | Fixed | None = None
    output: str | Fixed | None = None
    accumulator: str | Fixed | None = None
    requantize: str = "none"
    multiplier_bits: int = 24
    max_shift: int = 47
    input_zero_point: int = 0
    output_zero_point: int = 0
    activation: str | Clip = "none"
    packing: str = "off"
    name: str = "gemm"

    def __post_init__(self) -> None:
        """Check every rule; derived objects are built once so that none can fail later."""
        check_gemm(self)

    # ------------------------------------------------------------------ formats

    @cached_property
    def input_format(self) -> Fixed:
        """Format of A."""
        return require_format("Gemm", "input", self.input, 2, 16)

    @cached_property
    def weight_format(self) -> Fixed:
        """Format of B; symmetric where that lets two columns share a DSP block."""
        return self._given_weight if self.packed is None else self.packed.weight

    @cached_property
    def _given_weight(self) -> Fixed:
        return require_format("Gemm", "weight", self.weight, 2, 16, symmetric=True)

    @cached_property
    def bias_format(self) -> Fixed | None:
        """Format of a bias in accumulator units."""
        return None if self.bias is None else require_format("Gemm", "bias", self.bias, 2, 32)

    @cached_property
    def worst_case(self) -> Fixed:
        """The narrowest accumulator that no A, B and bias can overflow at k = max_k."""
        return worst_case(
            self.max_k,
            self.input_format,
            self.input_zero_point,
            self.weight_format,
            self.bias_format,
        )

    @cached_property
    def epilogue(self) -> Epilogue:
        """Accumulator to output. Raw accumulators leave in 32 (or 64) bits, whatever max_k."""
        if self.accumulator is None:
            bits = self.worst_case.bits
            accumulator = (
                Fixed(bits=bits)
                if self.requantize != "none"
                else Fixed(bits=32 if bits <= 32 else 64)
            )
        else:
            accumulator = require_format("Gemm", "accumulator", self.accumulator, 2, 64)
            if not accumulator.signed:
                raise reject(
                    "Gemm", f"accumulator={accumulator}", "is unsigned",
                    f"use s{accumulator.bits}",
                )  # fmt: skip
        return Epilogue.resolve(
            "Gemm",
            accumulator=accumulator,
            output=self.output,
            requantize=self.requantize,
            multiplier_bits=self.multiplier_bits,
            max_shift=self.max_shift,
            zero_point=self.output_zero_point,
            activation=self.activation,
        )

    @property
    def has_parameters(self) -> bool:
        """Whether a table of bias, multiplier and shift per column is read."""
        return self.bias is not None or self.epilogue.requantized

    # ------------------------------------------------------------------ tiles

    @property
    def tile_rows(self) -> int:
        """Rows of C in a tile."""
        return self.tile_m or self._chosen_tile.high * self.rows

    @property
    def tile_cols(self) -> int:
        """Columns of C in a tile."""
        return self.tile_n or self._chosen_tile.wide * self.cols

    @cached_property
    def _chosen_tile(self) -> Tile:
        """Four arrays a side (or as the maxima need), or what moves least within the budget."""
        high, wide = -(-self.max_m // self.rows), -(-self.max_n // self.cols)
        if self.on_chip_kbits is None:
            return Tile(high=min(4, high), wide=min(4, wide))
        # Memories have powers of two.
        sums = 1 << (self.affordable_sums.bit_length() - 1)
        a = self.rows * self.max_k * self.input_format.container_bits
        b = self.cols * self.max_k * self.weight_format.container_bits
        return best_tile(high, wide, sums, a, b)

    @property
    def sum_bits(self) -> int:
        """One sum and one result in each PE."""
        return 2 * self.multipliers * self.epilogue.accumulator.bits

    @property
    def affordable_sums(self) -> int:
        """Sums that a PE may keep within `on_chip_kbits`."""
        assert self.on_chip_kbits is not None
        return self.on_chip_kbits * 1024 // self.sum_bits

    @property
    def tile_depth(self) -> int:
        """Elements of K that a block of A holds per row, the length of A's bursts."""
        wanted = max(64, 4 * self.rows)
        return self.tile_k or min(wanted, -(-self.max_k // self.rows) * self.rows)

    @property
    def sub_rows(self) -> int:
        """Arrays that a tile is high."""
        return self.tile_rows // self.rows

    @property
    def sub_cols(self) -> int:
        """Arrays that a tile is wide."""
        return self.tile_cols // self.cols

    @property
    def sums_per_pe(self) -> int:
        """Results of a tile that one PE keeps."""
        return self.sub_rows * self.sub_cols

    @property
    def sum_words(self) -> int:
        """Depth of a PE's memory of sums: a power of two, so that no index can leave it."""
        return 1 << (self.sums_per_pe - 1).bit_length()

    @property
    def a_places(self) -> int:
        """Words of a row of A on chip: two blocks, one that fills and one that leaves.

        A power of two, as the buffer is circular.
        """
        return 1 << (2 * self.tile_words - 1).bit_length()

    @property
    def buffer_words(self) -> int:
        """Depth of a bank of A's buffer, a power of two, so that no index can leave it."""
        return 1 << (self.a_places * self.sub_rows - 1).bit_length()

    @property
    def min_pass(self) -> int:
        """Fewest cycles between two visits of a sum: read, add and write back fit in."""
        return 1 if self.sums_per_pe == 1 else 2

    @property
    def tile_words(self) -> int:
        """Words of A that a row of a block holds."""
        return self.tile_depth // self.rows

    @property
    def b_rows(self) -> int:
        """Rows of B in the circular buffer."""
        return 32

    @property
    def drain_interval(self) -> int:
        """Cycles between two rows of results that leave: requantizers are shared by two."""
        return 2 if self.epilogue.requantized else 1

    @property
    def finish_lanes(self) -> int:
        """Requantizers."""
        return self.cols // self.drain_interval

    @property
    def skew(self) -> int:
        """Cycles after which the last PE has seen what the first PE sees now."""
        return self.rows + self.pe_cols - 2

    # ------------------------------------------------------------------ DSP blocks

    @cached_property
    def _chosen_packing(self) -> Packing | Obstacle | None:
        return choose(
            "Gemm",
            self.packing,
            shared=self.input_format,
            weight=self._given_weight,
            products=1,
        )

    @property
    def packed(self) -> Packing | None:
        """How two columns share a DSP block; None if they do not."""
        chosen = self._chosen_packing
        return chosen if isinstance(chosen, Packing) else None

    @property
    def unpacked_because(self) -> str:
        """Why packing="auto" does not pack; empty if it does, or was not asked to."""
        chosen = self._chosen_packing
        return f"{chosen.value} {chosen.rule}" if isinstance(chosen, Obstacle) else ""

    @property
    def pe_cols(self) -> int:
        """PEs in a row of the array: two columns share one where they are packed."""
        return self.cols if self.packed is None else self.cols // 2

    # ------------------------------------------------------------------ costs

    @property
    def multipliers(self) -> int:
        """Products per cycle."""
        return self.rows * self.cols

    @property
    def multiplications(self) -> int:
        """Multiplications per cycle: half as many as products where two share one."""
        return self.rows * self.pe_cols

    @property
    def macs(self) -> int:
        """Multiply-accumulates at the maximum sizes."""
        return self.max_m * self.max_k * self.max_n

    @property
    def lower_bound_cycles(self) -> int:
        """Bound at the maximum sizes; see `bound_cycles`."""
        return self.bound_cycles(self.max_m, self.max_k, self.max_n)

    @property
    def predicted_cycles(self) -> int:
        """Prediction at the maximum sizes; see `cycles`."""
        return self.cycles(self.max_m, self.max_k, self.max_n)

    @property
    def dram_bytes(self) -> int:
        """Traffic at the maximum sizes; see `traffic_bytes`."""
        return self.traffic_bytes(self.max_m, self.max_k, self.max_n)

    @property
    def on_chip_bits(self) -> int:
        """Sums and results of a tile, words of A, rows of B, parameters of the columns."""
        sums = self.sum_bits * self.sum_words
        a = self.rows * self.buffer_words * self.rows * self.input_format.container_bits
        b = self.b_rows * self.tile_cols * self.weight_format.container_bits
        table = self.max_n * 128 if self.has_parameters else 0
        return sums + a + b + table

    def bound_cycles(self, m: int, k: int, n: int) -> int:
        """max(m*n*k / (rows*cols), words of A, of B, of C): each port moves one word a cycle."""
        return max(self.bounds(m, k, n).values())

    def bounds(self, m: int, k: int, n: int) -> dict[str, int]:
        """Cycles that the multipliers need, and each port, if nothing else held them up.

        A product with few rows cannot reuse B, so that its port is what counts.
        """
        words = -(-n // self.cols)
        return {
            "multipliers": -(-m * n * k // self.multipliers),
            "port a": m * -(-k // self.rows),
            "port b": k * words,
            "port c": m * words,
        }

    def cycles(self, m: int, k: int, n: int, *, memory_latency: int = MEMORY_LATENCY_CYCLES) -> int:
        """Start to done, as cosimulation counts them without stalls; see `hls.gemm_pacing`."""
        return gemm_pacing.cycles(self, m, k, n, memory_latency)

    @property
    def drain_wait(self) -> int:
        """Steps from the start of a tile's last pass until its first row of results is there."""
        return max(0, self.pe_cols - 2)

    def traffic_bytes(self, m: int, k: int, n: int) -> int:
        """Bytes over all ports, padding of the last word of a row included."""
        passes_over_a, passes_over_b = -(-n // self.tile_cols), -(-m // self.tile_rows)
        a = m * -(-k // self.rows) * self.rows * self.input_format.container_bits
        row = -(-n // self.cols) * self.cols
        b, c = (
            k * row * self.weight_format.container_bits,
            m * row * (self.epilogue.output.container_bits),
        )
        table = n * 128 if self.has_parameters else 0
        return (a * passes_over_a + b * passes_over_b + c + table) // 8

    def traffic_formula_bytes(self, m: int, k: int, n: int) -> float:
        """m*n*(1 + k/x + k/y) elements for the tile of x rows and y columns (FPGA'20)."""
        x, y = min(self.tile_rows, m), min(self.tile_cols, n)
        a, b = self.input_format.container_bits, self.weight_format.container_bits
        return m * n * (self.epilogue.output.container_bits + k * a / y + k * b / x) / 8

    def traffic_bound_bytes(self, m: int, k: int, n: int, on_chip_elements: int) -> int:
        """2*m*n*k/sqrt(S) + m*n elements, the I/O lower bound (Kwasniewski et al., SC'19).

        Small products are bound by every operand that has to come once.
        """
        a, b = self.input_format.container_bits, self.weight_format.container_bits
        moved = 2 * m * n * k / math.sqrt(on_chip_elements) * min(a, b)
        operands = max(moved, m * k * a + k * n * b)
        return round((operands + m * n * self.epilogue.output.container_bits) / 8)
