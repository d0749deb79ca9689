"""A stub in the place of Vivado, and what is known of Vivado: commands, IP, pins, parameters.

Commands and options are from AMD UG835; ports and parameters of the IP from PG021 (AXI DMA), PG082
(Zynq-7000), PG085 (width converter), PG099 (interrupt controller), PG164 (reset), PG201 (Zynq
UltraScale+), PG247 (SmartConnect), and from scripts that write_bd_tcl printed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

STUB = Path(__file__).with_name("vivado_stub.tcl")

# command -> its options, those that take a value with "=".
COMMANDS = {
    "add_files": {"-norecurse", "-fileset=", "-scan_for_includes"},
    "apply_bd_automation": {"-rule=", "-config=", "-dict="},
    "assign_bd_address": {"-target_address_space=", "-offset=", "-range=", "-force"},
    "close_project": {"-delete"},
    "connect_bd_intf_net": {"-intf_net=", "-boundary_type="},
    "connect_bd_net": {"-net="},
    "create_bd_cell": {"-type=", "-vlnv=", "-reference="},
    "create_bd_design": {"-dir=", "-cell="},
    "create_project": {"-force", "-part=", "-in_memory", "-ip"},
    "current_fileset": set(),
    "current_project": set(),
    "generate_target": {"-force"},
    "get_bd_intf_pins": {"-quiet", "-of_objects="},
    "get_bd_pins": {"-quiet", "-of_objects="},
    "get_board_parts": {"-quiet", "-filter=", "-latest_file_version"},
    "get_files": {"-of_objects="},
    "get_ipdefs": {"-quiet", "-all", "-filter="},
    "get_param": set(),
    "get_property": set(),
    "get_runs": {"-quiet", "-filter="},
    "get_timing_paths": {"-setup", "-hold", "-max_paths=", "-nworst="},
    "ipx::check_integrity": {"-quiet"},
    "ipx::open_core": {"-quiet", "-set_current="},
    "ipx::unload_core": {"-quiet"},
    "launch_runs": {"-jobs=", "-to_step=", "-next_step"},
    "make_wrapper": {"-files=", "-top", "-import"},
    "open_run": {"-name="},
    "report_power": {"-file="},
    "report_timing_summary": {"-file="},
    "report_utilization": {"-file=", "-hierarchical"},
    "save_bd_design": set(),
    "set_param": set(),
    "set_property": {"-dict="},
    "update_compile_order": {"-fileset="},
    "update_ip_catalog": {"-rebuild"},
    "validate_bd_design": {"-force"},
    "wait_on_run": {"-timeout="},
}  # fmt: skip

# Properties of objects other than cells of the block design.
PROPERTIES = {"board_part", "ip_repo_paths", "top"}


@dataclass(frozen=True)
class Ip:
    """Ports and parameters of an IP; patterns match whole names.

    Attributes:
        inputs, outputs: pins; an input has to be connected exactly once.
        masters, slaves: bus interfaces.
        parameters: names behind CONFIG.
    """

    inputs: str = ""
    outputs: str = ""
    masters: str = ""
    slaves: str = ""
    parameters: str = ""


IPS = {
    "processing_system7": Ip(
        inputs="M_AXI_GP0_ACLK|S_AXI_HP[0-3]_ACLK|IRQ_F2P",
        outputs="FCLK_CLK0|FCLK_RESET0_N",
        masters="M_AXI_GP0",
        slaves="S_AXI_HP[0-3]",
        parameters="PCW_FPGA0_PERIPHERAL_FREQMHZ|PCW_EN_(CLK|RST)0_PORT|PCW_USE_FABRIC_INTERRUPT|"
        "PCW_IRQ_F2P_INTR|PCW_USE_M_AXI_GP0|PCW_USE_S_AXI_HP[0-3]|PCW_S_AXI_HP[0-3]_DATA_WIDTH",
    ),
    "zynq_ultra_ps_e": Ip(
        inputs="maxihpm0_fpd_aclk|saxihp[0-3]_fpd_aclk|pl_ps_irq0",
        outputs="pl_clk0|pl_resetn0",
        masters="M_AXI_HPM0_FPD",
        slaves="S_AXI_HP[0-3]_FPD",
        parameters="PSU__FPGA_PL0_ENABLE|PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ|PSU__USE__IRQ0|"
        "PSU__USE__M_AXI_GP[0-2]|PSU__USE__S_AXI_GP[0-6]|PSU__SAXIGP[0-6]__DATA_WIDTH",
    ),
    "proc_sys_reset": Ip(
        inputs="slowest_sync_clk|ext_reset_in", outputs="peripheral_aresetn|interconnect_aresetn"
    ),
    "axi_dma": Ip(
        inputs="s_axi_lite_aclk|m_axi_mm2s_aclk|m_axi_s2mm_aclk|axi_resetn",
        outputs="mm2s_introut|s2mm_introut",
        masters="M_AXI_MM2S|M_AXI_S2MM|M_AXIS_MM2S",
        slaves="S_AXI_LITE|S_AXIS_S2MM",
        parameters="c_include_sg|c_sg_include_stscntrl_strm|c_sg_length_width|c_addr_width|"
        "c_include_(mm2s|s2mm)|c_m_axi_(mm2s|s2mm)_data_width|c_m_axis_mm2s_tdata_width|"
        "c_s_axis_s2mm_tdata_width",
    ),
    "axis_dwidth_converter": Ip(
        inputs="aclk|aresetn",
        masters="M_AXIS",
        slaves="S_AXIS",
        parameters="[SM]_TDATA_NUM_BYTES|HAS_TKEEP|HAS_TLAST",
    ),
    "smartconnect": Ip(
        inputs="aclk|aresetn",
        masters="M(0[0-9]|1[0-5])_AXI",
        slaves="S(0[0-9]|1[0-5])_AXI",
        parameters="NUM_SI|NUM_MI",
    ),
    "xlconcat": Ip(inputs=r"In\d+", outputs="dout", parameters="NUM_PORTS"),
    "axi_intc": Ip(
        inputs="s_axi_aclk|s_axi_aresetn|intr",
        outputs="irq",
        slaves="s_axi",
        parameters="C_IRQ_CONNECTION",
    ),
}


@dataclass(frozen=True)
class Run:
    """What came of a run of build.tcl under the stub."""

    code: int
    calls: list[list[str]]
    printed: str

    @property
    def names(self) -> list[str]:
        """The commands, in order."""
        return [call[0] for call in self.calls]

    def named(self, name: str) -> list[list[str]]:
        """The arguments of all calls of a command."""
        return [call[1:] for call in self.calls if call[0] == name]

    def only(self, name: str) -> list[str]:
        """The arguments of the one call of a command."""
        (arguments,) = self.named(name)
        return arguments


def calls(record: Path) -> list[list[str]]:
    """The calls that the stub wrote down."""
    if not record.exists():
        return []
    return [line.split("\t") for line in record.read_text().splitlines()]


def run(folder: Path, record: Path, **settings: str) -> Run:
    """Run build.tcl in `folder` under the stub, from a folder that is not its own."""
    if shutil.which("tclsh") is None:
        pytest.skip("tclsh is not installed")
    record.unlink(missing_ok=True)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("STUB_", "LINELOOM_"))}
    env |= {"STUB_RECORD": str(record)} | settings
    done = subprocess.run(
        ["tclsh", STUB, "-source", folder / "build.tcl"],
        cwd=record.parent, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return Run(done.returncode, calls(record), done.stdout + done.stderr)


def place(folder: Path) -> Path:
    """A program called vivado that is the stub; it records its own command line, too."""
    if shutil.which("tclsh") is None:
        pytest.skip("tclsh is not installed")
    file = folder / "vivado"
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(
        f"#!{sys.executable}\n"
        "import os, sys\n"
        "with open(os.environ['STUB_RECORD'], 'a') as record:\n"
        "    print('vivado', *sys.argv[1:], os.getcwd(), sep='\\t', file=record)\n"
        "source = sys.argv[sys.argv.index('-source') + 1]\n"
        f"os.execv({shutil.which('tclsh')!r}, ['tclsh', {str(STUB)!r}, '-source', source])\n"
    )
    file.chmod(0o755)
    return file


def on_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the stub on PATH as vivado; returns the file of its record."""
    place(folder / "bin")
    monkeypatch.setenv("PATH", str(folder / "bin"), prepend=os.pathsep)
    monkeypatch.delenv("LINELOOM_VIVADO", raising=False)
    monkeypatch.setenv("STUB_RECORD", str(folder / "record"))
    return folder / "record"


