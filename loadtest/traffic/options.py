"""The options that load tests add to Locust's own; each can be given as an environment variable too."""

import argparse
import math
from pathlib import Path
from typing import Any

from loadtest.results.objectives import DEFAULT_FILE
from loadtest.traffic.pictures import DEFAULT_FOLDER
from loadtest.traffic.stages import SHAPES, Stage, parse_stages, strictly_ascending

_RATE, _STREAM_RATE = 10.0, 1.0


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


def _positive_or_none(text: str) -> float | None:
    return positive(text) if text else None  # as in _stages


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
        type=_positive_or_none,
        default=None,
        env_var="LOADTEST_RATE",
        help="requests per second that the service has to carry: shapes are relative to it (default 10), and "
        "objectives count up to it",
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
        type=lambda text: _positive_or_none(text) or _STREAM_RATE,
        default=_STREAM_RATE,
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
        "--pictures",
        type=lambda text: text or str(DEFAULT_FOLDER),
        default=str(DEFAULT_FOLDER),
        env_var="LOADTEST_PICTURES",
        help="a picture, or a folder of them",
    )
    group.add_argument(
        "--objectives",
        type=lambda text: text or str(DEFAULT_FILE),
        default=str(DEFAULT_FILE),
        env_var="LOADTEST_OBJECTIVES",
        help="file of objectives",
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
        InvalidOptions: there are no such stages, or two options say what they are.
    """
    try:
        if options.stages and options.shape:
            raise InvalidOptions("--shape and --stages both say how load goes over time; give one of them.")
        if options.stages:
            stages = parse_stages(options.stages)
            if all(stage.rate > judged_rate(options) for stage in stages):
                raise InvalidOptions(f"No stage is within --rate {judged_rate(options):g}, so nothing would be judged.")
            return stages
        if not options.shape:
            return []
        if options.shape not in SHAPES:
            raise InvalidOptions(f"{options.shape!r} is no shape; there are {', '.join(SHAPES)}.")
        return SHAPES[options.shape](_rate_of(options) or _RATE)
    except (argparse.ArgumentTypeError, ValueError) as error:
        raise InvalidOptions(str(error)) from None


def judged_rate(options: Any) -> float:
    """Objectives count in stages of at most this rate; beyond it the service is asked for more than it has to carry."""
    return _rate_of(options) or (math.inf if options.stages else _RATE)


def _rate_of(options: Any) -> float | None:
    """The web page hands on what was typed."""
    return _positive_or_none(str(options.rate)) if options.rate is not None else None


def check_run_time(options: Any) -> None:
    """Refuse a length for a test that has one already.

    Raises:
        InvalidOptions: it does.
    """
    if options.run_time and (options.shape or options.stages):
        raise InvalidOptions("--run-time does not go with --shape or --stages, which say how long a test lasts.")


def seeks_knee(options: Any) -> bool:
    """Whether the stages are steps upwards that are long enough to judge each of them; ramps are not."""
    return strictly_ascending(parse_stages(options.stages)) if options.stages else options.shape == "step"


def report_folder(options: Any) -> Path | None:
    """Where the report goes, if anywhere."""
    return Path(options.report) if options.report else None
