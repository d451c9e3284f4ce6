"""Handlers of the text-to-semantic model: decoding alone and in a batch, sampling, chunks.

The best token is always taken, so that results are exact. Three habits of the official caller
are kept here and not in the engine: what it cuts off when a length limit stops a sentence, the
index it reports, and the tail that it hands out twice at a pause.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.models.key_value_cache import KeyValueCache
from engine.models.packed_decoding import pack_text_to_semantic
from engine.models.sampling import RowSampling, candidates, penalize_repetition
from engine.models.text_to_semantic import TextToSemantic, TextToSemanticConfig
from tests.golden.case import Case

CACHE_CAPACITY = 256


@dataclass(slots=True)
class Decoding:
    """One sentence while it is decoded.

    Attributes:
        tokens: those after the prompt, the end not among them.
        logits: of each step, as the model gives them.
        ended: the end was found; otherwise the length limit stopped the sentence.
    """

    prompt: Tensor
    tokens: list[int] = field(default_factory=list)
    logits: list[Tensor] = field(default_factory=list)
    ended: bool = False

    @property
    def sequence(self) -> Tensor:
        """Prompt and tokens."""
        return torch.cat([self.prompt, torch.tensor(self.tokens, dtype=torch.long)])

    @property
    def index(self) -> int:
        """The step that stopped the sentence, from 0."""
        return len(self.tokens) - (not self.ended)


def load_model(case: Case) -> TextToSemantic:
    """Build the model that the case's manifest describes, with its weights."""
    model = TextToSemantic(TextToSemanticConfig.from_released(case.manifest["config"])).eval()
    state = {key.removeprefix("model."): value for key, value in case.state().items()}
    model.load_state_dict(state, strict=True)
    pack_text_to_semantic(model)  # as the server does on a CPU
    return model


def decode(
    model: TextToSemantic,
    texts: Sequence[tuple[Tensor, Tensor]],
    prompt: Tensor,
    arguments: dict[str, Any],
) -> list[Decoding]:
    """Decode every text (phonemes [N], features [bert, N]) after `prompt`, in one batch."""
    weight = model.ar_predict_layer.weight
    cache = KeyValueCache(model.config, len(texts), CACHE_CAPACITY, weight)
    logits = torch.stack([model.prefill(cache, ids, bert, prompt) for ids, bert in texts])
    everyone = [Decoding(prompt) for _ in texts]
    live = list(everyone)
    for step in range(model.config.max_tokens):
        for row in reversed(range(len(live))):
            if not _advance(live[row], logits[row], step, model.config, arguments):
                live[row] = live[cache.remove(row)]
                live.pop()
        if not live:
            break
        tokens = torch.tensor([decoding.tokens[-1] for decoding in live])
        positions = torch.full_like(tokens, len(prompt) + step)
        logits = model.decode(cache, tokens, positions)
    return everyone


def _advance(
    decoding: Decoding,
    logits: Tensor,
    step: int,
    config: TextToSemanticConfig,
    arguments: dict[str, Any],
) -> bool:
    """Take the next token; return whether the sentence goes on."""
    decoding.logits.append(logits)
    allowed = logits[: config.end] if step < config.min_tokens else logits
    penalized = _penalized(allowed[None], decoding.sequence[None], arguments)
    possible = candidates(penalized, _sampling(arguments, penalized))
    token = int(possible.race(-torch.ones_like(possible.weights)))
    if config.end in (token, int(penalized.argmax())):
        decoding.ended = True
        return False
    decoding.tokens.append(token)
    limit = arguments["early_stop_num"]
    return limit < 0 or len(decoding.tokens) <= limit  # -1 sets none


def _penalized(logits: Tensor, previous: Tensor, arguments: dict[str, Any]) -> Tensor:
    """Logits [B, V] after tokens [B, n]."""
    seen = torch.zeros_like(logits, dtype=torch.bool).scatter(1, previous, True)
    return penalize_repetition(logits, seen, torch.tensor([[arguments["repetition_penalty"]]]))


def _sampling(arguments: dict[str, Any], logits: Tensor) -> RowSampling:
    """One setting for all rows of logits [B, V]."""
    top_k, top_p = min(arguments["top_k"], logits.shape[1]), arguments["top_p"]
    temperature = max(arguments["temperature"], 1e-5)
    columns = (torch.tensor([[each]]).expand(len(logits), 1) for each in (top_p, temperature))
    last = torch.full((len(logits), 1), top_k - 1)
    return RowSampling(last, *columns, top_k, top_p < 1.0)


def single(case: Case) -> dict[str, Tensor]:
    """One sentence, with or without a prompt."""
    model, arguments = load_model(case), case.entry["args"]
    prompt = _prompt(case)
    found = decode(model, [(case["in_phones"], case["in_bert"])], prompt, arguments)[0]
    index = found.index if len(prompt) else 0
    return {
        "out_y": found.sequence,
        "out_pred_semantic": found.sequence[-found.index :],
        "out_idx": torch.tensor(index),
        "out_n_steps": torch.tensor(found.index + 1),
    } | {f"out_logits{n}": torch.stack(found.logits[:n]) for n in _numbers(case, "out_logits")}


