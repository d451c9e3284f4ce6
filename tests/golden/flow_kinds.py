"""Handlers of v3 and v4: features, flow matching, vocoders, long speech in pieces."""

from __future__ import annotations

import re
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from engine.audio.resample import resample
from engine.audio.sola import join_fragments
from engine.audio.spectrogram import (
    V3_MEL,
    V4_MEL,
    MelSpectrogram,
    denormalize_mel,
    normalize_mel,
)
from engine.models.bigvgan import BigVgan, BigVganConfig
from engine.models.flow_matching import FlowMatchingConfig, FlowMatchingDecoder
from engine.models.hifigan import HifiGan, HifiGanConfig
from engine.models.inpainting import Inpainter, MelPrompt, PieceLimits, overlapping_windows
from engine.models.weight_norm import fuse_weight_norm
from tests.golden.case import Case, State

SOLA_SEARCH = 320
SAMPLING = re.compile(r"out_cfm_(\d+)steps(?:_cfg(\d)(\d*))?")
V4_RATE_HZ, V3_RATE_HZ = 32_000, 24_000  # of the waves that mels of references are made of
V4_VOCODER = HifiGanConfig(
    in_channels=100,
    initial_channels=512,
    upsample_rates=(10, 6, 2, 2, 2),
    upsample_kernel_sizes=(20, 12, 4, 4, 4),
    final_bias=True,
)


def load(network: nn.Module, state: State, constants: dict[str, str]) -> None:
    """Load strictly; formula buffers are taken from the network that computed them."""
    own = network.state_dict()
    whole = state | {name: own[name] for name in constants}
    network.eval().load_state_dict(whole, strict=True, assign=True)


def load_decoder(case: Case) -> FlowMatchingDecoder:
    """Build the decoder that the case's manifest describes, with its weights."""
    manifest, state = case.manifest, case.state()
    config = FlowMatchingConfig.from_released(
        manifest["config"],
        symbols=len(state["enc_p.text_embedding.weight"]),
        is_v4=manifest["version"] == "v4",
    )
    decoder = FlowMatchingDecoder(config)
    load(decoder, state, manifest["constants"])
    return decoder


def flow(case: Case) -> dict[str, Tensor]:
    """One velocity, and mels by as many steps and as much guidance as their names say."""
    cfm = load_decoder(case).cfm
    estimator, prompt, features = cfm.estimator, case["in_prompt"], case["in_mu"]
    noise, lengths = case["in_x"], case["in_lens"]
    rows, known, frames = len(noise), prompt.shape[-1], noise.shape[-1]
    time, step = (torch.full((rows,), case.entry[name]) for name in ("t", "d"))
    text = estimator.text_embed(features)
    mel = torch.cat((torch.zeros_like(prompt), noise[..., known:]), dim=-1)
    padded = torch.cat((prompt, torch.zeros_like(noise[..., known:])), dim=-1)
    mask = torch.arange(frames)[None] < lengths[:, None]
    velocity = estimator(mel, padded, text, mask, estimator.embed_time(time, step))
    got = {"out_dt_embed": estimator.d_embed(step), "out_dit": velocity.mT}
    for name, array in case.wanted.items():
        if name.startswith("out_text_embed_"):
            got[name] = text[..., : array.shape[-1]]
        elif match := SAMPLING.fullmatch(name):
            steps, guidance = int(match[1]), float(f"{match[2] or 0}.{match[3] or 0}")
            got[name] = cfm(features.mT, lengths, prompt, noise, steps, guidance)
    return got


def features(case: Case) -> dict[str, Tensor]:
    """Tokens and text to features at the mel rate."""
    decoder = load_decoder(case)
    style = decoder.mean_style(case.numbered("in_refer_"))
    speed = case.entry["speed"]
    found = decoder.features(case["in_codes"][0], case["in_text"], style, speed)
    return {"out_fea": found, "out_ge": style}


def load_v4_vocoder(state: State) -> HifiGan:
    """The vocoder of v4; its checkpoint has no weight norm."""
    vocoder = HifiGan(V4_VOCODER)
    fuse_weight_norm(vocoder)
    load(vocoder, state, {})
    return vocoder


def vocoder_v4(case: Case) -> dict[str, Tensor]:
    """Mels to 48 kHz."""
    return {"out_audio": load_v4_vocoder(case.state())(case["in_mel"]).flatten()}