def options(command: str, arguments: list[str]) -> tuple[dict[str, str], list[str]]:
    """The options of a call and its other arguments; an unknown option fails."""
    known = COMMANDS[command]
    found: dict[str, str] = {}
    others: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if f"{argument}=" in known:
            found[argument] = next(rest)
        elif argument in known:
            found[argument] = ""
        else:
            assert not argument.startswith("-"), f"{command} has no option {argument}"
            others.append(argument)
    return found, others


class Drawing:
    """The block design that a script drew: cells, their parameters, nets."""

    def __init__(self, done: Run) -> None:
        self.cells = {
            call[-1]: options("create_bd_cell", call)[0]["-vlnv"]
            for call in done.named("create_bd_cell")
        }
        self.parameters: dict[str, dict[str, str]] = {name: {} for name in self.cells}
        for call in done.named("set_property"):
            found, others = options("set_property", call)
            if others[-1] in self.cells:
                words = found["-dict"].split() if "-dict" in found else others[:-1]
                pairs = dict(zip(words[::2], words[1::2], strict=True))
                self.parameters[others[-1]] |= {
                    name.removeprefix("CONFIG."): value for name, value in pairs.items()
                }
        self.nets = [(call[0], call[1]) for call in done.named("connect_bd_net")]
        self.buses = [(call[0], call[1]) for call in done.named("connect_bd_intf_net")]

    def ip(self, cell: str) -> Ip | None:
        """What is known of a cell's IP; None for an engine."""
        vendor, _, name, _ = self.cells[cell].split(":")
        return IPS[name] if vendor == "xilinx.com" else None

    def sources(self, pin: str) -> list[str]:
        """What drives an input pin."""
        return [source for source, sink in self.nets if sink == pin]

    def facing(self, interface: str) -> str:
        """The one interface that this one is connected with."""
        found = [b if a == interface else a for a, b in self.buses if interface in (a, b)]
        assert len(found) == 1, f"{interface} is connected with {found}"
        return found[0]


def fits(pattern: str, name: str) -> bool:
    """Whether `name` is one of those that `pattern` stands for."""
    return re.fullmatch(pattern, name) is not None
