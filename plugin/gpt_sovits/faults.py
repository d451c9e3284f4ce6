"""What a failed call says: its gRPC status, read without trust in who wrote it."""

from __future__ import annotations

from dataclasses import dataclass, field

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

ERROR_DOMAIN = "tts.gptsovits"
DETAIL_CHARACTERS = 400
METADATA_CHARACTERS = 2_000  # the names of known voices


@dataclass(frozen=True, slots=True)
class Fault:
    """What a failed call says: the status, the server's words, and the published reason."""

    code: grpc.StatusCode
    detail: str
    reason: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    retry_after_s: float | None = None


def read_fault(error: grpc.RpcError, secret: str = "") -> Fault:
    """Return what `error` says, without `secret` should the server repeat it."""
    code = error.code() if isinstance(error, grpc.Call) else grpc.StatusCode.UNKNOWN
    detail = (error.details() or "") if isinstance(error, grpc.Call) else type(error).__name__
    fault = Fault(code=code, detail=_clean(detail, secret))
    status = _rich_status(error)
    return fault if status is None else _with_details(fault, status, secret)


def _clean(text: str, secret: str, limit: int = DETAIL_CHARACTERS) -> str:
    if secret:
        text = text.replace(secret, "(key)")
    return text[:limit].rstrip(". ")


def _rich_status(error: grpc.RpcError) -> status_pb2.Status | None:
    if not isinstance(error, grpc.Call):
        return None
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            return _parse_status(value)
    return None


def _parse_status(value: str | bytes) -> status_pb2.Status | None:
    try:
        return status_pb2.Status.FromString(value if isinstance(value, bytes) else value.encode())
    except DecodeError:  # a proxy's idea of a status: the plain one stands
        return None


def _with_details(fault: Fault, status: status_pb2.Status, secret: str) -> Fault:
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    reason, metadata, retry_after_s = "", {}, None
    for detail in status.details:
        if detail.Unpack(info) and info.domain == ERROR_DOMAIN:
            reason = info.reason
            metadata = {
                key: _clean(value, secret, METADATA_CHARACTERS)
                for key, value in info.metadata.items()
            }
        elif detail.Unpack(retry):
            retry_after_s = retry.retry_delay.ToTimedelta().total_seconds()
    return Fault(fault.code, fault.detail, reason, metadata, retry_after_s)
