"""Uploaded audio: what is read, what is refused, and that nothing outside it is touched."""

from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from engine.audio.files import AudioLimits, decode, encode_wav
from engine.errors import ReferenceAudioError
from engine.types import Audio


def tone(rate_hz: int, seconds: float = 1.0) -> NDArray[np.float32]:
    """A 440 Hz sine of amplitude 0.5."""
    time = np.arange(int(rate_hz * seconds)) / rate_hz
    return (0.5 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)


def encoded(container: str, codec: str, rate_hz: int, layout: str = "mono") -> bytes:
    """One second of the tone in any format that PyAV writes."""
    target = io.BytesIO()
    channels = 1 if layout == "mono" else 2
    with av.open(target, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate_hz)
        stream.layout = layout
        wanted = stream.format.name if stream.format else "fltp"
        planes = np.repeat(tone(rate_hz)[None], channels, axis=0)
        frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=layout)
        frame.rate = rate_hz
        convert = av.AudioResampler(format=wanted, layout=layout, rate=rate_hz)
        for piece in [*convert.resample(frame), *convert.resample(None)]:
            output.mux(stream.encode(piece))
        output.mux(stream.encode(None))
    return target.getvalue()


@pytest.mark.parametrize(
    ("container", "codec", "rate_hz"),
    [
        ("mp3", "libmp3lame", 44100),
        ("ipod", "aac", 44100),
        ("ogg", "libopus", 48000),
        ("flac", "flac", 96000),
        ("wav", "pcm_s16le", 8000),
        ("adts", "aac", 32000),
        ("webm", "libopus", 48000),
    ],
)
@pytest.mark.parametrize("layout", ["mono", "stereo"])
def test_common_formats_give_the_tone_that_was_written(
    container: str, codec: str, rate_hz: int, layout: str
) -> None:
    audio = decode(encoded(container, codec, rate_hz, layout))
    assert audio.sample_rate_hz == rate_hz
    assert audio.duration_s == pytest.approx(1.0, abs=0.1)
    middle = audio.samples[rate_hz // 4 : rate_hz // 2]
    peak_hz = np.abs(np.fft.rfft(middle)).argmax() * rate_hz / len(middle)
    assert peak_hz == pytest.approx(440, abs=4)
    assert np.abs(middle).max() == pytest.approx(0.5, abs=0.05)


def test_channels_are_averaged() -> None:
    target = io.BytesIO()
    left_only = np.stack([tone(16000), np.zeros(16000, np.float32)], axis=1)
    soundfile.write(target, left_only, 16000, format="WAV", subtype="FLOAT")
    np.testing.assert_allclose(decode(target.getvalue()).samples, tone(16000) / 2, atol=1e-7)


def test_a_written_wav_reads_back() -> None:
    audio = Audio(tone(24000), 24000)
    again = decode(encode_wav(audio))
    assert again.sample_rate_hz == 24000
    np.testing.assert_allclose(again.samples, audio.samples, atol=1 / 32768)


def test_a_written_wav_clips_instead_of_wrapping() -> None:
    loud = decode(encode_wav(Audio(np.array([2.0, -2.0], np.float32), 16000)))
    np.testing.assert_allclose(loud.samples, [1.0, -1.0], atol=1e-4)


@pytest.mark.parametrize("data", [b"", b"not audio at all" * 100, bytes(5000), b"RIFF\x00"])
def test_garbage_is_refused(data: bytes) -> None:
    with pytest.raises(ReferenceAudioError):
        decode(data)


def test_a_file_above_the_byte_limit_is_refused_unread() -> None:
    with pytest.raises(ReferenceAudioError, match="the limit is 10"):
        decode(bytes(11), AudioLimits(max_bytes=10))


def test_a_long_recording_is_refused() -> None:
    with pytest.raises(ReferenceAudioError, match=r"longer than 0\.5 s"):
        decode(encode_wav(Audio(tone(16000), 16000)), AudioLimits(max_s=0.5))


def test_a_short_recording_is_refused() -> None:
    with pytest.raises(ReferenceAudioError, match="at least 3 s"):
        decode(encode_wav(Audio(tone(16000), 16000)), AudioLimits(min_s=3.0))


def test_a_rate_outside_the_limits_is_refused() -> None:
    with pytest.raises(ReferenceAudioError, match="4000 Hz"):
        decode(encode_wav(Audio(tone(4000), 4000)))


def test_samples_that_are_no_numbers_are_refused() -> None:
    target = io.BytesIO()
    broken = np.full(16000, np.nan, np.float32)
    soundfile.write(target, broken, 16000, format="WAV", subtype="FLOAT")
    with pytest.raises(ReferenceAudioError, match="no numbers"):
        decode(target.getvalue())


def test_a_film_without_sound_is_refused() -> None:
    target = io.BytesIO()
    with av.open(target, "w", format="matroska") as output:
        stream = output.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
        output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    with pytest.raises(ReferenceAudioError, match="no sound"):
        decode(target.getvalue())


@pytest.mark.parametrize(
    "playlist", ["#EXTM3U\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n", "ffconcat version 1.0\nfile '{}'\n"]
)
def test_a_playlist_cannot_reach_a_file_of_the_server(tmp_path: Path, playlist: str) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(encode_wav(Audio(tone(16000), 16000)))
    with pytest.raises(ReferenceAudioError):
        decode(playlist.format(secret).encode())
