"""An .onnx file, with the weights that it keeps in files of their own."""

from __future__ import annotations

from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from hls.errors import InputError

__all__ = ["load_model"]


def load_model(path: Path) -> onnx.ModelProto:
    """The model in `path`; nothing in it is checked.

    Raises:
        InputError: the file is no ONNX model, or a file of weights is missing.
    """
    try:
        model = onnx.load(path, load_external_data=False)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); name an .onnx file") from None
    except (DecodeError, ValueError) as error:
        raise InputError(f"{path}: is no ONNX model ({error}); name an .onnx file") from None
    try:
        onnx.external_data_helper.load_external_data_for_model(model, str(path.parent))
    except (OSError, ValueError, onnx.checker.ValidationError) as error:
        raise InputError(
            f"{path}: keeps weights in a file of its own that cannot be read ({error}); put it "
            "where the model says, or save the model in one file"
        ) from None
    return model
