"""What a case of bad input is."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.service.live.wire import request

Pieces = Callable[[], Iterable[bytes]]


@dataclass(frozen=True, kw_only=True)
class BadInput:
    """One request that the service has to refuse, for `api_service`."""

    name: str
    """What is wrong with it, in words."""
    shown: str
    """What is sent, shortened."""
    pieces: Pieces
    """The bytes on the wire, written one after the other; made when they are sent, because some are large."""
    status: int
    code: str
    says: str = ""
    """What the sentence has to contain."""
    pause_s: float = 0.0
    """Between two pieces."""
    headers: tuple[tuple[str, str], ...] = ()
    """What the answer's headers have to be."""
    head: bool = False
    """Whether it is a HEAD request, whose answer has no body."""


def posted(
    name: str,
    target: str,
    body: bytes | Callable[[], bytes],
    status: int,
    code: str,
    *,
    kind: str = "",
    headers: dict[str, str] | None = None,
    says: str = "",
) -> BadInput:
    """A case of POST with a body of a Content-Type; without `kind` there is no such header."""

    def pieces() -> list[bytes]:
        made = body() if callable(body) else body
        return [request("POST", target, made, {**({"Content-Type": kind} if kind else {}), **(headers or {})})]

    shown = " ".join([f"POST {target}", *([f"({kind})"] if kind else [])])
    return BadInput(name=name, shown=shown, pieces=pieces, status=status, code=code, says=says)
