"""A bundle of the released v2 sizes that speaks: synthetic weights, but its sentences end.

The layers of its text-to-semantic model hardly change what they are given, so that the last of
them still knows the position, and the end grows likely some four seconds behind the prompt.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from safetensors.torch import save_file

from engine.checkpoints.bundle_folder import BundleConfig, SpeechDefaults, VoiceEntry, write_config
from engine.models.hubert import ContentEncoder
from engine.models.positions import frequencies
from engine.models.text_to_semantic import TextToSemantic
from engine.types import SpeechChecks, VoicePrompt
from engine.voices.archive import save_prompt
from tests.bench import official

VOICE = "slt"  # as in the starter, so that the same requests can be sent
SAMPLE_RATE_HZ = 32000
PROMPT_TOKENS, PROMPT_PHONEMES, REFERENCE_FRAMES = 75, 40, 200
SPOKEN_TOKENS = 100  # about
PERIOD = 1000  # positions of the wave that tells when to end
DECISION = 30.0  # how sharply it is told
CONTENT = {"num_hidden_layers": 1}


def write_speaker(folder: Path) -> Path:
    """Write the bundle into `folder`."""
    decoder, model = official.stored_vits_decoder(), official.text_to_semantic()
    let_it_end(model)
    (folder / "voices").mkdir(parents=True)
    networks = {
        "text_to_semantic": model,
        "acoustic": decoder,
        "content_encoder": ContentEncoder(CONTENT),
    }
    for name, network in networks.items():
        save_file(network.state_dict(), folder / f"{name}.safetensors")
    random = torch.Generator().manual_seed(0)
    bins = decoder.config.spectrogram_bins
    prompt = VoicePrompt(
        language="en",
        semantic_tokens=torch.randint(model.config.end, (PROMPT_TOKENS,), generator=random),
        phoneme_ids=torch.randint(300, (PROMPT_PHONEMES,), generator=random),
        bert_features=None,
        reference_spectrograms=(torch.rand(bins, REFERENCE_FRAMES, generator=random),),
    )
    save_prompt(prompt, folder / "voices" / f"{VOICE}.safetensors")
    config = BundleConfig(
        name="released-sizes",
        version="v2",
        symbols="v2",
        languages=("en",),
        text_to_semantic=model.config,
        acoustic=decoder.config,
        content_encoder=dict(CONTENT),
        defaults=SpeechDefaults(checks=SpeechChecks(silent_rms=0.0)),
        voices=(VoiceEntry(VOICE, VOICE, "synthetic weights", "en"),),
        sha256={},
    )
    write_config(folder, config)
    return folder


@torch.no_grad()
def let_it_end(model: TextToSemantic) -> None:
    """Let the logit of the end rise with the position, and cross the others'."""
    for layer in model.h:
        for linear in (layer.self_attn.out_proj, layer.linear2):
            for parameter in linear.parameters():
                parameter.mul_(0.01)
    width = model.config.width
    table = model.ar_audio_embedding.word_embeddings.weight
    speeds = frequencies(width, torch.device("cpu"))
    wave = 2 * int((speeds - 2 * math.pi / PERIOD).abs().argmin())  # its sine
    steady = width - 1  # the slowest cosine, which hardly leaves 1
    turn = math.sin((PROMPT_TOKENS + SPOKEN_TOKENS) * float(speeds[wave // 2]))
    table.normal_(std=0.3)
    table[:, [wave, steady]] = 0
    rows = model.ar_predict_layer.weight
    rows.normal_(std=width**-0.5)
    rows[:, [wave, steady]] = 0
    rows[model.config.end] = 0
    rows[model.config.end, wave] = DECISION
    rows[model.config.end, steady] = 2 - DECISION * turn
