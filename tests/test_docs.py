"""The pages that repeat the code are compared with it."""

import re
from pathlib import Path

from service.http.responses import STATUS_OF_CODE
from service.settings import settings_page

ROOT = Path(__file__).parents[1]


def test_the_page_of_settings_is_what_the_code_says() -> None:
    assert (ROOT / "docs/settings.md").read_text() == settings_page()


def test_the_api_page_lists_every_code_with_its_status_and_no_other() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d{3}) \|", (ROOT / "docs/api.md").read_text(), re.MULTILINE)
    assert {code: int(status) for code, status in rows} == STATUS_OF_CODE


def test_the_readme_maps_every_package_and_page() -> None:
    readme = (ROOT / "README.md").read_text()
    pages = [f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")]
    packages = [f"{folder.parent.name}/" for folder in ROOT.glob("*/__init__.py")]
    missing = [name for name in [*pages, *packages] if name not in readme]
    assert not missing


def test_every_link_between_pages_leads_somewhere() -> None:
    broken = [
        f"{page.name}: {target}"
        for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
        for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert not broken
