"""The Jinja environment: mistakes in templates are errors, and the text comes out tidy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jinja2
import numpy as np
import pytest

from hls import cpp, rendering

Render = Callable[..., str]


@pytest.fixture
def render(monkeypatch: pytest.MonkeyPatch) -> Render:
    """Render a text as if it were a template file."""

    def run(template: str, /, **context: Any) -> str:
        environment = rendering._ENVIRONMENT
        monkeypatch.setattr(environment, "loader", jinja2.DictLoader({"probe.j2": template}))
        monkeypatch.setattr(environment, "cache", None)
        return rendering.render("probe.j2", **context)

    return run


@pytest.mark.parametrize(
    "text", ["{{ missing }}", "{{ held.missing }}", "{% if missing %}{% endif %}"]
)
def test_a_name_that_is_missing_is_an_error(text: str, render: Render) -> None:
    with pytest.raises(jinja2.UndefinedError, match="missing"):
        render(text, held={})


def test_blank_lines_and_spaces_that_conditions_leave_behind_are_removed(render: Render) -> None:
    text = "a  \n\n{% if false %}\nb\n{% endif %}\n\n\n  {% if true %}\nc\t\n  {% endif %}\n\n\n"
    assert render(text) == "a\n\nc\n"


def test_leading_blank_lines_are_removed_and_the_last_line_ends(render: Render) -> None:
    assert render("\n\n{# note #}\nx") == "x\n"


def test_text_is_not_escaped_as_if_it_were_html(render: Render) -> None:
    assert render("{{ text }}", text="a < b && c") == "a < b && c\n"


def test_the_templates_and_headers_are_where_they_are_looked_for() -> None:
    assert (rendering.TEMPLATES / "conv2d" / "kernel.cpp.j2").is_file()
    assert (rendering.INCLUDE / "ap_int.h").is_file()


# ---------------------------------------------------------------------- pieces of C++


@pytest.mark.parametrize(("values", "bits"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (257, 9)])
def test_a_counter_has_just_the_bits_it_needs(values: int, bits: int) -> None:
    assert cpp.counter(values) == f"ap_uint<{bits}>"


def test_initialisers_are_nested_braces_broken_into_lines() -> None:
    assert cpp.initializer(np.array([1, -2, 3])) == "{1, -2, 3}"
    assert cpp.initializer(np.array([[1, 2], [3, 4]])) == "{{1, 2}, {3, 4}}"
    text = cpp.initializer(np.arange(24).reshape(2, 3, 4) + 1000, width=30)
    assert max(map(len, text.splitlines())) <= 30
    flat = text.replace("\n", "").replace(" ", "")
    assert eval(flat.replace("{", "[").replace("}", "]")) == (
        np.arange(24).reshape(2, 3, 4) + 1000
    ).tolist()  # fmt: skip
