"""The pictures in a body: raw bytes, multipart parts named `image`, or base64 in JSON, told apart by looking."""

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from service.errors import BadRequest, TooLarge, UnsupportedMedia
from service.inference.formats import sniff

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_IMAGE = "image"
# Parts beside the pictures that a form may have: more are not a form but an attack on the parser.
_MAX_FIELDS = 20
# What a body of pictures has a few of for each: anything else may take forty times its size once it is parsed.
_MAX_JSON_SIGNS = 10_000
_JSON_SHAPE = 'A JSON body has to be {"image": "<base64>"} or {"image": ["<base64>", ...]}.'
_WHITE_SPACE = b" \t\r\n"
_BASE64_PIECE = 1024 * 1024  # a multiple of 4, so that each piece is whole


@dataclass(slots=True)
class Upload:
    """What a body held."""

    images: list[bytes]
    several: bool
    """Whether the answer is a list: a JSON list, or more than one part."""
    fields: dict[str, str] = field(default_factory=dict)
    """The other parts of a multipart form, as text."""


def extract(body: bytes, content_type: str | None, *, max_images: int) -> Upload:
    """Find the pictures in a body; a body that starts like a picture is one, whatever its Content-Type says.

    Raises:
        BadRequest: empty, broken multipart or JSON, no picture in it, or not base64.
        UnsupportedMedia: the body is text of some other kind.
        TooLarge: more than `max_images` pictures.
    """
    if not body:
        raise BadRequest("The body is empty; send a picture.")
    if sniff(body) is not None:
        return Upload([body], several=False)
    kind, options = parse_options_header(content_type) if content_type else (b"", {})
    if kind == b"multipart/form-data":
        return _from_multipart(body, options.get(b"boundary"), max_images)
    if kind == b"application/json" or kind.endswith(b"+json") or body[:64].lstrip()[:1] in (b"{", b"["):
        return _from_json(body, max_images)
    if kind.startswith(b"image/") or kind in (b"", b"application/octet-stream", b"application/x-www-form-urlencoded"):
        # Not a format known to `sniff`: the decoder says what is wrong with it.
        return Upload([body], several=False)
    shown = kind.decode("latin-1")[:60]
    raise UnsupportedMedia(f"A body of type {shown!r} is not taken; send a picture, multipart/form-data or JSON.")


def _check_count(images: int, max_images: int) -> None:
    if images > max_images:
        raise TooLarge(f"The request holds {images} pictures; {max_images} are allowed.")


def _from_json(body: bytes, max_images: int) -> Upload:
    if body.count(b"{") + body.count(b"[") + body.count(b",") > _MAX_JSON_SIGNS:
        raise BadRequest(_JSON_SHAPE)
    try:
        value: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadRequest("The body is not valid JSON.") from None
    if not isinstance(value, dict) or _IMAGE not in value:
        raise BadRequest(_JSON_SHAPE)
    unknown = next((name for name in value if name != _IMAGE), None)
    if unknown is not None:
        raise BadRequest(f"There is no field {unknown[:40]!r} in a JSON body; parameters stand in the query.")
    several = isinstance(value[_IMAGE], list)
    texts = value[_IMAGE] if several else [value[_IMAGE]]
    if not texts:
        raise BadRequest("The list of pictures is empty.")
    _check_count(len(texts), max_images)
    images = []
    for position, text in enumerate(texts):
        try:
            images.append(_from_base64(text))
        except BadRequest as error:
            if len(texts) == 1:
                raise
            raise BadRequest(f"Image {position + 1} of {len(texts)} (index {position}): {error}") from None
    return Upload(images, several=several)


def _from_base64(text: object) -> bytes:
    if not isinstance(text, str):
        raise BadRequest("A picture in JSON has to be a base64 string.")
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        # Line breaks are common in base64 and mean nothing; anything else that is foreign is an error.
        plain = text.encode("ascii").translate(None, _WHITE_SPACE)
        if len(plain) % 4 or 0 <= plain.find(b"=") < len(plain) - 2:
            raise ValueError("padding that is missing, too much or not at the end")
        # In pieces, because decoding lets nothing else run in this process, not even the event loop.
        pieces = range(0, len(plain), _BASE64_PIECE)
        return b"".join(base64.b64decode(plain[at : at + _BASE64_PIECE], validate=True) for at in pieces)
    except (binascii.Error, ValueError):
        raise BadRequest("A picture in JSON is not valid base64.") from None


class _Parts:
    """Collects the parts that the parser calls out."""

    def __init__(self, max_parts: int) -> None:
        self._max_parts = max_parts
        self.parts: list[tuple[str, bytes]] = []
        self.ended = False
        self._name: bytes = b""
        self._value: bytes = b""
        self._headers: dict[bytes, bytes] = {}
        self._chunks: list[bytes] = []

    def callbacks(self) -> "MultipartCallbacks":
        """What the parser calls for each event."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_end": self._finish,
        }

    def _begin(self) -> None:
        self._headers = {}
        self._chunks = []
        if len(self.parts) >= self._max_parts:
            raise TooLarge(f"The request has more than {self._max_parts} parts.")

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._chunks.append(data[start:end])

    def _end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"name", b"").decode("utf-8", "replace")
        self.parts.append((name, b"".join(self._chunks)))

    def _finish(self) -> None:
        self.ended = True


def _from_multipart(body: bytes, boundary: bytes | None, max_images: int) -> Upload:
    if not boundary:
        raise BadRequest("The multipart body has no boundary in its Content-Type.")
    collected = _Parts(max_images + _MAX_FIELDS)
    try:
        parser = MultipartParser(boundary, collected.callbacks())
        parser.write(body)
        parser.finalize()
    except FormParserError:
        raise BadRequest("The multipart body is malformed.") from None
    if not collected.ended:
        raise BadRequest("The multipart body ends too early.")
    images = [data for name, data in collected.parts if name == _IMAGE]
    if not images:
        raise BadRequest("The multipart body has no part named 'image'.")
    _check_count(len(images), max_images)
    fields: dict[str, str] = {}
    for name, data in collected.parts:
        if name != _IMAGE:
            if name in fields:
                raise BadRequest(f"The multipart body has the field {name[:40]!r} twice.")
            fields[name] = data.decode("utf-8", "replace")
    return Upload(images, several=len(images) > 1, fields=fields)
