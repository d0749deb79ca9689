"""build.tcl without Vivado: a stub records what it would make Vivado do."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import vivado
from lowered import CONV, GEMM, LOADED, lowered
from vivado import COMMANDS, PROPERTIES, Drawing, Run, fits, options

from hls.bitstream import Bitstream, write
from hls.boards import board, boards
from hls.project import Project

OVERLAYS = {"conv": [CONV], "loaded": [LOADED], "product": [GEMM],
            "conv_loaded_product": [CONV, LOADED, GEMM]}  # fmt: skip


CASES = [("conv", "pynq-z2"), ("loaded", "pynq-z1"), ("product", "pynq-z2"),
         ("conv_loaded_product", "pynq-z2"), ("conv_loaded_product", "kv260")]  # fmt: skip


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Project]:
    """The projects with RTL, which is taken for every board: it says that Vitis made it."""
    folder = tmp_path_factory.mktemp("some folder")
    found = {design.name: lowered(design, folder) for design in (CONV, LOADED, GEMM)}
    for project in found.values():
        report = project.path / "reports" / "lowering.json"
        report.write_text(json.dumps(json.loads(report.read_text()) | {"backend": "vitis"}))
    return found


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def made(
    request: pytest.FixtureRequest,
    projects: dict[str, Project],
    tmp_path_factory: pytest.TempPathFactory,
) -> Bitstream:
    name, target = request.param
    chosen = [projects[design.name] for design in OVERLAYS[name]]
    folder = tmp_path_factory.mktemp("some folder") / "out"
    return write(chosen, board(target), folder=folder)


@pytest.fixture(scope="module")
def done(made: Bitstream) -> Run:
    run = vivado.run(made.folder, made.folder.parent / "record")
    assert run.code == 0, run.printed
    return run


@pytest.fixture
def small(projects: dict[str, Project], tmp_path: Path) -> Bitstream:
    return write([projects["conv"]], board("pynq-z2"), folder=tmp_path / "out")


# ---- The calls -----------------------------------------------------------------------------------


def test_commands_options_and_properties_are_real(done: Run, made: Bitstream) -> None:
    drawing = Drawing(done)
    for command, *arguments in done.calls:
        found, others = options(command, arguments)
        if command == "set_property" and others[-1] not in drawing.cells:
            assert "-dict" not in found
            assert others[0] in PROPERTIES, others
    for cell, parameters in drawing.parameters.items():
        ip = drawing.ip(cell)
        for name in parameters:
            assert ip is not None, f"{cell} has no parameter {name}"
            assert fits(ip.parameters, name), f"{cell} has no parameter {name}"
    assert set(done.names) <= set(COMMANDS)


def test_order(done: Run, made: Bitstream) -> None:
    steps = [
        "create_project", "update_ip_catalog", "ipx::open_core", "ipx::check_integrity",
        "ipx::unload_core", "create_bd_design",
        "create_bd_cell", "assign_bd_address", "validate_bd_design", "save_bd_design",
        "generate_target", "make_wrapper", "launch_runs", "wait_on_run", "open_run",
        "report_timing_summary", "report_utilization", "report_power", "get_timing_paths",
    ]  # fmt: skip
    places = [done.names.index(step) for step in steps]
    assert places == sorted(places)
    last_call_of_the_packager = max(n for n, name in enumerate(done.names) if "ipx::" in name)
    assert last_call_of_the_packager < done.names.index("create_bd_design")
    # Nothing is drawn after the addresses are given out.
    drawn = max(n for n, name in enumerate(done.names) if name.startswith("connect_bd"))
    assert drawn < done.names.index("assign_bd_address")
    runs = [options("launch_runs", call) for call in done.named("launch_runs")]
    assert [others for _, others in runs] == [["synth_1"], ["impl_1"]]
    assert runs[1][0]["-to_step"] == "write_bitstream"


def test_board_and_project(done: Run, made: Bitstream) -> None:
    target = made.overlay.board
    assert options("create_project", done.only("create_project"))[0]["-part"] == target.part
    properties = {call[0]: call[1] for call in done.named("set_property") if len(call) == 3}
    # The newest version: 1.10 comes after 1.9.
    assert properties["board_part"].endswith("part0:1.10")
    assert done.only("get_board_parts")[-1] == target.board_part
    assert properties["ip_repo_paths"].strip("{}") == str(made.folder / "engines")
    assert properties["top"] == "system_wrapper"
    cells = {call[-1]: call for call in done.named("create_bd_cell")}
    assert all(":10.0" in " ".join(call) for name, call in cells.items()
               if name.startswith("system_"))  # fmt: skip


def test_what_is_delivered(done: Run, made: Bitstream) -> None:
    assert sorted(path.name for path in made.delivery.iterdir()) == sorted(
        file.name for file in made.files
    )
    assert json.loads((made.delivery / "manifest.json").read_text()) == made.overlay.manifests
    for report in ("timing", "utilization", "power"):
        assert (made.folder / "reports" / f"{report}.rpt").is_file()
    assert "setup slack 0.25 ns, hold slack 0.02 ns" in done.printed


# ---- The block design ----------------------------------------------------------------------------


def test_every_pin_and_interface_exists(done: Run, made: Bitstream) -> None:
    drawing = Drawing(done)
    engines = {engine.name: engine for engine in made.overlay.engines}
    for kind, ends in (("pin", drawing.nets), ("bus", drawing.buses)):
        for source, sink in ends:
            for end, outgoing in ((source, True), (sink, False)):
                cell, _, name = end.partition("/")
                ip = drawing.ip(cell)
                if ip is not None:
                    pins = (ip.outputs if outgoing else ip.inputs) if kind == "pin" else (
                        ip.masters if outgoing else ip.slaves)  # fmt: skip
                    assert fits(pins, name), f"{end} does not exist, or points the other way"
                elif kind == "pin":
                    assert name in (("interrupt",) if outgoing else ("ap_clk", "ap_rst_n"))
                else:
                    outgoing_ports = {port["name"] for port in engines[cell].manifest["ports"]
                                      if port["protocol"] == "m_axi" or
                                      port["direction"] == "out"}  # fmt: skip
                    assert name in engines[cell].interfaces
                    assert (name in outgoing_ports) == outgoing


def test_nothing_is_left_open_or_connected_twice(done: Run, made: Bitstream) -> None:
    drawing, overlay = Drawing(done), made.overlay
    for pin in [sink for _, sink in drawing.nets]:
        assert len(drawing.sources(pin)) == 1, f"{pin} has several sources"
    for engine in overlay.engines:
        for interface in engine.interfaces:
            drawing.facing(f"{engine.name}/{interface}")
    for dma in overlay.dmas:
        parameters = drawing.parameters[dma.name]
        channels = {"mm2s": dma.mm2s, "s2mm": dma.s2mm}
        drawing.facing(f"{dma.name}/S_AXI_LITE")
        for channel, stream in channels.items():
            assert parameters[f"c_include_{channel}"] == str(int(stream is not None))
            mine = re.compile(rf"{dma.name}/\w+{channel.upper()}")
            used = [end for ends in drawing.buses for end in ends if mine.fullmatch(end)]
            assert len(used) == (2 if stream else 0)
            assert len(drawing.sources(f"{dma.name}/m_axi_{channel}_aclk")) == (1 if stream else 0)
    # Pins that every instance of an IP has, whatever its parameters.
    always = ("aclk", "aresetn", "axi_resetn", "s_axi_", "slowest_", "ext_", "intr", "ap_")
    for cell in drawing.cells:
        ip = drawing.ip(cell)
        for pin in ip.inputs.split("|") if ip else ["ap_clk", "ap_rst_n"]:
            if pin.startswith(always):
                assert drawing.sources(f"{cell}/{pin}"), f"{cell}/{pin} is open"


def test_one_clock_and_one_reset(done: Run, made: Bitstream) -> None:
    drawing = Drawing(done)
    clocks = {source for source, sink in drawing.nets if re.search("clk|ACLK", sink)}
    resets = {source for source, sink in drawing.nets if re.search("rst_n|resetn", sink)}
    xc7 = made.overlay.board.family == "xc7"
    assert clocks == {"system_ps/FCLK_CLK0" if xc7 else "system_ps/pl_clk0"}
    assert resets == {"system_reset/peripheral_aresetn"}
    ps = drawing.parameters["system_ps"]
    name = "PCW_FPGA0_PERIPHERAL_FREQMHZ" if xc7 else "PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ"
    assert float(ps[name]) == made.overlay.clock_mhz == 100


def test_memory_ports(done: Run, made: Bitstream) -> None:
    drawing, target = Drawing(done), made.overlay.board
    ps = drawing.parameters["system_ps"]
    xc7 = target.family == "xc7"
    for index in range(target.ports):
        used = f"system_memory_{index}" in drawing.cells
        switch = f"PCW_USE_S_AXI_HP{index}" if xc7 else f"PSU__USE__S_AXI_GP{index + 2}"
        width = f"PCW_S_AXI_HP{index}_DATA_WIDTH" if xc7 else f"PSU__SAXIGP{index + 2}__DATA_WIDTH"
        assert ps[switch] == str(int(used))
        assert ps.get(width) == (str(target.port_bits) if used else None)
        if used:
            port = f"S_AXI_HP{index}" if xc7 else f"S_AXI_HP{index}_FPD"
            assert drawing.facing(f"system_ps/{port}") == f"system_memory_{index}/M00_AXI"
    for cell, parameters in drawing.parameters.items():
        if "NUM_SI" in parameters:
            for side, count in (("S", parameters["NUM_SI"]), ("M", parameters["NUM_MI"])):
                for n in range(int(count)):
                    drawing.facing(f"{cell}/{side}{n:02d}_AXI")
                ends = [end for ends in drawing.buses for end in ends
                        if re.match(rf"{cell}/{side}\d+_AXI", end)]  # fmt: skip
                assert len(ends) == int(count)


def test_widths_agree_along_every_stream(done: Run, made: Bitstream) -> None:
    drawing = Drawing(done)
    for engine in made.overlay.engines:
        for port in engine.manifest["ports"]:
            if port["protocol"] != "axis":
                continue
            bits, other = port["width_bits"], drawing.facing(f"{engine.name}/{port['name']}")
            cell, _, interface = other.partition("/")
            near, far = ("M", "S") if interface.startswith("M") else ("S", "M")
            if "converter" in drawing.cells[cell]:
                converter = drawing.parameters[cell]
                assert int(converter[f"{near}_TDATA_NUM_BYTES"]) * 8 == bits
                assert converter["HAS_TKEEP"] == converter["HAS_TLAST"] == "1"
                bits = int(converter[f"{far}_TDATA_NUM_BYTES"]) * 8
                cell = drawing.facing(f"{cell}/{far}_AXIS").partition("/")[0]
            dma = drawing.parameters[cell]
            sends = port["direction"] == "in"
            stream = "c_m_axis_mm2s_tdata_width" if sends else "c_s_axis_s2mm_tdata_width"
            memory = "c_m_axi_mm2s_data_width" if sends else "c_m_axi_s2mm_data_width"
            assert int(dma[stream]) == bits
            assert int(dma[memory]) >= max(32, bits)
            assert dma["c_include_sg"] == "0"
            assert dma["c_sg_length_width"] == "26"


def test_interrupts_reach_the_processor_as_pynq_wants(done: Run, made: Bitstream) -> None:
    drawing = Drawing(done)
    count = int(drawing.parameters["system_interrupt_lines"]["NUM_PORTS"])
    lines = [drawing.sources(f"system_interrupt_lines/In{n}") for n in range(count)]
    assert all(len(line) == 1 for line in lines)
    expected = {f"{engine.name}/interrupt" for engine in made.overlay.engines}
    for dma in made.overlay.dmas:
        expected |= {f"{dma.name}/mm2s_introut"} if dma.mm2s else set()
        expected |= {f"{dma.name}/s2mm_introut"} if dma.s2mm else set()
    assert {line[0] for line in lines} == expected
    assert drawing.sources("system_interrupts/intr") == ["system_interrupt_lines/dout"]
    target = "IRQ_F2P" if made.overlay.board.family == "xc7" else "pl_ps_irq0"
    assert drawing.sources(f"system_ps/{target}") == ["system_interrupts/irq"]
    assert drawing.parameters["system_interrupts"]["C_IRQ_CONNECTION"] == "1"


# ---- Packaged IP ---------------------------------------------------------------------------------


def test_every_engine_is_looked_at_before_it_is_used(done: Run, made: Bitstream) -> None:
    opened = [options("ipx::open_core", call) for call in done.named("ipx::open_core")]
    components = [made.folder / "engines" / engine.name / "component.xml"
                  for engine in made.overlay.engines]  # fmt: skip
    assert [others for _, others in opened] == [[str(file)] for file in components]
    assert len(done.named("ipx::check_integrity")) == len(components)
    looked = [call for call in done.named("get_ipdefs") if not call[-1].startswith("xilinx.com")]
    assert [call[-1] for call in looked] == [engine.vlnv for engine in made.overlay.engines]


# ---- Failures ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"STUB_BOARD": ""}, "no board files for pynq-z2 (*:pynq-z2:part0:*); get them from the "
         "PYNQ-Z2 page of TUL"),
        ({"STUB_WITHOUT": "axi_dma"}, "this Vivado has no IP called axi_dma"),
        ({"STUB_RUN_FAILS": "synth_1"}, "synth_1: synth_design ERROR; see "),
        ({"STUB_RUN_FAILS": "impl_1"}, "impl_1: synth_design ERROR; see "),
        ({"STUB_SETUP": "-0.125"}, "timing: setup slack -0.125 ns on the path from "
         "system_i/conv/inst/start_reg/C to system_i/conv/inst/end_reg/D (11.25 ns, 14 levels of "
         "logic); see reports/timing.rpt"),
        ({"STUB_HOLD": "-0.001"}, "timing: hold slack -0.001 ns"),
        ({"STUB_SETUP": ""}, "timing: no setup path is constrained"),
        ({"STUB_WITHOUT": "conv"}, "the IP catalog has not taken "),
        ({"STUB_OPEN": "conv/in_r"}, "the block design has no conv/in_r; its IP is not the one"),
        ({"STUB_OPEN": "conv/ap_clk"}, "the block design has no conv/ap_clk; its IP is not"),
        ({"STUB_FAILS": "validate_bd_design"}, "ERROR: validate_bd_design: it failed"),
    ],
)  # fmt: skip
def test_a_failure_ends_the_script_without_a_delivery(
    small: Bitstream, tmp_path: Path, settings: dict[str, str], words: str
) -> None:
    assert vivado.run(small.folder, tmp_path / "record").code == 0
    assert small.delivery.is_dir()
    done = vivado.run(small.folder, tmp_path / "record", **settings)
    assert done.code == 1
    assert f"Lineloom: conv failed: {words}" in done.printed
    assert not small.delivery.exists(), "the bitstream of an earlier run is still there"


def test_what_vivado_finds_in_a_package_is_told(small: Bitstream, tmp_path: Path) -> None:
    done = vivado.run(small.folder, tmp_path / "record", STUB_FAILS="ipx::check_integrity")
    assert done.code == 0
    file = small.folder / "engines" / "conv" / "component.xml"
    assert f"Lineloom: warning: {file}: ERROR: ipx::check_integrity: it failed\n" in done.printed


def test_environment(small: Bitstream, tmp_path: Path) -> None:
    done = vivado.run(small.folder, tmp_path / "record", LINELOOM_JOBS="7",
                      LINELOOM_BOARD_FILES=str(tmp_path))  # fmt: skip
    assert done.code == 0
    assert done.only("set_param") == ["board.repoPaths", f"{{/installed boards}} {tmp_path}"]
    for call in done.named("launch_runs"):
        assert options("launch_runs", call)[0]["-jobs"] == "7"


# ---- The texts -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", boards())
def test_every_board_has_scripts_that_run(
    name: str, projects: dict[str, Project], tmp_path: Path
) -> None:
    made = write([projects["conv"]], board(name), folder=tmp_path / "out", clock_mhz=125)
    done = vivado.run(made.folder, tmp_path / "record")
    assert done.code == 0, done.printed
    assert made.delivery.is_dir()


def test_the_folder_can_be_moved(small: Bitstream, tmp_path: Path) -> None:
    texts = [path for path in small.folder.rglob("*") if path.is_file()]
    assert all(str(tmp_path) not in path.read_text() for path in texts)
    moved = small.folder.rename(tmp_path / "moved")
    assert vivado.run(moved, tmp_path / "record").code == 0
    assert (moved / "overlay" / "conv.bit").is_file()


def test_same_input_same_bytes(projects: dict[str, Project], tmp_path: Path) -> None:
    def texts(folder: str) -> dict[str, bytes]:
        made = write([projects["conv"], projects["product"]], board("pynq-z2"),
                     folder=tmp_path / folder)  # fmt: skip
        return {str(path.relative_to(made.folder)): path.read_bytes()
                for path in made.folder.rglob("*") if path.is_file()}  # fmt: skip

    assert texts("a") == texts("b")


def test_the_manifest_says_where_an_engine_is(made: Bitstream) -> None:
    data = json.loads((made.folder / "manifest.json").read_text())
    held: dict[str, Any] = data.get("engines", {data.get("name"): data})
    assert list(held) == [engine.name for engine in made.overlay.engines]
    for name, manifest in held.items():
        assert manifest["vlnv"] == f"lineloom:hls:{name}:1.0"
        assert manifest["overlay"]["instance"] == name
        assert manifest["overlay"]["clock_mhz"] == 100
        streams = [port["name"] for port in manifest["ports"] if port["protocol"] == "axis"]
        assert sorted(manifest["overlay"]["dma"]) == sorted(streams)
        assert set(manifest["overlay"]["dma"].values()) <= {d.name for d in made.overlay.dmas}
