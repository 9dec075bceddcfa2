"""What one sending Locust process does for a test: prepares the questions, sends them, and collects their rows."""

import gc
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gevent.event import Event
from locust.env import Environment

from loadtest.results.rows import Rows
from loadtest.traffic.answers import Question
from loadtest.traffic.open_loop import Failed, OpenLoop, most_outstanding, new_client
from loadtest.traffic.pictures import NoPictures, load_pictures
from loadtest.traffic.questions import NothingToAsk, model_for, path_of, questions_for

_URL = re.compile(r"https?://[^/\s]+/?")
# Python's own are 700, 10, 10: with thousands of requests under way full collections take up to 80 ms each, find
# nothing, and send a dozen requests late. Now one comes after some 700,000 objects that stay.
_THRESHOLDS = (700, 10, 100)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a test asks, in plain values that a master can send to its workers."""

    host: str
    """URL of the service."""
    users: Sequence[Sequence[str]]
    """The endpoints of each class of users."""
    model: str | None
    segmenter: str | None
    classify_path: str
    pictures: str


class Session:
    """The test as a process sees it that sends requests."""

    def __init__(self, environment: Environment) -> None:
        self.rows = Rows()
        self.pace = 1.0
        """Requests per second of each stream."""
        self._environment = environment
        self._loop: OpenLoop | None = None
        self._questions: dict[str, Iterator[Question]] = {}
        self._never_asked: set[str] = set()
        self._ready = Event()

    @property
    def loop(self) -> OpenLoop:
        """What sends the requests of this process."""
        assert self._loop is not None, "prepare() comes first"
        return self._loop

    @property
    def outstanding(self) -> int:
        """Requests under way."""
        return self._loop.outstanding if self._loop is not None else 0

    def prepare(self, plan: Plan) -> dict[str, str]:
        """Read the pictures, choose the models and ask every question once; what an earlier test left is forgotten.

        Returns:
            The model, or the path, of each endpoint that the service can answer.

        Raises:
            NothingToAsk: the service cannot be asked what the plan asks.
        """
        self._ready.clear()
        self._questions.clear()
        self.rows.take()
        if not _URL.fullmatch(plan.host):
            raise NothingToAsk(f"--host has to be a URL as in http://127.0.0.1:3000, which {plan.host!r} is not.")
        most = most_outstanding()
        client = new_client(plan.host, most)
        self._loop = OpenLoop(self._environment, client, self.rows, most)
        asked: dict[str, str] = {}
        try:
            pictures = load_pictures(Path(plan.pictures))
            for endpoint in sorted({endpoint for endpoints in plan.users for endpoint in endpoints}):
                path = plan.classify_path if endpoint == "classify" else ""
                if path:
                    asked[endpoint] = path
                else:
                    model = model_for(client, endpoint, plan.segmenter if endpoint == "segment" else plan.model)
                    if model is None:
                        continue
                    asked[endpoint], path = model, path_of(endpoint, model)
                answered = [self._loop.at_rest(each) for each in questions_for(endpoint, path, pictures)]
                self._questions[endpoint] = itertools.cycle(answered)
        except (NoPictures, Failed) as error:
            raise NothingToAsk(str(error)) from None
        for endpoints in plan.users:
            missing = " or ".join(sorted(set(endpoints) - self._questions.keys()))
            if not self.available(endpoints):
                raise NothingToAsk(f"No model can {missing} here, and there are users who ask for nothing else.")
            if missing:
                print(f"loadtest: no model can {missing} here; that share is left out.", flush=True)
        self._never_asked = set(self._questions)
        _collect_rarely()
        self._ready.set()
        return asked

    def wait_until_prepared(self) -> None:
        """Wait for `prepare` to end; a worker that comes late gets its first users before it has the questions."""
        self._ready.wait()

    def close(self) -> None:
        """Wait for what is under way; nothing can be sent until the next `prepare`."""
        if self._loop is not None:
            self._loop.close()

    def available(self, endpoints: Iterable[str]) -> list[str]:
        """Those that the service can answer."""
        return [endpoint for endpoint in endpoints if endpoint in self._questions]

    def never_asked(self, endpoints: Iterable[str]) -> str | None:
        """One of the endpoints, of which nothing has been asked yet in this test; None where there is none."""
        return next((endpoint for endpoint in endpoints if endpoint in self._never_asked), None)

    def question(self, endpoint: str) -> Question:
        """The next question for an endpoint; the pictures take turns."""
        self._never_asked.discard(endpoint)
        return next(self._questions[endpoint])


def _collect_rarely() -> None:
    """Collect garbage now, so that during the test it does not have to be looked for among all that is there."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
