"""Bad input: bodies that are no picture, or no picture that is decoded."""

import gzip
import struct
import zlib
from collections.abc import Callable, Iterable

from PIL import Image

from tests.service.inference.pictures import bmp, encode, gray_tiff, photo, png, samples_of_every_kind
from tests.service.live.api_service import CAM, CLASSIFY, MAX_BODY_BYTES, PICTURE, SEGMENT
from tests.service.live.case import BadInput, posted
from tests.service.live.wire import chunked, request

_KINDS = {"jpeg": "JPEG", "png": "PNG", "webp": "WebP", "bmp": "BMP", "gif": "GIF", "tiff": "TIFF"}
_SVG = b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"
_HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
_PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n"
_CSV = b"label,score\n7,0.99\n"
_ZIP = b"PK\x03\x04" + bytes(26)
_MP4 = b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2"
_LARGE = 4 * MAX_BODY_BYTES


def _half(kind: str) -> Callable[[], bytes]:
    def body() -> bytes:
        data = samples_of_every_kind()[kind]
        return data[: len(data) // 2]

    return body


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _bombs() -> dict[str, bytes]:
    """Small files that announce 65,000 pixels a side or so; the PNG keeps its word."""
    edge = 65_000
    jpeg = bytearray(encode(photo(), "JPEG"))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", edge, edge)
    gif = bytearray(encode(photo().convert("P"), "GIF"))
    gif[6:10] = struct.pack("<HH", edge, edge)
    canvas = (edge - 1).to_bytes(3, "little") * 2
    webp = b"RIFF" + struct.pack("<I", 4 + 18) + b"WEBPVP8X" + struct.pack("<I", 10) + b"\x10\0\0\0" + canvas
    rows = zlib.compress(bytes((1 + 20_000 // 8) * 20_000), 9)
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 1, 0, 0, 0, 0))
    honest_png = b"\x89PNG\r\n\x1a\n" + header + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")
    return {
        "jpeg": bytes(jpeg),
        "png": honest_png,
        "webp": webp,
        "bmp": bmp((edge, edge), 24, b""),
        "gif": bytes(gif),
        "tiff": gray_tiff(8, b"\0", (edge, edge)),
    }


def _bomb(kind: str) -> Callable[[], bytes]:
    return lambda: _bombs()[kind]


def _text_bomb() -> bytes:
    good = encode(photo(), "PNG")
    text = b"Comment\0\0" + zlib.compress(bytes(50_000_000), 9)
    return good[:33] + _chunk(b"zTXt", text) + good[33:]


def _many_pieces() -> bytes:
    good = encode(photo(), "JPEG")
    piece = b"\xff\xe1" + struct.pack(">H", 18) + b"Exif\0\0" + bytes(10)
    return good[:2] + piece * 10_000 + good[2:]


def _wrong_checksum() -> bytes:
    data = bytearray(encode(photo(), "PNG"))
    data[data.index(b"IDAT") + 20] ^= 0xFF
    return bytes(data)


def _over(name: str, pieces: Callable[[], Iterable[bytes]], shown: str, pause_s: float = 0.0) -> BadInput:
    shown = f"POST {CLASSIFY}, {shown}"
    return BadInput(
        name=name, shown=shown, pieces=pieces, status=413, code="too_large", says="The body is larger", pause_s=pause_s
    )


def _announced(version: str = "1.1", **headers: str) -> bytes:
    given = {"Content-Length": str(_LARGE)} | {name.capitalize(): value for name, value in headers.items()}
    return request("POST", CLASSIFY, headers=given, version=version)


def _endless_chunks() -> Iterable[bytes]:
    yield request("POST", CLASSIFY, headers={"Content-Length": "", "Transfer-Encoding": "chunked"})
    for _ in range(_LARGE // 65_536):
        yield b"10000\r\n" + bytes(65_536) + b"\r\n"
    yield b"0\r\n\r\n"


_FORMATS = [
    *(posted(f"{shown} cut in half", CLASSIFY, _half(kind), 400, "bad_image", kind=f"image/{kind}", says=shown)
      for kind, shown in _KINDS.items()),
    *(posted(f"{shown} cut in half, for a map", CAM, _half(kind), 400, "bad_image") for kind, shown in _KINDS.items()),
    posted("JPEG cut in half, for a mask", SEGMENT, _half("jpeg"), 400, "bad_image"),
    posted("PNG cut in half, for a mask in tiles", f"{SEGMENT}?tile=true", _half("png"), 400, "bad_image"),
    posted("PNG bomb, for a mask in tiles", f"{SEGMENT}?tile=true", _bomb("png"), 413, "too_large", says="pixels"),
    *(posted(f"{shown} bomb", CLASSIFY, _bomb(kind), 413, "too_large", kind=f"image/{kind}", says="pixels")
      for kind, shown in _KINDS.items()),
]  # fmt: skip

_OTHERS = [
    posted("empty body", CLASSIFY, b"", 400, "bad_request", says="empty"),
    posted("empty body said to be a picture", CLASSIFY, b"", 400, "bad_request", kind="image/png", says="empty"),
    posted("empty body, for a mask", SEGMENT, b"", 400, "bad_request", says="empty"),
    posted("text, for a mask", SEGMENT, b"hello", 415, "unsupported_media_type", kind="text/plain"),
    posted("no picture", CLASSIFY, b"hello", 400, "bad_image"),
    posted("zeros", CLASSIFY, bytes(1000), 400, "bad_image"),
    posted("only the signature of a PNG", CLASSIFY, PICTURE[:8], 400, "bad_image", says="PNG"),
    posted("only the signature of a JPEG", CLASSIFY, b"\xff\xd8\xff", 400, "bad_image", says="JPEG"),
    posted("text said to be a PNG", CLASSIFY, b"hello", 400, "bad_image", kind="image/png"),
    posted("PNG with a wrong checksum", CLASSIFY, _wrong_checksum, 400, "bad_image", says="PNG"),
    posted("PNG of no size", CLASSIFY, lambda: png((0, 0), 8, 0, b""), 400, "bad_image", says="PNG"),
    posted("PNG with 50 MB in a comment", CLASSIFY, _text_bomb, 400, "bad_image", says="PNG"),
    posted("JPEG with EXIF in 10,000 pieces", CLASSIFY, _many_pieces, 400, "bad_image", says="EXIF"),
    posted("one row of pixels too many", CLASSIFY, lambda: encode(Image.new("1", (1000, 1001)), "PNG"), 413,
           "too_large", says="1000x1001 = 1001000 pixels, more than the 1000000 allowed"),
    posted("text", CLASSIFY, b"hello", 415, "unsupported_media_type", kind="text/plain"),
    posted("CSV", CLASSIFY, _CSV, 415, "unsupported_media_type", kind="text/csv"),
    posted("CSV without a type", CLASSIFY, _CSV, 400, "bad_image"),
    posted("CSV said to be a form of a browser", CLASSIFY, _CSV, 400, "bad_image",
           kind="application/x-www-form-urlencoded"),
    posted("PDF", CLASSIFY, _PDF, 415, "unsupported_media_type", kind="application/pdf"),
    posted("PDF said to be a PNG", CLASSIFY, _PDF, 415, "unsupported_media_type", kind="image/png", says="PDF"),
    posted("HEIC", CLASSIFY, _HEIC, 415, "unsupported_media_type", kind="image/heic", says="HEIC"),
    posted("HEIC said to be a JPEG", CLASSIFY, _HEIC, 415, "unsupported_media_type", kind="image/jpeg", says="HEIC"),
    posted("SVG", CLASSIFY, _SVG, 415, "unsupported_media_type", kind="image/svg+xml", says="SVG"),
    posted("SVG without a type", CLASSIFY, _SVG, 415, "unsupported_media_type", says="SVG"),
    posted("video", CLASSIFY, _MP4, 415, "unsupported_media_type", kind="video/mp4"),
    posted("ZIP", CLASSIFY, _ZIP, 415, "unsupported_media_type", kind="application/zip"),
    posted("a Content-Type that is noise", CLASSIFY, b"hello", 400, "bad_image", kind=";;==\"\\"),
    posted("a very long Content-Type", CLASSIFY, b"hello", 415, "unsupported_media_type", kind="a/" + "b" * 8000),
    posted("PNG in gzip", CLASSIFY, lambda: gzip.compress(PICTURE), 415, "unsupported_media_type", kind="image/png",
           headers={"Content-Encoding": "gzip"}, says="gzip"),
]  # fmt: skip

_SIZES = [
    _over("body over the limit", lambda: [_announced(), bytes(_LARGE)], "1 MiB"),
    _over("body over the limit, announced only", lambda: [_announced()], "Content-Length: 1048576, nothing sent"),
    _over("body over the limit, announced with Expect", lambda: [_announced(expect="100-continue")],
          "Content-Length: 1048576, Expect: 100-continue"),
    _over("body over the limit, connection to be closed", lambda: [_announced(connection="close"), bytes(_LARGE)],
          "1 MiB, Connection: close"),
    _over("body over the limit over HTTP/1.0", lambda: [_announced("1.0"), bytes(_LARGE)], "1 MiB by HTTP/1.0"),
    _over("body over the limit in chunks", _endless_chunks, "1 MiB in chunks"),
    _over("body a byte over the limit", lambda: [request("POST", CLASSIFY, bytes(MAX_BODY_BYTES + 1))], "256 KiB + 1"),
    _over("body a byte over the limit in chunks", lambda: [chunked("POST", CLASSIFY, [bytes(MAX_BODY_BYTES), b"x"])],
          "256 KiB + 1 in chunks"),
    _over("body over the limit, slowly", lambda: [_announced(), *[bytes(_LARGE // 8)] * 8], "1 MiB, slowly", 0.03),
    _over("chunks over the limit, slowly",
          lambda: [request("POST", CLASSIFY, headers={"Content-Length": "", "Transfer-Encoding": "chunked"}),
                   *[b"10000\r\n" + bytes(65_536) + b"\r\n"] * 8, b"0\r\n\r\n"], "512 KiB in chunks, slowly", 0.03),
    BadInput(name="body that stops half way", shown=f"POST {CLASSIFY}, 8 of 100 bytes", status=408,
             code="upload_timeout", says="in time", headers=(("connection", "close"),),
             pieces=lambda: [request("POST", CLASSIFY, PICTURE[:8], {"Content-Length": "100"})]),
    BadInput(name="chunks that stop half way", shown=f"POST {CLASSIFY}, chunks without an end", status=408,
             code="upload_timeout", says="in time", headers=(("connection", "close"),),
             pieces=lambda: [chunked("POST", CLASSIFY, [PICTURE])[:-5]]),
]  # fmt: skip

CASES = [*_OTHERS, *_FORMATS, *_SIZES]
