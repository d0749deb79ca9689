"""Measurements of what the generator makes; `python -m benchmarks` prints them."""

from __future__ import annotations
