"""What a GPU makes of the released v2 sizes, without a server: `--suites cuda` and `cuda-compiled`.

Decoding goes through the rows that the scheduler drives, their recordings, and tokens on their way
back, by PyTorch's kernels and by the best for the device; sound through the acoustic half, piece by
piece as streams are heard. `cuda-compiled` lets PyTorch compile the step of a layer before it is
recorded, which takes minutes. Everything runs on a CPU as well, without recordings, and means
nothing there.
"""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

import torch
from torch import Tensor

from engine.models.decoding_rows import Choosing
from engine.models.device_decoding import best_decode
from engine.models.half_precision import halved_generator
from engine.models.random_numbers import random_key
from engine.models.recording import recorder_for, repeat
from engine.models.sampling import SamplingOptions
from engine.models.semantic_layers import Layer, LayerStep
from engine.models.text_to_semantic import TextToSemantic, WindowDecode
from engine.models.vits_decoder import VitsDecoder
from engine.pipeline.acoustic import Manner, Piece
from engine.pipeline.sentence import Prefill, last_cut
from engine.pipeline.token_rows import TokenRows
from engine.pipeline.vits_stream import VitsAcoustics, VitsStream
from tests.bench.report import Row

TOKENS_A_SECOND = 25
WANTED_ALONE, WANTED_TOGETHER, WANTED_REAL_TIME = 2000.0, 40000.0, 500.0  # of an H200
FIRST_ROUNDS = 9
NEVER = 10**9  # tokens before an end


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured: networks on their device, and how much of it.

    `rows` are numbers of streams at a time, the last the most; `steps` tokens are made of each,
    and `spoken` tokens of each are made into sound.
    """

    model: TextToSemantic
    decoder: VitsDecoder
    rows: tuple[int, ...] = (1, 8, 64, 256)
    steps: int = 120  # of one bucket of positions
    spoken: int = 250
    phonemes: int = 160
    prompt: int = 100
    dtypes: tuple[torch.dtype, ...] = (torch.float32, torch.float16)

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return self.model.h.like.device


@torch.inference_mode()
def measure(subject: Subject) -> list[Row]:
    """Tokens per second of each number of streams, first sound, and all of it, by precision."""
    rows: list[Row] = []
    for dtype in subject.dtypes:
        precise, name = _in_precision(subject, dtype), str(dtype)[6:]
        rows += _decoding(precise, name, TextToSemantic.decode_window)
        rows += _decoding(precise, f"triton, {name}", best_decode(precise.model, subject.rows[-1]))
        rows += [*_first_sound(precise, name), *_whole(precise, name)]
    return rows


@torch.inference_mode()
def measure_compiled(subject: Subject) -> list[Row]:
    """The tokens per second of compiled steps."""
    rows: list[Row] = []
    for dtype in subject.dtypes:
        step = cast(LayerStep, torch.compile(Layer.step, fullgraph=True, dynamic=False))
        decode = partial(TextToSemantic.decode_window, step=step)
        rows += _decoding(_in_precision(subject, dtype), f"compiled, {str(dtype)[6:]}", decode)
    return rows


def _in_precision(subject: Subject, dtype: torch.dtype) -> Subject:
    model, decoder = copy.deepcopy((subject.model, subject.decoder))
    model.h.to(dtype)
    if dtype is torch.float16:
        decoder.dec = halved_generator(decoder.dec)
    return replace(subject, model=model, decoder=decoder)


def _decoding(subject: Subject, name: str, decode: WindowDecode) -> list[Row]:
    found = []
    for count in subject.rows:
        rows = _filled(subject, count, decode)
        rows.step()  # records
        seconds = _timed(subject.device, partial(_go_on, rows, subject.steps))
        rate = count * subject.steps / seconds
        wanted = WANTED_ALONE if count == 1 else WANTED_TOGETHER
        ratios = {"of the goal": rate / wanted} if count in (1, 256) else {}
        found.append(Row(f"{name}, {count} streams", rate, "tokens/s", ratios))
    return found


def _filled(subject: Subject, count: int, decode: WindowDecode) -> TokenRows:
    """Rows that have read their sentences and never end them."""
    rows = TokenRows(subject.model, count, recorder_for(subject.device) or repeat, decode)
    for owner in range(count):
        _begin(subject, rows, owner)
    return rows


def _best(subject: Subject, count: int) -> TokenRows:
    return _filled(subject, count, best_decode(subject.model, count))


def _begin(subject: Subject, rows: TokenRows, owner: int) -> None:
    source = torch.Generator().manual_seed(owner)
    config = subject.model.config
    first = Prefill(
        torch.randint(config.symbols, (subject.phonemes,), generator=source),
        None,
        torch.randint(config.end, (subject.prompt,), generator=source),
    )
    rows.begin(owner, first, Choosing(SamplingOptions(), random_key(owner), least=NEVER))


def _go_on(rows: TokenRows, steps: int) -> None:
    for _ in range(steps):
        rows.step()


def _first_sound(subject: Subject, name: str) -> list[Row]:
    """A stream alone, from its phonemes to its first piece; recordings are there."""
    acoustics, rows = VitsAcoustics.prepared(subject.decoder), _best(subject, 1)
    _go_on(rows, 2)
    rows.remove(0)

    def speak() -> None:
        _begin(subject, rows, 0)
        stream = _stream(subject, 0)
        _go_on(rows, stream.first_piece_tokens)
        acoustics.decode([Piece(stream, _tokens(subject)[: stream.first_piece_tokens], False)])
        rows.remove(0)

    def read() -> None:
        _begin(subject, rows, 0)
        rows.remove(0)

    return [
        Row(f"{name}, {what} of a stream alone", _median_ms(subject.device, work), "ms")
        for what, work in (("first sound", speak), ("prefill", read))
    ]


def _median_ms(device: torch.device, work: Callable[[], None]) -> float:
    work()
    return 1e3 * statistics.median(_timed(device, work) for _ in range(FIRST_ROUNDS))


def _whole(subject: Subject, name: str) -> list[Row]:
    """Sound per second of many streams: of the acoustic half, and with the tokens it is made of."""
    count, all_tokens = subject.rows[-1], (subject.spoken,)
    audio_s = count * subject.spoken / TOKENS_A_SECOND
    acoustics, cuts = VitsAcoustics.prepared(subject.decoder), _cuts(subject)
    for warm in (cuts, all_tokens):
        _speak(subject, acoustics, min(count, 16), warm)
    sound_s = _timed(subject.device, partial(_speak, subject, acoustics, count, cuts))
    once_s = _timed(subject.device, partial(_speak, subject, acoustics, count, all_tokens))
    rows = _best(subject, count)
    rows.prepare()
    tokens_s = _timed(subject.device, partial(_go_on, rows, subject.spoken))
    rate = audio_s / (sound_s + tokens_s)
    return [
        Row(
            f"{name}, sound of {count} streams in pieces",
            audio_s / sound_s,
            "times real time",
            {"of the time of sentences at once": sound_s / once_s},
        ),
        Row(
            f"{name}, tokens and sound of {count} streams",
            rate,
            "times real time",
            {"of the goal": rate / WANTED_REAL_TIME},
        ),
    ]


def _cuts(subject: Subject) -> tuple[int, ...]:
    """How many tokens there are when a piece is decoded."""
    first = _stream(subject, 0).first_piece_tokens
    cuts = {last_cut(until, first) for until in range(first, subject.spoken)}
    return (*sorted(cuts), subject.spoken)


def _speak(subject: Subject, acoustics: VitsAcoustics, count: int, cuts: tuple[int, ...]) -> None:
    """Decode all pieces of as many streams, those of the same place in one call."""
    streams, tokens = [_stream(subject, seed) for seed in range(count)], _tokens(subject)
    for cut in cuts:
        last = cut == subject.spoken
        for sound in acoustics.decode([Piece(each, tokens[:cut], last) for each in streams]):
            if isinstance(sound, Exception):
                raise sound
            if not len(sound):
                raise RuntimeError("a piece has no sound")


def _stream(subject: Subject, seed: int) -> VitsStream:
    style = torch.zeros(1, subject.decoder.config.gin_channels, 1, device=subject.device)
    symbols = subject.decoder.config.symbols
    source = torch.Generator().manual_seed(seed)
    phonemes = torch.randint(symbols, (subject.phonemes,), generator=source)
    return VitsStream(subject.decoder, style, Manner(0.5, 1.0), phonemes, source)


def _tokens(subject: Subject) -> Tensor:
    source = torch.Generator().manual_seed(2)
    codes = subject.decoder.config.codes
    return torch.randint(codes, (subject.spoken,), generator=source)


def _timed(device: torch.device, work: Callable[[], None]) -> float:
    """Seconds until all of the work is done."""
    _wait(device)
    began = time.perf_counter()
    work()
    _wait(device)
    return time.perf_counter() - began


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
