"""Instructions: their place in memory, there and back."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hls.errors import DesignError
from hls.network.instructions import (
    PARTS,
    RECORD_WORDS,
    VERSION,
    WORD_BITS,
    Instruction,
    decode,
    encode,
    places,
)


def _instruction(values: dict[tuple[str, str], int]) -> Instruction:
    parts = {
        part: cls(**{field.name: values[part, field.name] for field in dataclasses.fields(cls)})
        for part, cls in PARTS.items()
    }
    return Instruction(**parts)


@st.composite
def instructions(draw: Any) -> Instruction:
    """Any instruction, its limits among the values."""
    return _instruction(
        {
            (place.part, place.field): draw(
                st.sampled_from(place.limits) | st.integers(*place.limits)
            )
            for place in places()
        }
    )


@settings(max_examples=20)
@given(instructions())
def test_an_instruction_comes_back(instruction: Instruction) -> None:
    record = encode(instruction)
    assert record.shape == (RECORD_WORDS,)
    assert decode(record) == instruction


def test_other_fields_are_another_version() -> None:
    """Programs and bitstreams meet years later: whoever changes a field changes VERSION, too."""
    text = repr([dataclasses.astuple(place) for place in places()])
    known = "8814ade039a2813e"
    assert (VERSION, hashlib.sha256(text.encode()).hexdigest()[:16]) == (1, known)


def test_fields_do_not_overlap() -> None:
    taken = np.zeros((RECORD_WORDS, WORD_BITS), int)
    for place in places():
        taken[place.word, place.low : place.high + 1] += 1
    assert taken.max() == 1


@pytest.mark.parametrize("value", [-1, 1 << 20])
def test_a_value_beyond_its_field_is_refused(value: int) -> None:
    values = {(place.part, place.field): 0 for place in places()}
    values["sizes", "m"] = value
    with pytest.raises(DesignError, match=rf"sizes\.m={value} is outside 0\.\.1048575"):
        encode(_instruction(values))
