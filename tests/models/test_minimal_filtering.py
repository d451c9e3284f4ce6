"""Convolutions by way of points."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models.minimal_filtering import Filtering, at_points, filtering
from engine.models.packed_generator import residual_taps

WIDTHS = pytest.mark.parametrize("width", [3, 5, 7, 9, 11, 13])


def filtered(x: Tensor, weight: Tensor, way: Filtering, kind: torch.dtype) -> Tensor:
    """Samples [N, in] of one group of outputs -> outputs [m, out], as its definition says."""
    many, points = way.outputs.shape
    to_points, back = (torch.from_numpy(m).to(kind) for m in (way.samples, way.outputs))
    blocks = [x[many * b : many * b + points].to(kind) for b in range(way.blocks)]
    values = torch.cat([to_points @ block for block in blocks], dim=1)
    products = [v @ w.to(kind).T for v, w in zip(values, at_points(weight, way), strict=True)]
    return back @ torch.stack(products)


@WIDTHS
def test_outputs_are_those_of_the_convolution_but_for_rounding(width: int) -> None:
    random, way = torch.Generator().manual_seed(width), filtering(width)
    many, points = way.outputs.shape
    x = torch.randn(many * (way.blocks - 1) + points, 128, generator=random)
    weight = torch.randn(32, 128, width, generator=random)
    plain = F.conv1d(x.double().T[None], weight.double())[0, :, :many].T
    for kind, most in ((torch.float64, 1e-6), (torch.float32, 1e-5)):  # weights are float32
        error = (filtered(x, weight, way, kind).double() - plain).norm() / plain.norm()
        assert error < most


@WIDTHS
def test_products_are_fewer_than_half(width: int) -> None:
    way = filtering(width)
    many, points = way.outputs.shape
    assert points * way.blocks < 0.5 * many * width


@pytest.mark.parametrize(("channels", "width", "by_points"), [(64, 3, 8), (16, 3, 0), (24, 11, 0)])
def test_points_are_for_whole_panels_and_much_work(
    channels: int, width: int, by_points: int
) -> None:
    taps = residual_taps(nn.Conv1d(channels, channels, width))
    assert taps.points == by_points
    assert len(taps.weight) == max(1, by_points)
