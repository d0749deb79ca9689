"""Whole networks: from an ONNX model to accelerators."""
