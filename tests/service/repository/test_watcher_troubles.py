"""What a worker lives through: unreadable folders, full disks, peers that come and go."""

import shutil
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from service.repository.catalog import Catalog
from service.repository.folder import Published
from service.repository.peers import Standing
from service.repository.watcher import Repository
from tests.service.repository.nets import FakePeers, load, publish, repository, without_privileges


def wait_for(models: Repository[str], name: str, answer: str) -> None:
    ends = time.monotonic() + 10
    while models.catalog.current.get(name) is None or models.catalog.find(name) != answer:
        assert time.monotonic() < ends, f"{name} never answered {answer!r}"
        time.sleep(0.005)


def test_a_model_whose_folder_cannot_be_read_goes_on_and_holds_up_no_other(
    open_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "convoy.repository")
    publish(open_folder, "closed", 1)
    publish(open_folder, "open", 1)
    models = repository(open_folder)
    models.refresh()
    (open_folder / "closed").chmod(0)
    publish(open_folder, "open", 2)
    with without_privileges():
        for _ in range(3):
            models.refresh()
    assert models.catalog.find("closed") == "closed 1 good"
    assert models.catalog.find("open") == "open 2 good"
    complaints = [record.getMessage() for record in caplog.records if "cannot be read" in record.getMessage()]
    expected = "the folder of model 'closed' cannot be read, what is in memory goes on serving: Permission denied"
    assert complaints == [expected]  # once, not at every look
    (open_folder / "closed").chmod(0o755)
    publish(open_folder, "closed", 2)
    models.refresh()
    assert models.catalog.find("closed") == "closed 2 good"
    assert "the folder of model 'closed' can be read again" in caplog.text


def test_a_root_that_cannot_be_read_leaves_all_as_it_is_until_it_comes_back(
    open_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    publish(open_folder, "net", 1)
    models = repository(open_folder)
    models.refresh()
    open_folder.chmod(0)
    with without_privileges():
        models.refresh()
        models.refresh()
    assert models.catalog.find("net") == "net 1 good"
    assert models.started
    assert caplog.text.count("the repository cannot be read") == 1
    open_folder.chmod(0o755)
    publish(open_folder, "net", 2)
    models.refresh()
    assert models.catalog.find("net") == "net 2 good"


def test_a_root_that_vanishes_and_comes_back_with_something_else_is_followed(tmp_path: Path) -> None:
    root = tmp_path / "models"
    publish(root, "net", 1)
    models = repository(root)
    models.refresh()
    shutil.move(root, tmp_path / "away")
    models.refresh()
    assert models.catalog.find("net") == "net 1 good"
    publish(root, "other", 1)
    models.refresh()
    assert models.catalog.find("other") == "other 1 good"
    assert "net" not in models.catalog.current


def test_a_file_that_could_not_be_read_is_tried_again_once_it_may_be(open_folder: Path) -> None:
    file = publish(open_folder, "net", 1) / "model.onnx"
    file.chmod(0)
    models = repository(open_folder)
    with without_privileges():
        models.refresh()
    assert models.catalog.entries["net", 1].reason == "PermissionError while loading."
    models.refresh()
    assert models.catalog.entries["net", 1].state == "failed"
    file.chmod(0o644)
    models.refresh()
    assert models.catalog.find("net") == "net 1 good"


def test_a_model_that_is_published_later_takes_no_readiness_away_while_it_loads(tmp_path: Path) -> None:
    readiness: list[tuple[bool, bool]] = []

    def slow_load(published: Published) -> str:
        if published.name == "late":
            readiness.append((models.started, models.catalog.can_answer(())))
        return load(published)

    publish(tmp_path, "net", 1)
    models = repository(tmp_path, load=slow_load)
    models.refresh()
    publish(tmp_path, "late", 1)
    models.refresh()
    assert readiness == [(True, True)]


def test_readiness_does_not_come_before_the_last_model_has_settled(tmp_path: Path) -> None:
    seen: list[bool] = []

    def slow_load(published: Published) -> str:
        seen.append(models.started)
        return load(published)

    for name in ("a", "b", "c"):
        publish(tmp_path, name, 1, "bad" if name == "b" else "good")
    models = repository(tmp_path, load=slow_load)
    models.refresh()
    assert seen == [False, False, False]
    assert models.started


def test_the_watch_outlives_whatever_goes_wrong_in_a_look(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class FullDisk(FakePeers):
        full = False

        def tell(self, *, ready: bool, offers: Mapping[str, int]) -> None:
            if self.full:
                raise OSError("No space left on device")
            super().tell(ready=ready, offers=offers)

    peers = FullDisk()
    publish(tmp_path, "net", 1)
    models = repository(tmp_path, peers=peers, interval_s=0.05)
    models.start()
    wait_for(models, "net", "net 1 good")
    peers.full = True
    publish(tmp_path, "net", 2)
    ends = time.monotonic() + 10
    while "looking at the repository failed" not in caplog.text:
        assert time.monotonic() < ends
        time.sleep(0.01)
    assert models.catalog.find("net") == "net 1 good"
    peers.full = False
    wait_for(models, "net", "net 2 good")
    models.stop()


def test_a_version_that_a_failed_look_left_as_loading_is_loaded_by_the_next(tmp_path: Path) -> None:
    explode = True

    def follow(catalog: Catalog[str]) -> None:
        if explode and any(entry.state == "loading" for entry in catalog.entries.values()):
            raise RuntimeError("a metric could not be written")

    publish(tmp_path, "net", 1)
    models = repository(tmp_path, on_change=follow)
    with pytest.raises(RuntimeError):
        models.refresh()
    assert models.catalog.entries["net", 1].state == "loading"
    explode = False
    models.refresh()
    assert models.catalog.find("net") == "net 1 good"


def test_a_worker_that_replaces_a_dead_one_loads_first_and_answers_like_its_peers(tmp_path: Path) -> None:
    """A version that was published a moment ago: the peer has not seen it yet, and a caller may get either of us."""
    peers = FakePeers([Standing(pid=1, ready=True, offers={"net": 1})])
    publish(tmp_path, "net", 1)
    publish(tmp_path, "net", 2)
    publish(tmp_path, "other", 1)
    models = repository(tmp_path, peers=peers)
    models.start()
    assert models.started
    assert models.catalog.find("net") == "net 1 good"
    assert models.catalog.find("other") == "other 1 good"
    peers.standings = [Standing(pid=1, ready=True, offers={"net": 2, "other": 1})]
    wait_for(models, "net", "net 2 good")
    models.stop()


def test_the_first_look_of_a_service_happens_beside_its_start(tmp_path: Path) -> None:
    let_go = threading.Event()

    def slow_load(published: Published) -> str:
        assert let_go.wait(10)
        return load(published)

    publish(tmp_path, "net", 1)
    models = repository(tmp_path, load=slow_load)
    models.start()
    assert not models.started
    let_go.set()
    wait_for(models, "net", "net 1 good")
    models.stop()


def test_stopping_does_not_wait_for_the_next_look(tmp_path: Path) -> None:
    publish(tmp_path, "net", 1)
    models = repository(tmp_path, interval_s=3600)
    models.start()
    wait_for(models, "net", "net 1 good")
    began = time.monotonic()
    models.stop()
    assert time.monotonic() - began < 2
