"""How load goes over time, for Locust: a test is prepared, goes through its stages, and waits for its last answers."""

import logging
import math
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from locust import LoadTestShape
from locust.env import Environment

from loadtest.results.objectives import InvalidObjectives, Objective, read_objectives, require
from loadtest.traffic.crew import Crew
from loadtest.traffic.open_loop import PATIENCE_S
from loadtest.traffic.options import InvalidOptions, chosen_stages
from loadtest.traffic.questions import NothingToAsk
from loadtest.traffic.session import Plan
from loadtest.traffic.stages import RanStage, stage_at, streams_for
from loadtest.traffic.users import Stream

# What has not been answered by then will not be.
_ANSWERED_WITHIN_S = PATIENCE_S + 10.0
# Locust takes as many users per second away as it adds; a slow way down would be load of its own.
_AT_ONCE = 100


log = logging.getLogger("loadtest")


class Run:
    """A test under way."""

    def __init__(self, environment: Environment, crew: Crew) -> None:
        """Prepare it; it begins when this returns.

        Raises:
            InvalidOptions: an option cannot work.
            InvalidObjectives: the objectives cannot be used.
            NothingToAsk: the service cannot be asked.
        """
        options: Any = environment.parsed_options
        self._options = options
        self._classes = len(streams_of(environment))
        self._crew = crew
        self.stages = chosen_stages(options)
        self.objectives = objectives_for(environment)
        self.asked = crew.prepare(_plan(environment))
        self.complete = False
        """Whether it came to its end by itself."""
        self.problems: list[str] = []
        """What has gone wrong with the generator, in sentences without a stop."""
        self.began_s = time.time()
        self._began = time.perf_counter()
        self._stages_began_s: list[float] = []
        self._passed_over: list[str] = []
        self._ended_s: float | None = None
        self._most_users = _AT_ONCE
        if not self.stages:
            crew.keep_pace(options.stream_rate)

    def tick(self) -> tuple[int, float] | None:
        """How many users there should be now, and how many may come or go per second; None at the end."""
        if self._ended_s is not None:
            return self._settle()
        self.problems = self._crew.problems + self._passed_over
        now = time.perf_counter() - self._began
        lasts_s = sum(each.seconds for each in self.stages) or self._options.run_time or math.inf
        if self.problems or now >= lasts_s:
            self.complete = not self.problems
            self._end()
            return self._settle()
        if not self.stages:
            return self._options.num_users or 1, self._options.spawn_rate or 1
        index = stage_at(self.stages, now)
        assert index is not None
        users = streams_for(self.stages[index].rate, self._options.stream_rate, self._classes)
        while index >= len(self._stages_began_s):
            self._crew.look_at_clock()
            self._crew.keep_pace(self.stages[index].rate / users)
            if index > len(self._stages_began_s):
                self._passed_over.append("the generator was too busy to begin a stage in time")
            self._stages_began_s.append(time.time())
        self._most_users = max(self._most_users, users)
        return users, self._most_users

    def ran(self) -> list[RanStage]:
        """The stages so far; the last one ends now if the test is being cut off."""
        if self._ended_s is None:
            self._end()
        assert self._ended_s is not None
        edges = [*self._stages_began_s, self._ended_s]
        return [
            RanStage(self.stages[index], start_s, end_s, self._crew.cpu_share(start_s, end_s))
            for index, (start_s, end_s) in enumerate(pairwise(edges))
            if end_s > start_s
        ]

    def _end(self) -> None:
        self._crew.look_at_clock()
        self._ended_s = time.time()

    def _settle(self) -> tuple[int, float] | None:
        """Wait until what was sent has been answered."""
        assert self._ended_s is not None
        waited_s = time.time() - self._ended_s
        if waited_s > self._crew.settles_s and not self._crew.outstanding:
            return None
        if waited_s > _ANSWERED_WITHIN_S:
            self.problems = [*self.problems, f"{self._crew.outstanding} requests came to no end"]
            return None
        return 0, self._most_users


class Stages(LoadTestShape):
    """Goes through the stages that the options ask for; without any, through what Locust's own options say."""

    use_common_options = True

    crew: Crew
    run: Run | None = None
    """The test under way, or the one that has just ended."""

    def tick(self) -> tuple[int, float] | None:
        """How many users there should be now; the first time, the test is prepared before it begins."""
        assert self.runner is not None
        environment = self.runner.environment
        if self.run is None:
            try:
                self.run = Run(environment, self.crew)
            except (InvalidOptions, InvalidObjectives, NothingToAsk) as error:
                say(environment, str(error))
                return None
        return self.run.tick()


def say(environment: Environment, sentence: str) -> None:
    """To the terminal or, where there is a web page, to its logs."""
    if environment.web_ui is not None:
        log.error(sentence)
    else:
        print(f"loadtest: {sentence}", file=sys.stderr, flush=True)


def objectives_for(environment: Environment) -> list[Objective]:
    """The objectives, where the test has stages to judge by them.

    Raises:
        InvalidObjectives: the file cannot be used, or has nothing for an endpoint that the users ask.
        InvalidOptions: there are no such stages.
    """
    options: Any = environment.parsed_options
    objectives = read_objectives(Path(options.objectives))
    if chosen_stages(options):
        require(objectives, {endpoint for each in streams_of(environment) for endpoint in each.shares})
    return objectives


def _plan(environment: Environment) -> Plan:
    options: Any = environment.parsed_options
    return Plan(
        host=environment.host or "",
        users=[list(each.shares) for each in streams_of(environment)],
        model=options.model or None,
        segmenter=options.segmenter or None,
        classify_path=options.classify_path,
        pictures=options.pictures,
    )


def streams_of(environment: Environment) -> list[type[Stream]]:
    """The classes of users."""
    return [each for each in environment.user_classes if issubclass(each, Stream)]
