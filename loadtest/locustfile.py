"""For `locust -f loadtest/locustfile.py [Classify|Segment|Cam|Mixed] --host URL`, alone or as master and workers."""

import argparse
import signal
import sys
import time
from pathlib import Path
from typing import Any

from locust import events
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

# Locust puts the folder of this file on the path, not the one in which the package lies.
sys.path.insert(0, str(Path(__file__).parents[1]))

from loadtest.results.objectives import InvalidObjectives
from loadtest.results.run_report import FAILED, report_on, text_of, write_report
from loadtest.traffic.crew import Alone, Workers, work_for_master
from loadtest.traffic.options import InvalidOptions, add_options, check_run_time, judged_rate, report_folder, seeks_knee
from loadtest.traffic.session import Session
from loadtest.traffic.shape import Stages, objectives_for
from loadtest.traffic.users import Cam, Classify, Mixed, Segment, Stream

__all__ = ["Cam", "Classify", "Mixed", "Segment", "Stages"]

_USERS = [each.__name__ for each in (Classify, Segment, Cam, Mixed)]


def _begin(environment: Environment, **_: object) -> None:
    """Give this process its part; what can be read before a test is read now, so that a mistake ends it at once."""
    options: Any = environment.parsed_options
    runner = environment.runner
    session = Stream.session = Session(environment)
    if isinstance(runner, WorkerRunner):
        work_for_master(session, environment, runner)
        return
    assert isinstance(environment.shape_class, Stages)
    environment.shape_class.crew = Workers(environment, runner) if isinstance(runner, MasterRunner) else Alone(session)
    if not options.user_classes:
        environment.user_classes = [Mixed]
    # Until a test has passed, this process has not succeeded.
    environment.process_exit_code = FAILED
    try:
        if options.class_picker:
            raise InvalidOptions("The users are named on the command line; --class-picker does not work here.")
        check_run_time(options)
        objectives_for(environment)
        if environment.web_ui is None and not environment.host:
            raise InvalidOptions("--host has to say where the service is, as in --host http://127.0.0.1:3000.")
    except (InvalidObjectives, InvalidOptions) as error:
        print(f"loadtest: {error}", file=sys.stderr, flush=True)
        raise SystemExit(FAILED) from None
    if environment.web_ui is None:
        # Locust's own handler is there after the test only.
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def _end(environment: Environment, **_: object) -> None:
    """A test has ended: see what it came to."""
    if isinstance(environment.runner, WorkerRunner):
        Stream.session.close()
        return
    shape = environment.shape_class
    assert isinstance(shape, Stages)
    run, shape.run = shape.run, None
    if run is None:
        return
    ran = run.ran()
    Stream.session.close()
    if not run.stages:
        environment.process_exit_code = None
        return
    table = shape.crew.table()
    options: Any = environment.parsed_options
    report = report_on(
        table,
        ran,
        run.objectives,
        judged_rate=judged_rate(options),
        seeks_knee=seeks_knee(options),
        asked=run.asked,
        problems=run.problems,
        cut_off=not run.complete,
    )
    print(text_of(report), flush=True)
    if folder := report_folder(options):
        if environment.web_ui is not None:
            folder /= time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(run.began_s))
        write_report(report, table, folder)
    environment.process_exit_code = report.exit_code


def _know_users(parser: Any) -> None:
    """Locust itself would end with the exit code of missed objectives where it does not know a class of users."""

    def known(name: str) -> str:
        if name not in _USERS:
            raise argparse.ArgumentTypeError(f"there are no users {name!r}; there are {', '.join(_USERS)}")
        return name

    for action in parser._actions:
        if action.dest == "user_classes":
            action.type = known


events.init_command_line_parser.add_listener(add_options)
events.init_command_line_parser.add_listener(_know_users)
events.init.add_listener(_begin)
events.test_stop.add_listener(_end)
