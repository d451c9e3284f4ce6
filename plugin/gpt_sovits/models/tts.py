"""The text-to-speech model, as Dify's SDK wants it. Its folder names it in Dify's messages."""

from __future__ import annotations

from collections.abc import Generator, Mapping

from dify_plugin import TTSModel
from dify_plugin.entities.model import AIModelEntity
from dify_plugin.errors.model import (
    CredentialsValidateFailedError,
    InvokeAuthorizationError,
    InvokeBadRequestError,
    InvokeConnectionError,
    InvokeError,
    InvokeRateLimitError,
    InvokeServerUnavailableError,
)

from plugin.gpt_sovits import errors
from plugin.gpt_sovits.audio import gather, silence, whole_wav
from plugin.gpt_sovits.check import check_settings
from plugin.gpt_sovits.pool import Server, shared_pool
from plugin.gpt_sovits.schema import model_schema
from plugin.gpt_sovits.settings import Settings, SoundFormat, read_settings
from plugin.gpt_sovits.speech import Patience, speech_input, stream_speech
from plugin.gpt_sovits.voices import listed

SILENCE_S = 0.5


class GptSovitsTextToSpeech(TTSModel):
    """Speaks through a GPT-SoVITS server."""

    def _invoke(
        self,
        model: str,
        tenant_id: str,
        credentials: dict[str, object],
        content_text: str,
        voice: str,
        user: str | None = None,
    ) -> Generator[bytes, None, None]:
        """Yield sound; a text with nothing to say (an emoji, a rule) is a short silence."""
        settings, server = _open(credentials)
        chosen = server.choose_voice(
            voice, settings.default_voice, content_text, settings.manner.language
        )
        speech = speech_input(content_text, chosen, settings.manner)
        patience = Patience(settings.timeout_s, settings.pause_s)
        arrange = whole_wav if settings.manner.sound_format is SoundFormat.WAV else gather
        try:
            yield from arrange(stream_speech(server.connection, speech, patience))
        except errors.NothingToSayError:
            yield silence(settings.manner.sound_format, SILENCE_S)

    def validate_credentials(self, model: str, credentials: Mapping[str, object]) -> None:
        """Speak a word with these credentials.

        Raises:
            CredentialsValidateFailedError: what does not work, and what to do about it.
        """
        try:
            settings, server = _open(credentials)
            check_settings(settings, server)
        except errors.TtsError as error:
            raise CredentialsValidateFailedError(str(error)) from None

    def get_tts_model_voices(
        self, model: str, credentials: dict[str, object], language: str | None = None
    ) -> list[dict[str, str]]:
        """Return all voices, those of `language` (a locale of Dify's interface) first."""
        try:
            settings, server = _open(credentials)
            voices = listed(server.voices.current(), language, settings)
            if not voices:
                raise errors.RequestError("The speech server has no voices yet. Create one first.")
        except errors.TtsError as error:
            raise self._transform_invoke_error(error) from None
        return [{"name": voice.label, "value": voice.value} for voice in voices]

    def get_tts_model_mime_type(self, model: str, credentials: dict[str, object]) -> str:
        """Return the type of the sound, without asking the server as the SDK's own way would."""
        try:
            return read_settings(credentials).manner.sound_format.mime_type
        except errors.TtsError:  # `_invoke` says what is wrong, and raises it properly
            return SoundFormat.MP3.mime_type

    def get_customizable_model_schema(
        self, model: str, credentials: Mapping[str, object]
    ) -> AIModelEntity:
        """Return the model's description with its voices; never fails."""
        return model_schema(model, credentials, shared_pool())

    def _transform_invoke_error(self, error: Exception) -> InvokeError:
        """As the SDK does, but keep what we say about a refused key, which it would drop."""
        if isinstance(error, errors.AuthorizationError):
            return InvokeAuthorizationError(f"[gpt_sovits] {error}")
        return super()._transform_invoke_error(error)

    @property
    def _invoke_error_mapping(self) -> dict[type[InvokeError], list[type[Exception]]]:
        return {
            InvokeConnectionError: [errors.ConnectionFailedError, InvokeConnectionError],
            InvokeServerUnavailableError: [errors.ServerFailedError, InvokeServerUnavailableError],
            InvokeRateLimitError: [errors.OverloadedError, InvokeRateLimitError],
            InvokeAuthorizationError: [errors.AuthorizationError, InvokeAuthorizationError],
            InvokeBadRequestError: [errors.RequestError, InvokeBadRequestError],
        }


def _open(credentials: Mapping[str, object]) -> tuple[Settings, Server]:
    settings = read_settings(credentials)
    return settings, shared_pool().get(settings.endpoint)
