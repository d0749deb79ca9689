"""The structure of an IP-XACT component (IEEE 1685-2009): order and number of elements, types.

For each element that may have children: their names in the order of the standard, `?`, `*`, `+` as
in regular expressions. Only elements that packaged IP uses have an entry; any other fails.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

SPIRIT = "{http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009}"
XILINX = "{http://www.xilinx.com}"

_NAMED = "name displayName? description? "
CHILDREN = {
    "component": "vendor library name version busInterfaces? channels? remapStates? addressSpaces? "
    "memoryMaps? model? componentGenerators? choices? fileSets? whiteboxElements? cpus? "
    "otherClockDrivers? description? parameters? vendorExtensions?",
    "busInterfaces": "busInterface+",
    "busInterface": _NAMED + "busType abstractionType? (master|slave|mirroredMaster|mirroredSlave|"
    "system|mirroredSystem|monitor) connectionRequired? portMaps? bitsInLau? bitSteering? "
    "endianness? parameters? vendorExtensions?",
    "master": "addressSpaceRef?",
    "slave": "memoryMapRef? bridge* fileSetRefGroup*",
    "portMaps": "portMap+",
    "portMap": "logicalPort physicalPort",
    "logicalPort": "name vector?",
    "physicalPort": "name vector?",
    "addressSpaces": "addressSpace+",
    "addressSpace": _NAMED + "range width segments? addressUnitBits? executableImage* "
    "localMemoryMap? parameters? vendorExtensions?",
    "memoryMaps": "memoryMap+",
    "memoryMap": _NAMED + "(addressBlock|bank|subspaceMap)* memoryRemap* addressUnitBits? "
    "vendorExtensions?",
    "addressBlock": _NAMED + "baseAddress typeIdentifier? range width usage? volatile? access? "
    "parameters? register* registerFile* vendorExtensions?",
    "register": _NAMED + "dim* addressOffset typeIdentifier? size volatile? access? reset? field* "
    "alternateRegisters? parameters? vendorExtensions?",
    "reset": "value mask?",
    "field": _NAMED + "bitOffset typeIdentifier? bitWidth volatile? access? enumeratedValues? "
    "modifiedWriteValue? writeValueConstraint? readAction? testable? parameters? "
    "vendorExtensions?",
    "model": "views? ports? modelParameters?",
    "views": "view+",
    "view": _NAMED + "envIdentifier+ language? modelName? defaultFileBuilder* fileSetRef* "
    "constraintSetRef* whiteboxElementRefs? parameters? vendorExtensions?",
    "fileSetRef": "localName",
    "ports": "port+",
    "port": _NAMED + "(wire|transactional) access? vendorExtensions?",
    "wire": "direction vector? wireTypeDefs? driver? constraintSets?",
    "vector": "left right",
    "wireTypeDefs": "wireTypeDef+",
    "wireTypeDef": "typeName typeDefinition* viewNameRef*",
    "fileSets": "fileSet+",
    "fileSet": _NAMED + "group* file* defaultFileBuilder* dependency* function* vendorExtensions?",
    "file": "name (fileType|userFileType)+ isIncludeFile? logicalName? exportedName* buildCommand? "
    "dependency* define* imageType* description? vendorExtensions?",
    "parameters": "parameter+",
    "parameter": _NAMED + "value vendorExtensions?",
}

_NAME = r"[A-Za-z_:][\w:.-]*"
_NUMBER = r"[+]?(0x|0X|#)?[0-9a-fA-F]+[kmgtKMGT]?"
LEAVES = {
    "vendor": _NAME, "library": _NAME, "version": r"[\w:.-]+", "name": r"[\w./ -]+",
    "description": r".*", "displayName": r".*", "language": r"\S+", "modelName": r"\w+",
    "direction": "in|out|inout|phantom", "left": r"\d+", "right": r"\d+",
    "typeName": r"\w+", "viewNameRef": r"[\w.:-]+", "localName": _NAME,
    "envIdentifier": r"[a-zA-Z0-9_+*.]*:[a-zA-Z0-9_+*.]*:[a-zA-Z0-9_+*.]*",
    "addressOffset": _NUMBER, "baseAddress": _NUMBER, "range": _NUMBER, "width": r"\d+",
    "size": r"\d+", "bitOffset": r"\d+", "bitWidth": r"\d+",
    "usage": "memory|register|reserved",
    "access": "read-only|write-only|read-write|writeOnce|read-writeOnce",
    "value": r".*", "isIncludeFile": "true|false", "userFileType": r"\w+",
    "fileType": "unknown|verilogSource(-95|-2001)?|systemVerilogSource(-3.[01a])?|vhdlSource|"
    "tclSource",
}  # fmt: skip
EMPTY = {"busType", "abstractionType", "addressSpaceRef", "memoryMapRef"}

ATTRIBUTES = {
    "vendor": _NAME, "library": _NAME, "name": _NAME, "version": r"[\w.]+",
    "addressSpaceRef": _NAME, "memoryMapRef": _NAME, "id": r"[A-Za-z_][\w.-]*",
    "format": "bitString|bool|float|long|string", "resolve": "immediate|user|dependent|generated",
    "order": r"\d+(\.\d+)?",
}  # fmt: skip


def violations(root: ET.Element) -> list[str]:
    """What the standard forbids in a component; nothing, if it is one."""
    found: list[str] = []
    if root.tag != f"{SPIRIT}component":
        return [f"the root is {root.tag}"]
    ids = [identity for each in root.iter() if (identity := each.get(f"{SPIRIT}id"))]
    found += [f"id {each} is used twice" for each in sorted({i for i in ids if ids.count(i) > 1})]
    _look(root, "component", found)
    return found


def _look(element: ET.Element, path: str, found: list[str]) -> None:
    kind = element.tag.removeprefix(SPIRIT)
    for name, value in element.attrib.items():
        allowed = ATTRIBUTES.get(name.removeprefix(SPIRIT)) if name.startswith(SPIRIT) else None
        if allowed is None or not re.fullmatch(allowed, value):
            found.append(f"{path} has the attribute {name}={value!r}")
    if kind == "vendorExtensions":
        if not len(element):
            found.append(f"{path} is empty")
        return
    text = element.text or ""
    if kind in LEAVES:
        if len(element) or not re.fullmatch(LEAVES[kind], text, re.DOTALL):
            found.append(f"{path} is {text!r}")
    elif kind in EMPTY:
        if len(element) or text.strip():
            found.append(f"{path} is not empty")
    elif kind in CHILDREN:
        names = [child.tag.removeprefix(SPIRIT) for child in element]
        if text.strip() or not re.fullmatch(_pattern(kind), "".join(f"{name} " for name in names)):
            found.append(f"{path} holds {' '.join(names)}, it may hold {CHILDREN[kind]}")
        for child, name in zip(element, names, strict=True):
            _look(child, f"{path}/{name}", found)
    else:
        found.append(f"{path} is unknown")


def _pattern(kind: str) -> str:
    parts = re.findall(r"\(?([\w|]+)\)?([?*+]?)", CHILDREN[kind])
    return "".join(f"(?:(?:{names}) ){count}" for names, count in parts)
