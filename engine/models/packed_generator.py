"""A HiFi-GAN whose streams are compiled, for a CPU; see `generator_kernel`."""

from __future__ import annotations

from itertools import batched
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models.convolution_kernel import Taps
from engine.models.generator_kernel import LAYER, Model, Room, Seen, generating
from engine.models.hifigan import HifiGan, ResBlock
from engine.models.kernel_parts import Numbers
from engine.models.kernel_threads import share
from engine.models.minimal_filtering import FEWEST, at_points, filtering
from engine.models.packed_layers import projection, weights_of, with_biases
from engine.models.panels import aligned, padded, panels_of
from engine.models.tile_kernel import LANES
from engine.models.weight_norm import weight_of

BLOCK_FRAMES = 64  # at a time: what lies between two layers stays in the caches


def pack_generator(generator: HifiGan) -> None:
    """Let streams of `generator`, which is on a CPU and trains no more, run compiled.

    One with an upsampling that adds a sample at the end stays what it is.
    """
    if all((up.kernel_size[0] - up.stride[0]) % 2 == 0 for up in _upsamplings(generator)):
        generator.packed = PackedGenerator(generator)


class PackedGenerator:
    """What all streams share: the packed weights, and room for what lies between layers."""

    def __init__(self, generator: HifiGan) -> None:
        packing = _packed(generator)
        self.model, self.matrix_bytes = packing.model(), packing.largest_bytes
        self._generator, self._silent = generator, packing.silent
        self._skipped = [int(up.padding[0]) for up in _upsamplings(generator)]
        self._unused: list[Room] = []

    def __call__(self, style_embedding: Tensor | None) -> PackedStream:
        """A new stream, in the style [1, gin, 1] if there is one."""
        numbers, layers, pairs, _ = self.model
        bias = numbers[layers[0]["bias"] :][None, : layers[0]["panels"] * LANES].copy()
        if style_embedding is not None:
            style = self._generator.cond(style_embedding)[0, :, 0]
            bias[0, : len(style)] += style.numpy()
        kept = np.zeros((layers["most"] * layers["width"]).sum(), np.float32)
        ahead = np.zeros((len(self._skipped), len(pairs)), np.int64)
        seen = Seen(kept, np.array(self._silent), np.array(self._skipped), ahead)
        return PackedStream(self, bias, seen)

    def take_room(self) -> Room:
        """Room for a block of frames and what has waited for them; to be given back."""
        if self._unused:
            return self._unused.pop()
        config, lead = self._generator.config, self.model.lead
        rows = BLOCK_FRAMES + config.reach
        columns = padded(max(config.in_channels, config.initial_channels))
        largest = (rows + 3 * lead) * columns
        for rate, up in zip(config.upsample_rates, _upsamplings(self._generator), strict=True):
            rows *= rate
            largest = max(largest, (rows + 3 * lead) * padded(up.out_channels))
        return Room(*aligned((len(Room._fields), largest), torch.float32).numpy())

    def give_back(self, room: Room) -> None:
        """Others may have it now."""
        self._unused.append(room)


class PackedStream:
    """One sound on its way through a packed generator; see `HifiGanStream`."""

    def __init__(self, generator: PackedGenerator, bias: Numbers, seen: Seen) -> None:
        self._generator, self._bias, self._seen = generator, bias, seen
        self._after = Seen(seen.kept, *(counts.copy() for counts in seen[1:]))

    def push(self, z: Tensor, *, last: bool) -> Tensor:
        """See `HifiGanStream`."""
        blocks = z.split(BLOCK_FRAMES, dim=-1)
        sounds = [self._push(block, last=False) for block in blocks[:-1]]
        return torch.cat([*sounds, self._push(blocks[-1], last=last)], dim=-1)

    def _push(self, z: Tensor, *, last: bool) -> Tensor:
        """[1, in, T] -> [1, 1, S]."""
        generator, frames = self._generator, z[0].T.float().contiguous().numpy()
        room = generator.take_room()
        arguments = generator.model, self._seen, self._after, self._bias, frames, last, room
        samples = share(generating(), generator.matrix_bytes, *arguments)
        sound = np.tanh(room.sound[: samples * LANES : LANES])
        generator.give_back(room)
        self._seen, self._after = self._after, self._seen
        return torch.from_numpy(sound)[None, None]