def _prompt(case: Case) -> Tensor:
    """The tokens that go before; none where the case has none."""
    return case["in_prompt"] if "in_prompt" in case.arrays else torch.zeros(0).long()


def _numbers(case: Case, prefix: str) -> list[int]:
    """What stands behind `prefix` in the names of the arrays that are wanted."""
    found = (name.removeprefix(prefix) for name in case.wanted if name.startswith(prefix))
    return [int(number) for number in found if number.isdecimal()]


def batch(case: Case) -> dict[str, Tensor]:
    """Several sentences in one batch, and each alone."""
    model, prompt, arguments = load_model(case), _prompt(case), case.entry["args"]
    texts = list(zip(case.numbered("in_phones_"), case.numbered("in_bert_"), strict=True))
    together = decode(model, texts, prompt, arguments)
    alone = [decode(model, [text], prompt, arguments)[0] for text in texts]
    got = {
        "out_batch_idx": torch.tensor([found.index for found in together]),
        "out_naive_idx": torch.tensor([found.index for found in alone]),
    }
    for i, (found, single_found) in enumerate(zip(together, alone, strict=True)):
        got[f"out_batch_y_{i}"] = found.sequence[: len(prompt) + found.index]
        got[f"out_batch_pred_{i}"] = got[f"out_batch_y_{i}"][-found.index :]
        got[f"out_naive_y_{i}"] = single_found.sequence
        got[f"out_naive_pred_{i}"] = single_found.sequence[-single_found.index :]
    for step in _numbers(case, "out_batch_logits_step"):
        alive = [found.logits[step] for found in together if step < len(found.logits)]
        got[f"out_batch_logits_step{step}"] = torch.stack(alive)
    return got


def sampler(case: Case) -> dict[str, Tensor]:
    """Every setting of a grid on given logits, with and without the end token."""
    got = {}
    for i, arguments in enumerate(case.entry["grid"]):
        vocabulary = case["in_logits"].shape[1]
        for without_end, width in enumerate((vocabulary, vocabulary - 1)):
            penalized = _penalized(case["in_logits"][:, :width], case["in_prev"], arguments)
            possible = candidates(penalized, _sampling(arguments, penalized))
            shares = possible.weights / possible.weights.sum(1, keepdim=True)
            noise = case["in_exponential"].gather(1, possible.tokens)
            place = f"{i}_{without_end}"
            every = torch.zeros_like(penalized)
            got[f"out_probs_{place}"] = every.scatter(1, possible.tokens, shares)
            got[f"out_token_{place}"] = possible.race(-noise)
            got[f"out_logits_after_{place}"] = penalized.argmax(1)
    return got


def stream(case: Case) -> dict[str, Tensor]:
    """One sentence handed out in chunks: of one length, or up to tokens that sound like a pause."""
    model, entry = load_model(case), case.entry
    usual = {"repetition_penalty": 1.35, "temperature": 1.0, "top_k": 1, "top_p": 1.0}
    arguments = usual | entry.get("args", {})
    arguments |= {name: entry[name] for name in (*usual, "early_stop_num") if name in entry}
    text = (case["in_phones"], case["in_bert"])
    tokens = decode(model, [text], _prompt(case), arguments)[0].tokens
    table = model.ar_audio_embedding.word_embeddings.weight
    similarity = F.cosine_similarity(table[entry["mute_token"]][None], table)
    if entry["fixed_length_chunk"]:
        length = entry["chunk_length"]
        chunks = [tokens[i : i + length] for i in range(0, len(tokens), length)]
    else:
        threshold = entry["chunk_split_thershold"]
        chunks = list(_chunks_at_pauses(tokens, similarity - threshold, entry["chunk_length"]))
    wanted = len(case.numbered("out_chunk_"))
    if len(chunks) != wanted:
        raise ValueError(f"{len(chunks)} chunks, where there should be {wanted}")
    got = {f"out_chunk_{i}": torch.tensor(chunk) for i, chunk in enumerate(chunks)}
    return got | {"out_mute_sim": similarity}


def _chunks_at_pauses(tokens: list[int], pause_score: Tensor, shortest: int) -> Iterator[list[int]]:
    """Yield chunks as the tokens come; the next one begins after the pause."""
    start = 0
    for now in range(1, len(tokens) + 1):
        if now - start < shortest + 2:
            continue
        score = pause_score[tokens[start:now]].clone()
        score[score < 0] = -1
        score[:-1] += score[1:].clone()
        best = int(score.argmax())
        if score[best] >= 0 and best + 1 >= shortest:
            yield tokens[start:now]
            start += best + 1
    if start < len(tokens):
        yield tokens[start:]


KINDS = {"t2s_single": single, "t2s_batch": batch, "t2s_sampler": sampler, "t2s_stream": stream}
