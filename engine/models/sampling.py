"""Choosing the next semantic token, by the rules that the released models were tuned with.

The order is: repetition penalty, top-p, temperature, top-k, softmax, exponential race. Two rules
differ from common libraries: top-p removes the token that crosses the threshold too (keeping at
least the best), and the end is also taken when it has the best penalised logit.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class SamplingOptions:
    """How adventurous the choice is; `top_p` 1.0 and `repetition_penalty` 1.0 do nothing."""

    top_k: int = 15
    top_p: float = 1.0
    temperature: float = 1.0
    repetition_penalty: float = 1.35


def penalize_repetition(logits: Tensor, previous: Tensor, penalty: float) -> Tensor:
    """Make the `previous` tokens [n] less likely in `logits` [V]; returns new logits."""
    if penalty == 1.0 or previous.numel() == 0:
        return logits
    score = logits[previous]
    penalized = torch.where(score < 0, score * penalty, score / penalty)
    return logits.index_put((previous,), penalized)


def token_probabilities(logits: Tensor, options: SamplingOptions) -> Tensor:
    """Penalised logits [V] -> probabilities [V] after top-p, temperature and top-k."""
    if options.top_p < 1.0:
        logits = _keep_top_p(logits, options.top_p)
    logits = logits / max(options.temperature, 1e-5)
    k = min(options.top_k, logits.shape[-1])
    threshold = logits.topk(k).values[-1]
    return logits.masked_fill(logits < threshold, -torch.inf).softmax(-1)


def choose(probabilities: Tensor, exponential_noise: Tensor) -> Tensor:
    """Sample by an exponential race: the argmax of p / Exp(1), both [V] -> int64 []."""
    return (probabilities / exponential_noise).argmax(-1)


def draw_noise(vocabulary: int, generator: torch.Generator) -> Tensor:
    """Exp(1) noise [V] from the request's own generator (on the CPU)."""
    return torch.empty(vocabulary).exponential_(generator=generator)


def _keep_top_p(logits: Tensor, top_p: float) -> Tensor:
    ordered, index = logits.sort(descending=True)
    remove = ordered.softmax(-1).cumsum(-1) > top_p
    remove[0] = False
    return logits.index_put((index[remove],), torch.tensor(-torch.inf, device=logits.device))
