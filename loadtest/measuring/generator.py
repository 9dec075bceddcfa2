"""Runs Locust in a process of its own, on a core of its own, and reads what it wrote."""

import json
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from loadtest.measuring.children import running
from loadtest.measuring.servers import Target, cores
from loadtest.results.objectives import DEFAULT_FILE
from loadtest.results.rows import Table, read_csv
from loadtest.results.run_report import INVALID, MET, MISSED
from loadtest.traffic.pictures import DEFAULT_FOLDER
from loadtest.traffic.stages import RanStage, Stage

_LOCUSTFILE = Path(__file__).parents[1] / "locustfile.py"
# More streams would only cost the generator time.
_STREAMS = 100
# Locust waits for the last answers before it writes what there was.
_STOP_S = 30.0


class GeneratorFailed(RuntimeError):
    """Locust ended without a report; the message says why in one sentence, or has the end of what it said."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked: a class of users, the models, and the pictures."""

    users: str = "Classify"
    model: str | None = None
    segmenter: str | None = None
    pictures: Path = DEFAULT_FOLDER
    objectives: Path = DEFAULT_FILE


@dataclass(frozen=True, slots=True)
class Generated:
    """A run of Locust."""

    table: Table
    stages: list[RanStage]
    asked: dict[str, str]
    """The model, or the path, of each endpoint."""
    problems: list[str] = field(default_factory=list)
    """What went wrong with the generator, in sentences without a stop."""


def generate(target: Target, asked: Asked, stages: Sequence[Stage], folder: Path) -> Generated:
    """Put a target under load, stage by stage, and wait for the last answer.

    Everything that Locust writes, its own CSV and HTML included, is put into `folder`.

    Raises:
        GeneratorFailed: see there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "summary.json").unlink(missing_ok=True)
    highest = max(stage.rate for stage in stages)
    options: dict[str, object] = {
        "--host": target.url,
        "--stages": ",".join(map(str, stages)),
        "--stream-rate": highest / _STREAMS,
        "--pictures": asked.pictures,
        "--objectives": asked.objectives,
        "--report": folder,
        "--csv": folder / "locust",
        "--html": folder / "locust.html",
        "--loglevel": "ERROR",
    }
    optional = {"--model": asked.model, "--segmenter": asked.segmenter, "--classify-path": target.classify_path}
    options |= {name: value for name, value in optional.items() if value}
    command = [sys.executable, "-m", "locust", "-f", str(_LOCUSTFILE), asked.users]
    command += ["--headless", "--only-summary", *(str(part) for pair in options.items() for part in pair)]
    settings = {name: value for name, value in os.environ.items() if not name.startswith(("LOCUST_", "LOADTEST_"))}
    own = cores()[1] if target.process is not None else None
    log = folder / "locust.log"
    with running(command, environment=settings, cores=own, log=log, stop_s=_STOP_S) as locust:
        locust.wait()
    output = log.read_text()
    if locust.returncode not in (MET, MISSED, INVALID) or not (folder / "summary.json").exists():
        raise GeneratorFailed(_why(target, output))
    for sentence in _sentences(output):
        print(f"loadtest: {sentence}", flush=True)
    summary = json.loads((folder / "summary.json").read_text())
    ran = [
        RanStage(Stage(each["seconds"], each["rate"]), each["start_s"], each["end_s"], each["generator_cpu_share"])
        for each in summary["stages"]
    ]
    # A stage that was never begun has no length.
    ran += [RanStage(stage, ran[-1].end_s, ran[-1].end_s, math.nan) for stage in stages[len(ran) :]]
    return Generated(read_csv(folder / "requests.csv"), ran, summary["asked"], summary["generator_problems"])


def _sentences(output: str) -> list[str]:
    """What our own part of Locust said."""
    return [line.removeprefix("loadtest: ") for line in output.splitlines() if line.startswith("loadtest: ")]


def _why(target: Target, output: str) -> str:
    if target.has_ended:
        return f"{target.name} has ended."
    return "\n".join(_sentences(output)) or f"Locust failed:\n{output[-2000:]}"
