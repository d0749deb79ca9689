"""Networks: a quantized model as integer layers, and the accelerators that run all of them."""

from hls.network.network import Host, Network, Tensor

__all__ = ["Host", "Network", "Tensor"]
