"""Writes the dashboards as JSON, or says which files differ from what would be written."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from deploy.dashboards import data, load_test, models, overview
from deploy.dashboards.checks import complaints, panel_complaints, questions
from deploy.dashboards.page import Page

FOLDER = Path(__file__).parents[1] / "grafana" / "dashboards"
DASHBOARDS: dict[str, Callable[[], Page]] = {
    "overview": overview.page,
    "models": models.page,
    "data": data.page,
    "load_test": load_test.page,
}


def generate(known: Mapping[str, frozenset[str]]) -> tuple[dict[str, str], list[str]]:
    """The text of every file by its name, and what is wrong with the dashboards; `known` as of `known_series`."""
    texts: dict[str, str] = {}
    wrong: list[str] = []
    for name, page in DASHBOARDS.items():
        dashboard = page().as_json()
        wrong += panel_complaints(dashboard)
        for question in questions(dashboard):
            wrong += complaints(question, known)
        texts[f"{name}.json"] = json.dumps(dashboard, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    return texts, wrong


def differences(texts: Mapping[str, str], folder: Path) -> list[str]:
    """One sentence for each file in a folder that is not what it should be."""
    found = {path.name: path.read_text() for path in folder.glob("*.json")}
    return [
        *(f"{name} is not what the generator writes." for name in texts if found.get(name) != texts[name]),
        *(f"{name} is of no dashboard." for name in sorted(found.keys() - texts.keys())),
    ]


def write(texts: Mapping[str, str], folder: Path) -> None:
    """Bring a folder in line."""
    for path in folder.glob("*.json"):
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        (folder / name).write_text(text)
