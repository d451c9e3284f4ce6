"""What a failed call is to the caller."""

from __future__ import annotations

import re

import grpc
import pytest
from gptsovits.tts.v1 import errors_pb2

from plugin.gpt_sovits import advice, errors
from plugin.gpt_sovits.advice import translate
from plugin.gpt_sovits.faults import Fault

ADDRESS = "tts.example.org:50051"
KNOWN = {"known_voices": "voices/amy,voices/ken"}


@pytest.mark.parametrize(
    ("codes", "kind"),
    [
        ("UNAVAILABLE DEADLINE_EXCEEDED", errors.ConnectionFailedError),
        ("RESOURCE_EXHAUSTED", errors.OverloadedError),
        ("UNAUTHENTICATED PERMISSION_DENIED", errors.AuthorizationError),
        (
            "INVALID_ARGUMENT NOT_FOUND FAILED_PRECONDITION OUT_OF_RANGE UNIMPLEMENTED",
            errors.RequestError,
        ),
        ("INTERNAL UNKNOWN DATA_LOSS ABORTED CANCELLED", errors.ServerFailedError),
    ],
)
def test_every_status_has_its_kind(codes: str, kind: type[errors.TtsError]) -> None:
    for code in codes.split():
        error = translate(Fault(grpc.StatusCode[code], "why"), ADDRESS)
        assert type(error) is kind
        assert ADDRESS in str(error) or "why" in str(error)


def test_reasons_of_the_catalogue_are_published_by_the_server() -> None:
    published = {name.removeprefix("ERROR_REASON_") for name, _ in errors_pb2.ErrorReason.items()}
    assert set(advice._REASONS) <= published


def test_a_reason_says_more_than_its_status() -> None:
    fault = Fault(grpc.StatusCode.INVALID_ARGUMENT, "nothing", reason="EMPTY_TEXT")
    assert type(translate(fault, ADDRESS)) is errors.NothingToSayError


def test_an_unknown_voice_lists_the_known_ones() -> None:
    fault = Fault(grpc.StatusCode.NOT_FOUND, "no bob", "VOICE_NOT_FOUND", KNOWN)
    error = translate(fault, ADDRESS)
    assert type(error) is errors.VoiceUnknownError
    assert str(error).endswith("Choose one of: amy, ken.")


@pytest.mark.parametrize(
    ("fault", "retry_after_s"),
    [
        (Fault(grpc.StatusCode.UNAVAILABLE, "down"), 0.0),
        (Fault(grpc.StatusCode.UNAVAILABLE, "last error: UNAVAILABLE: Socket closed"), 0.0),
        (Fault(grpc.StatusCode.UNAVAILABLE, "CERTIFICATE_VERIFY_FAILED"), None),
        (Fault(grpc.StatusCode.RESOURCE_EXHAUSTED, "full"), None),
        (Fault(grpc.StatusCode.RESOURCE_EXHAUSTED, "full", retry_after_s=1.5), 1.5),
        (Fault(grpc.StatusCode.DEADLINE_EXCEEDED, "slow"), None),
        (Fault(grpc.StatusCode.INTERNAL, "fault"), None),
    ],
)
def test_only_passing_failures_may_be_tried_again(
    fault: Fault, retry_after_s: float | None
) -> None:
    assert translate(fault, ADDRESS).retry_after_s == retry_after_s


def test_braces_in_the_servers_words_do_no_harm() -> None:
    assert "{0} {x}" in str(translate(Fault(grpc.StatusCode.INTERNAL, "{0} {x}"), ADDRESS))


def test_what_no_call_can_carry_is_not_called_busy() -> None:
    detail = "SERVER: Received message larger than max (10000039 vs. 4194304)"
    error = translate(Fault(grpc.StatusCode.RESOURCE_EXHAUSTED, detail), ADDRESS)
    assert type(error) is errors.RequestError
    assert "Send the text in parts" in str(error)


@pytest.mark.parametrize(
    "detail",
    [
        "errors resolving tts:50051: [field:hostname lookup error:address lookup failed for tts]",
        "DNS resolution failed for tts:50051: C-ares status is not ARES_SUCCESS qtype=A name=tts",
    ],
)
def test_a_name_that_is_not_known_is_told_apart_and_may_be_known_again(detail: str) -> None:
    error = translate(Fault(grpc.StatusCode.UNAVAILABLE, detail), ADDRESS)
    assert "host.docker.internal needs an entry" in str(error)
    assert error.retry_after_s == 0.0


def test_an_attempt_to_connect_is_told_without_its_wrapping() -> None:
    detail = (
        "failed to connect to all addresses; last error: UNKNOWN: ipv4:10.0.0.7:50051: Failed to "
        "connect to remote host: Connection refused"
    )
    error = translate(Fault(grpc.StatusCode.UNAVAILABLE, detail), ADDRESS)
    assert error.cause == "Failed to connect to remote host: Connection refused"
    assert f"({error.cause})" in str(error)


def test_every_text_says_what_to_do() -> None:
    asks = re.compile(r"\b([Ss]ee|Enter|Choose|Change|Check|Leave|Try|Send|Cut|Paste|must|has)\b")
    entries = [*advice._STATUSES.values(), *advice._REASONS.values(), advice._UNEXPECTED]
    entries += [entry for words in advice._WORDS.values() for entry in words.values()]
    mute = [text for _, text in entries if not asks.search(text)]
    assert mute == []
