import shutil
from pathlib import Path

import pytest

from service.errors import NotReady, UnknownModel, UnknownVersion
from service.repository.peers import Standing
from tests.service.repository.nets import FakePeers, publish, repository


def test_the_newest_version_answers_and_an_older_one_can_be_named(tmp_path: Path) -> None:
    publish(tmp_path, "net", 1)
    publish(tmp_path, "net", 10)
    models = repository(tmp_path)
    models.refresh()
    assert models.catalog.find("net") == "net 10 good"
    assert models.catalog.find("net", 1) == "net 1 good"
    with pytest.raises(UnknownVersion):
        models.catalog.find("net", 2)
    with pytest.raises(UnknownModel):
        models.catalog.find("other")


def test_before_the_first_look_every_model_is_still_loading(tmp_path: Path) -> None:
    publish(tmp_path, "net", 1)
    with pytest.raises(NotReady):
        repository(tmp_path).catalog.find("net")


@pytest.mark.parametrize(("content", "reason"), [("bad", "It is bad."), ("broken", "RuntimeError while loading.")])
def test_a_bad_version_is_listed_with_its_reason_and_the_old_one_goes_on(
    tmp_path: Path, content: str, reason: str
) -> None:
    publish(tmp_path, "net", 1)
    models = repository(tmp_path)
    models.refresh()
    publish(tmp_path, "net", 2, content)
    models.refresh()
    assert models.catalog.find("net") == "net 1 good"
    entry = models.catalog.entries["net", 2]
    assert (entry.state, entry.reason) == ("failed", reason)
    assert models.catalog.can_answer(())


def test_a_failed_version_is_tried_again_once_its_file_has_changed(tmp_path: Path) -> None:
    publish(tmp_path, "net", 1, "bad")
    models = repository(tmp_path)
    models.refresh()
    assert not models.catalog.can_answer(())
    publish(tmp_path, "net", 1, "mended")
    models.refresh()
    assert models.catalog.find("net") == "net 1 mended"


def test_a_version_overwritten_by_a_bad_file_goes_on_from_memory(tmp_path: Path) -> None:
    publish(tmp_path, "net", 1)
    models = repository(tmp_path)
    models.refresh()
    publish(tmp_path, "net", 1, "bad")
    models.refresh()
    assert models.catalog.find("net") == "net 1 good"
    assert models.catalog.entries["net", 1].state == "failed"


def test_what_is_gone_from_the_folder_is_gone_from_the_catalog(tmp_path: Path) -> None:
    publish(tmp_path, "net", 1)
    newer = publish(tmp_path, "net", 2)
    models = repository(tmp_path)
    models.refresh()
    shutil.rmtree(newer)
    models.refresh()
    assert models.catalog.find("net") == "net 1 good"
    shutil.rmtree(tmp_path / "net")
    models.refresh()
    with pytest.raises(UnknownModel):
        models.catalog.find("net")


def test_only_the_newest_good_versions_are_kept(tmp_path: Path) -> None:
    for version in range(1, 6):
        publish(tmp_path, "net", version, "bad" if version == 4 else "good")
    models = repository(tmp_path)
    models.refresh()
    states = {version: entry.state for (_, version), entry in models.catalog.entries.items()}
    assert states == {5: "ready", 4: "failed", 3: "ready"}


def test_hidden_folders_and_other_names_are_not_models(tmp_path: Path) -> None:
    publish(tmp_path, ".net", 1)
    publish(tmp_path, "net", 1)
    shutil.copytree(tmp_path / "net" / "1", tmp_path / "net" / ".2-half")
    shutil.copytree(tmp_path / "net" / "1", tmp_path / "net" / "draft")
    (tmp_path / "README.md").write_text("")
    models = repository(tmp_path)
    models.refresh()
    assert set(models.catalog.entries) == {("net", 1)}


def test_a_repository_that_vanishes_leaves_what_is_in_memory(tmp_path: Path) -> None:
    root = tmp_path / "models"
    publish(root, "net", 1)
    models = repository(root)
    models.refresh()
    shutil.rmtree(root)
    models.refresh()
    assert models.catalog.find("net") == "net 1 good"


def test_a_new_version_waits_until_the_peers_have_it_too(tmp_path: Path) -> None:
    peers = FakePeers([Standing(pid=1, ready=True, offers={"net": 1})])
    publish(tmp_path, "net", 1)
    models = repository(tmp_path, peers=peers)
    models.refresh()
    publish(tmp_path, "net", 2)
    models.refresh()
    assert models.catalog.find("net") == "net 1 good"
    assert models.catalog.find("net", 2) == "net 2 good"
    assert peers.told[-1] == (True, {"net": 2})
    peers.standings = [Standing(pid=1, ready=True, offers={"net": 2})]
    models.refresh()
    assert models.catalog.find("net") == "net 2 good"


def test_readiness_waits_for_the_peers_once(tmp_path: Path) -> None:
    peers = FakePeers([Standing(pid=1, ready=False, offers={})])
    publish(tmp_path, "net", 1)
    models = repository(tmp_path, peers=peers)

    def started_beside(standing: Standing) -> bool:
        peers.standings = [standing]
        models.refresh()
        return models.started

    assert not started_beside(Standing(pid=1, ready=False, offers={}))
    assert started_beside(Standing(pid=1, ready=True, offers={"net": 1}))
    assert started_beside(Standing(pid=2, ready=False, offers={}))


def test_required_models_decide_readiness(tmp_path: Path) -> None:
    publish(tmp_path, "net", 1)
    publish(tmp_path, "other", 1, "bad")
    models = repository(tmp_path)
    models.refresh()
    assert models.catalog.can_answer(())
    assert models.catalog.can_answer(("net",))
    assert not models.catalog.can_answer(("net", "other"))
