"""Each trainer makes its loss smaller on data that it sees again and again."""

from __future__ import annotations

import csv
import random
from dataclasses import replace
from pathlib import Path

import torch

from engine.models.text_to_semantic import TextToSemantic
from engine.training.acoustic_batches import BatchOptions
from engine.training.acoustic_trainer import AcousticOptions, AcousticTrainer
from engine.training.prior_trainer import PriorOptions, train_prior
from engine.training.semantic_trainer import (
    SemanticOptions,
    SequenceSampler,
    collate,
    train_text_to_semantic,
    with_mistakes,
)
from engine.training.starter.latents import MelPosterior, fitted_posterior
from engine.training.vocoder_trainer import VocoderOptions, train_vocoder
from tests.tiny_bundle import ACOUSTIC, SEMANTIC, tiny_decoder
from tests.training.material import examples, noise_recording

BATCHES = BatchOptions(utterances=2, shortest_frames=10, longest_frames=60, reference_frames=20)


def logged(folder: Path, name: str) -> list[float]:
    """A column of the run's log."""
    rows = csv.DictReader((folder / "log.csv").read_text().splitlines())
    return [float(row[name]) for row in rows]


def test_text_to_semantic_learns_its_examples(tmp_path: Path) -> None:
    torch.manual_seed(0)
    options = SemanticOptions(steps=100, batch=4, learning_rate=1e-2)
    train_text_to_semantic(TextToSemantic(SEMANTIC), examples(), tmp_path, options)
    first, last = logged(tmp_path, "loss")
    assert last < first


def test_texts_are_padded_on_the_left_and_tokens_on_the_right() -> None:
    pairs = [(torch.tensor([5, 6]), torch.tensor([1])), (torch.tensor([7]), torch.tensor([2, 3]))]
    batch = collate(pairs, end=9)
    assert batch.phoneme_ids.tolist() == [[5, 6], [0, 7]]
    assert batch.text_inside.tolist() == [[True, True], [False, True]]
    assert batch.text_start.tolist() == [0, -1]
    assert batch.semantic_tokens.tolist() == [[1, 9], [2, 3]]


def test_the_vocoder_learns_its_recording(tmp_path: Path) -> None:
    decoder, audio = tiny_decoder(), noise_recording()
    decoder.enc_q = fitted_posterior(ACOUSTIC, noise_recording(600), seconds=10)
    options = VocoderOptions(
        steps=100,
        batch=2,
        segment_frames=8,
        learning_rate=5e-3,
        adversarial_after=90,
        discriminator_width=0.02,
    )
    train_vocoder(decoder, audio, tmp_path, options)
    first, last = logged(tmp_path, "mel")
    assert last < first


def test_the_prior_learns_its_examples(tmp_path: Path) -> None:
    decoder = tiny_decoder()
    decoder.enc_q = fitted_posterior(ACOUSTIC, noise_recording(600), seconds=10)
    options = PriorOptions(steps=100, batches=BATCHES, learning_rate=3e-3)
    train_prior(decoder, examples(), noise_recording(), tmp_path, options)
    first, last = logged(tmp_path, "kl")
    assert last < first


def test_joint_training_resumes_and_keeps_the_quantizer(tmp_path: Path) -> None:
    options = AcousticOptions(steps=2, batches=BATCHES, segment_frames=8, discriminator_width=0.02)
    decoder = tiny_decoder(training_parts=True)
    before = decoder.ssl_proj.weight.clone()
    AcousticTrainer(decoder, examples(), noise_recording(), tmp_path, options).train()
    assert torch.equal(decoder.ssl_proj.weight, before)
    again = AcousticTrainer(
        tiny_decoder(training_parts=True), examples(), noise_recording(), tmp_path, options
    )
    assert again.run.finished
    assert torch.equal(again.decoder.flow.flows[0].pre.weight, decoder.flow.flows[0].pre.weight)


def test_frozen_networks_stay_as_they_are(tmp_path: Path) -> None:
    options = AcousticOptions(
        steps=2,
        batches=BATCHES,
        segment_frames=8,
        discriminator_width=0.02,
        frozen=("ssl_proj.", "enc_p.", "enc_q.", "flow.", "ref_enc."),
    )
    decoder = tiny_decoder(training_parts=True)
    before = {name: value.clone() for name, value in decoder.state_dict().items()}
    AcousticTrainer(decoder, examples(), noise_recording(), tmp_path, options).train()
    changed = {
        n.split(".")[0] for n, v in decoder.state_dict().items() if not torch.equal(v, before[n])
    }
    assert changed == {"dec"}


def test_the_log_mel_posterior_is_normalized() -> None:
    posterior = MelPosterior(ACOUSTIC)
    waves = [torch.randn(16000) * 0.1 for _ in range(3)]
    posterior.fit(waves)
    mean, log_std = posterior(
        posterior.mel.spectrogram(torch.stack(waves)), torch.ones(3, 1, 50), torch.empty(0)
    )
    assert abs(float(mean.mean())) < 0.1 and 0.8 < float(mean.std()) < 1.2
    assert torch.all(log_std == log_std[0, 0, 0])


def test_mistakes_are_heard_but_never_wanted() -> None:
    pairs = [(torch.tensor([5]), torch.arange(20))]
    batch = with_mistakes(collate(pairs, end=99), share=0.5, codes=30)
    assert batch.heard_tokens is not None
    differing = int((batch.heard_tokens != batch.semantic_tokens).sum())
    assert 0 < differing < 20
    assert batch.semantic_tokens.tolist() == [list(range(20))]


def test_anchors_become_prompts_of_their_speaker(tmp_path: Path) -> None:
    options = SemanticOptions(steps=4, batch=2, prompted_share=1.0, anchored_share=1.0)
    anchor = replace(examples(1)[0], heard=torch.full((7,), 3))
    model, spoken = TextToSemantic(SEMANTIC), examples()
    train_text_to_semantic(model, spoken, tmp_path, options, {"a": anchor, "b": anchor})
    assert len(logged(tmp_path, "loss")) == 1


def test_a_prompt_is_what_was_heard_and_the_target_what_was_said() -> None:
    options = SemanticOptions(prompted_share=1.0, anchored_share=1.0)
    said, (anchor, target) = torch.full((6,), 4), examples(2)
    anchor, target = replace(anchor, heard=said - 1), replace(target, speaker="a", tokens=said)
    sampler = SequenceSampler([target], {"a": anchor}, options, random.Random(1))
    (_, tokens), *_ = sampler.draw(2)
    assert tokens.tolist() == [3] * 6 + anchor.tail.tolist() + [4] * 6
