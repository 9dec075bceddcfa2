"""Bad input: paths, methods, parameters, and requests that are hardly HTTP."""

from collections.abc import Iterable
from typing import Any

from tests.service.live.api_service import CAM, CLASSIFY, PICTURE, SEGMENT
from tests.service.live.case import BadInput, posted
from tests.service.live.wire import chunked, request

_MODEL = "/v1/models/gray"
_HUGE = "9" * 5000


def _asked(
    name: str, target: str, status: int, code: str, says: str = "", *, method: str = "GET", **more: Any
) -> BadInput:
    return BadInput(
        name=name,
        shown=f"{method} {target}",
        pieces=lambda: [request(method, target)],
        status=status,
        code=code,
        says=says,
        **more,
    )


def _query(name: str, query: str, code: str, says: str = "", *, target: str = CLASSIFY, status: int = 422) -> BadInput:
    return posted(name, f"{target}?{query}", PICTURE, status, code, says=says)


def _mask_query(name: str, query: str, says: str) -> BadInput:
    return _query(name, query, "invalid_parameter", says, target=SEGMENT)


def _wire(name: str, shown: str, data: bytes | Iterable[bytes], says: str = "not valid HTTP/1.1") -> BadInput:
    pieces = [data] if isinstance(data, bytes) else list(data)
    return BadInput(
        name=name,
        shown=shown,
        pieces=lambda: pieces,
        status=400,
        code="bad_request",
        says=says,
        headers=(("connection", "close"),),
    )


def _names(name: str, segment: str, says: str = "", *, status: int = 404, code: str = "unknown_model") -> BadInput:
    return posted(name, f"/v1/models/{segment}/classify", PICTURE, status, code, says=says)


_PATHS = [
    _asked("unknown path", "/nothing", 404, "not_found", "/docs"),
    _asked("unknown path below a known one", "/v1/models/gray/nothing", 404, "not_found"),
    _asked("a slash too many", "/v1/models/", 404, "not_found"),
    _asked("two slashes", "//v1//models", 404, "not_found"),
    _asked("another spelling", "/V1/Models", 404, "not_found"),
    _asked("path traversal", "/../../../../etc/passwd", 404, "not_found"),
    _asked("path traversal, encoded", "/%2e%2e/%2e%2e/etc/passwd", 404, "not_found"),
    _asked("path traversal below the files of the page", "/static_content/../../../__init__.py", 404, "not_found"),
    _asked("path traversal below the files of the page, encoded", "/static_content/..%2f..%2fapp.py", 404, "not_found"),
    _asked("another page of the framework", "/docs.json", 404, "not_found"),
    _asked("another file of the framework", "/static_content/index.html", 404, "not_found"),
    _asked("a path of 50,000 characters", "/" + "a" * 50_000, 404, "not_found"),
    _asked("a path of 20,000 segments", "/a" * 20_000, 404, "not_found"),
    _asked("a NUL in the path", "/v1/models%00", 404, "not_found"),
    _asked("a path that is not UTF-8", "/%ff%fe", 404, "not_found"),
    _asked("the server as a whole", "*", 404, "not_found", method="OPTIONS"),
    *(
        _asked("wrong method", target, 405, "method_not_allowed", f"This path takes {allow}.", method=method,
               headers=(("allow", allow),), head=method == "HEAD")
        for method, target, allow in (
            ("GET", CLASSIFY, "POST"),
            ("HEAD", CLASSIFY, "POST"),
            ("PUT", CAM, "POST"),
            ("GET", SEGMENT, "POST"),
            ("HEAD", "/segment", "POST"),
            ("PATCH", "/classify", "POST"),
            ("DELETE", _MODEL, "GET, HEAD"),
            ("POST", "/v1/models", "GET, HEAD"),
            ("POST", "/openapi.json", "GET, HEAD"),
            ("POST", "/schema.json", "GET, HEAD"),
            ("OPTIONS", "/v1/models", "GET, HEAD"),
            ("TRACE", "/v1/models", "GET, HEAD"),
            ("MKCOL", "/metrics", "GET, HEAD"),
        )
    ),
]  # fmt: skip

