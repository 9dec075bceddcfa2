"""JSON lines on standard output: events through `logging`, requests through a buffer that one thread writes."""

import logging
import select
import sys
import threading
from collections import deque
from datetime import UTC, datetime
from typing import Any, BinaryIO

import orjson

_FLUSH_S = 0.1
_MOST_LINES = 20_000
# The workers share one pipe: what is written at once and is no longer than this stays together in it.
_PIECE_BYTES = select.PIPE_BUF
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """One JSON object per record: time, level, logger, message, what was passed as `extra`, and the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its newline."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update({name: value for name, value in vars(record).items() if name not in _STANDARD})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


def configure_logging() -> None:
    """Make every logger of this process write JSON lines, the framework's included."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    for name in ("", "bentoml", "circus", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers = [handler] if name == "" else []
        logger.propagate = True
    logging.getLogger().setLevel(logging.WARNING)
    logging.getLogger("convoy").setLevel(logging.INFO)
    # A body that is no form is the caller's affair, and stands in the access log.
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
    # uvicorn would put together the parts of an access line that nobody writes.
    logging.getLogger("uvicorn.access").propagate = False


class AccessLog:
    """Lines about requests, written in batches by a thread of their own: a slow reader never stalls the event loop."""

    def __init__(self, stream: BinaryIO | None = None) -> None:
        self._stream = stream or sys.stdout.buffer
        self._lines: deque[dict[str, Any]] = deque(maxlen=_MOST_LINES)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write, name="access-log", daemon=True)
        self._thread.start()

    def add(self, line: dict[str, Any]) -> None:
        """Take a line; the oldest are lost when nobody reads the output and the buffer is full."""
        self._lines.append(line)

    def close(self) -> None:
        """Write what is left."""
        self._stop.set()
        self._thread.join(timeout=2)

    def _write(self) -> None:
        while not self._stop.wait(_FLUSH_S):
            self._flush()
        self._flush()

    def _flush(self) -> None:
        text = b""
        while self._lines:
            entry = self._lines.popleft()
            entry["time"] = datetime.fromtimestamp(entry["time"], UTC)
            line = orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE)
            if len(text) + len(line) > _PIECE_BYTES:
                self._put(text)
                text = b""
            text += line
        self._put(text)

    def _put(self, text: bytes) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self._stop.set()  # nobody is there to read any more
