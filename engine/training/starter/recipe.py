"""All numbers of the starter bundle in one place."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from engine.models.attention import EncoderConfig
from engine.models.hifigan import HifiGanConfig
from engine.models.text_to_semantic import TextToSemanticConfig
from engine.models.vits_decoder import VitsConfig
from engine.text.symbols import SymbolTable
from engine.training.acoustic_batches import BatchOptions
from engine.training.prior_trainer import PriorOptions
from engine.training.semantic_trainer import SemanticOptions
from engine.training.starter.content import CONTENT_CONFIG, ContentOptions
from engine.training.starter.generate import Speaker
from engine.training.vocoder_trainer import VocoderOptions

CODES = 512
REFERENCE_TEXTS = {
    "en": "I bought some fresh bread this morning, and then I walked home along the river.",
    "zh": "今天早上天气很好，我们一起去公园走了一会儿。",
}
SPEAKERS = (
    Speaker("rms", "flite", "rms", "en", 6400, "Robert", "American English, low and calm"),
    Speaker("slt", "flite", "slt", "en", 9600, "Sally", "American English, higher and clear"),
    Speaker("mei", "espeak-ng", "cmn-latn-pinyin+f2", "zh", 1800, "Mei", "Mandarin, robotic"),
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Who speaks how much, and how long each training lasts."""

    seed: int
    speakers: tuple[Speaker, ...]
    content: ContentOptions
    vocoder: VocoderOptions
    prior: PriorOptions
    semantic: SemanticOptions

    def shortened(self, share: float) -> Recipe:
        """A rehearsal: `share` of the steps, and its square root of the utterances.

        Fewer utterances would not hold enough pairs of phones for the codes.
        """

        def part(whole: int, share: float = share) -> int:
            return math.ceil(whole * share)

        return replace(
            self,
            speakers=tuple(
                replace(s, utterances=part(s.utterances, share**0.5)) for s in self.speakers
            ),
            content=replace(self.content, steps=part(self.content.steps)),
            vocoder=replace(self.vocoder, steps=part(self.vocoder.steps)),
            prior=replace(self.prior, steps=part(self.prior.steps)),
            semantic=replace(self.semantic, steps=part(self.semantic.steps)),
        )


RECIPE = Recipe(
    seed=20,
    speakers=SPEAKERS,
    content=ContentOptions(steps=3000),
    vocoder=VocoderOptions(steps=6200, batch=24),
    prior=PriorOptions(
        steps=4900,
        batches=BatchOptions(utterances=40),
        learning_rate=7e-4,
        final_learning_rate=3e-5,
    ),
    semantic=SemanticOptions(steps=10000, batch=48, learning_rate=8e-4, mistaken_share=0.1),
)


def acoustic_config() -> VitsConfig:
    """A v2 acoustic decoder at 16 kHz, about a tenth of the released size."""
    return VitsConfig(
        sample_rate_hz=16000,
        filter_length=1024,
        hop_length=320,
        symbols=len(SymbolTable("v2").symbols),
        reference_bins=352,
        encoder=EncoderConfig(
            channels=96, filter_channels=384, n_heads=2, n_layers=4, kernel_size=3, dropout=0.05
        ),
        hifigan=HifiGanConfig(
            in_channels=96,
            initial_channels=128,
            upsample_rates=(10, 8, 2, 2),
            upsample_kernel_sizes=(16, 16, 4, 4),
            resblock_kernel_sizes=(3, 7),
            resblock_dilations=((1, 3, 5), (1, 3, 5)),
            gin_channels=128,
        ),
        inter_channels=96,
        gin_channels=128,
        mrte_channels=128,
        content_dimension=int(str(CONTENT_CONFIG["hidden_size"])),
        codes=CODES,
        style_channels=96,
        posterior_layers=8,
    )


def semantic_config() -> TextToSemanticConfig:
    """A text-to-semantic model of 5 M parameters, without character features."""
    return TextToSemanticConfig(
        symbols=len(SymbolTable("v2").symbols),
        vocabulary=CODES + 1,
        width=256,
        heads=4,
        layers=6,
        bert_dimension=0,
        max_tokens=750,
    )
