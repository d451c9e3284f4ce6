"""Toy releases: every file that a bundle is made of, small, with random weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import BertConfig, BertForMaskedLM

from engine.models.bigvgan import BigVgan, BigVganConfig
from engine.models.dit_embeddings import DitConfig
from engine.models.flow_matching import FlowMatchingConfig, FlowMatchingDecoder
from engine.models.hifigan import HifiGan, HifiGanConfig
from engine.models.hubert import ContentEncoder
from engine.models.speaker_encoder import SpeakerEncoder, SpeakerEncoderConfig
from engine.models.text_to_semantic import TextToSemantic, TextToSemanticConfig
from engine.models.vits_decoder import VitsConfig, VitsDecoder
from engine.models.weight_norm import fuse_weight_norm

SPEAKER = SpeakerEncoderConfig(channels=8, blocks=(1, 1, 1, 1))
DIT = DitConfig(text_channels=16, channels=32, depth=1, heads=2, text_blocks=1)
BIGVGAN = BigVganConfig(initial_channels=64, resblock_kernel_sizes=(3,), resblock_dilations=(1,))
HIFIGAN = HifiGanConfig(
    100, 32, (10, 6, 2, 2, 2), (20, 12, 4, 4, 4), (3,), ((1,),), final_bias=True
)
TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "你", "好", "。", ",")
CONTENT: dict[str, Any] = {
    "hidden_size": 768,
    "num_hidden_layers": 1,
    "num_attention_heads": 12,
    "intermediate_size": 16,
    "conv_dim": [8] * 7,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 16,
}
BERT: dict[str, Any] = {
    "vocab_size": len(TOKENS),
    "hidden_size": 1024,
    "num_hidden_layers": 3,
    "num_attention_heads": 16,
    "intermediate_size": 16,
    "max_position_embeddings": 40,
}


def acoustic_config(gin_channels: int = 512) -> dict[str, Any]:
    """The `config` of a toy `.pth`."""
    return {
        "data": {"sampling_rate": 32000, "filter_length": 2048, "hop_length": 640},
        "model": {
            "inter_channels": 8,
            "hidden_channels": 8,
            "filter_channels": 16,
            "n_heads": 2,
            "n_layers": 2,
            "kernel_size": 3,
            "p_dropout": 0.1,
            "resblock_kernel_sizes": [3],
            "resblock_dilation_sizes": [[1, 3]],
            "upsample_rates": [64, 10],
            "upsample_initial_channel": 16,
            "upsample_kernel_sizes": [128, 20],
            "gin_channels": gin_channels,
        },
    }


def acoustic_weights(config: dict[str, Any], symbols: int, speaker_dimension: int = 0) -> Any:
    """Half-precision weights of a toy `.pth`, loud enough not to be silence."""
    sizes = VitsConfig.from_released(config, symbols=symbols, uses_speaker=False)
    fields = {name: getattr(sizes, name) for name in sizes.__slots__}
    decoder = VitsDecoder(VitsConfig(**fields | {"speaker_dimension": speaker_dimension}))
    with torch.no_grad():
        decoder.dec.conv_post.weight.mul_(50)
    return _half(decoder.state_dict())


def flow_weights(config: dict[str, Any], version: str) -> dict[str, Tensor]:
    """Half-precision weights of a toy `.pth` of v3 or v4."""
    sizes = FlowMatchingConfig.from_released(config, symbols=732, is_v4=version == "v4", dit=DIT)
    return _half(FlowMatchingDecoder(sizes).state_dict())


def adapters(weights: dict[str, Tensor], rank: int = 2) -> dict[str, Tensor]:
    """Adapters of the attention in `weights`, as a LoRA checkpoint holds them."""
    wrapped = "cfm.base_model.model."
    made: dict[str, Tensor] = {}
    for key, value in weights.items():
        if ".attn.to_" in key and key.endswith(".weight"):
            name = key.replace("cfm.", wrapped).removesuffix(".weight")
            rows, columns = value.shape
            made[f"{name}.lora_A.default.weight"] = torch.randn(rank, columns).half()
            made[f"{name}.lora_B.default.weight"] = torch.randn(rows, rank).half()
    return made


def write_vocoder(path: Path, version: str) -> Path:
    """The vocoder of a version: BigVGAN under weight norm for v3, a plain HiFi-GAN for v4."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if version == "v3":
        with_norm = BigVgan(BIGVGAN)
        torch.save({"generator": with_norm.state_dict()}, path)
    else:
        vocoder = HifiGan(HIFIGAN)
        fuse_weight_norm(vocoder)
        torch.save(vocoder.state_dict(), path)
    return path


def write_semantic(path: Path, symbols: int) -> Path:
    """A toy `.ckpt` whose sentences end as soon as they may."""
    config = {
        "model": {
            "phoneme_vocab_size": symbols,
            "vocab_size": 1025,
            "hidden_dim": 16,
            "head": 2,
            "n_layer": 1,
        }
    }
    model = TextToSemantic(TextToSemanticConfig.from_released(config))
    state = model.state_dict()
    state["h.layers.0.norm2.bias"].fill_(1.0)
    state["ar_predict_layer.weight"][1024] = 1.0
    weights = {f"model.{key}": value for key, value in _half(state).items()}
    torch.save({"weight": weights, "config": config, "info": "GPT-e1"}, path)
    return path


def write_content(folder: Path) -> Path:
    """HuBERT's folder."""
    folder.mkdir()
    torch.save(ContentEncoder(CONTENT).state_dict(), folder / "pytorch_model.bin")
    described = CONTENT | {"architectures": ["HubertModel"]}
    (folder / "config.json").write_text(json.dumps(described), "utf-8")
    return folder


def write_characters(folder: Path) -> Path:
    """The RoBERTa's folder, with the norms named as in files that came from TensorFlow."""
    folder.mkdir()
    state = _half(BertForMaskedLM(BertConfig(**BERT)).state_dict())
    old = {
        key.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): value
        for key, value in state.items()
    }
    torch.save(old, folder / "pytorch_model.bin")
    (folder / "config.json").write_text(json.dumps(BERT), "utf-8")
    vocabulary = {token: index for index, token in enumerate(TOKENS)}
    tokenizer = {"model": {"type": "WordPiece", "vocab": vocabulary}}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), "utf-8")
    return folder


def write_speaker(path: Path) -> Path:
    """The speaker encoder's checkpoint, with a layer that is not used."""
    state = SpeakerEncoder(SPEAKER).state_dict() | {"seg_1.weight": torch.zeros(2)}
    torch.save(state, path)
    return path


def _half(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key: value.half() for key, value in state.items()}
