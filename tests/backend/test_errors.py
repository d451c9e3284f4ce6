"""The catalogue covers every error, with reasons that are published."""

from __future__ import annotations

import inspect

import grpc
import pytest
from gptsovits.tts.v1 import errors_pb2

from backend import errors
from engine import errors as engine_errors

PUBLISHED = {
    name.removeprefix("ERROR_REASON_") for name in errors_pb2.ErrorReason.DESCRIPTOR.values_by_name
}
AT_START = {errors.ConfigurationError}
NEVER_TO_CALLERS = {errors.EngineStoppedError}


def test_every_reason_is_published_and_every_published_one_is_used() -> None:
    used = {entry.reason for entry in (*errors.CATALOGUE.values(), errors.INTERNAL)}
    assert used == PUBLISHED - {"UNSPECIFIED"}


def test_every_error_of_the_backend_has_an_entry_of_its_own() -> None:
    kinds = {
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.BackendError) and kind is not errors.BackendError
    }
    assert kinds - AT_START - NEVER_TO_CALLERS <= set(errors.CATALOGUE)


def test_faults_of_the_caller_are_never_internal() -> None:
    for _, kind in inspect.getmembers(engine_errors, inspect.isclass):
        if issubclass(kind, engine_errors.InputError):
            entry = errors.entry_for(kind.__new__(kind))
            assert entry.code is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    "error",
    [
        KeyError("secret"),
        ValueError("text"),
        engine_errors.BundleError("/a/path"),
        engine_errors.ModelError("the models failed with KeyError"),
    ],
)
def test_faults_of_the_server_keep_their_message_to_themselves(error: Exception) -> None:
    assert errors.entry_for(error) is errors.INTERNAL
    assert not errors.INTERNAL.public


def test_field_is_told_as_a_path_in_the_callers_message() -> None:
    option = engine_errors.InvalidOptionError("speed", 9, "0.25 to 4.0")
    assert errors.violated_field(option, "input") == "input.options.speed"
    assert errors.violated_field(errors.InvalidFieldError("name", "wrong"), "input") == "name"
    assert errors.violated_field(KeyError("x"), "input") == ""