def vocoder_v3(case: Case) -> dict[str, Tensor]:
    """Mels to 24 kHz."""
    vocoder = BigVgan(BigVganConfig())
    load(vocoder, case.state(), case.manifest["constants"])
    return {"out_audio": vocoder(case["in_mel"]).flatten()}


def pieces(case: Case) -> dict[str, Tensor]:
    """A sentence piece after piece; where wanted, two sentences in windows at once."""
    decoder, entry = load_decoder(case), case.entry
    limits = PieceLimits(entry["T_ref"], entry["T_chunk"])
    style = decoder.mean_style(case.numbered("in_refer_"))
    prompt = _prompt(case, decoder, style, limits)
    sentences = [
        decoder.features(codes[0], phonemes[None], style)
        for codes, phonemes in zip(
            case.numbered("in_codes_"), case.numbered("in_phones_"), strict=True
        )
    ]
    sequential = _inpainter(case, decoder, "in_randn_seq_")
    mel = denormalize_mel(sequential.in_sequence(prompt, sentences[0], limits))
    got = {"out_mel_sequential": mel[0]}
    if "in_randn_batch_0" in case.arrays:
        inpainter = _inpainter(case, decoder, "in_randn_batch_")
        hop = len(case.arrays["out_batched_frag_0"]) // sentences[0].shape[-1]
        vocoder = _vocoder_of(case, hop)
        got |= _batched(inpainter, vocoder, prompt, sentences, limits, entry["overlapped_len"])
    return got


def _vocoder_of(case: Case, hop: int) -> HifiGan | BigVgan:
    """The vocoder that makes as many samples of a frame."""
    if hop == V4_VOCODER.hop:
        return load_v4_vocoder(case.state("vocoder-v4"))
    vocoder = BigVgan(BigVganConfig())
    constants = case.weights.manifest("bigvgan-v3")["constants"]
    load(vocoder, case.state("bigvgan-v3"), constants)
    return vocoder


def _prompt(
    case: Case, decoder: FlowMatchingDecoder, style: Tensor, limits: PieceLimits
) -> MelPrompt:
    is_v4 = case.manifest["version"] == "v4"
    rate_hz = V4_RATE_HZ if is_v4 else V3_RATE_HZ
    wave = resample(case["in_wave"], case.entry.get("raw_sr", rate_hz), rate_hz)
    mel = MelSpectrogram(V4_MEL if is_v4 else V3_MEL)
    codes, phonemes = case["in_prompt_codes"][None], case["in_prompt_phones"][None]
    known = decoder.features(codes, phonemes, style)
    return MelPrompt.fit(normalize_mel(mel(wave[None])), known, limits)


def _inpainter(case: Case, decoder: FlowMatchingDecoder, prefix: str) -> Inpainter:
    stored: Iterator[Tensor] = iter(case.numbered(prefix))
    return Inpainter(decoder.cfm, case.entry["sample_steps"], lambda _shape: next(stored))


def _batched(
    inpainter: Inpainter,
    vocoder: HifiGan | BigVgan,
    prompt: MelPrompt,
    sentences: list[Tensor],
    limits: PieceLimits,
    overlap: int,
) -> dict[str, Tensor]:
    """All windows in one batch; their waveforms joined, then cut by sentence."""
    length = limits.total - prompt.frames
    windows = overlapping_windows(torch.cat(sentences, dim=-1), length, overlap)
    mel = denormalize_mel(inpainter.at_once(prompt, windows))
    wave = vocoder(mel.transpose(0, 1).flatten(1)[None]).flatten()
    hop = wave.shape[-1] // mel[:, 0].numel()
    joined = join_fragments(wave.split(length * hop), overlap * hop, SOLA_SEARCH)
    start = overlap * hop
    got: dict[str, Tensor] = {}
    for i, sentence in enumerate(sentences):
        end = start + sentence.shape[-1] * hop
        got[f"out_batched_frag_{i}"] = joined[start:end]
        start = end
    return got


KINDS = {
    "cfm": flow,
    "decode_encp": features,
    "vocoder_v4": vocoder_v4,
    "bigvgan_v3": vocoder_v3,
    "vocoder_chunks": pieces,
}