class _Packing:
    """Puts layers behind one another."""

    def __init__(self, pairs: list[int]) -> None:
        self.silent: list[int] = []  # how many rows ahead of the sound a layer begins with
        self.largest_bytes = self._size = self._kept = self._lead = 0
        self._pairs, self._layers = pairs, list[dict[str, int]]()
        self._numbers: list[Numbers] = []

    def add_convolution(self, taps: Taps, width: int) -> None:
        """One that keeps the length of its input."""
        self._add(width, 2 * taps.reach, taps.reach, **self._placed(taps), behind=taps.reach)

    def add_upsampling(self, up: nn.ConvTranspose1d, width: int) -> None:
        """One that multiplies it."""
        taps, stride, padding = upsampling_taps(up), up.stride[0], int(up.padding[0])
        behind = -(-padding // stride)
        ends = {"behind": behind, "cut": behind * stride - padding}
        self._add(width, taps.taps - 1, taps.taps - 1, **self._placed(taps), **ends, stride=stride)
        self._lead = max(self._lead, padding)

    def add_mean(self, width: int, most: int) -> None:
        """The mean of sounds of which some are at most so many rows ahead of others."""
        self._add(width, most, 0)

    def model(self) -> Model:
        """All of them, in one place."""
        layers = np.zeros(len(self._layers), LAYER)
        for record, layer in zip(layers, self._layers, strict=True):
            for name, number in layer.items():
                record[name] = number
        numbers = aligned((self._size,), torch.float32).numpy()
        np.concatenate([each.reshape(-1) for each in self._numbers], out=numbers)
        return Model(numbers, layers, np.array(self._pairs), self._lead)

    def _placed(self, taps: Taps) -> dict[str, int]:
        """Put the weights of a layer behind the others; what its `LAYER` says of them."""
        self.largest_bytes = max(self.largest_bytes, taps.weight.nbytes)
        (_, panels, depth, _), places = taps.weight.shape, {}
        for name in ("weight", "scale", "bias"):
            numbers = getattr(taps, name)
            places[name] = self._size
            self._size += numbers.size
            self._numbers.append(numbers)
        others = {name: getattr(taps, name) for name in ("points", "outputs", "taps", "dilation")}
        return places | others | {"panels": panels, "depth": depth}

    def _add(self, width: int, most: int, silent: int, **others: int) -> None:
        self._layers.append({"width": width, "most": most, "kept": self._kept, **others})
        self._kept += most * width
        self._lead = max(self._lead, most)
        self.silent.append(silent)


def _packed(generator: HifiGan) -> _Packing:
    """All layers in the order of `Model`."""
    config = generator.config
    packing = _Packing([len(dilations) for dilations in config.resblock_dilations])
    packing.add_convolution(taps_of(generator.conv_pre), generator.conv_pre.in_channels)
    width = padded(config.initial_channels)
    groups = batched(generator.resblocks, len(config.resblock_kernel_sizes))
    for up, group in zip(_upsamplings(generator), groups, strict=True):
        packing.add_upsampling(up, width)
        width, lags = padded(up.out_channels), []
        for block in cast(tuple[ResBlock, ...], group):
            pairs = zip(block.convs1, block.convs2, strict=True)
            taps = [residual_taps(cast(nn.Conv1d, conv)) for pair in pairs for conv in pair]
            for each in taps:
                packing.add_convolution(each, width)
            lags.append(sum(each.reach for each in taps))
        packing.add_mean(width, max(lags) - min(lags))
    packing.add_convolution(taps_of(generator.conv_post), width)
    return packing


def _upsamplings(generator: HifiGan) -> list[nn.ConvTranspose1d]:
    return cast(list[nn.ConvTranspose1d], list(generator.ups))


def taps_of(conv: nn.Conv1d) -> Taps:
    """A convolution's weights, packed without points."""
    packed = projection([weights_of(conv)])
    return Taps(*packed, conv.kernel_size[0], conv.dilation[0], 0, 0)


def residual_taps(conv: nn.Conv1d) -> Taps:
    """By way of points where that is faster."""
    width = conv.kernel_size[0]
    if conv.in_channels % LANES or conv.in_channels * width < FEWEST:
        return taps_of(conv)
    (weight, bias), way = weights_of(conv), filtering(width)
    many, points = way.outputs.shape
    packed = with_biases(panels_of(at_points(weight, way)), [bias])
    return Taps(*packed, width, conv.dilation[0], points, many)


def upsampling_taps(up: nn.ConvTranspose1d) -> Taps:
    """A transposed convolution as one that gives `stride` neighbouring samples at a time.

    Of every sample the last tap reads the newest row.
    """
    weight = weight_of(up).detach().float()  # [in, out, taps]
    (inputs, outputs, width), stride = weight.shape, up.stride[0]
    taps = -(-width // stride)
    filled = F.pad(weight, (0, taps * stride - width, 0, padded(outputs) - outputs))
    columns = filled.unflatten(2, (taps, stride)).flip(2).permute(3, 1, 0, 2)
    bias = torch.zeros(padded(outputs))
    if up.bias is not None:
        bias[:outputs] = up.bias.detach()
    layer = columns.reshape(-1, inputs, taps), bias.repeat(stride)
    return Taps(*projection([layer]), taps, 1, 0, 0)
