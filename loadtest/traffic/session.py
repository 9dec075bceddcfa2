"""What one Locust process does for a test: prepares the requests, collects their rows, hands them to the master."""

import itertools
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from locust.contrib.fasthttp import FastHttpUser
from locust.env import Environment

from loadtest.results.rows import Rows, Table
from loadtest.traffic.answers import Question
from loadtest.traffic.open_loop import Failed, OpenLoop, new_client_pool
from loadtest.traffic.pictures import NoPictures, load_pictures
from loadtest.traffic.questions import NothingToAsk, model_for, path_of, questions_for
from loadtest.traffic.stages import Stage

_KEY = "convoy_rows"


class Session:
    """The test as this process sees it; on a master, as all its workers do."""

    def __init__(self, environment: Environment) -> None:
        self.rows = Rows()
        self.started: list[tuple[float, float, Stage]] = []
        """Stages so far: when each began (seconds since the epoch), this process's CPU seconds then, and the stage."""
        self._environment = environment
        self._loop: OpenLoop | None = None
        self._questions: dict[str, Iterator[Question]] = {}
        self._outstanding: dict[str, int] = {}
        environment.events.report_to_master.add_listener(self._report)
        environment.events.worker_report.add_listener(self._receive)

    @property
    def loop(self) -> OpenLoop:
        """What sends the requests of this process."""
        assert self._loop is not None, "prepare() comes first"
        return self._loop

    @property
    def outstanding(self) -> int:
        """Requests under way, in this process or as its workers last said."""
        own = self._loop.outstanding if self._loop is not None else 0
        return own + sum(self._outstanding.values())

    def prepare(self, classes: list[type["FastHttpUser"]], options: Any) -> None:
        """Read the pictures, choose the models and ask every question once.

        Args:
            classes: The users of this test; each states its shares in `shares`.
            options: Locust's options with those of `loadtest.options`.

        Raises:
            NothingToAsk: the service cannot be asked what these users ask.
        """
        pool = new_client_pool()
        if not self._environment.host:
            raise NothingToAsk("--host has to say where the service is, as in --host http://127.0.0.1:3000.")
        client = pool.get_client(self._environment.host)
        self._loop = OpenLoop(self._environment, client, self.rows)
        shares: set[str] = set().union(*(getattr(each, "shares", {}) for each in classes))
        try:
            pictures = load_pictures(Path(options.pictures))
            for endpoint in sorted(shares):
                path = options.classify_path if endpoint == "classify" else ""
                if not path:
                    wanted = options.segmenter if endpoint == "segment" else options.model
                    model = model_for(client, endpoint, wanted)
                    if model is None:
                        continue
                    path = path_of(endpoint, model)
                asked = [self._loop.at_rest(each) for each in questions_for(endpoint, path, pictures)]
                self._questions[endpoint] = itertools.cycle(asked)
        except (NoPictures, Failed) as error:
            raise NothingToAsk(str(error)) from None
        if missing := shares - self._questions.keys():
            print(f"loadtest: no model can {' or '.join(sorted(missing))} here; that share is left out.")
        if not self._questions:
            raise NothingToAsk("There is nothing left to ask.")

    def forget(self) -> None:
        """Begin anew: rows and stages of an earlier test are of no use."""
        self.rows.take()
        self.started.clear()

    def available(self, shares: Mapping[str, int]) -> dict[str, int]:
        """The shares that the service can answer."""
        return {endpoint: share for endpoint, share in shares.items() if endpoint in self._questions}

    def question(self, endpoint: str) -> Question:
        """The next question for an endpoint; the pictures take turns."""
        return next(self._questions[endpoint])

    def begin_stage(self, stage: Stage) -> None:
        """Note that a stage begins now."""
        self.started.append((time.time(), time.process_time(), stage))

    def table(self) -> Table:
        """Everything that has come to an end so far."""
        return self.rows.table()

    def _report(self, data: dict[str, Any], **_: object) -> None:
        data[_KEY] = [self.outstanding, *self.rows.take()]

    def _receive(self, client_id: str, data: dict[str, Any], **_: object) -> None:
        outstanding, *taken = data[_KEY]
        self._outstanding[client_id] = outstanding
        self.rows.extend(taken)
