"""Content, character and speaker features equal what the libraries they come from compute."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import BertConfig, BertForMaskedLM, HubertConfig, HubertModel

from engine.models.bert import BertFeatures, expand_to_phonemes, select_weights
from engine.models.hubert import ContentEncoder
from engine.models.speaker_encoder import (
    AttentionalFusion,
    SpeakerEncoder,
    SpeakerEncoderConfig,
    select_speaker_weights,
)

HUBERT: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "conv_dim": (16,) * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}
BERT: dict[str, Any] = {
    "vocab_size": 50,
    "hidden_size": 24,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 40,
}


@pytest.fixture(autouse=True)
def _inference() -> Iterator[None]:
    torch.manual_seed(0)
    with torch.inference_mode():
        yield


def test_content_features_are_huberts_last_layer() -> None:
    whole = HubertModel(HubertConfig(**HUBERT)).eval()
    encoder = ContentEncoder(HUBERT).eval()
    encoder.load_state_dict(whole.state_dict(), strict=True)
    wave = torch.randn(2, 16000)
    torch.testing.assert_close(encoder(wave), whole(wave).last_hidden_state.mT)


@pytest.mark.parametrize(("samples", "frames"), [(400, 1), (719, 1), (720, 2), (16000, 49)])
def test_content_features_come_every_320_samples(samples: int, frames: int) -> None:
    assert ContentEncoder(HUBERT).eval()(torch.randn(1, samples)).shape == (1, 32, frames)


def test_released_names_of_the_positional_weights_load() -> None:
    encoder = ContentEncoder(HUBERT).eval()
    wave, state = torch.randn(1, 4000), encoder.state_dict()
    before = encoder(wave)
    conv = "encoder.pos_conv_embed.conv"
    released = {
        key.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): value
        for key, value in state.items()
    }
    assert {f"{conv}.weight_g", f"{conv}.weight_v"} <= released.keys()
    other = ContentEncoder(HUBERT).eval()
    other.load_state_dict(released, strict=True)
    torch.testing.assert_close(other(wave), before)


def test_the_default_content_encoder_is_hubert_base() -> None:
    with torch.device("meta"):
        encoder = ContentEncoder({})
    assert sum(p.numel() for p in encoder.parameters()) == 94_371_712


def test_character_features_are_the_third_last_hidden_state() -> None:
    whole = BertForMaskedLM(BertConfig(**BERT)).eval()
    features = BertFeatures(BERT).eval()
    features.load_state_dict(select_weights(whole.state_dict(), BERT), strict=True)
    ids = torch.randint(0, 50, (1, 12))
    wanted = whole(input_ids=ids, output_hidden_states=True).hidden_states[-3]
    torch.testing.assert_close(features(ids), wanted)


def test_characters_are_repeated_for_their_phonemes() -> None:
    features = torch.tensor([[9.0], [1.0], [2.0], [9.0]])  # [CLS], two characters, [SEP]
    assert expand_to_phonemes(features, (2, 1)).tolist() == [[1, 1, 2]]


def test_features_that_do_not_fit_the_characters_are_an_error() -> None:
    with pytest.raises(ValueError, match="2 character features for 3"):
        expand_to_phonemes(torch.zeros(4, 1), (1, 1, 1))


def test_a_speaker_embedding_does_not_depend_on_its_neighbours() -> None:
    config = SpeakerEncoderConfig(channels=16, blocks=(1, 1, 2, 1))
    encoder = SpeakerEncoder(config).eval()
    one, other = torch.randn(1, 40, 80), torch.randn(1, 40, 80)
    both = encoder(torch.cat((one, other)))
    assert both.shape == (2, config.embedding_size)
    alone = encoder(one)
    assert torch.linalg.norm(both[:1] - alone) < 1e-4 * torch.linalg.norm(alone)


def test_the_default_speaker_encoder_is_the_released_one() -> None:
    with torch.device("meta"):
        encoder = SpeakerEncoder()
        embeddings = encoder(torch.zeros(1, 40, 80))
    assert embeddings.shape == (1, 20480)
    assert encoder.config.embedding_size == 20480


def test_unused_speaker_weights_are_left_out() -> None:
    state = {"pool.x": torch.ones(1), "seg_1.weight": torch.ones(1), "conv1.weight": torch.ones(1)}
    assert select_speaker_weights(state).keys() == {"conv1.weight"}


def test_undecided_fusion_is_the_sum() -> None:
    fusion = AttentionalFusion(8).eval()
    for parameter in fusion.parameters():
        parameter.zero_()
    x, y = torch.randn(1, 8, 3, 5), torch.randn(1, 8, 3, 5)
    summed: Tensor = fusion(x, y)
    torch.testing.assert_close(summed, x + 2 * y - y)
