"""What `python -m loadtest` understands."""

import argparse
from pathlib import Path

from loadtest.measuring.soak import LEAST_REQUESTS
from loadtest.results.objectives import DEFAULT_FILE
from loadtest.traffic.options import positive
from loadtest.traffic.pictures import DEFAULT_FOLDER
from loadtest.traffic.stages import LEAST_S

_USERS = ("Classify", "Segment", "Cam", "Mixed")


def parsed(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options; what cannot work ends the process with a sentence and exit code 2."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command == "overload" and options.peer is not None:
        if options.users != "Classify":
            parser.error(f"--peer can only classify, and --users {options.users} asks for more.")
        if not options.peer.is_file():
            parser.error(f"--peer {options.peer} is no file.")
    if options.command == "overload" and options.seconds < LEAST_S:
        parser.error(f"--seconds {options.seconds:g} are too few; an overload lasts at least {LEAST_S:g}.")
    if options.command == "soak" and options.knee * options.share * options.minutes * 60 < LEAST_REQUESTS:
        least = LEAST_REQUESTS / (options.knee * options.share * 60)
        parser.error(f"--minutes {options.minutes:g} are too few at this rate; slopes need {least:.2g}.")
    if options.url is None and not options.repository.is_dir():
        parser.error(f"--repository {options.repository} is no folder.")
    return options


def _rates(text: str) -> list[float]:
    return sorted({positive(part.strip()) for part in text.split(",")})


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"{text!r} is no URL as in http://127.0.0.1:3000")
    return text.rstrip("/")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m loadtest")
    commands = parser.add_subparsers(dest="command", required=True)
    load = commands.add_parser("load", help="steps of offered load, the knee, and a page of plots")
    beyond = commands.add_parser("overload", help="several times the knee, and back")
    long = commands.add_parser("soak", help="a share of the knee for a long time")
    for name, command in (("load", load), ("overload", beyond), ("soak", long)):
        target = command.add_argument_group("what is loaded")
        target.add_argument(
            "--url", type=_url, help="a service that runs already; without it one is started, on a core of its own"
        )
        if command is not beyond:  # its stages are shorter than a few scrapes
            target.add_argument(
                "--prometheus", type=_url, help="a Prometheus that scrapes it; without it /metrics or the processes"
            )
        repository = Path("model_repository")
        target.add_argument("--repository", type=Path, default=repository, help="models of the service that is started")
        target.add_argument("--model", help="classifier to ask; without it the first by name")
        target.add_argument("--segmenter", help="segmenter to ask; without it the first by name")
        target.add_argument("--users", choices=_USERS, default="Classify", help="who asks (default Classify)")
        target.add_argument("--pictures", type=Path, default=DEFAULT_FOLDER, help="a picture, or a folder of them")
        target.add_argument("--objectives", type=Path, default=DEFAULT_FILE, help="file of objectives")
        command.add_argument("--out", type=Path, default=Path("build/load", name), help="folder for what is written")
    load.add_argument("--rates", type=_rates, help="rates to offer, as in 10,20,40; without it the knee is searched")
    load.add_argument("--lowest", type=positive, default=8.0, help="first rate of the search (default 8)")
    load.add_argument("--highest", type=positive, default=8192.0, help="last rate of the search (default 8192)")
    load.add_argument(
        "--seconds", type=positive, help="length of a step; without it, that of 1000 requests, from 20 to 120 seconds"
    )
    beyond.add_argument("--knee", type=positive, required=True, help="requests per second, as `load` found it")
    beyond.add_argument("--multiples", type=_rates, default=[2.0, 5.0, 10.0], help="of the knee (default 2,5,10)")
    beyond.add_argument("--seconds", type=positive, default=20.0, help="length of an overload (default 20)")
    beyond.add_argument("--peer", type=Path, metavar="MODEL.ONNX", help="the same for FastAPI by hand over this file")
    long.add_argument("--knee", type=positive, required=True, help="requests per second, as `load` found it")
    long.add_argument("--share", type=positive, default=0.7, help="of the knee (default 0.7)")
    long.add_argument("--minutes", type=positive, default=30.0, help="length (default 30)")
    return parser
