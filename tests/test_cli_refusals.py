"""What the command line refuses: in one line that names what is wrong, and nothing is written."""

from __future__ import annotations

import importlib.util
import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import Lineloom

from hls import tools

CONV = "conv2d --input 8x8x4 --filters 4 --bias-format none -o {folder}/made"
CONV_FROM_FILE = "conv2d -o {folder}/made --config {folder}"
WEIGHTS = CONV + " --weights {folder}/weights"
GEMM = "gemm --max-m 16 --max-k 16 --max-n 16 -o {folder}/made"


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two projects and with everything that can be wrong about a file."""
    from hls.__main__ import main

    folder = tmp_path_factory.mktemp("furnished")
    main([*shlex.split(CONV.format(folder=folder))[:-1], str(folder / "conv")])
    main([*shlex.split(GEMM.format(folder=folder))[:-1], str(folder / "gemm")])
    _spoil_weights(folder / "weights")
    _spoil_configurations(folder / "config")
    _spoil_projects(folder)
    (folder / "foreign").mkdir()
    (folder / "foreign" / "thesis.tex").write_text("two years of work")
    shutil.copytree(folder / "conv", folder / "extended")
    (folder / "extended" / "notes.txt").write_text("mine")
    (folder / "link").symlink_to(folder / "conv")
    (folder / "file").write_text("a file")
    np.save(folder / "frames-of-floats.npy", np.zeros((1, 8, 8, 4)))
    np.save(folder / "frames-of-3-channels.npy", np.zeros((1, 8, 8, 3), np.int8))
    np.save(folder / "frames-too-large.npy", np.full((1, 8, 8, 4), 300))
    np.savez(folder / "frames.npz", x=np.zeros((1, 8, 8, 4), np.int8))
    return folder


def _spoil_weights(folder: Path) -> None:
    folder.mkdir()
    good = {"weights": np.ones((4, 3, 3, 4), int), "multiplier": 3, "shift": 5}
    np.savez(folder / "good.npz", **good)
    np.savez(folder / "misshaped.npz", **good | {"weights": np.ones((4, 4, 3, 3), int)})
    np.savez(folder / "floats.npz", **good | {"weights": np.ones((4, 3, 3, 4))})
    np.savez(folder / "out-of-format.npz", **good | {"weights": np.full((4, 3, 3, 4), 128)})
    np.savez(folder / "objects.npz", weights=np.array([{}, []], object))
    np.savez(folder / "no-shift.npz", weights=good["weights"], multiplier=3)
    np.savez(folder / "surplus.npz", **good, bias=np.zeros(4, int))
    np.savez(folder / "several.npz", **good | {"multiplier": [1, 2, 3, 4]})
    np.savez(folder / "large-shift.npz", **good | {"shift": 48})
    np.savez(folder / "negative-multiplier.npz", **good | {"multiplier": -1})
    np.savez(folder / "empty-multiplier.npz", **good | {"multiplier": np.zeros(0, int)})
    np.save(folder / "array.npy", good["weights"])
    whole = (folder / "good.npz").read_bytes()
    (folder / "truncated.npz").write_bytes(whole[: len(whole) // 2])
    (folder / "damaged.npz").write_bytes(whole[:300] + b"\xff" * 50 + whole[350:])
    (folder / "text.npz").write_text("1 2 3\n")
    (folder / "empty.npz").write_bytes(b"")
    (folder / "folder.npz").mkdir()


def _spoil_configurations(folder: Path) -> None:
    folder.mkdir()
    layer = "height = 8\nwidth = 8\nin_channels = 4\nout_channels = 4\n"
    for name, text in {
        "broken.toml": "height = = 3",
        "broken.json": '{"height": 3',
        "list.json": "[1, 2]",
        "misspelt.toml": layer + "kernell = 3",
        "unlike.toml": layer + "zzz = 3",
        "gemm.toml": 'kind = "gemm"\nmax_m = 8\nmax_k = 8\nmax_n = 8',
        "fft.toml": 'kind = "fft"',
        "text-lanes.toml": layer + 'simd = "2"',
        "float-height.toml": layer.replace("height = 8", "height = 8.5"),
        "text-kernel.toml": layer + 'kernel = "3x3"',
        "true-padding.toml": layer + "padding = true",
        "triple-kernel.toml": layer + "kernel = [3, 3, 3]",
        "number-format.toml": layer + "input = 8",
        "text-pooling.toml": layer + 'pooling = "max"',
        "table-kernel.toml": layer + "kernel = {rows = 3}",
        "misspelt-padding.toml": layer + "padding = {tpo = 1}",
        "misspelt-pooling.toml": layer + 'pooling = {knd = "max"}',
        "one-sided-clip.toml": layer + "activation = {low = 1}",
        "no-height.toml": layer.replace("height = 8\n", ""),
        "list-name.toml": layer + "name = ['a']",
    }.items():
        (folder / name).write_text(text)
    (folder / "latin-1.toml").write_bytes(b"# gr\xfc\xdfe\nheight = 8")
    (folder / "folder.toml").mkdir()


def _spoil_projects(folder: Path) -> None:
    good = json.loads((folder / "conv" / "manifest.json").read_text())
    (folder / "empty").mkdir()
    for name, text in {
        "future": json.dumps(good | {"lineloom": 99}),
        "unversioned": json.dumps({k: v for k, v in good.items() if k != "lineloom"}),
        "corrupted": json.dumps(good)[:100],
        "listed": "[]",
        "undesigned": json.dumps({k: v for k, v in good.items() if k != "design"}),
        "text-design": json.dumps(good | {"design": "conv"}),
        "odd-design": json.dumps(good | {"design": good["design"] | {"colour": "red"}}),
        "illegal-design": json.dumps(good | {"design": good["design"] | {"simd": 3}}),
        "costless": json.dumps({k: v for k, v in good.items() if k != "costs"}),
    }.items():
        shutil.copytree(folder / "conv", folder / name)
        (folder / name / "manifest.json").write_text(text)
    shutil.copytree(folder / "conv", folder / "sourceless")
    shutil.rmtree(folder / "sourceless" / "src")
    shutil.copytree(folder / "conv", folder / "weightless")
    (folder / "weightless" / "parameters.npz").unlink()


# Command -> what the message has to name. Later options win over those of CONV and GEMM.
BAD: dict[str, str] = {
    # no command at all
    "": "the following arguments are required: VERB; see lineloom --help",
    "transpose": "invalid choice: 'transpose'",
    "conv2d": "required: -o/--output; see lineloom conv2d --help",
    CONV + " --colour red": "unrecognized arguments: --colour red",
    CONV + " --filt 4": "unrecognized arguments: --filt 4",
    "conv2d --filters 4 -o {folder}/made": "--input is missing; give the frame's shape as in",
    "conv2d --input 8x8x4 -o {folder}/made": "--filters is missing; give the output channels as in",
    "gemm --max-m 8 --max-n 8 -o {folder}/made": "--max-k is missing; give the largest size as in",
    # sizes
    CONV + " --input 0x8x4": "height=0 is outside 1..16384; the nearest legal value is 1",
    CONV + " --input 8x-3x4": "width=-3 is outside 1..16384",
    CONV
    + " --input 8x20000x4": "width=20000 is outside 1..16384; the nearest legal value is 16384",
    CONV + " --input 8x8x0": "in_channels=0 is outside",
    CONV + " --input 8x8": "--input='8x8' is not HEIGHTxWIDTHxCHANNELS; use 32x32x3",
    CONV + " --input axbxc": "--input='axbxc' is not HEIGHTxWIDTHxCHANNELS",
    CONV + " --input=--8x8x4": "--input='--8x8x4' is not HEIGHTxWIDTHxCHANNELS",
    CONV + " --input 8²x8x4": "--input='8²x8x4' is not HEIGHTxWIDTHxCHANNELS",
    CONV + " --input 8x8x4x1": "--input='8x8x4x1' is not HEIGHTxWIDTHxCHANNELS",
    CONV + " --filters 0": "out_channels=0 is outside 1..65536",
    CONV + " --filters -2": "out_channels=-2 is outside",
    CONV + " --filters two": "--filters: invalid int value: 'two'",
    GEMM + " --max-m 0": "max_m=0 is outside 1..65536; the nearest legal value is 1",
    GEMM + " --max-n 70000": "max_n=70000 is outside 1..65536",
    # the window
    CONV + " --kernel 0": "kernel=0 is outside 1..11",
    CONV + " --kernel 12": "kernel=12 is outside 1..11",
    CONV + " --kernel 3x": "--kernel='3x' is not understood; use one like 3 or 3x5",
    CONV + " --kernel 3x3x3": "--kernel='3x3x3' is not understood",
    CONV
    + " --kernel 9": "kernel reach 9 (kernel 9, dilation 1) is larger than the padded height 8",
    CONV + " --kernel 1x5 --dilation 2": "kernel reach 9 (kernel 5, dilation 2) is larger than the "
    "padded width 8; use a width or padding that gives at least 9",
    CONV + " --stride 0": "stride=0 is outside 1..64",
    CONV + " --dilation -1": "dilation=-1 is outside 1..64",
    CONV + " --padding full": "--padding='full' is not understood; use one like valid, same, 1 or",
    CONV + " --padding 1,2": "--padding='1,2' is not understood",
    CONV + " --padding 1,2,3,x": "--padding='1,2,3,x' is not understood",
    CONV + " --padding=-1": "padding top=-1 is outside 0..1024",
    CONV + " --padding 1,2,3,2000": "padding right=2000 is outside 0..1024",
    # pooling
    CONV + " --pool max": "--pool='max' is not KIND:SIZE[:STRIDE]; use one like max:2",
    CONV + " --pool max:2:2:2": "--pool='max:2:2:2' is not KIND:SIZE[:STRIDE]",
    CONV + " --pool max:x": "--pool='x' is not understood",
    CONV + " --pool mean:2": "pooling kind='mean' is unknown; use max or average",
    CONV + " --pool max:0": "pooling size=0 is outside 1..64",
    CONV + " --pool max:2:0": "pooling stride=0 is outside 1..64",
    CONV
    + " --pool max:1x7": "pooling size 7 is larger than the output width 6; use a size up to 6",
    # groups and lanes
    CONV + " --groups 3": "groups=3 does not divide in_channels=4; use 2 or 4",
    CONV + " --groups 4 --filters 6": "groups=4 does not divide out_channels=6; use 1 or 2",
    CONV + " --groups 0": "groups=0 is outside",
    CONV + " --simd 3": "simd=3 does not divide in_channels=4; use 2 or 4",
    CONV + " --simd 0": "simd=0 is outside 1..4; the nearest legal value is 1",
    CONV + " --simd 5": "simd=5 is outside 1..4; the nearest legal value is 4",
    CONV + " --pe 3": "pe=3 does not divide out_channels=4; use 2 or 4",
    CONV + " --pe 0": "pe=0 is outside 1..4",
    CONV + " --pool max:2 --pe 0": "pe=0 is outside 1..4; the nearest legal value is 1",
    CONV + " --groups 2 --simd 4 --pe 2": "pe=2 does not match simd=4, which covers 2 groups of 2 "
    "output channels; use pe=4",
    CONV + " --input 8x8x12 --groups 2 --simd 12 --filters 2": "pe=1 does not match simd=12",
    CONV
    + " --input 8x8x12 --groups 6 --filters 6 --simd 3": "simd=3 does not cover whole groups of "
    "in_channels / groups=2, as many as divide groups=6; use 2 or 4",
    CONV + " --input 8x8x256 --simd 256": "simd=256 makes a stream of 2048 bits (8 an element), "
    "over the 1024 of an AXI DMA; use simd up to 128",
    CONV + " --taps some": "--taps: invalid choice: 'some'",
    GEMM + " --rows 3": "rows=3 is not a power of two, as a memory word must be; use 2 or 4",
    GEMM + " --rows 1": "rows=1 is outside 2..64",
    GEMM + " --cols 128": "cols=128 is outside 2..64",
    GEMM + " --cols 64": "cols=64 makes a memory port of 2048 bits (32 an element), over the 1024 "
    "of AXI4; use cols up to 32",
    GEMM + " --tile-m 12": "tile_m=12 is not a multiple of rows=8; use 8 or 16",
    GEMM + " --tile-n 5": "tile_n=5 is not a multiple of cols=8; use 8",
    GEMM + " --tile-k 0": "tile_k=0 is outside",
    # formats and requantization
    CONV + " --input-format s17": "input=s17 has a width outside 2..16 bits; the nearest is s16",
    CONV + " --weight-format float": "weight: Fixed: 'float' is not a number format; use one like",
    CONV + " --weight-format s99": "weight: Fixed: bits=99 is outside 1..64",
    CONV + " --bias-format s40": "bias=s40 has a width outside 2..32 bits",
    CONV + " --output-format u1": "output=u1 has a width outside 2..16 bits; the nearest is u2",
    CONV + " --accumulator-format u20": "accumulator=u20 is unsigned; use s20",
    CONV + " --requantize none --output-format s8": "output=s8 differs from the accumulator s21",
    CONV + " --requantize none --output-zero-point 3": "output_zero_point=3 has no meaning for raw",
    CONV + " --requantize none --bias-fraction 3": "bias_fraction=3 has no meaning for raw",
    CONV + " --requantize sometimes": "--requantize: invalid choice: 'sometimes'",
    CONV + " --output-zero-point 200": "output_zero_point=200 is outside -128..127",
    CONV + " --input-zero-point -129": "input_zero_point=-129 is outside -128..127",
    CONV + " --multiplier-bits 32": "multiplier_bits=32 is outside 1..31",
    CONV + " --max-shift 63": "max_shift=63 is outside 0..62",
    CONV + " --activation gelu": "activation='gelu' is unknown; use none or relu",
    CONV + " --activation clip:1": "--activation='1' is not understood; use one like clip:0:96",
    CONV + " --activation clip": "is not understood; use one like clip:0:96",
    CONV + " --activation clip:a:b": "--activation='a:b' is not understood",
    CONV + " --activation clip:5:1": "clip high=1 is outside 5..127",
    CONV + " --activation clip:-200:0": "clip low=-200 is outside -128..127",
    GEMM + " --input-zero-point 3": "input_zero_point=3 needs a bias to be folded into",
    # names
    CONV + " --name Conv": "name='Conv' is not a lower-case identifier of 1 to 40 characters",
    CONV + " --name while": "name='while' is reserved by C++, Verilog, VHDL or the generated",
    CONV + " --name a__b": "name='a__b' is reserved",
    CONV + " --name " + "a" * 41: "is not a lower-case identifier of 1 to 40 characters",
    # weights
    WEIGHTS + "/absent.npz": "weights/absent.npz: no such weights file; make one with numpy.savez",
    WEIGHTS + "/text.npz": "weights/text.npz: is not a readable .npz file",
    WEIGHTS + "/empty.npz": "weights/empty.npz: is not a readable .npz file",
    WEIGHTS + "/truncated.npz": "weights/truncated.npz: is not a readable .npz file",
    WEIGHTS + "/damaged.npz": "weights/damaged.npz: is not a readable .npz file",
    WEIGHTS + "/array.npy": "weights/array.npy: is not a readable .npz file",
    WEIGHTS + "/folder.npz": "weights/folder.npz: is not a readable .npz file",
    WEIGHTS + "/objects.npz": "weights/objects.npz: is not a readable .npz file",
    WEIGHTS + "/no-shift.npz": "array 'shift' is missing; made takes weights, multiplier, shift",
    WEIGHTS + "/surplus.npz": "array 'bias' is not used by made; it takes weights, m",
    WEIGHTS + "/misshaped.npz": "array 'weights' has shape [4, 4, 3, 3]; it must be [4, 3, 3, 4]",
    WEIGHTS + "/floats.npz": "array 'weights' has dtype float64; quantize it to integers first",
    WEIGHTS + "/out-of-format.npz": "array 'weights' holds 128, outside -128..127 of s8",
    WEIGHTS + "/several.npz": "array 'multiplier' has several values, but requantize='tensor'",
    WEIGHTS + "/large-shift.npz": "shift=48 is over max_shift=47",
    WEIGHTS + "/negative-multiplier.npz": "array 'multiplier' holds -1, outside 0..16777215",
    WEIGHTS + "/empty-multiplier.npz": "array 'multiplier' has shape [0]; it must be [4]",
    CONV + " --seed -1": "--seed: '-1' is not a seed; use 0 or more",
    CONV + " --seed often": "--seed: 'often' is not a seed",
    # configuration files
    CONV_FROM_FILE + "/config/absent.toml": "config/absent.toml: cannot be read",
    CONV_FROM_FILE + "/config/folder.toml": "config/folder.toml: cannot be read",
    CONV_FROM_FILE + "/config/broken.toml": "config/broken.toml: is not valid TOML",
    CONV_FROM_FILE + "/config/broken.json": "config/broken.json: is not valid JSON",
    CONV_FROM_FILE + "/config/latin-1.toml": "config/latin-1.toml: is not valid TOML",
    CONV_FROM_FILE + "/config/list.json": "config/list.json: holds no table of fields",
    CONV_FROM_FILE + "/config/misspelt.toml": "'kernell' is not a field; did you mean 'kernel'?",
    CONV_FROM_FILE + "/config/unlike.toml": "'zzz' is not a field; use one of height, width,",
    CONV_FROM_FILE + "/config/gemm.toml": "config/gemm.toml: is for kind 'gemm', not 'conv2d'",
    CONV_FROM_FILE + "/config/fft.toml": "is for kind 'fft', not 'conv2d'",
    CONV_FROM_FILE + "/config/text-lanes.toml": "simd='2' is not an integer; use 1 to 4",
    CONV_FROM_FILE + "/config/float-height.toml": "height=8.5 is not an integer; use 1 to 16384",
    CONV_FROM_FILE + "/config/text-kernel.toml": "kernel='3x3' is not an integer",
    CONV_FROM_FILE + "/config/true-padding.toml": "padding top=True is not an integer",
    CONV_FROM_FILE + "/config/triple-kernel.toml": "has 3 entries; use one integer or (vertical,",
    CONV_FROM_FILE + "/config/table-kernel.toml": "kernel={'rows': 3} is not an integer",
    CONV_FROM_FILE + "/config/number-format.toml": "input: Fixed: 8 is not a number format",
    CONV_FROM_FILE + "/config/text-pooling.toml": "pooling='max' is neither None nor a Pool",
    CONV_FROM_FILE + "/config/misspelt-padding.toml": "'tpo' is not a field; did you mean 'top'?",
    CONV_FROM_FILE + "/config/misspelt-pooling.toml": "'knd' is not a field; did you mean 'kind'?",
    CONV_FROM_FILE + "/config/one-sided-clip.toml": "Clip: high is missing; give all of",
    CONV_FROM_FILE + "/config/no-height.toml": "height is missing; give all of ['height', 'width',",
    CONV_FROM_FILE + "/config/list-name.toml": "is not a lower-case identifier",
    # where to
    CONV + " -o {folder}/file": "file: is not a folder; choose another one with -o",
    CONV + " -o {folder}/link": "link: is not a folder",
    CONV + " -o {folder}/file/below": "file/below: cannot be written",
    CONV + " -o /proc/lineloom": "/proc/lineloom: cannot be written",
    CONV + " -o {folder}/" + "n" * 300: "n: cannot be read (File name too long)",
    CONV + " -o {folder}/foreign": "holds something that Lineloom did not make (thesis.tex)",
    CONV + " -o {folder}/extended": "holds something that Lineloom did not make (notes.txt)",
    # projects
    "show {folder}/absent": "absent: no such project; generate one with lineloom conv2d, gemm or",
    "show {folder}/" + "n" * 300: "no such project",
    "show {folder}/file": "file: no such project",
    "show {folder}/empty": "empty: has no manifest.json; generate the project with lineloom",
    "show {folder}/future": "manifest.json has format 99, this Lineloom reads 1; generate",
    "show {folder}/unversioned": "manifest.json has format None",
    "show {folder}/corrupted": "manifest.json: cannot be read",
    "show {folder}/listed": "manifest.json: is not a JSON object",
    "show {folder}/undesigned": "undesigned: manifest.json has no design; generate it again",
    "show {folder}/text-design": "text-design: manifest.json has no design; generate it again",
    "show {folder}/odd-design": "'colour' is not a field",
    "show {folder}/illegal-design": "simd=3 does not divide in_channels=4; use 2 or 4",
    "show {folder}/costless": "costless: manifest.json has no costs; generate it again",
    "show": "the following arguments are required: project",
    "csim {folder}/absent": "absent: no such project",
    "csim {folder}/future": "manifest.json has format 99",
    "csim {folder}/sourceless": "sourceless/src/conv.cpp: is missing; generate the project again",
    "csim {folder}/weightless": "weightless/parameters.npz: no such weights file",
    # what to simulate
    "csim {folder}/conv --frames 0": "--frames=0 is not positive; use 1 or more",
    "csim {folder}/conv --frames many": "--frames: invalid int value: 'many'",
    "csim {folder}/conv --m 3": "--m does not apply to a convolution; leave it away",
    "csim {folder}/conv --seed -1": "--seed: '-1' is not a seed; use 0 or more",
    "csim {folder}/conv --input {folder}/absent.npy": "absent.npy: is not a readable .npy file",
    "csim {folder}/conv --input {folder}/file": "file: is not a readable .npy file",
    "csim {folder}/conv --input {folder}/frames.npz": "frames.npz: is not a readable .npy file",
    "csim {folder}/conv --input {folder}/weights/truncated.npz": "is not a readable .npy file",
    "csim {folder}/conv --input {folder}/frames-of-floats.npy": "x: has dtype float64",
    "csim {folder}/conv --input {folder}/frames-of-3-channels.npy": "x: has shape [1, 8, 8, 3]; it "
    "must be [any, 8, 8, 4]",
    "csim {folder}/conv --input {folder}/frames-too-large.npy": "x: holds values outside -128..127",
    "csim {folder}/conv --frames 2 --input {folder}/frames-too-large.npy": "--frames and --input "
    "exclude each other",
    "csim {folder}/conv --output {folder}/empty": "empty: cannot be written (Is a directory)",
    "csim {folder}/gemm --frames 3": "--frames does not apply to a GEMM",
    "csim {folder}/gemm --k 0": "--k=0 is outside the design's 1..16; generate one with a larger",
    "csim {folder}/gemm --n 17": "--n=17 is outside the design's 1..16",
}


def snapshot(folder: Path) -> dict[str, bytes | None]:
    """All paths in a folder, with the bytes of the files."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


