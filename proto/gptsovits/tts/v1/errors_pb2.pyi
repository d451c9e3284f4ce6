from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

class ErrorReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ERROR_REASON_UNSPECIFIED: _ClassVar[ErrorReason]
    ERROR_REASON_INVALID_FIELD: _ClassVar[ErrorReason]
    ERROR_REASON_EMPTY_TEXT: _ClassVar[ErrorReason]
    ERROR_REASON_TEXT_TOO_LONG: _ClassVar[ErrorReason]
    ERROR_REASON_UNSUPPORTED_LANGUAGE: _ClassVar[ErrorReason]
    ERROR_REASON_VOICE_NOT_FOUND: _ClassVar[ErrorReason]
    ERROR_REASON_VOICE_EXISTS: _ClassVar[ErrorReason]
    ERROR_REASON_VOICE_BUILTIN: _ClassVar[ErrorReason]
    ERROR_REASON_INVALID_REFERENCE: _ClassVar[ErrorReason]
    ERROR_REASON_CONSENT_REQUIRED: _ClassVar[ErrorReason]
    ERROR_REASON_KEY_MISSING: _ClassVar[ErrorReason]
    ERROR_REASON_KEY_INVALID: _ClassVar[ErrorReason]
    ERROR_REASON_OVERLOADED: _ClassVar[ErrorReason]
    ERROR_REASON_UPLOAD_TOO_LARGE: _ClassVar[ErrorReason]
    ERROR_REASON_DEADLINE_EXCEEDED: _ClassVar[ErrorReason]
    ERROR_REASON_SHUTTING_DOWN: _ClassVar[ErrorReason]
    ERROR_REASON_SYNTHESIS_FAILED: _ClassVar[ErrorReason]
    ERROR_REASON_INTERNAL: _ClassVar[ErrorReason]
ERROR_REASON_UNSPECIFIED: ErrorReason
ERROR_REASON_INVALID_FIELD: ErrorReason
ERROR_REASON_EMPTY_TEXT: ErrorReason
ERROR_REASON_TEXT_TOO_LONG: ErrorReason
ERROR_REASON_UNSUPPORTED_LANGUAGE: ErrorReason
ERROR_REASON_VOICE_NOT_FOUND: ErrorReason
ERROR_REASON_VOICE_EXISTS: ErrorReason
ERROR_REASON_VOICE_BUILTIN: ErrorReason
ERROR_REASON_INVALID_REFERENCE: ErrorReason
ERROR_REASON_CONSENT_REQUIRED: ErrorReason
ERROR_REASON_KEY_MISSING: ErrorReason
ERROR_REASON_KEY_INVALID: ErrorReason
ERROR_REASON_OVERLOADED: ErrorReason
ERROR_REASON_UPLOAD_TOO_LARGE: ErrorReason
ERROR_REASON_DEADLINE_EXCEEDED: ErrorReason
ERROR_REASON_SHUTTING_DOWN: ErrorReason
ERROR_REASON_SYNTHESIS_FAILED: ErrorReason
ERROR_REASON_INTERNAL: ErrorReason
