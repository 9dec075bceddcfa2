"""Where the environment variable CI is set, a test that is skipped has failed: nothing may be missing there."""

import os
from collections.abc import Generator

import pytest

# Tests that open a session themselves report nothing either; see service.inference.session.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
_OFF = ("", "0", "false")


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() not in _OFF


def _fail(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure that shows its reason."""
    # An expected failure counts as skipped too, and is none.
    if not _in_ci() or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"{report.nodeid} was skipped, which is a failure where CI is set. {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that skips, by a mark or while it runs."""
    report = yield
    _fail(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A file that skips as a whole, as by importorskip."""
    report = yield
    _fail(report)
    return report