@pytest.mark.parametrize("command", BAD)
def test_bad_input_is_one_line_and_exit_code_2(
    command: str, furnished: Path, lineloom: Lineloom
) -> None:
    before = snapshot(furnished)
    arguments = shlex.split(command.format(folder=furnished))
    plain = lineloom(*arguments)
    as_json = lineloom(*arguments, "--json")
    assert snapshot(furnished) == before, "something was written"
    assert (plain.code, as_json.code) == (2, 2)
    assert plain.out == ""
    assert plain.err.startswith("lineloom: ")
    assert plain.err.endswith("\n")
    assert plain.err.count("\n") == 1
    assert BAD[command] in plain.err
    if arguments:  # without a verb there is no --json either
        message = plain.err.removeprefix("lineloom: ").rstrip("\n")
        assert as_json.json == {"error": message, "exit_code": 2}
        assert as_json.err == plain.err


def test_a_refused_name_is_repaired_if_it_was_made_from_the_folder(
    lineloom: Lineloom, tmp_path: Path
) -> None:
    for folder, name in {
        "Conv-1": "conv_1", "3rd": "conv2d", "a__b": "conv2d", "out": "conv2d", "x" * 41: "conv2d",
    }.items():  # fmt: skip
        command = CONV.format(folder=tmp_path).replace("/made", f"/{folder}")
        assert lineloom(*shlex.split(command), "--json").json["name"] == name


