"""What can go wrong with a request, as one tree; service.http maps each code to its status.

ConvoyError
├── BadRequest            bad_request             the body or the query cannot be understood
├── BadImage              bad_image               a picture cannot be decoded
├── UnknownModel          unknown_model           no model of that name
├── UnknownVersion        unknown_version         the model has no such version
├── TooLarge              too_large               body, picture or number of pictures over a limit
├── UnsupportedMedia      unsupported_media_type  neither a supported picture, multipart nor JSON
├── InvalidParameter      invalid_parameter       a parameter is out of its range
├── UnknownTarget         unknown_target          no class of that label or index
├── WrongTask             wrong_task              the model does something else
├── Overloaded            overloaded              it could not be served in time, so it is refused at once
├── NotReady              not_ready               the model is still loading, or failed to load
└── DeadlineExceeded      deadline_exceeded       the time for the request has run out
"""

from typing import ClassVar, TypeVar

AnyError = TypeVar("AnyError", bound=Exception)


class ConvoyError(Exception):
    """Base of everything that a caller is told; `str(error)` is one sentence for them."""

    code: ClassVar[str]


class BadRequest(ConvoyError):
    """The body or the query cannot be understood."""

    code = "bad_request"


class BadImage(ConvoyError):
    """A picture cannot be decoded."""

    code = "bad_image"


class UnknownModel(ConvoyError):
    """No model of that name is published."""

    code = "unknown_model"


class UnknownVersion(ConvoyError):
    """The model has no such version."""

    code = "unknown_version"


class TooLarge(ConvoyError):
    """The body, a picture or the number of pictures is over a limit."""

    code = "too_large"


class UnsupportedMedia(ConvoyError):
    """The body is neither a supported picture format nor multipart nor JSON."""

    code = "unsupported_media_type"


class InvalidParameter(ConvoyError):
    """A parameter is not in its range."""

    code = "invalid_parameter"


class UnknownTarget(ConvoyError):
    """The model has no class of that label or index."""

    code = "unknown_target"


class WrongTask(ConvoyError):
    """The model answers another kind of question."""

    code = "wrong_task"


class Overloaded(ConvoyError):
    """The request could not be served in time; `retry_after_s` says when to come back."""

    code = "overloaded"

    def __init__(self, message: str, *, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NotReady(ConvoyError):
    """The model is still loading, or failed to load."""

    code = "not_ready"


class DeadlineExceeded(ConvoyError):
    """The time allowed for the request has run out."""

    code = "deadline_exceeded"


def without_traceback(error: AnyError) -> AnyError:
    """The error alone, to be kept as a value: its frames know all that was at hand where it was raised, and what
    keeps the error is among that, so that all of it, bodies included, would wait for the garbage collector.
    """
    error.__context__ = error.__cause__ = None
    return error.with_traceback(None)
