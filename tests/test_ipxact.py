"""component.xml of our own packaged IP: the standard's structure, and every reference in it."""

from __future__ import annotations

import copy
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from ipxact_schema import SPIRIT, XILINX, violations
from lowered import CONV, GEMM, LOADED, lowered

from hls.bitstream import write
from hls.boards import board
from hls.errors import CheckFailed, ToolFailed
from hls.ipxact import package, read_component
from hls.module_ports import Port, read_module
from hls.overlay import Engine
from hls.registers import register_map

INTERFACES = {
    "conv": {"in_r": ("axis", "slave"), "out_r": ("axis", "master")},
    "loaded": {"in_r": ("axis", "slave"), "out_r": ("axis", "master"),
               "parameters": ("axis", "slave")},
    "product": {f"m_axi_gmem_{name}": ("aximm", "master") for name in "abpc"},
}  # fmt: skip
COMMON = {"s_axi_control": ("aximm", "slave"), "ap_clk": ("clock", "slave"),
          "ap_rst_n": ("reset", "slave"), "interrupt": ("interrupt", "master")}  # fmt: skip


class Packaged:
    """An engine's folder as Vivado gets it."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.manifest = engine, engine.manifest
        self.folder = folder
        self.root = ET.parse(folder / "component.xml").getroot()
        self.verilog = (folder / "rtl" / f"{self.manifest['top']}.v").read_text()

    @property
    def files(self) -> dict[str, bytes]:
        return {file.name: file.read_bytes() for file in (self.folder / "rtl").iterdir()}

    def all(self, path: str) -> list[ET.Element]:
        return self.root.findall("/".join(f"{SPIRIT}{part}" for part in path.split("/")))

    def texts(self, path: str) -> list[str]:
        return [element.text or "" for element in self.all(path)]

    def bus(self, name: str) -> ET.Element:
        (found,) = [bus for bus in self.all("busInterfaces/busInterface") if text(bus) == name]
        return found

    def parameters(self, name: str) -> dict[str, str]:
        found = self.bus(name).findall(f"{SPIRIT}parameters/{SPIRIT}parameter")
        return {text(each): text(each, "value") for each in found}

    def port_map(self, name: str) -> dict[str, str]:
        """Logical name -> port."""
        maps = self.bus(name).findall(f"{SPIRIT}portMaps/{SPIRIT}portMap")
        return {text(each, "logicalPort/name"): text(each, "physicalPort/name") for each in maps}

    def ports(self) -> dict[str, tuple[str, int]]:
        """Direction and width of every port, as component.xml says."""
        found = {}
        for port in self.all("model/ports/port"):
            left = port.find(f"{SPIRIT}wire/{SPIRIT}vector/{SPIRIT}left")
            bits = 1 if left is None else int(left.text or "") + 1
            found[text(port)] = (text(port, "wire/direction"), bits)
        return found


def text(element: ET.Element, path: str = "name") -> str:
    found = element.findtext("/".join(f"{SPIRIT}{part}" for part in path.split("/")))
    assert found is not None, path
    return found


@pytest.fixture(scope="module", params=[CONV, LOADED, GEMM], ids=lambda design: design.name)
def packaged(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    folder = tmp_path_factory.mktemp("some folder")
    made = write([lowered(request.param, folder)], board("pynq-z2"), folder=folder / "out")
    return Packaged(made.overlay.engines[0], made.folder / "engines" / request.param.name)


# ---- The standard --------------------------------------------------------------------------------


def test_structure(packaged: Packaged) -> None:
    assert violations(packaged.root) == []


def test_the_structure_is_looked_at(packaged: Packaged) -> None:
    """Each element moved, doubled or taken away where the standard does not allow it is found."""
    assert violations(ET.fromstring("<component/>")) == ["the root is component"]
    found = 0
    for path in ("", "busInterfaces/busInterface", "memoryMaps/memoryMap/addressBlock/register",
                 "model/ports/port/wire", "model/views/view", "fileSets/fileSet/file"):  # fmt: skip
        for move in ("first", "last", "gone", "twice"):
            root = copy.deepcopy(packaged.root)
            parts = [f"{SPIRIT}{part}" for part in path.split("/") if part]
            element = root.find("/".join(parts)) if parts else root
            assert element is not None
            held = list(element)
            # The first must be there, once, and be first; the last of these is never the first.
            child = held[-1] if move == "first" else held[0]
            if move != "twice":
                element.remove(child)
            if move != "gone":
                element.insert(0 if move == "first" else len(element), child)
            assert violations(root), (path, move)
            found += 1
    assert found == 24
    root = copy.deepcopy(packaged.root)
    bus = root.find(f".//{SPIRIT}busType")
    assert bus is not None
    bus.set("vendor", "xilinx.com")  # not qualified
    assert violations(root) == [
        "component/busInterfaces/busInterface/busType has the attribute vendor='xilinx.com'"
    ]


def test_references_resolve(packaged: Packaged) -> None:
    for referrer, name, target in (
        ("busInterfaces/busInterface/slave/memoryMapRef", "memoryMapRef", "memoryMaps/memoryMap"),
        ("busInterfaces/busInterface/master/addressSpaceRef", "addressSpaceRef",
         "addressSpaces/addressSpace"),
    ):  # fmt: skip
        used = [each.get(f"{SPIRIT}{name}") for each in packaged.all(referrer)]
        assert sorted(map(str, used)) == sorted(packaged.texts(f"{target}/name"))
    sets = packaged.texts("fileSets/fileSet/name")
    assert packaged.texts("model/views/view/fileSetRef/localName") == sets
    views = set(packaged.texts("model/views/view/name"))
    assert set(packaged.texts("model/ports/port/wire/wireTypeDefs/wireTypeDef/viewNameRef")) < views
    assert len(sets) == len(set(sets)) == len(views)


def test_files(packaged: Packaged) -> None:
    rtl = {f"rtl/{file.name}" for file in (packaged.folder / "rtl").iterdir()}
    for fileset in packaged.all("fileSets/fileSet"):
        files = [text(file) for file in fileset.findall(f"{SPIRIT}file")]
        if text(fileset) == "xilinx_xpgui_view_fileset":
            assert files == [f"xgui/{packaged.manifest['name']}_v1_0.tcl"]
            assert (packaged.folder / files[0]).is_file()
        else:
            assert set(files) == rtl
            assert len(files) == len(rtl)
    assert set(packaged.texts("model/views/view/modelName")) == {packaged.manifest["top"]}


# ---- Against the Verilog -------------------------------------------------------------------------


def test_ports_are_those_of_the_verilog(packaged: Packaged) -> None:
    header = packaged.verilog.partition(");")[0]
    declared = {
        name: ({"input": "in", "output": "out"}[direction], int(left or 0) + 1)
        for direction, left, name in re.findall(
            r"^\s+(input|output)\s+wire\s+(?:\[(\d+):0\]\s+)?(\w+),?$", header, re.MULTILINE
        )
    }
    assert len(declared) == header.count(" wire ")
    assert packaged.ports() == declared


def test_every_port_belongs_to_one_interface(packaged: Packaged) -> None:
    mapped = [port for name in packaged.texts("busInterfaces/busInterface/name")
              for port in packaged.port_map(name).values()]  # fmt: skip
    assert sorted(mapped) == sorted(packaged.ports())


def test_interfaces_and_their_directions(packaged: Packaged) -> None:
    expected = INTERFACES[packaged.manifest["name"]] | COMMON
    found = {}
    for bus in packaged.all("busInterfaces/busInterface"):
        kind = bus.find(f"{SPIRIT}busType")
        assert kind is not None
        mode = "master" if bus.find(f"{SPIRIT}master") is not None else "slave"
        found[text(bus)] = (kind.get(f"{SPIRIT}name"), mode)
    assert found == expected
    ports = packaged.ports()
    for name, (_, mode) in expected.items():
        for logical, port in packaged.port_map(name).items():
            # What goes from master to slave: addresses, data and their VALID; not the answers.
            forward = logical in ("CLK", "RST", "INTERRUPT") or (
                (logical[0] in "BR") == (logical.endswith("READY"))
                if logical[0] in "ARWB"
                else logical != "TREADY"
            )
            forward = forward if logical[0] not in "AW" else not logical.endswith("READY")
            assert (ports[port][0] == "out") == (forward == (mode == "master")), (name, logical)


def test_widths_and_parameters(packaged: Packaged) -> None:
    ports = packaged.ports()
    axi = [*INTERFACES[packaged.manifest["name"]], "s_axi_control"]
    clock = packaged.parameters("ap_clk")
    assert sorted(clock["ASSOCIATED_BUSIF"].split(":")) == sorted(axi)
    assert clock["ASSOCIATED_RESET"] == "ap_rst_n"
    assert packaged.parameters("ap_rst_n") == {"POLARITY": "ACTIVE_LOW"}
    assert packaged.parameters("interrupt") == {"SENSITIVITY": "LEVEL_HIGH"}
    slave = packaged.parameters("s_axi_control")
    assert (slave["PROTOCOL"], slave["DATA_WIDTH"]) == ("AXI4LITE", "32")
    assert int(slave["ADDR_WIDTH"]) == packaged.manifest["registers"]["address_bits"]
    for port in packaged.manifest["ports"]:
        held = packaged.parameters(port["name"])
        if port["protocol"] == "axis":
            assert int(held["TDATA_NUM_BYTES"]) * 8 == port["width_bits"]
            assert held["HAS_TLAST"] == held["HAS_TKEEP"] == held["HAS_TREADY"] == "1"
            assert held["TID_WIDTH"] == held["TDEST_WIDTH"] == held["TUSER_WIDTH"] == "0"
        else:
            assert held["PROTOCOL"] == "AXI4"
            assert int(held["DATA_WIDTH"]) == port["width_bits"]
            assert int(held["ADDR_WIDTH"]) == ports[f"{port['name']}_ARADDR"][1] == 64


def test_registers(packaged: Packaged) -> None:
    component = read_component(packaged.folder / "component.xml")
    layout = register_map(packaged.manifest["registers"])
    assert component.vlnv == packaged.manifest["vlnv"]
    assert component.interfaces == set(INTERFACES[packaged.manifest["name"]] | COMMON)
    assert component.registers == {register.name: register.offset for register in layout}
    block = "memoryMaps/memoryMap/addressBlock"
    assert packaged.texts(f"{block}/usage") == ["register"]
    assert packaged.texts(f"{block}/baseAddress") == ["0"]
    assert int(packaged.texts(f"{block}/range")[0]) > max(component.registers.values()) + 3
    for element, register in zip(packaged.all(f"{block}/register"), layout, strict=True):
        names, places = [], [0]
        for field in element.findall(f"{SPIRIT}field"):
            assert int(text(field, "bitOffset")) == places[-1], register.name
            places.append(places[-1] + int(text(field, "bitWidth")))
            names.append(text(field))
        assert places[-1] == 32, register.name
        assert names == [field.name for field in register.fields]
        assert len(set(names)) == len(names)


def test_what_vivado_adds(packaged: Packaged) -> None:
    """Families of all our boards; a revision that follows from the RTL."""
    families = {each.text for each in packaged.root.iter(f"{XILINX}family")}
    assert {"zynq", "zynquplus"} <= families
    assert packaged.root.findtext(f".//{XILINX}displayName") == packaged.manifest["name"]
    files = packaged.files
    texts = package(packaged.engine, "an engine", files)
    assert texts == package(packaged.engine, "an engine", dict(reversed(files.items())))
    name = sorted(files)[-1]
    changed = package(packaged.engine, "an engine", files | {name: files[name] + b"\n"})
    revisions = [ET.fromstring(made["component.xml"]).findtext(f".//{XILINX}coreRevision")
                 for made in (texts, changed)]  # fmt: skip
    assert revisions[0] != revisions[1]
    escaped = package(packaged.engine, "a < b & c", files)["component.xml"]
    assert ET.fromstring(escaped).findtext(f"{SPIRIT}description") == "a < b & c"


# ---- RTL that does not fit -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (r"input  wire +s_axi_control_BREADY,", "", "has no port s_axi_control_BREADY, unl"),
        (r"output wire +interrupt", "output wire irq", "its RTL has no port interrupt"),
        (r"input  wire +ap_clk,", "input wire ap_clk, input wire [3:0] debug,",
         "its RTL has the port debug, of which manifest.json knows nothing"),
    ],
)  # fmt: skip
def test_ports_that_the_manifest_does_not_know(
    packaged: Packaged, old: str, new: str, words: str
) -> None:
    verilog, count = re.subn(old, new, packaged.verilog)
    assert count == 1
    top = f"{packaged.manifest['top']}.v"
    with pytest.raises(CheckFailed, match=words):
        package(packaged.engine, "", packaged.files | {top: verilog.encode()})


VITIS = """
`timescale 1 ns / 1 ps
(* CORE_GENERATION_INFO="top,hls_ip_2023_2,{x=(1,2)}" *)
module top (
        ap_clk, ap_rst_n,  // clock; reset
        m_axi_gmem_WDATA,
        m_axi_gmem_WSTRB,
        s_axi_control_AWADDR,
        done
);
parameter    C_M_AXI_GMEM_DATA_WIDTH = 32;
parameter    C_S_AXI_CONTROL_ADDR_WIDTH = 7'h6;
parameter C_M_AXI_GMEM_WSTRB_WIDTH = (32 / 8);
input   ap_clk;
input   ap_rst_n;
output  [C_M_AXI_GMEM_DATA_WIDTH - 1:0] m_axi_gmem_WDATA;
output reg [C_M_AXI_GMEM_WSTRB_WIDTH - 1:0] m_axi_gmem_WSTRB;
input  [C_S_AXI_CONTROL_ADDR_WIDTH - 1:0] s_axi_control_AWADDR;
output  done;
reg [3:0] input_state;
endmodule
"""


def test_modules_as_vitis_writes_them() -> None:
    assert read_module(VITIS, "top") == [
        Port("ap_clk", "in", None), Port("ap_rst_n", "in", None),
        Port("m_axi_gmem_WDATA", "out", 31), Port("m_axi_gmem_WSTRB", "out", 3),
        Port("s_axi_control_AWADDR", "in", 5), Port("done", "out", None),
    ]  # fmt: skip


def test_modules_in_other_styles() -> None:
    text = "module top #(parameter W = 8, parameter D = W * 2) (input a, b, output reg [D-1:0] c);"
    assert read_module(f"{text}\nendmodule", "top") == [
        Port("a", "in", None), Port("b", "in", None), Port("c", "out", 15),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("module top", "module other", "has no module top with a list of ports"),
        ("input   ap_clk;", "", "the port ap_clk is not declared"),
        ("- 1:0] s_axi", "- 1:1] s_axi", "s_axi_control_AWADDR does not end with bit 0"),
        ("(32 / 8)", "$clog2(32)", r"'\$clog2\(32\)' is no constant that the packager"),
    ],
)
def test_modules_that_cannot_be_read(old: str, new: str, words: str) -> None:
    assert old in VITIS
    with pytest.raises(ToolFailed, match=words):
        read_module(VITIS.replace(old, new), "top")
