"""The options that load tests add to Locust's own; each can be given as an environment variable too."""

import argparse
import math
from pathlib import Path
from typing import Any

from loadtest.results.objectives import DEFAULT_FILE
from loadtest.traffic.pictures import DEFAULT_FOLDER
from loadtest.traffic.stages import SHAPES, Stage, parse_stages, strictly_ascending


class InvalidOptions(ValueError):
    """An option cannot work; the message says why in one sentence."""


def positive(text: str) -> float:
    """A finite number above 0.

    Raises:
        ArgumentTypeError: the text is none.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (value > 0 and math.isfinite(value)):
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return value


def _stages(text: str) -> str:
    try:
        if text:  # compose files hand on variables that are empty
            parse_stages(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def add_options(parser: Any) -> None:
    """Add them to Locust's parser, which knows `env_var` beside argparse's parameters.

    The values are kept plain, because a master sends them to its workers.
    """
    group = parser.add_argument_group("Convoy's load tests")
    shapes = f"{', '.join(SHAPES)}: how load goes over time; without one, Locust's -u, -r and -t say it"
    group.add_argument("--shape", choices=[*SHAPES, ""], default="", env_var="LOADTEST_SHAPE", help=shapes)
    group.add_argument(
        "--rate",
        type=positive,
        default=10.0,
        env_var="LOADTEST_RATE",
        help="requests per second that the service has to carry; shapes are relative to it (default 10)",
    )
    group.add_argument(
        "--stages",
        type=_stages,
        default="",
        env_var="LOADTEST_STAGES",
        help="in the place of a shape: SECONDSxRATE,... as in 10x40,20x80",
    )
    group.add_argument(
        "--stream-rate",
        type=positive,
        default=1.0,
        env_var="LOADTEST_STREAM_RATE",
        help="requests per second of one Locust user, at most (default 1)",
    )
    group.add_argument(
        "--model", default=None, env_var="LOADTEST_MODEL", help="classifier to ask; without one, the first by name"
    )
    group.add_argument(
        "--segmenter",
        default=None,
        env_var="LOADTEST_SEGMENTER",
        help="segmenter to ask; without one, the first by name",
    )
    group.add_argument(
        "--classify-path", default="", env_var="LOADTEST_CLASSIFY_PATH", help="where another service classifies"
    )
    group.add_argument(
        "--pictures", default=str(DEFAULT_FOLDER), env_var="LOADTEST_PICTURES", help="a picture, or a folder of them"
    )
    group.add_argument(
        "--objectives", default=str(DEFAULT_FILE), env_var="LOADTEST_OBJECTIVES", help="file of objectives"
    )
    group.add_argument(
        "--report",
        default="",
        env_var="LOADTEST_REPORT",
        help="folder for report.md, summary.json and requests.csv; tests from the web page get folders in it",
    )


def chosen_stages(options: Any) -> list[Stage]:
    """The stages that the options ask for; none where Locust's own options rule.

    Raises:
        InvalidOptions: there are no such stages, which only the web page lets through.
    """
    try:
        if options.stages:
            return parse_stages(options.stages)
        if not options.shape:
            return []
        if options.shape not in SHAPES:
            raise InvalidOptions(f"{options.shape!r} is no shape; there are {', '.join(SHAPES)}.")
        return SHAPES[options.shape](positive(str(options.rate)))
    except (argparse.ArgumentTypeError, ValueError) as error:
        raise InvalidOptions(str(error)) from None


def judged_rate(options: Any) -> float:
    """Objectives count in stages of at most this rate; beyond it the service is asked for more than it has to carry."""
    return math.inf if options.stages else float(options.rate)


def seeks_knee(options: Any) -> bool:
    """Whether the stages are steps upwards that are long enough to judge each of them; ramps are not."""
    return strictly_ascending(parse_stages(options.stages)) if options.stages else options.shape == "step"


def report_folder(options: Any) -> Path | None:
    """Where the report goes, if anywhere."""
    return Path(options.report) if options.report else None