_MODELS = [
    _names("unknown model", "nobody", "There is no model named 'nobody'."),
    _asked("unknown model, asked about", "/v1/models/nobody", 404, "unknown_model", "'nobody'"),
    _asked("unknown model, version asked about", "/v1/models/nobody/versions/1", 404, "unknown_model", "'nobody'"),
    _names("model of another case", "GRAY"),
    _names("model with a slash", "gray%2Fversions%2F9", status=404, code="unknown_version"),
    _names("model with a slash in it", "a%2Fb", status=404, code="not_found"),
    _names("model that is a path", "..", "'..'"),
    _names("model that is a path, encoded", "%2e%2e%2f%2e%2e", status=404, code="not_found"),
    _names("model in Chinese", "%E6%95%B0%E5%AD%97", "'数字'"),
    _names("model with bytes that are not UTF-8", "%ff%fe"),
    _names("model with a NUL", "gray%00", r"'gray\x00'"),
    _names("model with a line break", "gray%0d%0aX-Evil:%201", r"'gray\r\nX-Evil: 1'"),
    _names("model that is a template", "%7Bname%7D"),
    _names("model of 30,000 characters", "m" * 30_000, "mmm...'"),
    _names("unknown version", "gray/versions/3", "no version 3", code="unknown_version"),
    _asked("unknown version, asked about", "/v1/models/gray/versions/3", 404, "unknown_version", "no version 3"),
    *(
        _names(f"version {text if len(text) < 9 else 'of 5,000 digits'}", f"gray/versions/{text}",
               "versions are positive integers", code="unknown_version")
        for text in ("0", "-1", "abc", "1.0", "1e0", "%2B1", "%201", "%D9%A1", "latest", _HUGE)
    ),
    posted("unknown model, for a mask", "/v1/models/nobody/segment", PICTURE, 404, "unknown_model", says="'nobody'"),
    posted("unknown version, for a mask", "/v1/models/levels/versions/2/segment", PICTURE, 404, "unknown_version",
           says="no version 2"),
    _names("no version", "gray/versions/", status=404, code="not_found"),
]  # fmt: skip

_PARAMETERS = [
    *(_query(f"top_k={text if len(text) < 9 else '999...'}", f"top_k={text}", "invalid_parameter", "from 1 to 4")
      for text in ("0", "-1", "5", "abc", "1.5", "1e0", "", "%2B2", "%202", "%D9%A2", "0x2", "null", "NaN", _HUGE)),
    _query("top_k twice", "top_k=1&top_k=2", "invalid_parameter", "given twice"),
    _query("unknown parameter", "topk=1", "invalid_parameter", "'topk'"),
    _query("unknown parameter without a value", "x", "invalid_parameter", "'x'"),
    _query("parameter of cam", "target=1", "invalid_parameter", "'target'"),
    _query("parameter of classify", "top_k=1", "invalid_parameter", "'top_k'", target=CAM),
    _query("parameter in brackets", "top_k[]=1", "invalid_parameter", "'top_k[]'"),
    _query("1,000 parameters", "&".join(f"p{number}=1" for number in range(1000)), "bad_request", status=400),
    _query("a parameter's name of 20,000 characters", "x" * 20_000 + "=1", "invalid_parameter", "xxx"),
    _query("percent signs that encode nothing", "top_k=%zz", "invalid_parameter", "'%zz'"),
    _query("a query that is not UTF-8", "top_k=%ff", "bad_request", "cannot be read", status=400),
    _query("a parameter's name that is not UTF-8", "%ff=1", "bad_request", "cannot be read", status=400),
    _query("a NUL in a parameter", "top_k=1%00", "invalid_parameter", r"'1\x00'"),
    _asked("a parameter where none is taken", "/v1/models?page=2", 422, "invalid_parameter",
           "'page' here; this path takes none"),
    _query("unknown format", "format=jpeg", "invalid_parameter", "overlay, heatmap or json", target=CAM),
    _query("empty format", "format=", "invalid_parameter", "overlay, heatmap or json", target=CAM),
    _query("unknown polarity", "polarity=inverted", "invalid_parameter", "auto, light-on-dark or dark-on-light"),
    _query("polarity where it does not matter", "polarity=auto", "invalid_parameter", "of any polarity",
           target="/v1/models/colour/classify"),
    *(_query(f"target {shown}", f"target={text}", "unknown_target", "0 to 3 and their labels", target=CAM)
      for shown, text in (("out of range", "4"), ("-1", "-1"), ("-0", "-0"), ("1.0", "1.0"), ("1e0", "1e0"),
                          ("empty", ""), ("unknown", "dog"), ("of another case", "Top-Left"),
                          ("of 5,000 digits", _HUGE), ("of 20,000 characters", "x" * 20_000),
                          ("with a NUL", "top-left%00"), ("with a space", "%20top-left"),
                          ("in Arabic digits", "%D9%A1"))),
]  # fmt: skip

