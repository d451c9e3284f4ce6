"""Synthetic weights for parity tests: a pure function of (salt, key, shape).

A tensor's bits come from the Philox4x64-10 stream keyed by SHA-256("gsv-golden-1|salt|key"),
mapped to uniforms u in [-1, 1); the value is mean + half_width * u in float64, cast at the end.
Mean and half width follow from the key's name and the shape (`RULES`, first match wins).
Constants of a manifest are formula buffers; they are not made here.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Shape = tuple[int, ...]
Spread = tuple[float, float]  # mean, half width

SQRT3 = math.sqrt(3.0)
EOS_GAIN = -2.3  # factor of the end-of-sequence row, so that sequences can end
EMBEDDINGS = ("word_embeddings", "text_embedding", "position_embeddings", "token_type_embeddings")
ADAPTIVE_NORMS = ("attn_norm.linear.weight", "norm_out.linear.weight")


def uniform(salt: str, key: str, count: int) -> NDArray[np.float64]:
    """Return `count` float64 values in [-1, 1)."""
    digest = hashlib.sha256(f"gsv-golden-1|{salt}|{key}".encode()).digest()
    words = [int.from_bytes(digest[i : i + 8], "little") for i in (0, 8)]
    raw = np.random.Philox(key=np.array(words, dtype=np.uint64)).random_raw(count)
    mantissa = np.asarray(raw, dtype=np.uint64) >> np.uint64(11)
    return mantissa.astype(np.float64) * 2.0**-53 * 2.0 - 1.0


def make_tensor(salt: str, key: str, shape: Shape, dtype: str) -> Array:
    """Return the tensor of `key`, bit for bit the same on every machine."""
    mean, half_width = spread(key, shape)
    if dtype.startswith("int"):
        return np.full(shape, int(mean), dtype=dtype)
    if half_width == 0.0:
        return np.full(shape, mean, dtype=dtype)
    source = key.removesuffix("_avg") if key.endswith("_codebook.embed_avg") else key
    values = (mean + half_width * uniform(salt, source, math.prod(shape))).reshape(shape)
    if key.endswith("ar_predict_layer.weight"):
        values[-1] *= EOS_GAIN
    return values.astype(dtype)


def make_state_dict(manifest: dict[str, Any], *, train_only: bool = False) -> dict[str, Array]:
    """Return every tensor that `manifest` lists, with its `train_only` ones where asked for."""
    listed = {**manifest["tensors"], **(manifest["train_only"] if train_only else {})}
    return {
        key: make_tensor(manifest["salt"], key, tuple(shape), dtype)
        for key, (shape, dtype) in listed.items()
        if key not in manifest.get("constants", {})
    }


def checksum(state: dict[str, Array]) -> str:
    """Return the SHA-256 over sorted keys and little-endian values."""
    digest = hashlib.sha256()
    for key in sorted(state):
        digest.update(key.encode())
        digest.update(np.ascontiguousarray(state[key]).tobytes())
    return digest.hexdigest()


def spread(key: str, shape: Shape) -> Spread:
    """Return mean and half width of the values of `key`."""
    last = key.rsplit(".", 1)[-1]
    return next(found for rule in RULES if (found := rule(key, last, shape)) is not None)


def _buffers(key: str, last: str, shape: Shape) -> Spread | None:
    named = {
        "num_batches_tracked": (1.0, 0.0),
        "running_mean": (0.0, 0.1),
        "running_var": (1.0, 0.4),
        "inited": (1.0, 0.0),
        "cluster_size": (20.0, 10.0),
    }
    if key.endswith(("_codebook.embed", "_codebook.embed_avg")):
        return 0.0, SQRT3
    return named.get(last)


def _activations(key: str, last: str, shape: Shape) -> Spread | None:
    if last == "alpha" and shape == (1,):
        return 1.0, 0.1
    if last in ("alpha", "beta") and "act" in key:
        return 0.0, 0.3
    if last in ("emb_rel_k", "emb_rel_v"):
        return 0.0, SQRT3 / math.sqrt(shape[-1])
    return None


def _weight_norm(key: str, last: str, shape: Shape) -> Spread | None:
    if last in ("weight_v", "original1"):
        return _fan(shape)
    if last == "original0":
        return 1.0, 0.1
    if last != "weight_g":
        return None
    if key == "conv_post.weight_g":
        return 0.002, 0.1 * 0.002
    if ".ups." in "." + key:
        return 1.5, 0.15
    if "resblocks" in key:
        return 0.6, 0.06
    return (0.7, 0.07) if "flow.flows" in key and "res_skip_layers" in key else (1.0, 0.1)


def _norms(key: str, last: str, shape: Shape) -> Spread | None:
    if "grn." in key:
        return 0.0, 0.5
    if key.endswith("prelu.weight"):
        return 0.25, 0.1
    return {"gamma": (1.0, 0.2), "beta": (0.0, 0.1)}.get(last)


def _weights(key: str, last: str, shape: Shape) -> Spread | None:
    if ".h.layers." in key and ".self_attn.out_proj.weight" in key:
        return _fan(shape, 0.16)
    if ".h.layers." in key and ".linear2.weight" in key:
        return _fan(shape, 0.25)
    if last != "weight":
        return None
    if len(shape) == 1:
        return 1.0, 0.2
    if any(name in key for name in EMBEDDINGS):
        return 0.0, SQRT3
    return _fan(shape, _gain(key, shape))


def _gain(key: str, shape: Shape) -> float:
    if key.endswith("conv_post.weight"):
        return 0.3
    if "flow.flows" in key and key.endswith("post.weight"):
        return 0.5
    if key.endswith("sv_emb.weight"):
        return 0.7
    if "adaLN" in key or key.endswith(ADAPTIVE_NORMS):
        return 0.5
    return 1.2 if "local_att" in key or (".convs." in key and len(shape) == 4) else 1.0


def _rest(key: str, last: str, shape: Shape) -> Spread | None:
    if last.endswith("bias"):
        return 0.0, 0.1
    if last == "in_proj_weight":
        return _fan(shape, 1.6)
    return _fan(shape) if len(shape) >= 2 else (0.0, 0.1)


def _fan(shape: Shape, gain: float = 1.0) -> Spread:
    return 0.0, SQRT3 * gain / math.sqrt(max(math.prod(shape[1:]), 1))


RULES: tuple[Callable[[str, str, Shape], Spread | None], ...] = (
    _buffers,
    _activations,
    _weight_norm,
    _norms,
    _weights,
    _rest,
)
