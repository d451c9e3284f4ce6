"""The connection to one speech server: a channel, its calls, and what failures mean.

Inside Dify every call shares its endpoint's channel, so one HTTP/2 connection carries all
streams and recovers by itself when the server comes back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

import grpc
from gptsovits.tts.v1 import tts_pb2, tts_pb2_grpc, voices_pb2, voices_pb2_grpc

from plugin.gpt_sovits.advice import translate
from plugin.gpt_sovits.endpoint import Endpoint, Proxy, Tls
from plugin.gpt_sovits.errors import TtsError
from plugin.gpt_sovits.faults import read_fault

UNARY_TIMEOUT_S = 5.0
# Together longer than the channel's backoff, so that a call finds a server that is back.
RETRY_DELAYS_S = (0.3, 0.9, 1.5)
LONGEST_RETRY_DELAY_S = 2.0
VOICES_PER_PAGE = 500
MAX_MESSAGE_BYTES = 64 * 1024 * 1024  # a whole sound, of a text that is not too long

CHANNEL_OPTIONS: tuple[tuple[str, int], ...] = (
    # A dead peer is noticed while a call waits; an idle channel stays quiet.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # A server that restarts is found again within seconds, not after gRPC's two minutes.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 2_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
)


class SpeechCall:
    """A running `SynthesizeStream`: iterate its messages, cancel it at any time.

    Iteration raises TtsError where the call fails.
    """

    def __init__(
        self,
        messages: Iterable[tts_pb2.SynthesizeStreamResponse],
        cancel: Callable[[], object],
        endpoint: Endpoint,
    ) -> None:
        self.address = endpoint.address
        self._messages = messages
        self._cancel = cancel
        self._endpoint = endpoint

    def __iter__(self) -> Iterator[tts_pb2.SynthesizeStreamResponse]:
        try:
            yield from self._messages
        except grpc.RpcError as error:
            raise failure(error, self._endpoint) from None

    def cancel(self) -> None:
        """End the call; the server frees what it holds. Idempotent."""
        self._cancel()


class Connection:
    """The calls of one endpoint. Safe to share between threads and greenlets.

    `sleep` waits between attempts; tests hand in their own.
    """

    def __init__(self, endpoint: Endpoint, sleep: Callable[[float], None] = time.sleep) -> None:
        self.endpoint = endpoint
        self._sleep = sleep
        self._channel = open_channel(endpoint)
        self._speech = tts_pb2_grpc.TextToSpeechServiceStub(self._channel)
        self._voices = voices_pb2_grpc.VoiceServiceStub(self._channel)
        key = endpoint.api_key
        self._metadata = (("authorization", f"Bearer {key}"),) if key else ()

    def close(self) -> None:
        """Close the channel; running calls fail."""
        self._channel.close()

    def list_voices(self, timeout_s: float = UNARY_TIMEOUT_S) -> list[voices_pb2.Voice]:
        """Return all voices of the server, ordered by name.

        Raises:
            TtsError: the server cannot be reached or refuses.
        """
        return self.retrying(lambda: list(chain.from_iterable(self._voice_pages(timeout_s))))

    def list_languages(self, timeout_s: float = UNARY_TIMEOUT_S) -> list[str]:
        """Return the codes of the languages that the server reads.

        Raises:
            TtsError: the server cannot be reached or refuses.
        """
        request = tts_pb2.ListLanguagesRequest()
        response = self.retrying(
            lambda: self._unary(self._speech.ListLanguages, request, timeout_s)
        )
        return [language.code for language in response.languages]

    def speak(self, speech: tts_pb2.SpeechInput, timeout_s: float) -> SpeechCall:
        """Start to stream `speech`; the call ends after `timeout_s` whatever happens."""
        request = tts_pb2.SynthesizeStreamRequest(input=speech)
        call = self._speech.SynthesizeStream(request, timeout=timeout_s, metadata=self._metadata)
        return SpeechCall(call, call.cancel, self.endpoint)

    def synthesize(
        self, request: tts_pb2.SynthesizeRequest, timeout_s: float
    ) -> tts_pb2.SynthesizeResponse:
        """Return the whole sound of a text, which may be asked for several times over.

        Raises:
            TtsError: the server cannot be reached, refuses or fails.
        """
        return self.retrying(lambda: self._unary(self._speech.Synthesize, request, timeout_s))

    def create_voice(
        self, upload: Iterable[voices_pb2.CreateVoiceRequest], timeout_s: float
    ) -> voices_pb2.Voice:
        """Return the voice that was made of `upload`, whose first message is the config.

        Raises:
            TtsError: the server cannot be reached, or refuses the voice.
        """
        return self._unary(self._voices.CreateVoice, iter(upload), timeout_s).voice

    def retrying[T](self, attempt: Callable[[], T]) -> T:
        """Return what `attempt` returns, which may fail in passing a few times."""
        for delay_s in RETRY_DELAYS_S:
            try:
                return attempt()
            except TtsError as error:
                wait_s = error.retry_after_s
                if wait_s is None or wait_s > LONGEST_RETRY_DELAY_S:
                    raise
            self._sleep(max(delay_s, wait_s))
        return attempt()

    def _voice_pages(self, timeout_s: float) -> Iterator[list[voices_pb2.Voice]]:
        request = voices_pb2.ListVoicesRequest(page_size=VOICES_PER_PAGE)
        while True:
            page = self._unary(self._voices.ListVoices, request, timeout_s)
            yield list(page.voices)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def _unary[Q, A](self, method: Callable[..., A], request: Q, timeout_s: float) -> A:
        try:
            return method(request, timeout=timeout_s, metadata=self._metadata)
        except grpc.RpcError as error:
            raise failure(error, self.endpoint) from None


def failure(error: grpc.RpcError, endpoint: Endpoint) -> TtsError:
    """Return the plugin's error for a failed call.

    Raise it `from None`: Dify sends the traceback on, and gRPC's text is not ours to vouch for.
    """
    return translate(read_fault(error, endpoint.api_key), endpoint.address, endpoint.tls)


def open_channel(endpoint: Endpoint) -> grpc.Channel:
    """Return a channel, which connects by itself at the first call."""
    # The server is often in the same network; a proxy that the container's environment names
    # for the way out would only stand between. gRPC obeys lower-case http_proxy.
    through_proxy = int(endpoint.proxy is Proxy.ENVIRONMENT)
    options = (*CHANNEL_OPTIONS, ("grpc.enable_http_proxy", through_proxy))
    if endpoint.tls is Tls.OFF:
        return grpc.insecure_channel(endpoint.address, options=options)
    credentials = grpc.ssl_channel_credentials(
        root_certificates=endpoint.ca_certificate.encode() or None,
        private_key=endpoint.client_key.encode() or None,
        certificate_chain=endpoint.client_certificate.encode() or None,
    )
    return grpc.secure_channel(endpoint.address, credentials, options=options)
