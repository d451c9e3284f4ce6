"""Linear layers with packed weights, for a CPU that waits for its memory.

One decode step of a text-to-semantic model reads every weight once, so its speed is the bytes of
its weights. The kernels are PyTorch's own (FBGEMM). With half-precision weights, activations and
sums stay float32; with int8 weights, activations are quantized per call.
"""

from __future__ import annotations

from enum import StrEnum
from typing import cast

import torch
from torch import Tensor, nn

from engine.errors import MissingDependencyError
from engine.models.text_to_semantic import TextToSemantic

CPU = torch.device("cpu")
KERNELS = ("x86", "fbgemm", "onednn")  # of these builds of PyTorch


class Precision(StrEnum):
    """How the weights of the text-to-semantic model are kept.

    `int8` holds for the feed-forward layers, two thirds of all; attention, where the same error
    changes more tokens, keeps `half`.
    """

    FLOAT32 = "float32"
    HALF = "half"
    INT8 = "int8"


class PackedLinear(nn.Module):
    """`nn.Linear` for inference on a CPU, its weight [out, in] packed."""

    def __init__(self, weight: Tensor, bias: Tensor, precision: Precision) -> None:
        super().__init__()
        self.int8 = precision is Precision.INT8
        weight, bias = weight.detach().float(), bias.detach().float()
        if self.int8:
            scales = weight.abs().amax(1).clamp(min=1e-8) / 127
            zeros = torch.zeros(len(weight), dtype=torch.long)
            weight = torch.quantize_per_channel(weight, scales, zeros, 0, torch.qint8)
            self.packed = torch.ops.quantized.linear_prepack(weight, bias)
            # without these instructions sums of 8-bit products overflow, of 7-bit ones they do not
            self.reduce_range = not torch.cpu.get_capabilities().get("avx512_vnni", False)
        else:
            self.packed = torch.ops.quantized.linear_prepack_fp16(weight, bias)

    def forward(self, x: Tensor) -> Tensor:
        """Float32 [..., in] -> [..., out]."""
        if self.int8:
            y = torch.ops.quantized.linear_dynamic(x, self.packed, self.reduce_range)
            return cast(Tensor, y)
        return cast(Tensor, torch.ops.quantized.linear_dynamic_fp16(x, self.packed))


def pack_text_to_semantic(
    model: TextToSemantic, precision: Precision, device: torch.device = CPU
) -> None:
    """Replace the linear layers of `model`, for the CPU, by packed ones; it cannot train after.

    The embeddings, norms and the last layer, whose logits decide, keep their precision.

    Raises:
        MissingDependencyError: `device` or this build of PyTorch has no such kernels.
    """
    if precision is Precision.FLOAT32:
        return
    if device.type != "cpu" or torch.backends.quantized.engine not in KERNELS:
        raise MissingDependencyError(
            "FBGEMM", f"{precision} needs an x86 CPU and a PyTorch build for it"
        )
    for layer in model.h:
        attention = layer.self_attn
        weight, bias = attention.in_proj_weight, attention.in_proj_bias
        attention.packed_in_proj = PackedLinear(weight, bias, Precision.HALF)
        attention.register_parameter("in_proj_weight", None)
        attention.register_parameter("in_proj_bias", None)
        attention.out_proj = _packed(attention.out_proj, Precision.HALF)
        layer.linear1 = _packed(layer.linear1, precision)
        layer.linear2 = _packed(layer.linear2, precision)


def _packed(linear: nn.Module, precision: Precision) -> PackedLinear:
    plain = cast(nn.Linear, linear)
    return PackedLinear(plain.weight, plain.bias, precision)