_MASK_PARAMETERS = [
    *(_mask_query(f"mask as {text[:9]!r}", f"format={text}", "png, color, overlay, rle, polygons or json")
      for text in ("jpeg", "", "PNG", "heatmap", _HUGE)),
    *(_mask_query(f"{name}={text}", f"format=json&{name}={text}", f"{name} has to be true or false")
      for name, text in (("tile", "1"), ("tile", ""), ("tile", "yes"), ("scores", "0"), ("confidence", "%20true"))),
    *(_mask_query(f"{name} of {form}", f"format={form}&{name}={text}", f"{name} goes with format={forms}")
      for name, text, form, forms in (
          ("scores", "true", "png", "rle, polygons or json, not with png"),
          ("scores", "true", "color", "rle, polygons or json, not with color"),
          ("confidence", "true", "overlay", "rle, polygons or json, not with overlay"),
          ("rle", "uncompressed", "polygons", "rle or json, not with polygons"),
          ("polygons", "coco", "rle", "polygons or json, not with rle"),
          ("tolerance", "1", "rle", "polygons or json, not with rle"),
          ("tolerance", "0.5", "png", "polygons or json, not with png"),
      )),
    _mask_query("scores without a format", "scores=true", "not with png"),
    _mask_query("unknown run lengths", "format=rle&rle=coco", "compressed or uncompressed"),
    _mask_query("unknown polygons", "format=polygons&polygons=wkt", "rings or coco"),
    *(_mask_query(f"tolerance {text if len(text) < 9 else '999...'}", f"format=json&tolerance={text}", "from 0 to 100")
      for text in ("-1", "-0", "100.01", "nan", "inf", "", "1_0", "%201", "%2B1", "0x1", "1,5", ".", "1e", "%D9%A1",
                   _HUGE)),
    _mask_query("format twice", "format=png&format=png", "given twice"),
    _mask_query("tile twice", "tile=true&tile=false", "given twice"),
    _mask_query("parameter of classify, for a mask", "top_k=1", "'top_k'"),
    _mask_query("parameter of cam, for a mask", "target=1", "'target'"),
    _query("parameter of segment, for classes", "tile=true", "invalid_parameter", "'tile'"),
    _query("parameter of segment, for a map", "tolerance=1", "invalid_parameter", "'tolerance'", target=CAM),
    _mask_query("polarity where it does not matter, for a mask", "polarity=auto", "of any polarity"),
]  # fmt: skip

_TASKS = [
    posted(name, target, PICTURE, 422, "wrong_task", says=says)
    for name, target, says in (
        ("classes of a segmenter", "/v1/models/levels/classify", "Model 'levels' does image-segmentation"),
        ("classes of a version of a segmenter", "/v1/models/levels/versions/1/classify", "image-segmentation"),
        ("a map of a segmenter", "/v1/models/coarse/cam", "Model 'coarse' does image-segmentation"),
        ("a mask of a classifier", "/v1/models/gray/segment", "Model 'gray' does image-classification"),
        ("a mask of a version of a classifier", "/v1/models/gray/versions/1/segment", "image-classification"),
        ("a mask of a classifier, in tiles", "/v1/models/colour/segment?tile=true", "image-classification"),
    )
]

