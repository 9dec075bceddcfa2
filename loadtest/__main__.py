"""`python -m loadtest`: how much a service carries (load), what happens beyond (overload), and for long (soak)."""

import argparse
import os
import platform
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loadtest.measuring.generator import Asked, GeneratorFailed
from loadtest.measuring.overload import Overload, overload, overload_text
from loadtest.measuring.page import step_table, write_page
from loadtest.measuring.readings import Readings, Unreadable, readings_of
from loadtest.measuring.servers import NotStarted, Target, running_convoy, running_peer
from loadtest.measuring.soak import soak, soak_text
from loadtest.measuring.steps import Step, knee_of, measure_step, search
from loadtest.results.objectives import DEFAULT_FILE, InvalidObjectives, read_objectives
from loadtest.traffic.pictures import DEFAULT_FOLDER

_USERS = ("Classify", "Segment", "Cam", "Mixed")


def _positive(text: str) -> float:
    if not float(text) > 0:
        raise argparse.ArgumentTypeError("it has to be above 0")
    return float(text)


def _rates(text: str) -> list[float]:
    return [_positive(part) for part in text.split(",")]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m loadtest", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    load = commands.add_parser("load", help="steps of offered load, the knee, and a page of plots")
    beyond = commands.add_parser("overload", help="several times the knee, and back")
    long = commands.add_parser("soak", help="a share of the knee for a long time")
    for name, command in (("load", load), ("overload", beyond), ("soak", long)):
        target = command.add_argument_group("what is loaded")
        target.add_argument(
            "--url", help="a service that runs already; without it one is started, on a core of its own"
        )
        target.add_argument("--prometheus", help="a Prometheus that scrapes it; without it /metrics or the processes")
        repository = Path("model_repository")
        target.add_argument("--repository", type=Path, default=repository, help="models of the service that is started")
        target.add_argument("--model", help="classifier to ask; without it the first by name")
        target.add_argument("--segmenter", help="segmenter to ask; without it the first by name")
        target.add_argument("--users", choices=_USERS, default="Classify", help="who asks (default Classify)")
        target.add_argument("--pictures", type=Path, default=DEFAULT_FOLDER, help="a picture, or a folder of them")
        target.add_argument("--objectives", type=Path, default=DEFAULT_FILE, help="file of objectives")
        command.add_argument("--out", type=Path, default=Path("build/load", name), help="folder for what is written")
    load.add_argument("--rates", type=_rates, help="rates to offer, as in 10,20,40; without it the knee is searched")
    load.add_argument("--lowest", type=_positive, default=8.0, help="first rate of the search (default 8)")
    load.add_argument("--highest", type=_positive, default=8192.0, help="last rate of the search (default 8192)")
    load.add_argument("--seconds", type=_positive, default=20.0, help="length of a step (default 20)")
    beyond.add_argument("--knee", type=_positive, required=True, help="requests per second, as `load` found it")
    beyond.add_argument("--multiples", type=_rates, default=[2.0, 5.0, 10.0], help="of the knee (default 2,5,10)")
    beyond.add_argument("--seconds", type=_positive, default=20.0, help="length of an overload (default 20)")
    beyond.add_argument("--peer", type=Path, metavar="MODEL.ONNX", help="the same for FastAPI by hand over this file")
    long.add_argument("--knee", type=_positive, required=True, help="requests per second, as `load` found it")
    long.add_argument("--share", type=_positive, default=0.7, help="of the knee (default 0.7)")
    long.add_argument("--minutes", type=_positive, default=30.0, help="length (default 30)")
    return parser


@contextmanager
def _target(options: argparse.Namespace) -> Iterator[tuple[Target, Readings]]:
    """The service to load, and how it is read."""
    if options.url:
        target = Target("Convoy", options.url.rstrip("/"))
        yield target, readings_of(target, options.prometheus)
        return
    with running_convoy(options.repository, options.out / "convoy.log") as target:
        yield target, readings_of(target, options.prometheus)


def _asked(options: argparse.Namespace) -> Asked:
    return Asked(options.users, options.model, options.segmenter, options.pictures, options.objectives)


def _setting(options: argparse.Namespace, target: Target) -> str:
    """One sentence for the page."""
    where = "started for the test, on one core" if target.process is not None else f"at {target.url}"
    model = options.model or "the first model by name"
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    return f"{options.users} users, {model}, pictures in {options.pictures.name}; service {where}; {machine}."


def _load(options: argparse.Namespace) -> int:
    with _target(options) as (target, readings):

        def measure(rate: float) -> Step:
            folder = options.out / f"{rate:08.2f}"
            step = measure_step(target, _asked(options), readings, rate, seconds=options.seconds, folder=folder)
            judgement = step.point.missed[0] if step.point.missed else "objectives met"
            print(f"{step.summary.offered:.1f} requests/s: {judgement}", flush=True)
            return step

        found = search(measure, lowest=options.lowest, highest=options.highest)
        steps = [measure(rate) for rate in options.rates] if options.rates else list(found)
        setting = _setting(options, target)
    knee = knee_of(steps)
    judged = {verdict.objective.endpoint for step in steps for verdict in step.verdicts}
    objectives = [each for each in read_objectives(options.objectives) if each.endpoint in judged]
    title = f"Load on {options.model or 'Convoy'}"
    page = write_page(steps, knee, objectives, options.out, title=title, setting=setting)
    print(f"\n{step_table(steps)}\n\n{knee}\n{page}")
    return 0 if knee.rate is not None else 1


def _overload(options: argparse.Namespace) -> int:
    results: list[Overload] = []

    def all_multiples(target: Target, readings: Readings) -> None:
        for multiple in options.multiples:
            folder = options.out / f"{target.name.replace(' ', '-').lower()}-{multiple:g}"
            result = overload(
                target, _asked(options), readings, options.knee, multiple, seconds=options.seconds, folder=folder
            )
            results.append(result)
            print(f"{target.name}, {multiple:g} times the knee: done", flush=True)

    with _target(options) as (target, readings):
        all_multiples(target, readings)
    if options.peer:
        with running_peer(options.peer, options.out / "peer.log") as peer:
            all_multiples(peer, readings_of(peer, None))
    return _write(options, overload_text(results))


def _soak(options: argparse.Namespace) -> int:
    with _target(options) as (target, readings):
        rate = options.knee * options.share
        result = soak(target, _asked(options), readings, rate, minutes=options.minutes, folder=options.out / "soak")
    return _write(options, soak_text(result))


def _write(options: argparse.Namespace, text: str) -> int:
    (options.out / "report.md").write_text(text)
    print(f"\n{text}")
    return 0


def main() -> None:
    """Run a command; what it found goes to standard output and into the folder."""
    options = _parser().parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    # Else what was started here would go on without us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        sys.exit({"load": _load, "overload": _overload, "soak": _soak}[options.command](options))
    except (GeneratorFailed, NotStarted, Unreadable, InvalidObjectives, ValueError) as error:
        sys.exit(f"loadtest: {error}")


if __name__ == "__main__":
    main()
