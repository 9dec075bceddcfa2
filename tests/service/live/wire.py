"""HTTP/1.1 byte by byte: requests that no well-behaved client would send, and the answers to them."""

import socket
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPResponse
from urllib.parse import urlsplit

BOUNDARY = "frontier"
FORM_TYPE = f"multipart/form-data; boundary={BOUNDARY}"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Message
    body: bytes


def request(
    method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None, *, version: str = "1.1"
) -> bytes:
    """A whole request; Content-Length is right unless `headers` says otherwise, "" in `headers` leaves one out."""
    lines = {"Host": "convoy", "Content-Length": str(len(body)) if body or method == "POST" else ""} | dict(
        headers or {}
    )
    head = [f"{method} {target} HTTP/{version}", *(f"{name}: {value}" for name, value in lines.items() if value)]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


def chunked(method: str, target: str, chunks: Iterable[bytes]) -> bytes:
    """A request in chunks, ended as it should be."""
    head = request(method, target, headers={"Content-Length": "", "Transfer-Encoding": "chunked"})
    return head + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


def form(*parts: tuple[str, bytes]) -> bytes:
    """A multipart body with BOUNDARY: the Content-Disposition's parameters and the content of each part."""
    lead = f"--{BOUNDARY}\r\nContent-Disposition: form-data; "
    body = b"".join(lead.encode() + name.encode() + b"\r\n\r\n" + content + b"\r\n" for name, content in parts)
    return body + f"--{BOUNDARY}--\r\n".encode()


def connect(url: str, *, timeout_s: float = 10.0) -> socket.socket:
    """A connection to the host of `url`."""
    address = urlsplit(url)
    assert address.hostname is not None
    assert address.port is not None
    return socket.create_connection((address.hostname, address.port), timeout=timeout_s)


def receive(sock: socket.socket, method: str = "GET") -> Answer:
    """The next answer; what came behind it in the same packet is lost."""
    response = HTTPResponse(sock, method=method)
    response.begin()
    return Answer(response.status, response.headers, response.read())


def exchange(url: str, pieces: Iterable[bytes], *, pause_s: float = 0.0, method: str = "GET") -> Answer:
    """Send all pieces over a new connection, then take the answer.

    Raises:
        OSError: the connection was reset, or nothing came in time.
    """
    with connect(url) as sock:
        for piece in pieces:
            sock.sendall(piece)
            if pause_s:
                time.sleep(pause_s)
        return receive(sock, method)
