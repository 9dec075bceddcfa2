"""Bad input: JSON and multipart bodies."""

import base64
import json

from PIL import Image

from tests.service.inference.pictures import encode, photo
from tests.service.live.api_service import CLASSIFY, PICTURE, SEGMENT
from tests.service.live.case import BadInput, posted
from tests.service.live.wire import BOUNDARY, FORM_TYPE, form

_JSON = "application/json"
_GOOD = base64.b64encode(PICTURE).decode()
_BROKEN = base64.b64encode(encode(photo(), "JPEG")[:300]).decode()
_IMAGE = 'name="image"; filename="a.png"'
_LARGE = encode(Image.new("1", (800, 800)), "PNG")
_PART = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"\r\n'.encode()


def _json(name: str, body: object, status: int, code: str, says: str = "", *, target: str = CLASSIFY) -> BadInput:
    """A case of JSON; bytes are sent as they are."""
    return posted(
        name,
        target,
        body if isinstance(body, bytes) else json.dumps(body).encode(),
        status,
        code,
        kind=_JSON,
        says=says,
    )


def _form(
    name: str, body: bytes, status: int, code: str, says: str = "", *, target: str = CLASSIFY, kind: str = FORM_TYPE
) -> BadInput:
    return posted(name, target, body, status, code, kind=kind, says=says)


