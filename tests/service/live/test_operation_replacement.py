"""New versions while every connection asks without a pause: no request fails, and nobody sees the old one again."""

import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.service.inference.pictures import encode
from tests.service.live.api_service import quadrant
from tests.service.live.callers import Caller, Reply, all_at_once
from tests.service.live.running import Service, running_service
from tests.service.live.watching import until
from tests.service.tiny_artifact import write_tiny_artifact

CLASSIFY = "/v1/models/tiny/classify"
PICTURE = encode(quadrant(1), "PNG")
CONNECTIONS = 12
INTERVAL_S = 0.5
# How long some worker may still give the old version after another gave the new one. Ten milliseconds are usual.
FLAP_S = 0.1


@pytest.fixture(scope="module", params=[1, 2, 3])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp(f"replacement-{request.param}")
    write_tiny_artifact(folder / "repository")
    with running_service(
        folder, folder / "repository", workers=request.param, threads=1, watch_interval_s=INTERVAL_S
    ) as running:
        yield running


def repository_of(service: Service) -> Path:
    return service.log_path.parent / "repository"


def publish(service: Service, version: int, content: bytes | None = None) -> None:
    """As `python -m export publish` does it: complete under a hidden name, then one rename."""
    home = repository_of(service) / "tiny"
    hidden = home / f".publishing-{version}"
    shutil.copytree(home / "1", hidden)
    if content is not None:
        (hidden / "model.onnx").write_bytes(content)
    hidden.rename(home / str(version))


@contextmanager
def hammering(service: Service) -> Iterator[list[list[Reply]]]:
    """All connections ask without a pause; the replies of each, complete when the block has ended."""
    stop = threading.Event()
    replies: list[list[Reply]] = [[] for _ in range(CONNECTIONS)]

    def go_on(index: int) -> None:
        caller = Caller(service.url)
        while not stop.is_set():
            replies[index].append(caller.ask("POST", CLASSIFY, PICTURE))
        caller.close()

    background = threading.Thread(target=all_at_once, args=(CONNECTIONS, go_on), daemon=True)
    background.start()
    try:
        yield replies
    finally:
        stop.set()
        background.join(40)


def version_of(reply: Reply) -> int:
    assert reply.status == 200, reply.body
    version: int = reply.json["version"]
    return version


def label_of(reply: Reply) -> str:
    assert reply.status == 200, reply.body
    label: str = reply.json["predictions"][0]["label"]
    return label


def test_a_new_version_answers_everywhere_at_once_and_no_request_fails(service: Service) -> None:
    windows_s = []
    for version in (2, 3, 4):
        with hammering(service) as replies:
            time.sleep(0.2)
            publish(service, version)
            until(
                lambda version=version: all(own and version_of(own[-1]) == version for own in replies),  # type: ignore[misc]
                within_s=20,
                what=f"version {version} on every connection",
            )
            time.sleep(0.2)
        for own in replies:
            versions = [version_of(reply) for reply in own]
            assert versions == sorted(versions)
            assert set(versions) == {version - 1, version}
        every = [reply for own in replies for reply in own]
        first_new = min(reply.ended for reply in every if version_of(reply) == version)
        last_old = max(reply.began for reply in every if version_of(reply) == version - 1)
        windows_s.append(last_old - first_new)
    assert max(windows_s) < FLAP_S


def test_a_bad_version_is_listed_with_its_reason_and_the_old_one_goes_on(service: Service) -> None:
    def states(caller: Caller) -> dict[int, str]:
        return {entry["version"]: entry["state"] for entry in caller.ask("GET", "/v1/models").json["models"]}

    with hammering(service) as replies:
        publish(service, 9, b"not a graph")
        for _ in range(8):  # a connection each, for every worker has to know
            caller = Caller(service.url)
            until(lambda caller=caller: states(caller).get(9) == "failed", within_s=20, what="a failed version 9")  # type: ignore[misc]
            caller.close()
    current = {version_of(reply) for own in replies for reply in own}
    assert len(current) == 1
    caller = Caller(service.url)
    (listed,) = [entry for entry in caller.ask("GET", "/v1/models").json["models"] if entry["version"] == 9]
    assert listed["reason"].endswith(".")
    assert listed["labels"] == []
    refused = caller.ask("POST", "/v1/models/tiny/versions/9/classify", PICTURE)
    assert (refused.status, refused.code) == (503, "not_ready")
    assert listed["reason"] in refused.json["error"]
    assert caller.ask("GET", "/readyz").status == 200
    # The next version that is good takes over, whatever the number of the bad one.
    shutil.rmtree(repository_of(service) / "tiny" / "9")
    with hammering(service) as replies:  # on many connections: one may show a single worker
        publish(service, 10)
        until(
            lambda: all(own and version_of(own[-1]) == 10 for own in replies),
            within_s=20,
            what="version 10 on every connection",
        )
    caller.close()


def test_a_half_published_folder_is_never_seen_and_an_overwritten_file_is_taken(service: Service) -> None:
    home = repository_of(service) / "tiny"
    caller = Caller(service.url)
    before = version_of(caller.ask("POST", CLASSIFY, PICTURE))
    half = home / f".{before + 1}"
    half.mkdir()
    (half / "model.onnx").write_bytes(b"half")
    digest = caller.ask("GET", "/v1/models/tiny").json["sha256"]
    other = write_tiny_artifact(repository_of(service) / ".elsewhere", version=1, labels=("a", "b", "c", "d"))
    with hammering(service) as replies:
        os.replace(other / "model.onnx", home / str(before) / "model.onnx")  # noqa: PTH105  in one step
        until(lambda: all(own and label_of(own[-1]) == "b" for own in replies), within_s=20, what="the new labels")
    assert {version_of(reply) for own in replies for reply in own} == {before}
    assert {label_of(reply) for own in replies for reply in own} == {"b", "top-right"}
    assert caller.ask("GET", "/v1/models/tiny").json["sha256"] != digest
    listed = {entry["version"] for entry in caller.ask("GET", "/v1/models").json["models"]}
    assert before + 1 not in listed
    caller.close()


def test_a_version_that_is_taken_back_gives_way_to_the_one_before(service: Service) -> None:
    caller = Caller(service.url)
    newest = version_of(caller.ask("POST", CLASSIFY, PICTURE))
    with hammering(service) as replies:
        shutil.rmtree(repository_of(service) / "tiny" / str(newest))
        until(
            lambda: all(own and version_of(own[-1]) < newest for own in replies), within_s=20, what="an older version"
        )
    for own in replies:
        versions = [version_of(reply) for reply in own]
        assert versions == sorted(versions, reverse=True)
    gone = caller.ask("POST", f"/v1/models/tiny/versions/{newest}/classify", PICTURE)
    assert (gone.status, gone.code) == (404, "unknown_version")
    caller.close()
