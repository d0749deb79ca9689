"""What an engine takes of a device, by its sizes: DSP blocks, block RAMs, LUTs.

Block RAMs and LUT memories follow from the widths and depths of arrays, by the rules of the open
lowering and Yosys: memories of up to 64 words are LUTs (RAM32M, RAM64M: UG474, "Distributed RAM";
a ROM of 64 bits a LUT), deeper ones RAMB18 (UG473, table 1-11), all banks that share an address
side by side. LUTs of logic are a linear fit to what Yosys makes of 12 convolutions, see
LOGIC_LUTS.
"""

from __future__ import annotations
