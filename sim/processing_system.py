"""The processing systems of the boards, as far as the pynq package asks for them.

Zynq-7000: UG585 (memory map; SLCR clock registers, appendix B.28). Zynq UltraScale+: UG1085 (memory
map), UG1087 (CRL_APB, CRF_APB). The names of parameters are those of Vivado's hardware hand-off.
"""

from __future__ import annotations

from dataclasses import dataclass

from hls.boards import Board
from hls.errors import InputError

__all__ = ["ProcessingSystem", "processing_system"]

_CLOCKS = 4
_LARGEST_DIVISOR = 63


@dataclass(frozen=True)
class ProcessingSystem:
    """What differs between the two families.

    Attributes:
        arch: of the processor, by which pynq chooses its clock registers.
        modtype, vlnv, master, interrupt: module, IP, control port and interrupt input.
        raw_irq: number of the first line of that input.
        peripherals: address of the first peripheral in the fabric.
        memory: address from which buffers are allocated.
        pll_mhz: clock that the fabric's clocks are divided from.
        registers: clock registers as the boot loader leaves them, by address.
    """

    arch: str
    modtype: str
    vlnv: str
    master: str
    interrupt: str
    raw_irq: int
    peripherals: int
    memory: int
    pll_mhz: float
    enable: str
    divisor: str
    source: str
    actual: str
    registers: dict[int, int]

    def divisors(self, clock_mhz: float) -> tuple[int, int]:
        """The two divisors of the PLL's clock that come closest to `clock_mhz`."""
        pairs = ((first, second) for second in range(1, _LARGEST_DIVISOR + 1)
                 for first in range(1, _LARGEST_DIVISOR + 1))  # fmt: skip
        return min(pairs, key=lambda pair: abs(self.pll_mhz / (pair[0] * pair[1]) - clock_mhz))

    def parameters(self, clock_mhz: float) -> list[tuple[str, str]]:
        """Clock parameters of the hand-off: the first clock is on, the others are off."""
        first, second = self.divisors(clock_mhz)
        actual = self.pll_mhz / (first * second)
        found = []
        for clock in range(_CLOCKS):
            found += [
                (self.enable.format(clock), str(int(clock == 0))),
                (self.divisor.format(clock, 0), str(first)),
                (self.divisor.format(clock, 1), str(second)),
                (self.source.format(clock), "IOPLL"),
                (self.actual.format(clock), f"{actual:.6f}"),
            ]
        return found


_ZYNQ_7000 = ProcessingSystem(
    arch="armv7l",
    modtype="processing_system7",
    vlnv="xilinx.com:ip:processing_system7:5.5",
    master="M_AXI_GP0",
    interrupt="IRQ_F2P",
    raw_irq=61,
    peripherals=0x4000_0000,
    memory=0x1000_0000,
    pll_mhz=1000.0,
    enable="PCW_FPGA_FCLK{}_ENABLE",
    divisor="PCW_FCLK{}_PERIPHERAL_DIVISOR{}",
    source="PCW_FCLK{}_PERIPHERAL_CLKSRC",
    actual="PCW_ACT_FPGA{}_PERIPHERAL_FREQMHZ",
    registers={
        0xF800_0100: 26 << 12,  # ARM_PLL_CTRL: 50 MHz x 26
        0xF800_0104: 21 << 12,  # DDR_PLL_CTRL
        0xF800_0108: 20 << 12,  # IO_PLL_CTRL: 1000 MHz
        0xF800_0120: 2 << 8,  # ARM_CLK_CTRL: 650 MHz
        **{0xF800_0170 + 16 * clock: 1 << 20 | 10 << 8 for clock in range(_CLOCKS)},
    },
)

_ULTRASCALE = ProcessingSystem(
    arch="aarch64",
    modtype="zynq_ultra_ps_e",
    vlnv="xilinx.com:ip:zynq_ultra_ps_e:3.5",
    master="M_AXI_HPM0_FPD",
    interrupt="pl_ps_irq0",
    raw_irq=121,
    peripherals=0xA000_0000,
    memory=0x8_0000_0000,  # DDR above 32 bits, so that both halves of an address count
    pll_mhz=33.333 * 90 / 2,
    enable="PSU__FPGA_PL{}_ENABLE",
    divisor="PSU__CRL_APB__PL{}_REF_CTRL__DIVISOR{}",
    source="PSU__CRL_APB__PL{}_REF_CTRL__SRCSEL",
    actual="PSU__CRL_APB__PL{}_REF_CTRL__ACT_FREQMHZ",
    registers={
        0xFF5E_0020: 1 << 16 | 90 << 8,  # IOPLL_CTRL: 33.333 MHz x 90 / 2
        0xFF5E_0030: 1 << 16 | 90 << 8,  # RPLL_CTRL
        0xFD1A_0020: 1 << 16 | 72 << 8,  # APLL_CTRL: 1200 MHz
        0xFD1A_002C: 1 << 16 | 64 << 8,  # DPLL_CTRL
        0xFD1A_0038: 1 << 16 | 90 << 8,  # VPLL_CTRL
        0xFD1A_0060: 1 << 8,  # ACPU_CTRL
        **{0xFF5E_00C0 + 4 * clock: 1 << 24 | 1 << 16 | 15 << 8 for clock in range(_CLOCKS)},
    },
)

_FAMILIES = {"xc7": _ZYNQ_7000, "xcup": _ULTRASCALE}


def processing_system(board: Board) -> ProcessingSystem:
    """The processing system of `board`.

    Raises:
        InputError: its family has none here.
    """
    try:
        return _FAMILIES[board.family]
    except KeyError:
        raise InputError(f"board {board.name} has no processing system to simulate") from None
