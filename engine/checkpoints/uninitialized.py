"""Networks whose weights are about to be loaded need no random ones first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

RANDOM = (Tensor.normal_, Tensor.uniform_)


class Uninitialized(TorchFunctionMode):
    """Inside, parameters are made but not filled: a network of 400 million takes no time.

    What `torch.nn.init` would fill stays as it lies in memory, and so do the norms of weights that
    weight normalization begins with.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call `func`, unless it only fills a tensor at random."""
        named = kwargs or {}
        if getattr(func, "__module__", None) == torch.nn.init.__name__ or func in RANDOM:
            return args[0] if args else named["tensor"]
        if func is torch.norm_except_dim:  # of what lies in memory: shape is all that counts
            return _empty_norms(*args, **named)
        return func(*args, **named)


def _empty_norms(v: Tensor, pow: int = 2, dim: int = 0) -> Tensor:
    """What is as large as the norms of `v` over all dimensions but `dim`; named as torch does."""
    sizes = [1] * v.dim()
    sizes[dim] = v.shape[dim]
    return v.new_empty(sizes)
