"""The well-known file, from a server on this machine: whole and checked, or one sentence with its address."""

import hashlib
import http.server
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from export.errors import BadWeights, DataNotFound, UsageError
from export.public_weights.default_file import default_file
from export.public_weights.known_files import PublicFile

CONTENT = b"weights" * 30_000


class Shelf(http.server.ThreadingHTTPServer):
    """Gives `body` to whatever is asked for, and counts."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Clerk)
        self.body = CONTENT
        self.announced_bytes = len(CONTENT)
        self.status = 200
        self.asked: list[str] = []

    @property
    def files(self) -> dict[str, PublicFile]:
        start = hashlib.sha256(CONTENT).hexdigest()[:8]
        return {"resnet18": PublicFile(url=f"http://127.0.0.1:{self.server_port}/models/resnet18-{start}.pth")}


class Clerk(http.server.BaseHTTPRequestHandler):
    server: Shelf

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(self.server.announced_bytes))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Shelf() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_the_file_arrives_once_and_is_kept(tmp_path: Path, shelf: Shelf) -> None:
    known = shelf.files["resnet18"]
    path = default_file("resnet18", tmp_path, files=shelf.files)
    assert path == tmp_path / "weights" / known.name
    assert path.read_bytes() == CONTENT
    assert default_file("resnet18", tmp_path, files=shelf.files) == path
    assert shelf.asked == [f"/models/{known.name}"]
    assert list(path.parent.iterdir()) == [path]


def test_the_data_folder_comes_from_the_environment(
    tmp_path: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONVOY_DATA", str(tmp_path / "elsewhere"))
    assert default_file("resnet18", None, files=shelf.files).parent == tmp_path / "elsewhere" / "weights"


@pytest.mark.parametrize("content", [CONTENT[:-1], b"", bytes(len(CONTENT))])
def test_another_file_of_that_name_is_named_and_left_alone(tmp_path: Path, shelf: Shelf, content: bytes) -> None:
    path = tmp_path / "weights" / shelf.files["resnet18"].name
    path.parent.mkdir()
    path.write_bytes(content)
    begins = hashlib.sha256(content).hexdigest()[:8]
    with pytest.raises(BadWeights, match=re.escape(f"{path} is cut off, or another file than its name")) as caught:
        default_file("resnet18", tmp_path, files=shelf.files)
    assert f"begins with {begins}): remove it, and it is downloaded again." in str(caught.value)
    assert path.read_bytes() == content
    assert shelf.asked == []


def another(shelf: Shelf) -> None:
    shelf.body = bytes(len(CONTENT))


def cut_off(shelf: Shelf) -> None:
    shelf.body = CONTENT[:-1000]


def gone(shelf: Shelf) -> None:
    shelf.status = 404


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (another, "it is cut off, or another file than its name promises"),
        (cut_off, "it is cut off, or another file than its name promises"),
        (gone, "(Not Found)"),
    ],
)
def test_anything_else_leaves_nothing_and_names_the_address(
    tmp_path: Path, shelf: Shelf, spoil: object, complaint: str
) -> None:
    assert callable(spoil)
    spoil(shelf)
    with pytest.raises(DataNotFound, match=re.escape(complaint)) as caught:
        default_file("resnet18", tmp_path, files=shelf.files)
    for part in (shelf.files["resnet18"].url, str(tmp_path / "weights"), "--weights FILE"):
        assert part in str(caught.value)
    assert list((tmp_path / "weights").iterdir()) == []


def test_without_a_network_the_sentence_names_the_address(tmp_path: Path) -> None:
    # Nothing listens on port 9 (discard) of this machine.
    files = {"resnet18": PublicFile(url="http://127.0.0.1:9/resnet18-00000000.pth")}
    with pytest.raises(DataNotFound, match=r"127\.0\.0\.1:9/resnet18-00000000\.pth could not be downloaded") as caught:
        default_file("resnet18", tmp_path, files=files)
    assert "Connection refused" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_network_without_a_well_known_file_says_so() -> None:
    with pytest.raises(UsageError, match="no well-known file of weights for resnet20; name yours with --weights FILE"):
        default_file("resnet20", None)