# ---------------------------------------------------------------------- in a process of its own


def process(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hls", *map(str, arguments)],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parent.parent,
    )  # fmt: skip


@pytest.mark.parametrize(
    "command",
    [CONV + " --simd 3", CONV + " -o {folder}/foreign", "show {folder}/corrupted", "transpose"],
)
def test_bad_input_ends_the_process_with_code_2(command: str, furnished: Path) -> None:
    done = process(*shlex.split(command.format(folder=furnished)))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("lineloom: ")
    assert done.stderr.count("\n") == 1


def test_a_good_run_ends_the_process_with_code_0(furnished: Path) -> None:
    done = process("show", furnished / "conv", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["name"] == "conv"


def test_a_reader_that_goes_away_is_no_error(furnished: Path) -> None:
    show = f"{shlex.quote(sys.executable)} -m hls show {shlex.quote(str(furnished / 'gemm'))}"
    done = subprocess.run(
        ["bash", "-c", f"{show} --json | head -c 1; echo ${{PIPESTATUS[0]}}"],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("{0\n", "")


# ---------------------------------------------------------------------- tools that are missing


@pytest.fixture
def fresh_search() -> Iterator[None]:
    """Let a test look for the compiler anew, and those after it, too."""
    tools.cxx.cache_clear()
    yield
    tools.cxx.cache_clear()


@pytest.mark.usefixtures("fresh_search")
def test_a_missing_compiler_is_exit_code_3_and_says_where_it_was_searched(
    furnished: Path, lineloom: Lineloom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_spec(name: str, package: str | None = None) -> None:
        assert name == "ziglang"

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("LINELOOM_CXX", raising=False)
    run = lineloom("csim", furnished / "conv", "--json")
    assert run.code == 3
    assert run.json["exit_code"] == 3
    assert run.err.startswith("lineloom: no C++ compiler for C-sim: searched the Python package "
                              "ziglang and clang++ on PATH; ")  # fmt: skip
    assert "set LINELOOM_CXX" in run.err
    assert run.err.count("\n") == 1


@pytest.mark.usefixtures("fresh_search")
def test_a_compiler_that_is_not_there_is_exit_code_3(
    furnished: Path, lineloom: Lineloom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINELOOM_CXX", "/opt/absent/clang++")
    run = lineloom("csim", furnished / "conv")
    assert run.code == 3
    assert "LINELOOM_CXX=/opt/absent/clang++: no such program" in run.err
