"""The workbench: golden models, stimuli, C-sim and (later) cosimulation of generated designs."""

from __future__ import annotations
