"""Handlers of both training stages' losses."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.audio.spectrogram import TRAINING_MEL, MelSpectrogram, Spectrogram
from engine.models.discriminators import Discriminators
from engine.models.masks import length_mask
from engine.models.vits_decoder import VitsDecoder
from engine.training.acoustic_pass import AcousticBatch, encode, slices
from engine.training.losses import (
    adversarial_loss,
    discriminator_loss,
    feature_loss,
    kl_loss,
    token_losses,
)
from engine.training.semantic_pass import SemanticBatch, predict
from tests.golden.acoustic_kinds import load_decoder
from tests.golden.case import Case
from tests.golden.t2s_kinds import load_model

MEL_WEIGHT = 45.0
SEGMENT_FRAMES = 32
PERIODS, PRO_PERIODS = (2, 3, 5, 7, 11), (2, 3, 5, 7, 11, 17, 23)


def semantic_loss(case: Case) -> dict[str, Tensor]:
    """The summed cross entropy of the first stage.

    The official code masks as many columns on the left of the text as its padding on the right
    has, and counts the end tokens that pad the targets; so does this handler.
    """
    model, phoneme_ids, lengths = load_model(case), case["in_phones"], case["in_x_lens"]
    longest = phoneme_ids.shape[1]
    batch = SemanticBatch(
        phoneme_ids=phoneme_ids,
        text_inside=torch.arange(longest)[None] >= (longest - lengths)[:, None],
        text_start=torch.zeros_like(lengths),
        semantic_tokens=case["in_sem"],
        token_lengths=case["in_y_lens"],
        bert_features=case["in_bert"],
    )
    logits, targets = predict(model, batch)
    counted = targets != model.config.end
    hits = (logits.topk(3).indices == targets[..., None]).any(-1)
    return {
        "out_loss": token_losses(logits, targets).sum(),
        "out_acc": (hits & counted).sum() / counted.sum(),
    }


def acoustic_loss(case: Case) -> dict[str, Tensor]:
    """The losses of the second stage on given slices, with all noise zero."""
    decoder, wave = load_decoder(case, training_parts=True), case["in_wave"]
    batch = _acoustic_batch(case, decoder)
    encoded = encode(decoder, batch, torch.tensor(0.0))
    starts = case["in_ids_slice"]
    z = slices(encoded.z, starts, SEGMENT_FRAMES)
    fake = decoder.dec(z, encoded.style)
    real = slices(wave, starts, SEGMENT_FRAMES, decoder.config.hop_length)
    mel = MelSpectrogram(TRAINING_MEL)
    real_mel = slices(mel.from_magnitude(batch.spectrogram), starts, SEGMENT_FRAMES)
    mel_loss = (real_mel - mel(fake[:, 0])).abs().mean() * MEL_WEIGHT
    judge = _discriminators(case)
    real_scores, fake_scores = judge(real), judge(fake)
    prior = encoded.prior
    return {
        "out_y_hat": fake,
        "out_z_p": encoded.z_p,
        "out_m_q": encoded.posterior_mean,
        "out_kl_ssl": torch.tensor(0.0),  # the quantizer is frozen
        "out_loss_mel": mel_loss,
        "out_loss_disc": discriminator_loss(real_scores, fake_scores),
        "out_loss_gen": adversarial_loss(fake_scores),
        "out_loss_fm": feature_loss(real_scores, fake_scores),
        "out_loss_kl": kl_loss(
            encoded.z_p, encoded.posterior_log_std, prior.mean, prior.log_std, encoded.mask
        ),
    }


def _acoustic_batch(case: Case, decoder: VitsDecoder) -> AcousticBatch:
    """The batch; every utterance is its own reference."""
    frames = case["in_spec_lens"]
    spectrogram = Spectrogram()(case["in_wave"][:, 0])
    spectrogram = spectrogram * length_mask(frames, spectrogram.shape[-1])
    return AcousticBatch(
        spectrogram=spectrogram,
        frames=frames,
        waveform=case["in_wave"],
        semantic_tokens=decoder.extract_semantic_tokens(case["in_ssl"]),
        phoneme_ids=case["in_text"],
        phoneme_lengths=case["in_text_lens"],
        reference=spectrogram,
        reference_frames=frames,
        speaker_embedding=case["in_sv_emb"] if "in_sv_emb" in case.arrays else None,
    )


def _discriminators(case: Case) -> Discriminators:
    """The discriminators that the manifest's second half names."""
    name = case.manifests[1]
    judge = Discriminators(PRO_PERIODS if "Pro" in name else PERIODS).eval()
    judge.load_state_dict(case.state(name), strict=True)
    return judge


KINDS = {"s1_loss": semantic_loss, "s2_loss": acoustic_loss}
