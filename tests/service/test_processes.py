import os
import subprocess
import sys
import time
from pathlib import Path

from service.processes import is_running


def test_this_process_runs() -> None:
    assert is_running(os.getpid())
    assert is_running(1)


def test_a_process_that_died_runs_no_longer_even_before_its_parent_has_looked() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    assert is_running(child.pid)
    child.kill()
    ends = time.monotonic() + 10
    while is_running(child.pid):
        assert time.monotonic() < ends
        time.sleep(0.01)
    assert Path(f"/proc/{child.pid}").exists()  # nobody has looked: it is a zombie
    child.wait(10)
    assert not is_running(child.pid)


def test_where_the_system_shows_no_processes_its_word_is_taken(tmp_path: Path) -> None:
    assert is_running(os.getpid(), proc=tmp_path / "nothing")


def test_a_name_with_brackets_and_blanks_does_not_confuse(tmp_path: Path) -> None:
    for state, running in (("S", True), ("Z", False)):
        folder = tmp_path / state / str(os.getpid())
        folder.mkdir(parents=True)
        (folder / "stat").write_text(f"{os.getpid()} (a) Z (b) {state} 1 2 3\n")
        assert is_running(os.getpid(), proc=tmp_path / state) is running
