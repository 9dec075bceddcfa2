"""For `locust -f loadtest/locustfile.py [Classify|Segment|Cam|Mixed] --host URL`, alone or as master and workers."""

import sys
import time
from pathlib import Path
from typing import Any, NoReturn

from locust import LoadTestShape, events
from locust.env import Environment
from locust.runners import LocalRunner, MasterRunner, WorkerRunner

# Locust puts the folder of this file on the path, not the one in which the package lies.
sys.path.insert(0, str(Path(__file__).parents[1]))

from loadtest.results.objectives import InvalidObjectives, read_objectives
from loadtest.results.run_report import FAILED, report_on, text_of, write_report
from loadtest.traffic.options import add_options, chosen_stages, judged_rate, report_folder
from loadtest.traffic.questions import NothingToAsk
from loadtest.traffic.session import Session
from loadtest.traffic.stages import stage_at
from loadtest.traffic.users import Cam, Classify, Mixed, Segment, Stream

__all__ = ["Cam", "Classify", "Mixed", "Segment", "Stages"]

# A worker reports every three seconds: what it has said last is true of everything sent before.
_REPORTED_S = 4.0


class Stages(LoadTestShape):
    """Goes through the stages, then waits until every request has come to an end."""

    use_common_options = True

    ended: tuple[float, float] | None = None
    """When the last stage ended (seconds since the epoch), and this process's CPU seconds then."""
    _index: int | None = None

    def reset_time(self) -> None:
        """A test begins; in Locust's web page it may not be the first one."""
        self.start_time = time.perf_counter()
        self.ended = self._index = None
        Stream.session.forget()

    def tick(self) -> tuple[int, float] | None:
        """How many users there should be now."""
        assert self.runner is not None
        options: Any = self.runner.environment.parsed_options
        stages = chosen_stages(options)
        index = stage_at(stages, time.perf_counter() - self.start_time)
        if index is None:
            return self._after()
        if index != self._index:
            self._index = index
            Stream.session.begin_stage(stages[index])
        users = max(1, round(stages[index].rate / options.stream_rate))
        return users, users

    def _after(self) -> tuple[int, float] | None:
        if self.ended is None:
            self.ended = (time.time(), time.process_time())
        waited_s = time.time() - self.ended[0]
        settled = isinstance(self.runner, LocalRunner) or waited_s > _REPORTED_S
        return None if settled and waited_s > 0 and Stream.session.outstanding == 0 else (0, 100)


def _begin(environment: Environment, **_: object) -> None:
    """Read what can be read before the test, so that a mistake ends it at once."""
    options: Any = environment.parsed_options
    Stream.session = Session(environment)
    if isinstance(environment.runner, WorkerRunner):
        return
    try:
        read_objectives(Path(options.objectives))
    except InvalidObjectives as error:
        _give_up(str(error))
    if not chosen_stages(options):
        environment.shape_class = None
    if not options.user_classes:
        environment.user_classes = [Mixed]


def _prepare(environment: Environment, **_: object) -> None:
    options: Any = environment.parsed_options
    Stream.per_second = options.stream_rate
    if isinstance(environment.runner, MasterRunner):
        return
    try:
        Stream.session.prepare([each for each in environment.user_classes if issubclass(each, Stream)], options)
    except NothingToAsk as error:
        _give_up(str(error))


def _give_up(sentence: str) -> NoReturn:
    print(f"loadtest: {sentence}", file=sys.stderr, flush=True)
    raise SystemExit(FAILED)


def _drain(environment: Environment, **_: object) -> None:
    if not isinstance(environment.runner, MasterRunner):
        Stream.session.loop.drain()


def _judge(environment: Environment, **_: object) -> None:
    """Write the report, and let the objectives decide the exit code."""
    shape = environment.shape_class
    session = Stream.session
    if isinstance(environment.runner, WorkerRunner) or not isinstance(shape, Stages) or not session.started:
        return
    environment.process_exit_code = FAILED
    if shape.ended is None:
        print("loadtest: the run was cut off, so nothing is judged.")
        return
    options: Any = environment.parsed_options
    table = session.table()
    objectives = read_objectives(Path(options.objectives))
    try:
        report = report_on(table, session.started, shape.ended, objectives, judged_rate=judged_rate(options))
    except ValueError as error:
        print(f"loadtest: {error}")
        return
    print(text_of(report))
    if folder := report_folder(options):
        write_report(report, table, folder)
    environment.process_exit_code = report.exit_code


events.init_command_line_parser.add_listener(add_options)
events.init.add_listener(_begin)
events.test_start.add_listener(_prepare)
events.test_stop.add_listener(_drain)
events.quitting.add_listener(_judge)
