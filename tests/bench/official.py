"""Networks of the released v2 sizes with synthetic weights: speed does not depend on values."""

from __future__ import annotations

import torch

from engine.models.attention import EncoderConfig
from engine.models.hifigan import HifiGanConfig
from engine.models.packed_decoder import pack_decoder
from engine.models.text_to_semantic import TextToSemantic, TextToSemanticConfig
from engine.models.vits_decoder import VitsConfig, VitsDecoder
from engine.models.weight_norm import fuse_weight_norm
from engine.text.symbols import SymbolTable

PHONEMES, PROMPT_TOKENS = 100, 75


def text_to_semantic() -> TextToSemantic:
    """77 M parameters: 24 layers of 512."""
    torch.manual_seed(0)
    return TextToSemantic(TextToSemanticConfig(symbols=len(SymbolTable("v2").symbols))).eval()


def vits_decoder(*, packed: bool = True) -> VitsDecoder:
    """The v2 decoder at 32 kHz, as a bundle on a CPU has it."""
    decoder = stored_vits_decoder()
    fuse_weight_norm(decoder)
    if packed:
        pack_decoder(decoder)
    return decoder


def stored_vits_decoder() -> VitsDecoder:
    """The same as its file has it, under weight norm."""
    torch.manual_seed(0)
    config = VitsConfig(
        sample_rate_hz=32000,
        filter_length=2048,
        hop_length=640,
        symbols=len(SymbolTable("v2").symbols),
        reference_bins=704,
        encoder=EncoderConfig(192, 768, 2, 6, 3, 0.1),
        hifigan=HifiGanConfig(
            in_channels=192,
            initial_channels=512,
            upsample_rates=(10, 8, 2, 2, 2),
            upsample_kernel_sizes=(16, 16, 8, 2, 2),
            gin_channels=512,
        ),
        inter_channels=192,
        gin_channels=512,
    )
    return VitsDecoder(config).eval()


def phonemes(count: int = PHONEMES) -> torch.Tensor:
    """Random phoneme ids [count]."""
    return torch.randint(300, (count,), generator=torch.Generator().manual_seed(1))


def tokens(count: int) -> torch.Tensor:
    """Random semantic tokens [count]."""
    return torch.randint(1024, (count,), generator=torch.Generator().manual_seed(2))
