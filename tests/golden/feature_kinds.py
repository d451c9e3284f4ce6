"""Handlers of the networks that read references and text: speaker, content, characters."""

from __future__ import annotations

from torch import Tensor, nn

from engine.audio.fbank import kaldi_fbank
from engine.models.bert import BertFeatures, select_weights
from engine.models.hubert import ContentEncoder
from engine.models.speaker_encoder import SpeakerEncoder, select_speaker_weights
from tests.golden.case import Case


def hubert(case: Case) -> dict[str, Tensor]:
    """A wave to content features; of two hidden layers the first dimensions."""
    encoder = ContentEncoder({}).eval()
    encoder.load_state_dict(case.state(), strict=True)
    inputs = _inputs_of(encoder.encoder.layers[:2])
    features = encoder(case["in_wave"][None])
    width = case.arrays["out_hidden0"].shape[-1]
    hidden = [value[..., :width] for value in inputs]
    return {
        "out_last_hidden": features.mT,
        "out_hidden0": hidden[0],
        "out_hidden1": hidden[1],
    }


def bert(case: Case) -> dict[str, Tensor]:
    """Characters to features.

    The model is a masked-LM one with its decoder tied to the embeddings, so a checkpoint in
    which the two differ (released ones do not) leaves the decoder's values in both.
    """
    config, state = case.manifest["config"], case.state()
    state["bert.embeddings.word_embeddings.weight"] = state["cls.predictions.decoder.weight"]
    network = BertFeatures(config).eval()
    network.load_state_dict(select_weights(state, config), strict=True)
    inputs = _inputs_of(network.bert.encoder.layer[:2])
    features = network(case["in_ids"])
    width = case.arrays["out_hidden_1"].shape[-1]
    return {"out_hidden_m3": features, "out_hidden_1": inputs[1][..., :width]}


def speaker(case: Case) -> dict[str, Tensor]:
    """A wave at 16 kHz to filter banks to the speaker embedding."""
    encoder = SpeakerEncoder().eval()
    encoder.load_state_dict(select_speaker_weights(case.state()), strict=True)
    features = kaldi_fbank(case["in_wave"])
    return {"out_fbank": features, "out_sv_emb": encoder(features[None])}


def _inputs_of(layers: nn.ModuleList) -> list[Tensor]:
    """Collect the first input of each of `layers` while they run."""
    seen: list[Tensor] = []
    for layer in layers:
        layer.register_forward_pre_hook(lambda _layer, inputs: seen.append(inputs[0]))
    return seen


KINDS = {"hubert": hubert, "bert": bert, "sv": speaker}
