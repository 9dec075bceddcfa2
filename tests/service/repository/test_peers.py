import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.repository.peers import NoPeers, PeerFiles, Standing


def write(folder: Path, pid: int, text: str | None = None) -> Path:
    file = folder / f"worker-{pid}.json"
    file.write_text(text or json.dumps({"pid": pid, "ready": True, "offers": {"net": 3}}))
    return file


@pytest.fixture
def living() -> int:
    return os.getppid()


def test_a_service_of_one_worker_has_no_peers() -> None:
    alone = NoPeers()
    alone.tell(ready=True, offers={"net": 1})
    assert alone.others() == []


def test_a_worker_reads_what_the_living_others_say_and_not_itself(tmp_path: Path, living: int) -> None:
    write(tmp_path, living)
    peers = PeerFiles(tmp_path)
    peers.tell(ready=False, offers={"net": 2})
    assert peers.others() == [Standing(pid=living, ready=True, offers={"net": 3})]
    own = json.loads((tmp_path / f"worker-{os.getpid()}.json").read_text())
    assert own == {"pid": os.getpid(), "ready": False, "offers": {"net": 2}}


def test_the_file_of_a_dead_worker_counts_no_longer(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait(20)
    file = write(tmp_path, dead.pid)
    assert PeerFiles(tmp_path).others() == []
    assert not file.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"pid": 1}'])
def test_a_file_that_makes_no_sense_is_passed_over(tmp_path: Path, living: int, text: str) -> None:
    write(tmp_path, 1, text or " ")
    write(tmp_path, living)
    assert [standing.pid for standing in PeerFiles(tmp_path).others()] == [living]


def test_what_is_told_is_never_half_there_and_written_only_when_it_changes(tmp_path: Path) -> None:
    peers = PeerFiles(tmp_path)
    own = tmp_path / f"worker-{os.getpid()}.json"
    inodes = []
    for version in (1, 1, 2):
        peers.tell(ready=True, offers={"net": version})
        inodes.append(own.stat().st_ino)
    assert inodes[0] == inodes[1] != inodes[2]
    assert [path.name for path in tmp_path.iterdir()] == [own.name]


def test_a_file_that_somebody_tidied_away_is_written_again(tmp_path: Path) -> None:
    peers = PeerFiles(tmp_path)
    peers.tell(ready=True, offers={"net": 1})
    (tmp_path / f"worker-{os.getpid()}.json").unlink()
    peers.tell(ready=True, offers={"net": 1})
    assert json.loads((tmp_path / f"worker-{os.getpid()}.json").read_text())["offers"] == {"net": 1}
