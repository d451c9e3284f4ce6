"""A bundle of tiny networks with random weights: everything works, nothing makes sense."""

from __future__ import annotations

from types import MappingProxyType

import torch

from engine.checkpoints.bundle_folder import BundleConfig, SpeechDefaults
from engine.models.attention import EncoderConfig
from engine.models.hifigan import HifiGanConfig
from engine.models.hubert import ContentEncoder
from engine.models.sampling import SamplingOptions
from engine.models.text_to_semantic import TextToSemantic, TextToSemanticConfig
from engine.models.vits_decoder import VitsConfig, VitsDecoder
from engine.pipeline.bundle import Bundle, BundledVoice
from engine.pipeline.vits_stream import VitsAcoustics
from engine.text.frontend import TextFrontend
from engine.types import SpeechChecks, VoicePrompt
from engine.voices.prompting import PromptMaker

SYMBOLS, CODES = 732, 32
CONTENT = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "conv_dim": (8,) * 7,
    "num_conv_pos_embeddings": 15,
    "num_conv_pos_embedding_groups": 2,
}
ACOUSTIC = VitsConfig(
    sample_rate_hz=16000,
    filter_length=1024,
    hop_length=320,
    symbols=SYMBOLS,
    reference_bins=352,
    encoder=EncoderConfig(16, 32, 2, 2, 3, 0.0),
    hifigan=HifiGanConfig(
        in_channels=16,
        initial_channels=16,
        upsample_rates=(10, 8, 4),
        upsample_kernel_sizes=(16, 16, 8),
        resblock_kernel_sizes=(3,),
        resblock_dilations=((1, 3),),
        gin_channels=8,
    ),
    inter_channels=16,
    gin_channels=8,
    mrte_channels=8,
    content_dimension=16,
    codes=CODES,
    style_channels=8,
    posterior_layers=2,
)
# Random tokens end when they please.
LENIENT = SpeechChecks(min_tokens_per_phoneme=0.0, max_tokens_per_phoneme=12.0, spare_tokens=60)
SEMANTIC = TextToSemanticConfig(
    SYMBOLS, CODES + 1, width=16, heads=2, layers=2, bert_dimension=0, max_tokens=200
)


def tiny_decoder(*, training_parts: bool = False) -> VitsDecoder:
    """A small acoustic decoder whose speech is loud enough not to be silence."""
    torch.manual_seed(0)
    decoder = VitsDecoder(ACOUSTIC, training_parts=training_parts).eval()
    with torch.no_grad():
        decoder.dec.conv_post.weight.mul_(5)
    return decoder


def tiny_prompt(language: str = "en", seed: int = 0) -> VoicePrompt:
    """A voice that nobody has."""
    generator = torch.Generator().manual_seed(seed)
    return VoicePrompt(
        language,
        torch.randint(CODES, (30,), generator=generator),
        torch.randint(SYMBOLS, (20,), generator=generator),
        None,
        (torch.rand(352, 60, generator=generator),),
    )


def tiny_bundle() -> Bundle:
    """The bundle, with one built-in voice `nobody`. The same weights every time."""
    torch.manual_seed(1)
    model = TextToSemantic(SEMANTIC).eval()
    decoder = tiny_decoder()
    sampling = SamplingOptions(top_k=CODES + 1, repetition_penalty=1.0)
    config = BundleConfig(
        "tiny",
        "v2",
        "v2",
        ("en", "zh"),
        SEMANTIC,
        ACOUSTIC,
        CONTENT,
        SpeechDefaults(sampling, sentence_gap_s=0.1, checks=LENIENT),
        (),
        {},
    )
    voice = BundledVoice("nobody", "Nobody", "a random voice", "en", tiny_prompt())
    return Bundle(
        "tiny",
        config,
        TextFrontend("v2"),
        model,
        VitsAcoustics(decoder),
        PromptMaker(ContentEncoder(CONTENT).eval(), decoder),
        MappingProxyType({"nobody": voice}),
        torch.device("cpu"),
    )
