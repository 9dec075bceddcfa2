"""The running service that the tests of the API share."""

from collections.abc import Iterator

import pytest

from tests.service.live.api_service import running_api_service
from tests.service.live.running import Service


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service of `api_service`."""
    with running_api_service(tmp_path_factory.mktemp("api")) as service:
        yield service
