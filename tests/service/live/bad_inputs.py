"""Every bad input that the service is tested with. `python -m tests.service.live.bad_inputs` sends them all to a
running service and prints a Markdown table of what it answered.
"""

import json
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.service.live import bad_containers, bad_pictures, bad_requests
from tests.service.live.api_service import running_api_service
from tests.service.live.case import BadInput
from tests.service.live.wire import Answer, exchange

_MOST_SHOWN = 90

CASES: list[BadInput] = [*bad_pictures.CASES, *bad_containers.CASES, *bad_requests.CASES]


def answer_to(url: str, case: BadInput) -> Answer:
    """Send a case to the service at `url`."""
    return exchange(url, case.pieces(), pause_s=case.pause_s, method="HEAD" if case.head else "GET")


def _cell(text: str) -> str:
    """Short, and without what would end a cell."""
    text = text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."
    return text.replace("|", r"\|")


def table(url: str, cases: Iterable[BadInput]) -> Iterator[str]:
    """The lines of the table."""
    yield "| input | sent | answer | sentence |"
    yield "| --- | --- | --- | --- |"
    for case in cases:
        answer = answer_to(url, case)
        error = {"error": "", "code": ""} if case.head else json.loads(answer.body)
        answered = f"{answer.status} `{error['code']}`" if error["code"] else str(answer.status)
        sentence = error["error"].replace("|", r"\|")
        yield f"| {_cell(case.name)} | `{_cell(case.shown)}` | {answered} | {sentence} |"


def main() -> None:
    """Start the service, print the table, stop it."""
    with tempfile.TemporaryDirectory() as folder, running_api_service(Path(folder)) as service:
        for line in table(service.url, CASES):
            print(line)


if __name__ == "__main__":
    main()
