"""Answers on their way out: one response type, JSON, and the one place where errors become statuses."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from service.errors import ConvoyError, Overloaded

JSON = "application/json"
PNG = "image/png"

# The closed list of codes. docs/api.md shows it; nothing else ever stands in "code".
STATUS_OF_CODE: dict[str, int] = {
    "bad_request": 400,
    "bad_image": 400,
    "unknown_model": 404,
    "unknown_version": 404,
    "not_found": 404,
    "method_not_allowed": 405,
    "upload_timeout": 408,
    "too_large": 413,
    "unsupported_media_type": 415,
    "invalid_parameter": 422,
    "unknown_target": 422,
    "wrong_task": 422,
    "internal_error": 500,
    "not_ready": 503,
    "overloaded": 503,
    "deadline_exceeded": 504,
}


@dataclass(slots=True)
class Response:
    """A whole answer; bodies are small enough to be sent in one piece."""

    body: bytes
    status: int = 200
    media_type: str = JSON
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    code: str | None = None
    """The error's code, for metrics and logs; None where all went well."""


def json_response(value: Mapping[str, Any], *, status: int = 200) -> Response:
    """A JSON answer; numpy arrays and numbers are understood."""
    return Response(orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY), status)


def error_response(code: str, message: str, *, retry_after_s: float | None = None) -> Response:
    """`{"error": <one sentence>, "code": <snake_case>}` with the code's status.

    Retry-After, where given, is in whole seconds, at least 1.
    """
    response = Response(orjson.dumps({"error": message, "code": code}), STATUS_OF_CODE[code], code=code)
    if retry_after_s is not None:
        response.headers.append((b"retry-after", str(max(1, math.ceil(retry_after_s))).encode()))
    return response


def response_to(error: ConvoyError) -> Response:
    """The answer that tells a caller about an error."""
    if isinstance(error, Overloaded):
        return error_response(error.code, str(error), retry_after_s=error.retry_after_s)
    if error.code == "upload_timeout":
        response = error_response(error.code, str(error))
        response.headers.append((b"connection", b"close"))  # what still comes would not be a new request
        return response
    return error_response(error.code, str(error), retry_after_s=1.0 if error.code == "not_ready" else None)
