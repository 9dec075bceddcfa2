"""What taking a body apart may cost."""

import base64
import contextlib
import time
import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from service.errors import BadRequest, ConvoyError, TooLarge
from service.http.pictures import extract

SIZE = 8_000_000
# orjson reserves twelve times the size of a body before it looks, of which it touches little.
RESERVED = 13 * SIZE
KIND = "multipart/form-data; boundary=b"
JSON = "application/json"
LEAD = b'--b\r\nContent-Disposition: form-data; name="image"\r\n\r\n'


@pytest.fixture
def peak_bytes() -> Iterator[Callable[[], int]]:
    """The most memory that was in use since the beginning of the test."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


def filled(unit: bytes) -> bytes:
    return unit * (SIZE // len(unit))


def test_a_large_picture_is_not_copied_more_often_than_it_takes(peak_bytes: Callable[[], int]) -> None:
    data = b"\x89PNG\r\n\x1a\n" + filled(b"\xff")
    form = LEAD + data + b"\r\n--b--\r\n"
    text = b'{"image": "' + base64.b64encode(data) + b'"}'
    before = peak_bytes()
    assert extract(data, None, max_images=1).images[0] is data
    assert peak_bytes() - before < 10_000
    assert extract(form, KIND, max_images=1).images == [data]
    assert peak_bytes() - before < 2.5 * SIZE
    assert extract(text, JSON, max_images=1).images == [data]
    assert peak_bytes() - before < 1.5 * RESERVED


@pytest.mark.parametrize(
    "body",
    [
        b'{"image": [' + filled(b"{},") + b"1]}",
        b'{"image": [' + filled(b"[],") + b"1]}",
        b'{"image": [' + filled(b'"",') + b"1]}",
        b'{"image": [' + filled(b"1,") + b"1]}",
        b"{" + b",".join(b'"%d":1' % number for number in range(500_000)) + b"}",
    ],
    ids=["objects", "lists", "strings", "numbers", "fields"],
)
def test_json_that_would_unfold_is_refused_before_it_does(peak_bytes: Callable[[], int], body: bytes) -> None:
    before = peak_bytes()
    with pytest.raises(BadRequest, match="A JSON body has to be"):
        extract(body, JSON, max_images=32)
    assert peak_bytes() - before < 100_000


def test_as_many_pictures_as_the_settings_can_allow_pass_as_json() -> None:
    texts = b",".join([b'"data:image/png;base64,aaaa"'] * 1024)
    assert len(extract(b'{"image": [' + texts + b"]}", JSON, max_images=1024).images) == 1024
    with pytest.raises(TooLarge, match="1024 pictures; 1023 are allowed"):
        extract(b'{"image": [' + texts + b"]}", JSON, max_images=1023)


@pytest.mark.parametrize("unit", [b" ", b"aa ", b"a\n", b"\\n", b"\xc3\xa4"])
def test_base64_full_of_other_letters_takes_no_more_than_other_base64(
    peak_bytes: Callable[[], int], unit: bytes
) -> None:
    body = b'{"image": "' + filled(unit) + b'"}'
    before = peak_bytes()
    with contextlib.suppress(ConvoyError):
        extract(body, JSON, max_images=32)
    assert peak_bytes() - before < RESERVED


@pytest.mark.parametrize(
    "body",
    [
        LEAD + filled(b"\r\n--") + b"\r\n--b--\r\n",
        LEAD + filled(b"\r") + b"\r\n--b--\r\n",
        LEAD + filled(b"\r\n--b") + b"\r\n--b--\r\n",
        filled(b"\r\n") + LEAD + b"\r\n--b--\r\n",
        filled(b"--b\r\n\r\n\r\n"),
        filled(LEAD),
        b"--b\r\n" + filled(b"a: b\r\n"),
        b"--b\r\n" + filled(b"a") + b": b\r\n\r\n",
        LEAD + b"\r\n--b--" + filled(b"\r\n--b"),
    ],
)
def test_no_form_takes_long(body: bytes) -> None:
    started = time.perf_counter()
    with contextlib.suppress(ConvoyError):
        extract(body, KIND, max_images=32)
    assert time.perf_counter() - started < 1.0