_GET = b"GET /v1/models HTTP/1.1\r\n"
_POST = f"POST {CLASSIFY} HTTP/1.1\r\nHost: convoy\r\n".encode()
_IN_CHUNKS = _POST + b"Transfer-Encoding: chunked\r\n\r\n"
_TOO_LONG = "larger than the 65536 bytes"

_PROTOCOL = [
    _wire("not HTTP", "hello", b"hello\r\n\r\n"),
    _wire("TLS", "a TLS handshake", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(50)),
    _wire("HTTP/2", "PRI * HTTP/2.0", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    _wire("HTTP/3.7", "GET /v1/models HTTP/3.7", b"GET /v1/models HTTP/3.7\r\nHost: convoy\r\n\r\n"),
    _wire("method of no standard", "BREW /v1/models", request("BREW", "/v1/models")),
    _wire("method in small letters", "get /v1/models", request("get", "/v1/models")),
    _wire("tunnel", "CONNECT elsewhere:443", request("CONNECT", "elsewhere:443"), "no proxy"),
    _wire("a space in the path", "GET /v1/mo dels", request("GET", "/v1/mo dels")),
    _wire("a NUL in the request line", r"GET /v1/models\0", request("GET", "/v1/models\0")),
    _wire("letters that are not ASCII in the path", "GET /v1/models/ü", request("GET", "/v1/models/ü")),
    _wire("letters that are not ASCII in the query", f"POST {CLASSIFY}?top_k=ü", request("POST", f"{CLASSIFY}?ü")),
    _wire("header without a colon", "Host convoy", _GET + b"Host convoy\r\n\r\n"),
    _wire("header with a NUL", r"Host: con\0voy", _GET + b"Host: con\0voy\r\n\r\n"),
    _wire("header with a space in its name", "X Y: z", _GET + b"X Y: z\r\n\r\n"),
    _wire("header of 1 MB", "X: aaa...", [_GET + b"X: ", b"a" * 1_000_000, b"\r\n\r\n"], _TOO_LONG),
    _wire("100,000 headers", "X: y, over and over", [_GET, *[b"X: y\r\n" * 1000] * 100, b"\r\n"], _TOO_LONG),
    _wire("path of 1 MB", "GET /aaa...", [b"GET /", b"a" * 1_000_000, b" HTTP/1.1\r\n\r\n"], _TOO_LONG),
    _wire("two lengths", "Content-Length: 3 and 4", _POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
    _wire("negative length", "Content-Length: -3", _POST + b"Content-Length: -3\r\n\r\nabc"),
    _wire("length that is no number", "Content-Length: abc", _POST + b"Content-Length: abc\r\n\r\nabc"),
    _wire("length beyond 64 bits", "Content-Length: 999...", _POST + b"Content-Length: " + b"9" * 30 + b"\r\n\r\nabc"),
    _wire("length and chunks", "Content-Length: 5 and Transfer-Encoding: chunked",
          _POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    _wire("unknown transfer coding", "Transfer-Encoding: gzip", _POST + b"Transfer-Encoding: gzip\r\n\r\nabc"),
    _wire("chunk without a size", "chunks: zz", _IN_CHUNKS + b"zz\r\nabc\r\n"),
    _wire("chunk longer than it says", "chunks: 3, abcdef", _IN_CHUNKS + b"3\r\nabcdef\r\n0\r\n\r\n"),
    _wire("chunk beyond 64 bits", "chunks: fff...", _IN_CHUNKS + b"f" * 17 + b"\r\nabc\r\n"),
    _wire("chunks that turn into noise", "chunks: a picture, noise",
          [chunked("POST", CLASSIFY, [PICTURE])[:-5], b"noise\r\n"]),
]  # fmt: skip

CASES = [*_PATHS, *_MODELS, *_PARAMETERS, *_MASK_PARAMETERS, *_TASKS, *_PROTOCOL]
