"""Speaks before callers do: a first sentence loads dictionaries and kernels, seconds of work."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from backend.errors import StorageError
from engine.errors import BundleError, InputError, SynthesisError
from engine.types import SynthesisRequest

if TYPE_CHECKING:
    from backend.engines import Engines
    from backend.inference import Inference
    from backend.voices.library import VoiceLibrary

logger = logging.getLogger(__name__)

TEXT = "1, 2, 3."  # is read in every language
HARMLESS = SynthesisError, InputError, BundleError, StorageError, OSError


async def warm_up(engines: Engines, voices: VoiceLibrary) -> None:
    """Speak once in every language that a bundle has a voice of.

    Speech that does not come off has warmed the models as well, and a voice that cannot speak is
    the matter of those who call for it: neither is a reason not to serve. Anything else is.
    """
    voice_of: dict[tuple[str, str], str] = {}
    for voice in await asyncio.to_thread(voices.list):
        voice_of.setdefault((voice.bundle, voice.language), voice.voice_id)
    logger.info("warming up: the first start on a machine compiles, which takes a minute or two")
    for (bundle, language), voice_id in voice_of.items():
        try:
            prompt = await asyncio.to_thread(voices.prompt, voice_id)
            request = SynthesisRequest(TEXT, language, prompt)
            await _speak(engines.named(bundle).inference, request)
        except HARMLESS as error:
            logger.warning("warming up in the voice %s gave no speech: %s", voice_id, error)


async def _speak(inference: Inference, request: SynthesisRequest) -> None:
    stream = inference.open(request)
    try:
        async for _ in stream:
            pass
    finally:
        inference.close(stream)
