"""Choosing the next semantic token of every row, by the rules that released models were tuned with.

The order is: repetition penalty, top-p, temperature, top-k, softmax, exponential race. Two rules
differ from common libraries: top-p removes the token that crosses the threshold too (keeping at
least the best), and the end is also taken when it has the best penalised logit.

The same few operations serve all rows of a batch, each with its own options. The race needs no sum
of probabilities, so what a row chooses does not depend on the others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class SamplingOptions:
    """How adventurous the choice is; `top_p` 1.0 and `repetition_penalty` 1.0 do nothing."""

    top_k: int = 15
    top_p: float = 1.0
    temperature: float = 1.0
    repetition_penalty: float = 1.35


@dataclass(frozen=True, slots=True, eq=False)
class RowSampling:
    """The options of every row less the penalty, each [B, 1].

    `last` is the place of the last token that top-k keeps: int64, counted from 0. `most` is the
    largest top-k, or the size of the vocabulary where a step must not ask what its tensors hold;
    `uses_top_p` says whether any `top_p` is below 1.
    """

    last: Tensor
    top_p: Tensor
    temperature: Tensor
    most: int
    uses_top_p: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """What may come next, the best first: `tokens` [B, W], and `weights` [B, W].

    Weights are probabilities over that of the likeliest token; 0 for what may not come.
    """

    tokens: Tensor
    weights: Tensor

    def race(self, log_uniform: Tensor) -> Tensor:
        """Sample by an exponential race: each row's token with the least Exp(1) / weight, [B, 1].

        `log_uniform` [B, W] is Exp(1) noise with the sign turned.
        """
        return self.tokens.gather(1, (log_uniform / self.weights).argmax(1, keepdim=True))


def penalize_repetition(logits: Tensor, seen: Tensor, penalty: Tensor) -> Tensor:
    """Make the tokens `seen` (bool [B, V]) less likely in [B, V], by `penalty` [B, 1]; new logits.

    A penalty is at least 1: logits above zero are divided by it, those below multiplied.
    """
    return torch.where(seen, torch.minimum(logits * penalty, logits / penalty), logits)


def candidates(logits: Tensor, sampling: RowSampling) -> Candidates:
    """The tokens that top-p, temperature and top-k leave of penalised logits [B, V]."""
    vocabulary = logits.shape[1]
    width = min(sampling.most + 1, vocabulary)
    ordered, tokens = logits.topk(width)
    removed = ordered < ordered.gather(1, sampling.last)
    if width < vocabulary and not bool(removed[:, -1].all()):  # more may share the last place
        return candidates(logits, replace(sampling, most=vocabulary))
    if sampling.uses_top_p:
        removed |= _beyond_top_p(ordered, logits, sampling.top_p)
    weights = (ordered - ordered[:, :1]).div_(sampling.temperature).exp_()
    return Candidates(tokens, weights.masked_fill_(removed, 0.0))


def _beyond_top_p(ordered: Tensor, logits: Tensor, top_p: Tensor) -> Tensor:
    """Which of the `ordered` best logits [B, W] go; never the first."""
    if ordered.is_cuda and ordered.shape == logits.shape:
        shares = ordered.softmax(1)  # the same but for rounding, in one kernel instead of eleven
    else:
        shares = (ordered - logits.logsumexp(1, keepdim=True)).exp_()
    beyond = (shares.cumsum(1) > top_p) & (top_p < 1.0)
    beyond[:, 0].fill_(False)  # an assignment may take the number from the host
    return beyond
