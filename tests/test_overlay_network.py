"""The overlay engine: one build runs many networks, each tensor as the golden model has it."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import floor
from typing import Any

import networks
import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from overlay_engine import ENGINE, first_wrong_layer, folder

from hls import boards
from hls.errors import DesignError
from hls.network import Network
from hls.network.compiling import Program, Stored, compile_network
from hls.network.layers import Requantization
from hls.network.layouts import Layout
from hls.network.memory import Life, arrange
from hls.network.overlay import OverlayEngine, engines_for
from hls.network.overlay_network import OverlayNetwork
from hls.network.quotients import quotient
from hls.network.styles import choose
from host.program import put_frames, take_frames, unpack
from sim import network as golden
from sim import overlay_network
from sim.csim import run_program

NETWORKS = [networks.chain, networks.residual, networks.every_kind]


def _frame(program: Program, seed: int) -> Any:
    """Random pixels, an eighth of them at the limits."""
    rng = np.random.default_rng(seed)
    shape = program.input.shape
    corners = rng.choice(np.array([-128, 127]), shape)
    return np.where(rng.random(shape) < 0.125, corners, rng.integers(-128, 128, shape)).astype("i1")


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("make", NETWORKS)
def test_every_tensor_is_right(make: Callable[[int], Network], seed: int) -> None:
    program = compile_network(make(seed), ENGINE, keep_all=True)
    assert first_wrong_layer(program, _frame(program, seed)) is None


@pytest.mark.parametrize("make", NETWORKS)
def test_the_output_is_right_where_memory_is_used_again(make: Callable[[int], Network]) -> None:
    program = compile_network(make(3), ENGINE)
    assert program.words < compile_network(make(3), ENGINE, keep_all=True).words
    frame = _frame(program, 3)
    after = run_program(program, folder(), overlay_network.fresh_tensors(program, frame))
    expected = golden.tensors(program.network, frame[None])[program.network.output][0]
    assert (take_frames(program.data(), after[None])[0] == expected).all()


def test_a_wrong_weight_is_found() -> None:
    """The comparison names the layer, and what it should have been."""
    program = compile_network(networks.chain(0), ENGINE, keep_all=True)
    program.weights[:, 0] += 1
    first = first_wrong_layer(program, _frame(program, 0))
    assert first is not None
    assert first["layer"] == "conv0"
    assert first["index"][3] == 0
    assert first["got"] != first["expected"]


# ---------------------------------------------------------------------- single layers


@st.composite
def _axis(draw: Any, size: int) -> tuple[int, int, int, int, int]:
    """Kernel, stride, dilation and padding of an axis of `size` pixels."""
    kernel = draw(st.integers(1, 4))
    dilation = draw(st.integers(1, 2)) if kernel > 1 else 1
    reach = dilation * (kernel - 1)
    before, after = draw(st.integers(0, reach)), draw(st.integers(0, reach))
    assume(size + before + after > reach)
    return kernel, draw(st.integers(1, 3)), dilation, before, after


@st.composite
def convolutions(draw: Any) -> Network:
    """A network of one convolution of any geometry."""
    groups = draw(st.sampled_from([1, 1, 1, 2, 3, 5]))
    each = draw(st.integers(1, 12))
    height, width = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    rows, cols = draw(_axis(height)), draw(_axis(width))
    builder = networks.Builder(
        (height, width, groups * each), draw(st.integers(0, 99)), draw(st.integers(-128, 127))
    )
    x = builder.conv(
        "x", groups * draw(st.integers(1, 9)), (rows[0], cols[0]), stride=(rows[1], cols[1]),
        dilation=(rows[2], cols[2]), padding=(*rows[3:], *cols[3:]), groups=groups,
        relu=draw(st.booleans()), bias_fraction=draw(st.sampled_from([0, 5, 12])),
    )  # fmt: skip
    return builder.network(x)


@st.composite
def pools(draw: Any) -> Network:
    """A network of one pooling, its divisor exact, and a sum of what it is."""
    height, width = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    rows, cols = draw(_axis(height)), draw(_axis(width))
    assume(rows[2] == cols[2] == 1)
    assume(max(rows[3:]) < rows[0])
    assume(max(cols[3:]) < cols[0])
    builder = networks.Builder(
        (height, width, draw(st.integers(1, 20))), draw(st.integers(0, 99)),
        draw(st.integers(-128, 127)),
    )  # fmt: skip
    x = builder.pool(
        "x", draw(st.sampled_from(["max", "average"])), (rows[0], cols[0]), (rows[1], cols[1]),
        (*rows[3:], *cols[3:]), single=draw(st.booleans()),
    )  # fmt: skip
    return builder.network(builder.add_up(x, builder.rescale(x)))


@settings(max_examples=60)
@given(convolutions(), st.integers(0, 99))
def test_any_convolution(network: Network, seed: int) -> None:
    program = compile_network(network, ENGINE, keep_all=True)
    assert first_wrong_layer(program, _frame(program, seed)) is None


@settings(max_examples=40)
@given(pools(), st.integers(0, 99))
def test_any_pooling(network: Network, seed: int) -> None:
    program = compile_network(network, ENGINE, keep_all=True)
    assert first_wrong_layer(program, _frame(program, seed)) is None


def test_parts_that_do_not_fill_their_words_are_added() -> None:
    """A concatenation leaves gaps between them; where channels lie otherwise, they are moved."""
    b = networks.Builder((3, 5, 5), 1)
    joined = b.concatenate(b.rescale("x"), b.conv("x", 11, 1))
    added = b.add_up(joined, b.conv("x", 16, 3))
    network = b.network(b.dense(b.flatten(b.concatenate(added, joined)), 10))
    program = compile_network(network, ENGINE, keep_all=True)
    assert program.stored[joined].layout.slots[4:6] == (4, 8)
    assert first_wrong_layer(program, _frame(program, 0)) is None


# ---------------------------------------------------------------------- refusals


def _conv(shape: tuple[int, int, int], filters: int, kernel: int) -> Network:
    builder = networks.Builder(shape)
    return builder.network(builder.conv("x", filters, kernel))


@pytest.mark.parametrize(
    ("network", "engine", "message"),
    [
        (_conv((40, 40, 80), 8, 7), ENGINE,
         "layer conv0: 9 rows of 400 words are more than image_words=2048 hold; "
         "use image_words=4096"),
        (_conv((4, 4, 40), 8, 3), OverlayEngine(max_k=256),
         "layer conv0: k=360 weights of a filter are over max_k=256; use style dataflow"),
        (_conv((300, 300, 1), 1, 1), OverlayEngine(),
         "layer conv0: 90000 output positions are over 65536; use smaller images"),
    ],
)  # fmt: skip
def test_a_layer_that_is_too_large_is_refused(
    network: Network, engine: OverlayEngine, message: str
) -> None:
    with pytest.raises(DesignError, match=message):
        compile_network(network, engine)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"lanes": 12}, "lanes='12' is unknown; use 8 or 16"),
        ({"image_words": 1000}, "image_words=1000 is not a power of two.*use 512 or 1024"),
        ({"name": "Engine"}, "is not a lower-case identifier"),
    ],
)
def test_an_engine_that_cannot_be_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(DesignError, match=message):
        OverlayEngine(**fields)


def test_sixteen_lanes() -> None:
    """The larger engine: another tile, another ring, packed as well."""
    large = OverlayEngine(lanes=16, tile_m=128, tile_n=64, image_words=1024, name="engine")
    for seed, make in enumerate(NETWORKS):
        program = compile_network(make(seed), large, keep_all=True)
        assert first_wrong_layer(program, _frame(program, seed)) is None


@pytest.mark.parametrize(
    ("board", "lanes"), [("pynq-z2", 8), ("ultra96v2", 8), ("kv260", 16), ("zcu104", 16)]
)
def test_a_board_gets_the_engine_that_fits(board: str, lanes: int) -> None:
    found = [*engines_for(boards.board(board))]
    assert {engine.lanes for engine in found} == {lanes}
    words = [engine.image_words for engine in found]
    assert words == [words[0] << step for step in range(len(words))]
    assert words[0] == {8: 8192, 16: 4096}[lanes]


def test_an_engine_has_room_for_the_rows_of_its_network() -> None:
    target = boards.board("pynq-z2")
    design = choose(_conv((9, 300, 64), 8, 3), target, "overlay").design
    assert isinstance(design, OverlayNetwork)
    assert design.engine.image_words == 16384
    with pytest.raises(DesignError, match="rows of 12800 words are more than image_words=32768"):
        choose(_conv((9, 1600, 64), 8, 3), target, "overlay")


# ---------------------------------------------------------------------- the parts


@given(
    st.lists(
        st.builds(
            lambda words, first, length: Life(words, first, first + length),
            st.integers(1, 50), st.integers(-1, 12), st.integers(0, 12),
        ),
        min_size=1, max_size=12,
    )
)  # fmt: skip
def test_buffers_never_overlap_while_both_are_needed(lives: list[Life]) -> None:
    named = {str(i): life for i, life in enumerate(lives)}
    offsets = arrange(named)
    for a, first in named.items():
        for b, second in named.items():
            if a < b and first.meets(second):
                apart = (
                    offsets[a] + first.words <= offsets[b]
                    or offsets[b] + second.words <= offsets[a]
                )
                assert apart
    most = max(sum(life.words for life in lives if life.first <= t <= life.last)
               for t in range(-1, 25))  # fmt: skip
    total = max(offsets[name] + life.words for name, life in named.items())
    assert most <= total <= sum(life.words for life in lives)


@given(
    st.integers(1, 1 << 12), st.integers(0, 12), st.integers(1, 150), st.integers(1, 40),
    st.sampled_from(["even", "odd"]),
)  # fmt: skip
def test_a_quotient_rounds_as_the_division_does(
    multiplier: int, shift: int, divisor: int, reach: int, ties: str
) -> None:
    finish = Requantization(
        multiplier=multiplier, shift=shift, divisor=divisor, zero_point=0, ties=ties
    )
    most = reach * 255
    found = quotient(finish, most, 24, 47)
    assume(found is not None)
    assert found is not None
    leaves = int(ties == "even")
    near = range(-min(most, 400), min(most, 400) + 1)
    for v in [*near, most, -most]:
        exact = Fraction(v * multiplier, divisor << shift)
        below = floor(exact)
        up = exact - below > Fraction(1, 2) or (
            exact - below == Fraction(1, 2) and below % 2 == leaves
        )
        whole, rest = divmod(v * found.multiplier, 1 << found.shift)
        beyond = 2 * rest - (1 << found.shift)
        rounds_up = whole % 2 == leaves if abs(beyond) <= found.slack else beyond > 0
        assert whole + rounds_up == below + up, v


@given(st.integers(1 << 23, (1 << 24) - 1), st.integers(25, 34), st.integers(1, 60))
@example(9_586_981, 27, 14)
def test_a_quotient_rounds_as_float32_does(multiplier: int, shift: int, reach: int) -> None:
    """All that is not beyond the limits of 8 bits: odd multiples of a reciprocal's divisor too."""
    finish = Requantization(multiplier=multiplier, shift=shift, zero_point=0, single=True)
    found = quotient(finish, reach * 255, 24, 47)
    assert found is not None
    sums = np.arange(-reach * 255, reach * 255 + 1)
    exact = np.ldexp(sums.astype(np.float32) * np.float32(multiplier), -shift)
    sums, exact = sums[abs(exact) < 256], exact[abs(exact) < 256]
    whole, rest = np.divmod(sums * found.multiplier, 1 << found.shift)
    binade = np.frexp(np.where(whole < 0, ~whole, whole).astype(float))[1]
    beyond = 2 * rest - (1 << found.shift)
    tie = abs(beyond) <= found.slack << binade * found.grows
    rounded = whole + np.where(tie, whole % 2 == 1, beyond > 0)
    np.testing.assert_array_equal(rounded, np.rint(exact))


@pytest.mark.parametrize("taps", [*range(1, 26), 49, 64, 100, 144, 196])
def test_every_usual_average_has_a_quotient(taps: int) -> None:
    finish = Requantization(multiplier=1, shift=0, divisor=taps, zero_point=0)
    assert quotient(finish, 255 * taps, 24, 47) is not None


@given(st.lists(st.integers(1, 20), min_size=1, max_size=4), st.sampled_from([8, 16]))
def test_frames_come_back_from_memory(channels: list[int], lanes: int) -> None:
    layout = Layout.joined([Layout.dense(c, lanes) for c in channels], lanes)
    place = Stored(3, (2, 5, sum(channels)), layout).data(lanes)
    tensors = np.full((2, (3 + 10 * layout.words + 1) * lanes), 77, np.int8)
    frames = np.arange(20 * sum(channels)).astype(np.int8).reshape(2, *place["shape"])
    put_frames({"input": place}, tensors, frames)
    assert (unpack(place, tensors) == frames).all()
    assert (tensors[:, : 3 * lanes] == 77).all()
    assert (tensors[:, -lanes:] == 77).all()
    inside = tensors[:, 3 * lanes : -lanes].reshape(20, -1)
    assert not np.delete(inside, place["slots"], axis=1).any()
