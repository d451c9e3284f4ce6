"""How long a stream of the released v2 sizes waits for its first audio, without a server."""

from __future__ import annotations

import copy

import torch

from engine.models.packed_decoding import Precision, pack_text_to_semantic
from engine.models.text_to_semantic import TextToSemantic
from engine.models.vits_decoder import VitsDecoder
from engine.pipeline.acoustic import Manner
from engine.pipeline.vits_stream import VitsStream
from tests.bench import official
from tests.bench.report import Row
from tests.bench.rounds import take_turns


@torch.inference_mode()
def measure(rounds: int) -> list[Row]:
    """Prefill, the first piece's tokens, and their sound."""
    plain, decoder = official.text_to_semantic(), official.vits_decoder()
    models = {}
    for precision in Precision:
        models[str(precision)] = copy.deepcopy(plain)
        pack_text_to_semantic(models[str(precision)], precision)
    subjects = {
        name: lambda model=model: _first_audio(model, decoder) for name, model in models.items()
    }
    return [
        Row(f"first audio, {name}", seconds.median_s * 1e3, "ms")
        for name, seconds in take_turns(subjects, rounds).items()
    ]


def _first_audio(model: TextToSemantic, decoder: VitsDecoder) -> None:
    style = torch.zeros(1, decoder.config.gin_channels, 1)
    stream = VitsStream(
        decoder, style, Manner(0.5, 1.0), official.phonemes(40), torch.Generator().manual_seed(0)
    )
    cache = model.new_cache(1, 256)
    prompt = official.tokens(official.PROMPT_TOKENS)
    logits = model.prefill(cache, official.phonemes(), None, prompt)
    tokens = [logits[:-1].argmax()]
    while len(tokens) < stream.first_piece_tokens:
        position = torch.tensor([len(prompt) + len(tokens) - 1])
        logits = model.decode(cache, tokens[-1][None], position)[0]
        tokens.append(logits[:-1].argmax())
    if not len(stream.decode(torch.stack(tokens), last=False)):
        raise RuntimeError("the first piece has no audio")
