"""Handlers of the networks that read references and text: speaker, content, characters."""

from __future__ import annotations

from torch import Tensor, nn

from engine.audio.fbank import kaldi_fbank
from engine.models.bert import BertFeatures, select_weights
from engine.models.hubert import ContentEncoder
from engine.models.speaker_encoder import SpeakerEncoder, select_speaker_weights
from tests.golden.case import Case


def hubert(case: Case) -> dict[str, Tensor]:
    """A wave to content features; of hidden layers the first dimensions."""
    encoder = ContentEncoder({}).eval()
    encoder.load_state_dict(case.state(), strict=True)
    inputs = _inputs_of(encoder.encoder.layers)
    features = encoder(case["in_wave"][None])
    return {"out_last_hidden": features.mT} | _wanted(case, "out_hidden", inputs)


def bert(case: Case) -> dict[str, Tensor]:
    """Characters to features.

    The model is a masked-LM one with its decoder tied to the embeddings, so a checkpoint in
    which the two differ (released ones do not) leaves the decoder's values in both.
    """
    config, state = case.manifest["config"], case.state()
    state["bert.embeddings.word_embeddings.weight"] = state["cls.predictions.decoder.weight"]
    network = BertFeatures(config).eval()
    network.load_state_dict(select_weights(state, config), strict=True)
    inputs = _inputs_of(network.bert.encoder.layer)
    features = network(case["in_ids"])
    return {"out_hidden_m3": features} | _wanted(case, "out_hidden_", inputs)


def speaker(case: Case) -> dict[str, Tensor]:
    """A wave at 16 kHz to filter banks to the speaker embedding."""
    encoder = SpeakerEncoder().eval()
    encoder.load_state_dict(select_speaker_weights(case.state()), strict=True)
    features = kaldi_fbank(case["in_wave"])
    return {"out_fbank": features, "out_sv_emb": encoder(features[None])}


def _wanted(case: Case, prefix: str, inputs: list[Tensor]) -> dict[str, Tensor]:
    """Those inputs of layers that the case has, as wide as it has them."""
    named = {f"{prefix}{i}": value for i, value in enumerate(inputs)}
    return {
        name: value[..., : case.arrays[name].shape[-1]]
        for name, value in named.items()
        if name in case.arrays
    }


def _inputs_of(layers: nn.ModuleList) -> list[Tensor]:
    """Collect the first input of each of `layers` while they run."""
    seen: list[Tensor] = []
    for layer in layers:
        layer.register_forward_pre_hook(lambda _layer, inputs: seen.append(inputs[0]))
    return seen


KINDS = {"hubert": hubert, "bert": bert, "sv": speaker}
