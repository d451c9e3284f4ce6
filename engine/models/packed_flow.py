"""A flow whose weights are packed, for a CPU; see `flow_kernel`."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from engine.models.flow import CouplingLayer, Flow
from engine.models.flow_kernel import FlowRoom, FlowWeights, undoing
from engine.models.kernel_threads import share
from engine.models.packed_layers import Layer, followed, projection, scaled, weights_of
from engine.models.panels import Projection
from engine.models.tile_kernel import LANES


def pack_flow(flow: Flow) -> None:
    """Let `flow`, which is on a CPU and trains no more, be undone compiled for single sentences.

    One whose channels do not fill whole panels, or that ends turned, stays what it is.
    """
    couplings = [layer for layer in flow.flows if isinstance(layer, CouplingLayer)]
    half, hidden = couplings[0].pre.in_channels, couplings[0].pre.out_channels
    if half % LANES == hidden % LANES == len(couplings) % 2 == 0:
        flow.packed = PackedFlow(flow)


class PackedFlow:
    """The flow of frames without padding, towards the vocoder.

    Every flip reverses the channels: the weights are turned instead, and the couplings take turns
    with the halves.
    """

    def __init__(self, flow: Flow) -> None:
        couplings = [layer for layer in reversed(flow.flows) if isinstance(layer, CouplingLayer)]
        nets = [coupling.enc for coupling in couplings]
        self._conditions = [weights_of(net.cond_layer) for net in nets]
        self._depth, self._hidden = len(nets[0].in_layers), nets[0].channels
        gates = [cast(nn.Conv1d, layer) for net in nets for layer in net.in_layers]
        self._reach = gates[0].kernel_size[0] // 2
        self._gates_of = WeakTensorKeyDictionary()  # styles are those of voices, and few
        pre, shift = [weights_of(c.pre) for c in couplings], [_shift(c) for c in couplings]
        # a flip comes before each coupling: every other one finds the channels turned
        pre[::2] = [_turned(layer, 1) for layer in pre[::2]]
        shift[::2] = [_turned(layer, 0) for layer in shift[::2]]
        residuals = [
            _outputs(layer, slice(self._hidden)) for net in nets for layer in net.res_skip_layers
        ]
        self._weights = FlowWeights(
            projection(pre),
            projection([weights_of(gate) for gate in gates]),
            projection(residuals),
            projection(shift),
        )

    def __call__(self, z_p: Tensor, style_embedding: Tensor, ahead: int) -> Tensor:
        """Latents of the prior [1, C, T], style [1, gin, 1] -> of the posterior [1, C, T].

        What comes of the frames that are `ahead` means nothing.
        """
        _, channels, length = z_p.shape
        hidden, half = self._hidden, channels // 2
        shape = length + 2 * self._reach, hidden
        halves = np.empty((2, length, half), np.float32)
        halves[0], halves[1] = z_p[0, half:].T, z_p[0, :half].T  # turned by the first flip
        room = FlowRoom(
            halves,
            np.empty((length, half), np.float32),
            np.zeros(shape, np.float32),
            np.zeros(shape, np.float32),
            np.empty((self._depth * length, hidden), np.float32),
            np.empty((length, 2 * hidden), np.float32),
        )
        gates = self._gates_of.get(style_embedding)
        if gates is None:
            gates = self._gates_of[style_embedding] = self._gates(style_embedding)
        weights = self._weights._replace(gates=gates)
        share(undoing(), gates.weight[0].nbytes, weights, room, ahead)
        return torch.from_numpy(np.concatenate([halves[1].T, halves[0].T])[None])

    def _gates(self, style_embedding: Tensor) -> Projection:
        """The gates' convolutions as a style sets their biases."""
        gates, style = self._weights.gates, style_embedding[0, :, 0]
        conditions = [weight[:, :, 0] @ style + bias for weight, bias in self._conditions]
        biases = torch.cat(conditions).view(gates.bias.shape).numpy()
        return gates._replace(bias=gates.bias + biases)


def _turned(layer: Layer, dim: int) -> Layer:
    """A layer with its outputs (0) or its inputs (1) in the other order."""
    weight, bias = layer
    return weight.flip(dim), bias if dim else bias.flip(0)


def _shift(coupling: CouplingLayer) -> Layer:
    """From what all layers of the WaveNet have gated, a tap each, to what is taken away."""
    net, post = coupling.enc, scaled(weights_of(coupling.post), -1)
    skips = [_outputs(layer, slice(-net.channels, None)) for layer in net.res_skip_layers]
    taps = torch.cat([weight for weight, _ in skips], dim=2)
    bias = torch.stack([bias for _, bias in skips]).sum(0)
    return followed((taps, bias), post)


def _outputs(conv: nn.Module, some: slice) -> Layer:
    """Some of a convolution's outputs."""
    weight, bias = weights_of(conv)
    return weight[some], bias[some]
