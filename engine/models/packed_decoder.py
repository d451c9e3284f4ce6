"""An acoustic decoder whose weights are packed, for a CPU."""

from __future__ import annotations

from engine.models.packed_encoder import pack_encoder
from engine.models.packed_flow import pack_flow
from engine.models.packed_generator import pack_generator
from engine.models.packed_text_attention import pack_text_attention
from engine.models.vits_decoder import VitsDecoder


def pack_decoder(decoder: VitsDecoder) -> None:
    """Let single sentences run compiled; `decoder` is on a CPU and trains no more."""
    prior = decoder.enc_p
    for encoder in (prior.encoder_text, prior.encoder_ssl, prior.encoder2):
        pack_encoder(encoder)
    pack_text_attention(prior.mrte)
    pack_flow(decoder.flow)
    pack_generator(decoder.dec)
