import contextlib
import io
import json
import logging
import os
import select
import threading
import time
from datetime import UTC, datetime
from typing import Any

from service.logs import AccessLog, JsonFormatter


def formatted(logger: logging.Logger, *args: Any, **options: Any) -> dict[str, Any]:
    """What a call of `logger.error` is written as."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logger.addHandler(handler)
    logger.propagate = False
    try:
        logger.error(*args, **options)
    finally:
        logger.removeHandler(handler)
    (line,) = stream.getvalue().splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_record_is_one_line_with_time_level_logger_and_message() -> None:
    line = formatted(logging.getLogger("convoy.test"), "%d of %s\nfailed", 3, "four")
    assert abs(datetime.fromisoformat(line.pop("time")).timestamp() - time.time()) < 60
    assert line == {"level": "error", "logger": "convoy.test", "message": "3 of four\nfailed"}


def test_what_is_passed_along_stands_in_the_line_whatever_it_is() -> None:
    line = formatted(
        logging.getLogger("convoy.test"), "failed", extra={"request_id": "abc", "route": "/", "odd": {1, 2}.__iter__}
    )
    assert (line["request_id"], line["route"]) == ("abc", "/")
    assert isinstance(line["odd"], str)


def test_a_traceback_stays_within_its_line() -> None:
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        line = formatted(logging.getLogger("convoy.test"), "failed", exc_info=True)
    assert line["traceback"].startswith("Traceback (most recent call last):\n")
    assert line["traceback"].endswith("ValueError: first\nsecond")


class Pipe(io.RawIOBase):
    """A pipe that takes writes only while it is let, and remembers how large each was."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        assert self.open.wait(20)
        self.pieces.append(bytes(data))
        return len(data)


def entry(number: int) -> dict[str, Any]:
    return {"time": time.time(), "logger": "convoy.access", "number": number, "path": "/x" * (number % 100)}


def numbers(pipe: Pipe) -> list[int]:
    return [json.loads(line)["number"] for line in b"".join(pipe.pieces).splitlines()]


def test_lines_come_out_in_order_in_whole_lines_that_a_pipe_keeps_together() -> None:
    pipe = Pipe()
    access = AccessLog(io.BufferedWriter(pipe))
    for number in range(5000):
        access.add(entry(number))
    access.close()
    assert numbers(pipe) == list(range(5000))
    assert all(piece.endswith(b"\n") for piece in pipe.pieces)
    assert max(map(len, pipe.pieces)) <= select.PIPE_BUF
    assert len(pipe.pieces) < 500  # several lines at once, not a call for each
    first = json.loads(pipe.pieces[0].splitlines()[0])
    assert datetime.fromisoformat(first["time"]).tzinfo == UTC


def test_nobody_waits_for_a_reader_who_does_not_read_and_the_oldest_lines_are_lost() -> None:
    pipe = Pipe()
    pipe.open.clear()
    access = AccessLog(io.BufferedWriter(pipe))
    access.add(entry(0))
    time.sleep(0.3)  # the writer is stuck with it now
    began = time.monotonic()
    for number in range(1, 30_001):
        access.add(entry(number))
    assert time.monotonic() - began < 2
    pipe.open.set()
    access.close()
    found = numbers(pipe)
    assert found[-1] == 30_000
    assert len(found) <= 20_001
    assert found == sorted(found)


def test_a_reader_who_has_gone_ends_the_writing_and_nothing_else() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    stream = os.fdopen(writing, "wb")
    access = AccessLog(stream)
    access.add(entry(1))
    time.sleep(0.3)
    access.add(entry(2))
    access.close()
    assert "access-log" not in [thread.name for thread in threading.enumerate()]
    with contextlib.suppress(BrokenPipeError):
        stream.close()
