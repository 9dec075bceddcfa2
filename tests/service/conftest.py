"""A published model that the service's tests share."""

from pathlib import Path

import pytest

from tests.service.tiny_artifact import write_tiny_artifact


@pytest.fixture(scope="session")
def tiny_artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Version folder of a gray 28x28 classifier of the brightest quadrant; for other kinds call the builder."""
    return write_tiny_artifact(tmp_path_factory.mktemp("repository"))
