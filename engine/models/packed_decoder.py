"""An acoustic decoder whose weights are packed, for a CPU."""

from __future__ import annotations

from engine.models.packed_flow import pack_flow
from engine.models.packed_generator import pack_generator
from engine.models.packed_prior import pack_prior
from engine.models.vits_decoder import VitsDecoder


def pack_decoder(decoder: VitsDecoder) -> None:
    """Let single sentences run compiled; `decoder` is on a CPU and trains no more."""
    pack_prior(decoder.enc_p)
    pack_flow(decoder.flow)
    pack_generator(decoder.dec)
