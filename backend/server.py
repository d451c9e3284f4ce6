"""Builds the gRPC server, and runs it until it is told to end.

Its life: bind the port (so that a wrong one is known at once), load the weights, start, speak
to warm up, say SERVING; on SIGTERM say NOT_SERVING, let live requests finish, end.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING

import grpc
import grpc.aio
from gptsovits.tts.v1 import tts_pb2, tts_pb2_grpc, voices_pb2, voices_pb2_grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from backend.config import Settings
from backend.engines import Engine, Engines, LoadedBundle
from backend.errors import ConfigurationError
from backend.inference import Inference
from backend.interceptors.api_key import ApiKeyInterceptor
from backend.interceptors.errors import ErrorsInterceptor
from backend.interceptors.logging import LoggingInterceptor
from backend.interceptors.messages import MessagesInterceptor
from backend.interceptors.request_id import RequestIdInterceptor
from backend.memory import keep_for_good
from backend.servicers.text_to_speech import TextToSpeechServicer
from backend.servicers.voices import VoiceServicer
from backend.storage.blobs import BlobFolders
from backend.storage.database import open_database
from backend.storage.lock import FolderLock
from backend.storage.voices import VoiceTable
from backend.voices.library import VoiceLibrary
from backend.warming import warm_up

if TYPE_CHECKING:
    from engine.pipeline.bundle import Bundle

logger = logging.getLogger(__name__)

OUR_SERVICES = (
    tts_pb2.DESCRIPTOR.services_by_name["TextToSpeechService"].full_name,
    voices_pb2.DESCRIPTOR.services_by_name["VoiceService"].full_name,
)
LAST_WORDS_S = 1.0
MESSAGE_OVERHEAD_BYTES = 64 * 2**10

_OPTIONS = (
    ("grpc.so_reuseport", 0),  # or a second server would silently share the port
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.max_concurrent_streams", 1024),
)


class TtsServer:
    """One gRPC server with an engine for each bundle. Made on the event loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._health = health.aio.HealthServicer()  # type: ignore[attr-defined]  # not in the stubs
        self._grpc = grpc.aio.server(
            interceptors=_interceptors(settings), options=_options(settings)
        )
        self._lock: FolderLock | None = None
        self._engines: Sequence[Engine] = ()
        self._watches: list[asyncio.Task[None]] = []
        self.port = 0

    def bind(self) -> None:
        """Take the port and the data folder; `port` tells which port it is.

        Raises:
            ConfigurationError: the address cannot be listened on, or another server uses the
                folder.
        """
        self._bind_port()
        self._lock = FolderLock(self._settings.data_dir)

    def _bind_port(self) -> None:
        address = _address(self._settings)
        credentials = _credentials(self._settings)
        try:
            if credentials is None:
                self.port = self._grpc.add_insecure_port(address)
            else:
                self.port = self._grpc.add_secure_port(address, credentials)
        except RuntimeError as error:
            pair = "" if credentials is None else " Is the certificate PEM, and the key its own?"
            raise ConfigurationError(
                f"cannot listen on {address}: is the port in use, the address this machine's?{pair}"
            ) from error

    async def start(self, loaded: Sequence[LoadedBundle]) -> None:
        """Serve with these bundles; health says SERVING when they have spoken.

        Raises:
            ConfigurationError: the database cannot be used, or two bundles have one name.
        """
        settings = self._settings
        engines = Engines([_engine(each, settings) for each in loaded])
        bundles = [engine.bundle for engine in engines.all]
        voices = await asyncio.to_thread(_open_library, settings, bundles)
        self._engines = engines.all
        for engine in engines.all:
            engine.inference.start()
        speaker = TextToSpeechServicer(
            engines, voices, settings.max_text_characters, settings.stream_idle_s
        )
        keeper = VoiceServicer(engines, voices, settings.max_upload_bytes)
        tts_pb2_grpc.add_TextToSpeechServiceServicer_to_server(speaker, self._grpc)
        voices_pb2_grpc.add_VoiceServiceServicer_to_server(keeper, self._grpc)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._grpc)
        names = (*OUR_SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._grpc)
        await self._set_health(health_pb2.HealthCheckResponse.NOT_SERVING)
        await self._grpc.start()
        await warm_up(engines, voices)
        await self._set_health(health_pb2.HealthCheckResponse.SERVING)
        self._watches = [
            asyncio.create_task(self._watch_engine(engine.inference)) for engine in engines.all
        ]

    async def stop(self) -> None:
        """Let live requests finish for the drain time, then end; idempotent."""
        await self._health.enter_graceful_shutdown()
        for watch in self._watches:
            watch.cancel()
        for engine in self._engines:
            engine.inference.refuse_new()
        ending = asyncio.create_task(self._grpc.stop(self._settings.drain_s + LAST_WORDS_S))
        await asyncio.wait({ending}, timeout=self._settings.drain_s)
        for engine in self._engines:
            await engine.inference.stop()  # what still lives is told why it ends
        await ending
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    async def _watch_engine(self, inference: Inference) -> None:
        await inference.stopped.wait()
        await self._set_health(health_pb2.HealthCheckResponse.NOT_SERVING)

    async def _set_health(self, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        for service in (health.OVERALL_HEALTH, *OUR_SERVICES):
            await self._health.set(service, status)


async def run_until_signal(server: TtsServer, loaded: Sequence[LoadedBundle]) -> None:
    """Serve until SIGTERM or SIGINT."""
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    try:
        await server.start(loaded)
        keep_for_good()
        logger.info("serving on port %d", server.port)
        await ended.wait()
        logger.info("draining")
    finally:
        await server.stop()


def _options(settings: Settings) -> list[tuple[str, int]]:
    """Return gRPC's options; a message may hold a whole recording."""
    largest_bytes = settings.max_upload_bytes + MESSAGE_OVERHEAD_BYTES
    return [*_OPTIONS, ("grpc.max_receive_message_length", largest_bytes)]


def _interceptors(settings: Settings) -> list[grpc.aio.ServerInterceptor]:
    """Return the interceptors, outermost first."""
    keys = [key.get_secret_value() for key in settings.api_keys]
    return [
        RequestIdInterceptor(),
        LoggingInterceptor(),
        ErrorsInterceptor(),
        ApiKeyInterceptor(keys),
        MessagesInterceptor(),
    ]


def _engine(loaded: LoadedBundle, settings: Settings) -> Engine:
    limits = settings.max_streams, settings.max_queue
    inference = Inference(loaded.scheduler, *limits, rest_s=settings.rest_s)
    return Engine(loaded.bundle, inference)


def _open_library(settings: Settings, bundles: Sequence[Bundle]) -> VoiceLibrary:
    table = VoiceTable(open_database(settings.data_dir))
    library = VoiceLibrary(bundles, table, BlobFolders(settings.data_dir))
    swept = library.sweep()
    if swept:
        logger.warning("removed %d leftovers of interrupted work", swept)
    for voice_id, name in library.displaced():
        logger.warning("voice %s was made for the bundle %s, not loaded now", voice_id, name)
    return library


def _address(settings: Settings) -> str:
    if settings.host.startswith("unix:"):
        return settings.host
    host = f"[{settings.host}]" if ":" in settings.host.strip("[]") else settings.host
    return f"{host.replace('[[', '[').replace(']]', ']')}:{settings.port}"


def _credentials(settings: Settings) -> grpc.ServerCredentials | None:
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    authority = settings.tls_client_ca
    try:
        pair = (settings.tls_key.read_bytes(), settings.tls_cert.read_bytes())
        clients = None if authority is None else authority.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"cannot read the certificate or its key: {error}") from error
    return grpc.ssl_server_credentials([pair], clients, require_client_auth=clients is not None)
