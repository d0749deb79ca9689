"""Products at the limit: large ones, tiles for a budget on chip, and skinny ones, in RTL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.projects import prepared
from benchmarks.tables import Benchmark, Table, Value
from hls.errors import CheckFailed
from hls.gemm import Gemm
from sim.cosim import CosimResult, cosim

__all__ = ["PRODUCTS", "Product", "efficiency", "traffic"]

MOST_TRAFFIC = 1.05
"""Times m*n*(1 + k/x + k/y)."""


@dataclass(frozen=True, kw_only=True)
class Product:
    """A product of m x k x n on a design, and the share of its bound that it must reach."""

    design: Gemm
    sizes: tuple[int, int, int]
    least_percent: float


def _square(size: int, array: int, percent: float, kbits: int | None = None) -> Product:
    budget = "" if kbits is None else f"_{kbits}k"
    design = Gemm(
        name=f"gemm_{size}_{array}x{array}{budget}", max_m=size, max_k=size, max_n=size,
        rows=array, cols=array, on_chip_kbits=kbits,
    )  # fmt: skip
    return Product(design=design, sizes=(size, size, size), least_percent=percent)


_SKINNY = Gemm(name="gemm_skinny", max_m=8, max_k=1024, max_n=1024)

SQUARE = (_square(128, 8, 98), _square(256, 16, 98), _square(256, 8, 95, 512))
SKINNY = tuple(
    Product(design=_SKINNY, sizes=sizes, least_percent=95)
    for sizes in ((1, 1024, 1000), (1, 256, 1024), (2, 1024, 512), (8, 1024, 1000))
)


def _run(progress: Callable[[str], None]) -> list[Table]:
    results = []
    for product in (*SQUARE, *SKINNY):
        progress(f"products: {product.design.name} at {_sizes(product)}: lower, build, simulate")
        results.append((product, _measured(product)))
    return [efficiency(results), traffic(results)]


def _measured(product: Product) -> CosimResult:
    result = cosim(prepared(product.design, "products"), engine="fast", sizes=product.sizes)
    if not result.match:
        raise CheckFailed(f"{product.design.name}: RTL differs from NumPy at {_sizes(product)}")
    return result


def efficiency(results: list[tuple[Product, CosimResult]]) -> Table:
    """Cycles beside what the multipliers and each port need."""
    rows: list[tuple[Value, ...]] = []
    misses = []
    for product, result in results:
        bounds = product.design.bounds(*product.sizes)
        limit = max(bounds, key=lambda name: bounds[name])
        percent = 100 * bounds[limit] / result.cycles
        reached = percent >= product.least_percent
        rows.append((
            product.design.name, _sizes(product), limit, bounds[limit], result.cycles,
            round(percent, 1), f">= {product.least_percent:g} %", "pass" if reached else "FAIL",
        ))  # fmt: skip
        if not reached:
            misses.append(
                f"{product.design.name}: {result.cycles:,} cycles for {_sizes(product)} are "
                f"{percent:.1f} % of what {limit} allows, the mark is {product.least_percent:g} %"
            )
    return Table(
        title="Products at the limit",
        caption=(
            "RTL, fast engine, start to done, every output compared. The bound is the largest of "
            "MACs / multipliers and the words of each port: a product of few rows uses each word "
            "of B once, so that its port is what counts."
        ),
        columns=("design", "m x k x n", "bound by", "bound cycles", "cycles", "%", "mark", ""),
        rows=rows,
        misses=misses,
    )


def traffic(results: list[tuple[Product, CosimResult]]) -> Table:
    """Bytes over the ports beside the formula of the tile and the bound of its sums."""
    rows: list[tuple[Value, ...]] = []
    misses = []
    for product, result in results:
        design, sizes = product.design, product.sizes
        moved = sum(sum(counts.values()) for counts in result.memory_bytes.values())
        share = moved / design.traffic_formula_bytes(*sizes)
        sums = design.tile_rows * design.tile_cols
        reached = share <= MOST_TRAFFIC and moved == design.traffic_bytes(*sizes)
        rows.append((
            design.name, _sizes(product), f"{design.tile_rows} x {design.tile_cols}", moved,
            round(share, 4), design.traffic_bound_bytes(*sizes, sums),
            "pass" if reached else "FAIL",
        ))  # fmt: skip
        if not reached:
            misses.append(
                f"{design.name}: {moved:,} bytes for {_sizes(product)} are {share:.3f} of the "
                f"formula, the mark is {MOST_TRAFFIC}"
            )
    return Table(
        title="Bytes that products move",
        caption=(
            f"Counted at the AXI4 ports in RTL. Mark: at most {MOST_TRAFFIC} of m*n*(1 + k/x + "
            "k/y) elements for the tile of x * y sums, and what the model says, to the byte. "
            "Bound: 2*m*n*k/sqrt(x*y) + m*n elements, or every operand once; results have 4 bytes."
        ),
        columns=("design", "m x k x n", "tile", "bytes", "of formula", "bound", ""),
        rows=rows,
        misses=misses,
    )


def _sizes(product: Product) -> str:
    return " x ".join(map(str, product.sizes))


PRODUCTS = Benchmark("products", "products: cycles and bytes at their limits", _run)
