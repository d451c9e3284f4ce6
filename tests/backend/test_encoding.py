"""Encoders are exact where they can be, and never wrap."""

from __future__ import annotations

import io
import time
import wave

import av
import numpy as np
import pytest

from backend.encoding import Encoding, check_rate, open_encoder, wav_file
from backend.encoding.level import KNEE, soft_limit, to_int16
from backend.encoding.wav import wav_header
from backend.errors import InvalidFieldError

RATE_HZ = 32000


def tone(seconds: float, hz: float = 440.0, rate_hz: int = RATE_HZ) -> np.ndarray:
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return (0.5 * np.sin(2 * np.pi * hz * time_s)).astype(np.float32)


def encoded(encoding: Encoding, samples: np.ndarray, to_hz: int, piece: int) -> bytes:
    encoder = open_encoder(encoding, RATE_HZ, to_hz)
    pieces = [encoder.feed(samples[at : at + piece]) for at in range(0, len(samples), piece)]
    return b"".join([*pieces, encoder.finish()])


def test_quiet_sound_is_untouched_by_the_limiter() -> None:
    quiet = np.linspace(-KNEE, KNEE, 1001, dtype=np.float32)
    assert np.array_equal(soft_limit(quiet), quiet)


def test_loud_sound_bends_and_keeps_its_order_and_sign() -> None:
    loud = np.linspace(-1.3, 1.3, 2001, dtype=np.float32)
    limited = soft_limit(loud)
    assert np.abs(limited).max() <= 1.0
    assert np.all(np.diff(limited) >= 0)
    assert np.array_equal(np.sign(limited), np.sign(loud))


def test_no_sample_wraps_however_loud() -> None:
    samples = to_int16(np.array([-1e9, -1.0, 0.0, 1.0, 1e9], dtype=np.float32))
    assert samples.tolist() == sorted(samples.tolist())
    assert samples[0] == -32767
    assert samples[-1] == 32767


@pytest.mark.parametrize("encoding", list(Encoding))
@pytest.mark.parametrize("to_hz", [16000, RATE_HZ, 48000])
def test_size_of_the_chunks_does_not_change_the_bytes(encoding: Encoding, to_hz: int) -> None:
    samples = tone(1.0)
    whole = encoded(encoding, samples, to_hz, piece=len(samples))
    assert encoded(encoding, samples, to_hz, piece=997) == whole


def test_pcm_is_the_samples_and_nothing_else() -> None:
    samples = tone(0.5)
    data = encoded(Encoding.PCM, samples, RATE_HZ, 1000)
    assert np.array_equal(np.frombuffer(data, "<i2"), to_int16(samples))


@pytest.mark.parametrize("to_hz", [8000, 16000, 24000, 44100, 48000])
def test_resampled_sound_keeps_its_length_and_pitch(to_hz: int) -> None:
    data = encoded(Encoding.PCM, tone(2.0), to_hz, 3200)
    samples = np.frombuffer(data, "<i2") / 32767
    assert len(samples) == pytest.approx(2.0 * to_hz, abs=2)
    wanted = tone(2.0, rate_hz=to_hz)[: len(samples)]
    middle = slice(to_hz // 4, -to_hz // 4)
    assert np.abs(samples[: len(wanted)][middle] - wanted[middle]).max() < 0.01


def test_wav_stream_begins_with_its_header_and_is_finished_by_wav_file() -> None:
    encoder = open_encoder(Encoding.WAV, RATE_HZ, RATE_HZ)
    first = encoder.feed(tone(0.01))
    assert first[:44] == wav_header(RATE_HZ, None)
    data = wav_file(first + encoder.feed(tone(0.5)) + encoder.finish())
    with wave.open(io.BytesIO(data)) as file:
        assert file.getnframes() == RATE_HZ // 100 + RATE_HZ // 2
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE_HZ)
    assert len(data) == 8 + int.from_bytes(data[4:8], "little")


def test_wav_stream_without_any_sound_is_still_a_header() -> None:
    encoder = open_encoder(Encoding.WAV, RATE_HZ, RATE_HZ)
    assert encoder.finish() == wav_header(RATE_HZ, None)


def test_first_mp3_bytes_need_two_frames_of_sound() -> None:
    encoder = open_encoder(Encoding.MP3, RATE_HZ, RATE_HZ)
    assert encoder.feed(tone(2 * 1152 / RATE_HZ + 0.005))
    assert encoder.samples_in > 2 * 1152


def test_mp3_frames_decode_alone_and_from_any_frame_on() -> None:
    data = encoded(Encoding.MP3, tone(1.0), RATE_HZ, 3200)
    second_half = data[data.index(b"\xff\xfb", len(data) // 2) :]
    with av.open(io.BytesIO(second_half), format="mp3") as container:
        samples = sum(frame.samples for frame in container.decode(audio=0))
    assert samples == pytest.approx(RATE_HZ / 2, abs=3 * 1152)


def test_encoding_costs_little() -> None:
    samples = tone(10.0)
    began = time.process_time()
    encoded(Encoding.MP3, samples, RATE_HZ, 3200)
    assert time.process_time() - began < 1.0  # seconds of work for 10 s of sound


@pytest.mark.parametrize(
    ("encoding", "rate"), [(Encoding.MP3, 8000), (Encoding.WAV, 0), (Encoding.PCM, 96000)]
)
def test_rate_that_an_encoding_does_not_know_is_refused(encoding: Encoding, rate: int) -> None:
    with pytest.raises(InvalidFieldError, match="48000"):
        check_rate(encoding, rate)
