"""Handlers of the acoustic decoder of v1, v2, v2Pro and v2ProPlus."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from engine.models.prior_encoder import Prior, sample_latents
from engine.models.vits_decoder import FRAMES_PER_TOKEN, VitsConfig, VitsDecoder
from tests.golden.case import Case


def load_decoder(case: Case, *, training_parts: bool = False) -> VitsDecoder:
    """Build the decoder that the case's manifest describes, with its weights."""
    state = case.state(train_only=training_parts)
    config = VitsConfig.from_released(
        case.manifest["config"],
        symbols=len(state["enc_p.text_embedding.weight"]),
        uses_speaker="sv_emb.weight" in state,
    )
    decoder = VitsDecoder(config, training_parts=training_parts).eval()
    decoder.load_state_dict(state, strict=True)
    return decoder


def capture(module: nn.Module, into: dict[str, Tensor], name: str) -> None:
    """Store the output of `module` as `name` whenever it runs."""
    module.register_forward_hook(lambda _module, _inputs, output: into.update({name: output}))


def quantizer(case: Case) -> dict[str, Tensor]:
    """Content features to semantic tokens."""
    decoder, features = load_decoder(case), case["in_ssl"]
    return {
        "out_codes": decoder.extract_semantic_tokens(features)[:, None],
        "out_ssl_proj": decoder.ssl_proj(features)[:, :64],
    }


def decode(case: Case) -> dict[str, Tensor]:
    """Tokens, text and references to a waveform, all at once."""
    decoder = load_decoder(case)
    got: dict[str, Tensor] = {}
    references = case.numbered("in_refer_")
    speakers = case.numbered("in_sv_emb_")
    for i, reference in enumerate(references):
        bins = decoder.config.reference_bins
        got[f"mid_ref_enc_{i}"] = decoder.ref_enc(reference[:, :bins])
    capture(decoder.enc_p.encoder_ssl, got, "mid_enc_ssl")
    capture(decoder.enc_p.encoder_text, got, "mid_enc_text")
    capture(decoder.enc_p.mrte, got, "mid_mrte")
    style = decoder.mean_style(references, speakers)
    prior = decoder.prior(
        case["in_codes"][0], decoder.encode_text(case["in_text"]), style, case.entry["speed"]
    )
    noise = case["in_noise"] if "in_noise" in case.arrays else torch.zeros_like(prior.mean)
    z_p = sample_latents(prior, noise, case.entry["noise_scale"])
    latents = decoder.flow.reverse(z_p, prior.mask, style)
    return got | {
        "mid_m_p": prior.mean,
        "mid_logs_p": prior.log_std,
        "mid_flow": latents,
        "out_audio": decoder.vocode(z_p, prior.mask, style).flatten(),
    }


def decode_streaming(case: Case) -> dict[str, Tensor]:
    """The official chunked decoding over our modules.

    Each chunk reads all tokens so far; of the encoder's output the last frames are kept and
    faded into the previous chunk's end before flow and vocoder run.
    """
    decoder = load_decoder(case)
    got: dict[str, Tensor] = {}
    style = decoder.mean_style(case.numbered("in_refer_"), case.numbered("in_sv_emb_"))
    overlap = case.entry["overlap"] * FRAMES_PER_TOKEN
    start, tail = 0, torch.zeros(0)
    for i, end in enumerate(case.entry["cuts"]):
        prior = decoder.prior(
            case["in_codes"][0, :, :end], decoder.encode_text(case["in_text"]), style
        )
        frames = (end - start) * FRAMES_PER_TOKEN + (overlap if start else 0)
        hidden = prior.hidden[:, :, -frames:]
        if start:
            hidden = torch.cat([_fade(tail, hidden[:, :, :overlap]), hidden[:, :, overlap:]], 2)
        mask = prior.mask[:, :, -frames:]
        mean, log_std = (decoder.enc_p.proj(hidden) * mask).chunk(2, dim=1)
        z_p = sample_latents(Prior(hidden, mean, log_std, mask), torch.zeros_like(mean), 0.0)
        got[f"out_latent_{i}"] = hidden
        got[f"out_audio_{i}"] = decoder.vocode(z_p, mask, style).flatten()
        start, tail = end, hidden[:, :, -overlap:]
    return got


def _fade(old: Tensor, new: Tensor) -> Tensor:
    length = new.shape[-1]
    window = torch.sin(torch.arange(2 * length) * math.pi / (2 * length))
    return window[:length] * new + window[length:] * old


KINDS = {
    "quantizer": quantizer,
    "sovits_decode": decode,
    "sovits_decode_streaming": decode_streaming,
}
