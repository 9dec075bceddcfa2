"""Reads what lies at an address piece by piece, beside a progress bar."""

import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

CONNECTION_ERRORS = (OSError, http.client.HTTPException)
"""What a connection, or the disk behind it, may raise."""
_CHUNK_BYTES = 1 << 16
_TIMEOUT_S = 20.0


def download_bars() -> Progress:
    """Bars that show bytes and speed."""
    return Progress(TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())


def pieces(url: str, *, progress: Progress, title: str) -> Iterator[bytes]:
    """The bytes at an address, in order; whether they are all there is the caller's to check.

    Raises:
        CONNECTION_ERRORS: the address cannot be reached, or the connection broke.
    """
    bar = progress.add_task(title, total=None)
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as response:
            length = response.headers.get("Content-Length")
            progress.update(bar, total=int(length) if length else None)
            while chunk := response.read(_CHUNK_BYTES):
                yield chunk
                progress.advance(bar, len(chunk))
    except urllib.error.HTTPError as error:
        # It holds the answer's body, and with it the connection.
        error.close()
        raise
    finally:
        progress.stop_task(bar)


def reason(error: Exception) -> str:
    """Why it failed, in a few words."""
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    return str(getattr(inner, "strerror", None) or inner).rstrip(".") or type(error).__name__
