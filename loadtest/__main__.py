"""`python -m loadtest`: how much a service carries (load), what happens beyond (overload), and for long (soak)."""

import argparse
import dataclasses
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from loadtest.command_line import parsed
from loadtest.measuring.generator import Asked, GeneratorFailed
from loadtest.measuring.overload import Overloaded, Starting, around_knee, overload
from loadtest.measuring.overload_plots import draw_overloads
from loadtest.measuring.overload_report import JUDGED_MULTIPLE, overload_code, overload_text, rates_kept
from loadtest.measuring.page import step_table, write_page
from loadtest.measuring.prometheus import watch_of
from loadtest.measuring.readings import Unreadable
from loadtest.measuring.search import Tried, knee_of, search, try_rates
from loadtest.measuring.servers import NotStarted, Target, running_convoy, running_peer
from loadtest.measuring.setting import setting_lines, setting_of
from loadtest.measuring.soak import soak, soak_text
from loadtest.measuring.steps import Step, measure_step, step_seconds
from loadtest.results.objectives import InvalidObjectives, read_objectives
from loadtest.results.run_report import FAILED, INVALID, MET, MISSED
from loadtest.results.tables import rounded, write_figures

_INVALID_TRIES = 3


@contextmanager
def _target(options: argparse.Namespace) -> Iterator[Target]:
    """The service to load."""
    if options.url:
        yield Target("Convoy", options.url)
        return
    with running_convoy(options.repository, options.out / "convoy.log") as target:
        yield target


def _asked(options: argparse.Namespace) -> Asked:
    return Asked(options.users, options.model, options.segmenter, options.pictures, options.objectives)


def _folder(options: argparse.Namespace) -> Path:
    """Where runs of Locust go; those of an earlier test, which would be taken for these, are removed."""
    folder: Path = options.out / "steps"
    for written in [*folder.glob("*/locust_stats.csv"), *folder.glob("*/*/locust_stats.csv")]:
        shutil.rmtree(written.parent)
    return folder


def _load(options: argparse.Namespace) -> int:
    folder = _folder(options)
    measured: dict[float, Tried] = {}
    with _target(options) as target:

        def measure(rate: float, attempt: int) -> Step:
            watch = watch_of(target, options.prometheus)
            seconds = options.seconds or step_seconds(rate)
            place = folder / f"{rate:08.2f}-{attempt}"
            step = measure_step(target, _asked(options), watch, rate, seconds=seconds, folder=place)
            why = [*step.summary.problems, *step.missed, "objectives met"][0]
            print(f"{rounded(rate)} requests/s: {why}", flush=True)
            measured.setdefault(rate, Tried(rate, [])).steps.append(step)
            _write_page(options, target, list(measured.values()))
            return step

        found = search(measure, lowest=options.lowest, highest=options.highest)
        try:
            tried = list(try_rates(measure, options.rates) if options.rates else found)
        except (GeneratorFailed, Unreadable) as error:
            if measured:
                raise GeneratorFailed(f"{error} What was measured until then lies in {options.out}.") from None
            raise
    knee = knee_of(tried)
    page = options.out / "index.html"
    print(f"\n{step_table([step for each in tried for step in each.steps])}\n\n{knee}\n{page}")
    if knee.beyond is not None and not knee.beyond.valid:
        return INVALID
    return MET if knee.rate is not None else MISSED


def _write_page(options: argparse.Namespace, target: Target, tried: Sequence[Tried]) -> None:
    steps = [step for each in tried for step in each.steps]
    judged = {verdict.objective.endpoint for step in steps for verdict in step.verdicts}
    objectives = [each for each in read_objectives(options.objectives) if each.endpoint in judged]
    title = f"Load on {', '.join(sorted(set(steps[0].asked.values())))}"
    setting = setting_of(target, _asked(options), steps[0].asked)
    write_page(tried, objectives, options.out, title=title, setting=setting)


def _overload(options: argparse.Namespace) -> int:
    steps = _folder(options)
    results: list[Overloaded] = []
    setting: dict[str, str] = {}

    def put_through(name: str, starting: Starting) -> None:
        folder = steps / name
        result = around_knee(starting, _asked(options), options.knee, folder=folder)
        results.append(result)
        for multiple in options.multiples:
            each = overload(
                starting,
                _asked(options),
                lambda target: watch_of(target, None, every_s=0.5),
                options.knee,
                multiple,
                seconds=options.seconds,
                folder=folder,
                tries=_INVALID_TRIES if multiple <= JUDGED_MULTIPLE else 1,
            )
            result.overloads.append(each)
            print(f"{result.name}, {multiple:g} times the knee: done", flush=True)
            if not setting:
                with starting() as target:
                    setting.update(setting_of(target, _asked(options), result.asked))
            _write(options, setting, overload_text(results), {"services": [dataclasses.asdict(one) for one in results]})
            title = f"Overload of {', '.join(sorted(set(results[0].asked.values())))}"
            draw_overloads(results, options.out / "overload.png", title=title)

    try:
        with _target(options) as target:
            put_through("convoy", lambda: nullcontext(target))
        if options.peer:
            # It works through all that it took on, long after the callers have gone; so each run has one of its own.
            put_through("peer", lambda: running_peer(options.peer, options.out / "peer.log"))
    except (GeneratorFailed, NotStarted, Unreadable) as error:
        if not setting:
            raise
        print(f"\n{overload_text(results)}")
        raise GeneratorFailed(f"{error} What was measured until then lies in {options.out}.") from None
    print(f"\n{overload_text(results)}")
    # What the other service does is reported; but where its rate was not kept, the comparison is none.
    return overload_code(results[0]) if all(map(rates_kept, results)) else INVALID


def _soak(options: argparse.Namespace) -> int:
    folder = _folder(options) / "soak"
    with _target(options) as target:
        watch = watch_of(target, options.prometheus)
        rate = options.knee * options.share
        result = soak(target, _asked(options), watch, rate, minutes=options.minutes, folder=folder)
        setting = setting_of(target, _asked(options), result.asked)
    _write(options, setting, soak_text(result), dataclasses.asdict(result))
    print(f"\n{soak_text(result)}")
    return result.exit_code


def _write(options: argparse.Namespace, setting: Mapping[str, str], text: str, figures: Mapping[str, Any]) -> None:
    title = f"## {options.command.capitalize()}"
    (options.out / "report.md").write_text("\n".join([title, "", *setting_lines(setting), "", text]))
    write_figures({"setting": setting, **figures}, options.out / "result.json")


def main() -> None:
    """Run a command; what it found goes to standard output and into the folder."""
    options = parsed()
    options.out.mkdir(parents=True, exist_ok=True)
    # Else what was started here would go on without us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        sys.exit({"load": _load, "overload": _overload, "soak": _soak}[options.command](options))
    except KeyboardInterrupt:
        print(f"loadtest: interrupted; what was measured until then lies in {options.out}.", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)
    except (GeneratorFailed, NotStarted, Unreadable, InvalidObjectives, ValueError) as error:
        print(f"loadtest: {error}", file=sys.stderr)
        sys.exit(FAILED)


if __name__ == "__main__":
    main()
