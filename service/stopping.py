"""Tells of a stop signal when it comes, which is before the server acts on it."""

import signal
import threading
from collections.abc import Callable
from types import FrameType


def on_stop_signal(call: Callable[[], None]) -> None:
    """Have `call` run at SIGINT and SIGTERM, and then the handler that there was.

    Does nothing outside the main thread, which has no signals: there the server of a test runs.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _before(signal.getsignal(number), call))


def _before(handler: object, call: Callable[[], None]) -> Callable[[int, FrameType | None], None]:
    def handle(number: int, frame: FrameType | None) -> None:
        call()
        if callable(handler):
            handler(number, frame)

    return handle
