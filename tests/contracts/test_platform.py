"""What holds for every RPC: keys, load, cancellation, deadlines, health, request ids."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import grpc
import grpc.aio
import pytest
import trustme
from google.rpc import error_details_pb2
from gptsovits.tts.v1 import tts_pb2, voices_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from backend.config import Settings
from backend.errors import ConfigurationError
from backend.inference import HIGH_WATER_CHUNKS
from backend.server import OUR_SERVICES, TtsServer
from tests.backend.harness import PCM, Harness, detail, reason, running, speech
from tests.backend.tones import CHUNK_SAMPLES

pytestmark = pytest.mark.asyncio

LONG_TEXT = "la " * 6000
TRANSPORT_BYTES = 10 * 2**20  # what HTTP/2 may hold before it pushes back
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
LIST = voices_pb2.ListVoicesRequest()


async def eventually(condition, timeout_s: float = 5.0) -> None:
    """Wait until `condition()` holds."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.005)


async def health_of(server: Harness, service: str) -> int:
    """Return what the server says of the health of a service."""
    stub = health_pb2_grpc.HealthStub(server.channel)
    return (await stub.Check(health_pb2.HealthCheckRequest(service=service))).status


def stream_of(server: Harness, text: str = LONG_TEXT, **call: object):
    """Begin a stream."""
    request = tts_pb2.SynthesizeStreamRequest(input=speech(text))
    return server.tts.SynthesizeStream(request, **call)