_JSON_CASES = [
    _json("JSON that breaks off", b'{"image": "', 400, "bad_request", "not valid JSON"),
    _json("JSON with a comma too many", b'{"image": "aaaa",}', 400, "bad_request", "not valid JSON"),
    _json("JSON in UTF-16", json.dumps({"image": _GOOD}).encode("utf-16"), 400, "bad_request", "not valid JSON"),
    _json("JSON with bytes that are not UTF-8", b'{"image": "\xff\xfe"}', 400, "bad_request", "not valid JSON"),
    _json("JSON with half a surrogate pair", b'{"image": "\\ud800"}', 400, "bad_request", "JSON"),
    _json("NaN", b'{"image": NaN}', 400, "bad_request", "not valid JSON"),
    _json("text said to be JSON", b"hello", 400, "bad_request", "not valid JSON"),
    _json("JSON 100,000 deep", b"[" * 100_000 + b"]" * 100_000, 400, "bad_request"),
    _json("JSON 5,000 deep", b"[" * 5000 + b"]" * 5000, 400, "bad_request", "not valid JSON"),
    _json("an image 100,000 deep", b'{"image": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "bad_request"),
    _json("objects 40,000 deep", b'{"image": ' * 20_000 + b"1" + b"}" * 20_000, 400, "bad_request"),
    _json("a number of 100,000 digits", b'{"image": ' + b"9" * 100_000 + b"}", 400, "bad_request"),
    _json("a number beyond all doubles", b'{"image": 1e999999}', 400, "bad_request"),
    _json("null", None, 400, "bad_request", '{"image": "<base64>"}'),
    _json("a JSON string", _GOOD, 400, "bad_request", '{"image": "<base64>"}'),
    _json("a JSON list", [_GOOD], 400, "bad_request", '{"image": "<base64>"}'),
    _json("a JSON object without an image", {}, 400, "bad_request", '{"image": "<base64>"}'),
    _json("an unknown field", {"image": _GOOD, "top_k": 1}, 400, "bad_request", "'top_k'"),
    _json("an unknown field of 10,000 characters", {"image": _GOOD, "x" * 10_000: 1}, 400, "bad_request", "xxx"),
    _json("image: null", {"image": None}, 400, "bad_request", "base64 string"),
    _json("image: 7", {"image": 7}, 400, "bad_request", "base64 string"),
    _json("image: an object", {"image": {"data": _GOOD}}, 400, "bad_request", "base64 string"),
    _json("a list with a number", {"image": [_GOOD, 7]}, 400, "bad_request", "base64 string"),
    _json("a list of lists", {"image": [[_GOOD]]}, 400, "bad_request", "base64 string"),
    _json("an empty list", {"image": []}, 400, "bad_request", "empty"),
    _json("an empty string", {"image": ""}, 400, "bad_image", "empty"),
    _json("no base64", {"image": "###"}, 400, "bad_request", "base64"),
    _json("base64 cut off", {"image": _GOOD[:-3]}, 400, "bad_request", "base64"),
    _json("base64 with a foreign letter", {"image": _GOOD[:20] + "ü" + _GOOD[20:]}, 400, "bad_request", "base64"),
    _json("base64 of no picture", {"image": "aGVsbG8="}, 400, "bad_image"),
    _json("a URL", {"image": "http://127.0.0.1:9/a.png"}, 400, "bad_request", "base64"),
    _json("a path", {"image": "/etc/passwd"}, 400, "bad_request", "base64"),
    _json("a data URL without data", {"image": "data:image/png;base64,"}, 400, "bad_image", "empty"),
    _json("a data URL that is not base64", {"image": "data:image/svg+xml,%3Csvg/%3E"}, 400, "bad_request", "base64"),
    _json("a list of 60,000 nothings", {"image": [{}] * 60_000}, 400, "bad_request", '{"image": "<base64>"}'),
    _json("five images where four are allowed", {"image": [_GOOD] * 5}, 413, "too_large", "5 pictures; 4 are allowed"),
    _json("the second of three broken", {"image": [_GOOD, _BROKEN, _GOOD]}, 400, "bad_image", "Image 2 of 3 (index 1)"),
    _json("the last of two broken base64", {"image": [_GOOD, "*"]}, 400, "bad_request", "Image 2 of 2 (index 1)"),
    _json("a format in JSON", {"image": _GOOD, "format": "rle"}, 400, "bad_request", "'format'", target=SEGMENT),
]

_FORM_CASES = [
    _form("form without a boundary", form((_IMAGE, PICTURE)), 400, "bad_request", "no boundary",
          kind="multipart/form-data"),
    _form("form with another boundary", form((_IMAGE, PICTURE)), 400, "bad_request", "malformed",
          kind="multipart/form-data; boundary=other"),
    _form("form with a boundary of 30,000 characters", form((_IMAGE, PICTURE)), 400, "bad_request",
          kind="multipart/form-data; boundary=" + "b" * 30_000),
    _form("form that breaks off in a part", form((_IMAGE, PICTURE))[:-40], 400, "bad_request", "ends too early"),
    _form("form that breaks off in a header", _PART, 400, "bad_request", "ends too early"),
    _form("form without a last boundary", _PART + b"\r\n" + PICTURE + f"\r\n--{BOUNDARY}\r\n".encode(), 400,
          "bad_request", "ends too early"),
    _form("text said to be a form", b"hello", 400, "bad_request", "malformed"),
    _form("form of no parts", f"--{BOUNDARY}--\r\n".encode(), 400, "bad_request", "'image'"),
    _form("no part named image", form(('name="picture"', PICTURE)), 400, "bad_request", "'image'"),
    _form("a part without a name", f"--{BOUNDARY}\r\n\r\n".encode() + PICTURE + f"\r\n--{BOUNDARY}--\r\n".encode(), 400,
          "bad_request", "'image'"),
    _form("4,000 parts", form(*[('name="x"', b"")] * 4000), 413, "too_large", "parts"),
    _form("five images in a form", form(*[(_IMAGE, PICTURE)] * 5), 413, "too_large", "5 pictures; 4 are allowed"),
    _form("a part's header of 100 KB", _PART + b"X: " + b"y" * 100_000 + b"\r\n\r\n" + PICTURE + b"\r\n", 400,
          "bad_request", "malformed"),
    _form("a part with 5,000 headers", _PART + b"X: y\r\n" * 5000 + b"\r\n" + PICTURE + b"\r\n", 400, "bad_request",
          "malformed"),
    _form("a part's header without a colon", _PART + b"\x00\xff\r\n\r\n", 400, "bad_request", "malformed"),
    _form("text in the part", form(('name="image"', b"hello")), 400, "bad_image"),
    _form("nothing in the part", form((_IMAGE, b"")), 400, "bad_image", "empty"),
    _form("a URL in the part", form(('name="image"', b"http://127.0.0.1:9/a.png")), 400, "bad_image"),
    _form("base64 in the part", form(('name="image"', _GOOD.encode())), 400, "bad_image"),
    _form("a form in the part", form((_IMAGE, form((_IMAGE, PICTURE)).replace(b"--front", b"--back"))), 400,
          "bad_image"),
    _form("the third of three broken", form((_IMAGE, PICTURE), (_IMAGE, PICTURE), (_IMAGE, PICTURE[:60])), 400,
          "bad_image", "Image 3 of 3 (index 2)"),
    _form("a parameter in the form", form((_IMAGE, PICTURE), ('name="top_k"', b"1")), 400, "bad_request", "'top_k'"),
    _form("another kind of multipart", form((_IMAGE, PICTURE)), 415, "unsupported_media_type",
          kind=f"multipart/mixed; boundary={BOUNDARY}"),
    _form("an unknown field", form((_IMAGE, PICTURE), ('name="k"', b"1")), 422, "invalid_parameter", "'k'",
          target="/classify"),
    _form("a field twice", form((_IMAGE, PICTURE), ('name="top_k"', b"1"), ('name="top_k"', b"1")), 400, "bad_request",
          "'top_k' twice", target="/classify"),
    _form("an unknown model in the form", form((_IMAGE, PICTURE), ('name="model"', b"nobody")), 404, "unknown_model",
          "'nobody'", target="/classify"),
    _form("a model that is not UTF-8", form((_IMAGE, PICTURE), ('name="model"', b"\xff\0")), 404, "unknown_model",
          target="/classify"),
    _form("a top_k that is text", form((_IMAGE, PICTURE), ('name="top_k"', b'"many"')), 422, "invalid_parameter",
          "'many'", target="/classify"),
    _form("a target that nobody is", form((_IMAGE, PICTURE), ('name="target"', b"9")), 422, "unknown_target", "'9'",
          target="/cam"),
    _form("an unknown polarity in the form", form((_IMAGE, PICTURE), ('name="polarity"', b"up")), 422,
          "invalid_parameter", "'up'", target="/cam"),
    _form("a parameter beside the form", form((_IMAGE, PICTURE)), 422, "invalid_parameter", "'top_k'",
          target="/classify?top_k=1"),
    _form("an unknown format in the form", form((_IMAGE, PICTURE), ('name="format"', b"gif")), 422,
          "invalid_parameter", "not 'gif'", target="/segment"),
    _form("a number for a flag in the form", form((_IMAGE, PICTURE), ('name="tile"', b"1")), 422,
          "invalid_parameter", "true or false", target="/segment"),
    _form("a classifier in the form of a mask", form((_IMAGE, PICTURE), ('name="model"', b"gray")), 422, "wrong_task",
          "'gray'", target="/segment"),
    _form("a segmenter in the form of classes", form((_IMAGE, PICTURE), ('name="model"', b"levels")), 422, "wrong_task",
          "'levels'", target="/classify"),
    _form("the second of two broken, for a mask", form((_IMAGE, PICTURE), (_IMAGE, PICTURE[:60])), 400, "bad_image",
          "Image 2 of 2 (index 1)", target=SEGMENT),
    _form("masks of more pixels than one picture may have", form((_IMAGE, _LARGE), (_IMAGE, _LARGE)), 413, "too_large",
          "1000000 pixels together", target=SEGMENT),
]  # fmt: skip

CASES = [*_JSON_CASES, *_FORM_CASES]