@pytest.mark.parametrize(
    ("metadata", "why"),
    [
        ((), "KEY_MISSING"),
        ((("authorization", "Bearer "),), "KEY_MISSING"),
        ((("authorization", "Basic c2VjcmV0"),), "KEY_MISSING"),
        ((("authorization", "Bearer wrong"),), "KEY_INVALID"),
        ((("x-api-key", "wrong"),), "KEY_INVALID"),
    ],
)
async def test_caller_without_a_known_key_stays_out(
    tmp_path: Path, metadata: tuple[tuple[str, str], ...], why: str
) -> None:
    async with running(tmp_path, api_keys="secret, other") as server:
        for call in (
            server.voices.ListVoices(LIST, metadata=metadata),
            server.hear(speech(), metadata=metadata),
            server.voices.CreateVoice(iter([]), metadata=metadata),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call
            assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
            assert reason(caught.value) == why
            assert "secret" not in (caught.value.details() or "")


@pytest.mark.parametrize(
    "metadata",
    [
        (("authorization", "Bearer secret"),),
        (("authorization", "bearer other"),),
        (("x-api-key", "secret"),),
    ],
)
async def test_caller_with_a_key_comes_in(
    tmp_path: Path, metadata: tuple[tuple[str, str], ...]
) -> None:
    async with running(tmp_path, api_keys="secret, other") as server:
        assert (await server.voices.ListVoices(LIST, metadata=metadata)).voices
        assert (await server.hear(speech(), metadata=metadata)).completed


async def test_health_and_reflection_need_no_key(tmp_path: Path) -> None:
    async with running(tmp_path, api_keys="secret") as server:
        for service in ("", *OUR_SERVICES):
            assert await health_of(server, service) == SERVING
        stub = reflection_pb2_grpc.ServerReflectionStub(server.channel)
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        (reply,) = [reply async for reply in stub.ServerReflectionInfo(iter([request]))]
    assert {service.name for service in reply.list_services_response.service} > set(OUR_SERVICES)


async def test_request_id_of_the_caller_is_kept_and_a_mad_one_replaced(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        mine = await server.hear(speech(), metadata=(("x-request-id", "mine-1"),))
        mad = await server.hear(speech(), metadata=(("x-request-id", "a b;c"),))
        call = server.voices.ListVoices(LIST, metadata=(("x-request-id", "mine-2"),))
        assert (await call.initial_metadata())["x-request-id"] == "mine-2"
        await call
    assert mine.opened[0].request_id == "mine-1"
    assert len(mad.opened[0].request_id) == 32


async def test_full_queue_refuses_and_says_when_to_come_back(tmp_path: Path) -> None:
    async with running(tmp_path, max_streams=1, max_queue=1) as server:
        server.scheduler.gate.clear()
        first, second = stream_of(server), stream_of(server)
        assert (await first.read()).HasField("opened")
        assert (await second.read()).HasField("opened")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await server.hear(speech())
        first.cancel()
        second.cancel()
        server.scheduler.gate.set()
        await eventually(lambda: not server.scheduler.live)
        assert (await server.hear(speech())).completed
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert reason(caught.value) == "OVERLOADED"
    assert detail(caught.value, error_details_pb2.RetryInfo).retry_delay.ToMilliseconds() == 1000


async def test_waiting_request_speaks_when_a_slot_is_free(tmp_path: Path) -> None:
    async with running(tmp_path, max_streams=2, max_queue=10) as server:
        heard = await asyncio.gather(*(server.hear(speech()) for _ in range(8)))
    assert all(stream.completed for stream in heard)


async def test_cancelled_stream_frees_its_slot(tmp_path: Path) -> None:
    async with running(tmp_path, max_streams=1, max_queue=0) as server:
        stream = stream_of(server)
        await stream.read()
        await stream.read()
        stream.cancel()
        await eventually(lambda: not server.scheduler.live)
        assert server.scheduler.made_chunks < len(LONG_TEXT) // 5
        assert (await server.hear(speech())).completed


async def test_cancelled_unary_call_frees_its_slot(tmp_path: Path) -> None:
    async with running(tmp_path, max_streams=1, max_queue=0) as server:
        server.scheduler.gate.clear()
        call = server.tts.Synthesize(tts_pb2.SynthesizeRequest(input=speech(LONG_TEXT)))
        await eventually(lambda: server.scheduler.live)
        call.cancel()
        server.scheduler.gate.set()
        await eventually(lambda: not server.scheduler.live)


async def test_deadline_ends_the_stream_and_frees_its_slot(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        server.scheduler.gate.clear()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await server.hear(speech(), timeout=0.3)
        server.scheduler.gate.set()
        await eventually(lambda: not server.scheduler.live)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_caller_that_does_not_read_pauses_its_stream(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        request = tts_pb2.SynthesizeStreamRequest(input=speech(LONG_TEXT, encoding=PCM))
        stream = server.tts.SynthesizeStream(request)
        await stream.read()
        reached = 0
        while reached != server.scheduler.made_chunks:
            reached = server.scheduler.made_chunks
            await asyncio.sleep(0.5)
        assert reached <= TRANSPORT_BYTES // (2 * CHUNK_SAMPLES) + 2 * HIGH_WATER_CHUNKS
        assert (await server.hear(speech())).completed
        chunks = 0
        while (message := await stream.read()) is not grpc.aio.EOF:
            chunks += message.HasField("audio")
        assert chunks == len(LONG_TEXT) // 5


async def test_fault_of_a_model_is_internal_and_the_server_serves_on(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await server.hear(speech("[bug]"))
        assert (await server.hear(speech())).completed
        assert await health_of(server, "") == SERVING
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert reason(caught.value) == "INTERNAL"


async def test_broken_engine_says_not_serving_and_tells_no_secrets(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(tmp_path) as server:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await server.hear(speech("[fault]"))
        with pytest.raises(grpc.aio.AioRpcError) as later:
            await server.hear(speech())
        assert await health_of(server, "") == NOT_SERVING
        assert await health_of(server, OUR_SERVICES[0]) == NOT_SERVING
    for error in (caught.value, later.value):
        assert error.code() is grpc.StatusCode.INTERNAL
        assert reason(error) == "INTERNAL"
        request_id = detail(error, error_details_pb2.RequestInfo).request_id
        assert request_id in error.details()
        assert "tone generator" not in str(error)
    assert "the tone generator is broken" in caplog.text


async def test_log_has_the_measures_but_never_the_text(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with running(tmp_path) as server:
        await server.hear(speech("Swordfish is the password."))
        with pytest.raises(grpc.aio.AioRpcError):
            await server.hear(speech("Swordfish", voice="voices/nobody"))
    lines = [record.getMessage() for record in caplog.records if "method=" in record.getMessage()]
    assert "Swordfish" not in caplog.text
    assert "outcome=OK" in lines[0]
    for measure in ("voice=alto", "characters=26", "audio_s=0.60", "first_chunk_ms=", "rtf="):
        assert measure in lines[0]
    assert "outcome=VOICE_NOT_FOUND" in lines[1]


@pytest.mark.parametrize(
    "method",
    [
        "TextToSpeechService/Synthesize",
        "TextToSpeechService/SynthesizeStream",
        "TextToSpeechService/StreamingSynthesize",
        "VoiceService/CreateVoice",
    ],
)
async def test_request_that_is_no_message_is_refused(tmp_path: Path, method: str) -> None:
    not_utf8 = b"\x0a\x08\x0a\x06\xff\xfehell"
    async with running(tmp_path) as server:
        call = server.channel.stream_stream(f"/gptsovits.tts.v1.{method}")(iter([not_utf8]))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.read()
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert reason(caught.value) == "MALFORMED_MESSAGE"
    assert "UTF-8" in str(caught.value.details())


async def test_answer_about_a_value_of_any_length_reaches_the_caller(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        for long in ("x" * 100_000, "\u8a9e" * 100_000):
            with pytest.raises(grpc.aio.AioRpcError) as language:
                await server.hear(speech(language=long))
            with pytest.raises(grpc.aio.AioRpcError) as voice:
                await server.hear(speech(voice=f"voices/{long}"))
            assert reason(language.value) == "UNSUPPORTED_LANGUAGE"
            assert "known: en, zh" in str(language.value.details())
            assert reason(voice.value) == "VOICE_NOT_FOUND"


async def test_text_of_megabytes_is_told_its_limit(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await server.hear(speech("a" * 5_000_000))
    assert reason(caught.value) == "TEXT_TOO_LONG"
    assert "the limit is 20000" in str(caught.value.details())


async def test_live_stream_is_finished_before_the_server_ends(tmp_path: Path) -> None:
    async with running(tmp_path, drain_s=10) as server:
        server.scheduler.gate.clear()
        stream = stream_of(server, "la " * 20)
        await stream.read()
        stopping = asyncio.create_task(server.server.stop())
        await asyncio.sleep(0.1)
        server.scheduler.gate.set()
        message = await stream.read()
        while message.HasField("audio"):
            message = await stream.read()
        await stopping
    assert message.HasField("completed")


async def test_stream_that_outlives_the_drain_is_cut(tmp_path: Path) -> None:
    async with running(tmp_path, drain_s=0.2) as server:
        server.scheduler.gate.clear()
        stream = stream_of(server)
        await stream.read()
        stopping = asyncio.create_task(server.server.stop())
        await asyncio.sleep(0.4)
        server.scheduler.gate.set()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            while await stream.read() is not grpc.aio.EOF:
                pass
        await stopping
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert reason(caught.value) == "SHUTTING_DOWN"
    assert detail(caught.value, error_details_pb2.RetryInfo).retry_delay.seconds == 5


async def test_port_in_use_is_told(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        second = TtsServer(Settings(port=server.server.port, data_dir=tmp_path / "b"))
        with pytest.raises(ConfigurationError, match=r"cannot listen on 127\.0\.0\.1"):
            second.bind()
        await second.stop()


@pytest.mark.parametrize("damage", [b"no database" * 1000, None])
async def test_damaged_database_is_told_before_serving(
    tmp_path: Path, damage: bytes | None
) -> None:
    async with running(tmp_path):
        pass
    database = tmp_path / "gptsovits.db"
    whole = database.read_bytes()
    assert len(whole) > 8192
    database.write_bytes(damage or whole[:4096] + bytes(4096) + whole[8192:])
    with pytest.raises(ConfigurationError, match=r"gptsovits\.db cannot be used .*put a copy"):
        async with running(tmp_path):
            pass


async def test_data_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.touch()
    with pytest.raises(ConfigurationError, match="GPTSOVITS_DATA_DIR"):
        async with running(occupied):
            pass


async def test_junk_in_place_of_a_certificate_is_told(tmp_path: Path) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")
    settings = Settings(port=0, tls_cert=junk, tls_key=junk, data_dir=tmp_path)
    server = TtsServer(settings)
    with pytest.raises(ConfigurationError, match="Is the certificate PEM"):
        server.bind()
    await server.stop()


async def test_data_folder_belongs_to_one_server(tmp_path: Path) -> None:
    async with running(tmp_path):
        with pytest.raises(ConfigurationError, match="another server"):
            async with running(tmp_path):
                pass
    async with running(tmp_path) as server:
        assert (await server.hear(speech())).completed


def certificate(authority: trustme.CA, folder: Path) -> tuple[Path, Path]:
    """A certificate of `authority` for this machine, and its key, as PEM files in `folder`."""
    issued = authority.issue_cert("127.0.0.1")
    cert, key = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    return cert, key


async def test_server_with_a_client_authority_hears_only_who_shows_its_certificate(
    tmp_path: Path,
) -> None:
    servers, clients = trustme.CA(), trustme.CA()
    cert, key = certificate(servers, tmp_path)
    authority = tmp_path / "clients.pem"
    clients.cert_pem.write_to_path(authority)
    root, own = servers.cert_pem.bytes(), clients.issue_cert("dify@example.org")
    known = grpc.ssl_channel_credentials(
        root, own.private_key_pem.bytes(), own.cert_chain_pems[0].bytes()
    )
    folder = tmp_path / "data"
    async with running(folder, tls_cert=cert, tls_key=key, tls_client_ca=authority) as server:
        address = f"127.0.0.1:{server.server.port}"
        async with grpc.aio.secure_channel(address, known) as channel:
            shown = Harness(server.server, server.scheduler, channel)
            assert (await shown.hear(speech())).completed
        async with grpc.aio.secure_channel(address, grpc.ssl_channel_credentials(root)) as channel:
            nameless = Harness(server.server, server.scheduler, channel)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await nameless.hear(speech(), timeout=5)
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_encrypted_server_speaks_to_those_who_trust_its_authority(tmp_path: Path) -> None:
    authority = trustme.CA()
    cert, key = certificate(authority, tmp_path)
    trusted = grpc.ssl_channel_credentials(authority.cert_pem.bytes())
    async with running(tmp_path / "data", tls_cert=cert, tls_key=key) as server:
        address = f"127.0.0.1:{server.server.port}"
        async with grpc.aio.secure_channel(address, trusted) as channel:
            encrypted = Harness(server.server, server.scheduler, channel)
            assert (await encrypted.hear(speech())).completed
        with pytest.raises(grpc.aio.AioRpcError):
            await server.hear(speech(), timeout=1)


async def test_unreadable_certificate_is_told(tmp_path: Path) -> None:
    missing = tmp_path / "none.pem"
    server = TtsServer(Settings(port=0, tls_cert=missing, tls_key=missing))
    with pytest.raises(ConfigurationError, match=r"none\.pem"):
        server.bind()
    await server.stop()
