"""Whatever comes in, a caller is told what is wrong with it: nothing but ConvoyError leaves the parsers."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter

from service.errors import ConvoyError
from service.http.metrics.exposition import expose
from service.http.parameters import CAM_PARAMETERS, CLASSIFY_PARAMETERS, form_values, read_format, read_version
from service.http.pictures import extract
from service.http.request import Message, Request
from service.http.responses import STATUS_OF_CODE, Response
from service.http.routes import Route, Router
from service.inference.formats import sniff
from tests.service.http.strategies import MAX_IMAGES, bodies, content_types, paths, queries


def check_sentence(error: ConvoyError) -> None:
    """One sentence, of a known code."""
    assert error.code in STATUS_OF_CODE
    text = str(error)
    assert re.fullmatch(r"[A-Za-z][^\n\r]*\.", text)
    assert len(text) < 400


@settings(max_examples=1500, deadline=None)
@given(bodies, content_types)
def test_any_body_is_pictures_or_a_sentence(body: bytes, content_type: str | None) -> None:
    try:
        upload = extract(body, content_type, max_images=MAX_IMAGES)
    except ConvoyError as error:
        check_sentence(error)
    else:
        assert 1 <= len(upload.images) <= MAX_IMAGES
        assert upload.several or len(upload.images) == 1
        assert all(isinstance(image, bytes) for image in upload.images)
        assert sniff(body) is None or upload.images == [body]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.binary(max_size=60), min_size=1, max_size=MAX_IMAGES),
    st.dictionaries(st.sampled_from("abc"), st.text(max_size=9)),
)
def test_any_form_that_is_well_made_gives_back_what_was_put_in(images: list[bytes], fields: dict[str, str]) -> None:
    boundary = b"an unlikely-boundary"
    parts = [(b"image", image) for image in images] + [(name.encode(), text.encode()) for name, text in fields.items()]
    body = b"".join(
        b'--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (boundary, name, content)
        for name, content in parts
    )
    kind = f'multipart/form-data; boundary="{boundary.decode()}"'
    upload = extract(body + b"--%s--\r\n" % boundary, kind, max_images=MAX_IMAGES)
    assert (upload.images, upload.fields) == (images, fields)
    assert upload.several is (len(images) > 1)


def request_of(query: bytes) -> Request:
    async def receive() -> Message:
        raise AssertionError("nothing is to be read")

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": query, "http_version": "1.1"}
    return Request(scope, receive, "id")


@settings(max_examples=600, deadline=None)
@given(queries)
def test_any_query_is_known_parameters_or_a_sentence(query: bytes) -> None:
    try:
        values = request_of(query).query(CLASSIFY_PARAMETERS)
    except ConvoyError as error:
        check_sentence(error)
    else:
        assert set(values) <= CLASSIFY_PARAMETERS


@settings(max_examples=400, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["top_k", "model", "format"]) | st.text(max_size=50),
        st.text(max_size=50) | st.just('"') | st.just('"a"'),
    )
)
def test_any_form_s_fields_are_known_or_a_sentence(fields: dict[str, str]) -> None:
    try:
        values = form_values(fields, CAM_PARAMETERS | {"model"})
        read_format(values)
    except ConvoyError as error:
        check_sentence(error)
    else:
        assert all(isinstance(value, str) for value in values.values())


@settings(max_examples=400, deadline=None)
@given(st.text(max_size=60) | st.integers().map(str) | st.from_regex(r"\d+", fullmatch=True))
def test_any_version_is_a_positive_integer_or_a_sentence(text: str) -> None:
    try:
        version = read_version(text)
    except ConvoyError as error:
        check_sentence(error)
    else:
        assert 0 < version < 10**9


accepted = st.lists(
    st.sampled_from(
        ["application/openmetrics-text", "text/plain", ";", ",", " version=", " escaping=", "1.0.0", "values", "q="]
    )
    | st.text(st.characters(max_codepoint=255), max_size=4),
    max_size=8,
).map("".join)


@settings(max_examples=400, deadline=None)
@given(accepted)
def test_any_accept_header_gets_the_metrics(accept: str) -> None:
    registry = CollectorRegistry()
    Counter("things", "Some things.", registry=registry).inc()
    body, content_type = expose(registry, accept)
    assert b"things_total 1.0" in body
    assert content_type.startswith(("text/plain; version=", "application/openmetrics-text; version="))


async def _nothing(request: Request) -> Response:
    return Response(b"")


ROUTES = [
    Route("/", {"GET": _nothing}),
    Route("/fixed", {"POST": _nothing}),
    Route("/{name}/a", {"POST": _nothing}),
    Route("/{name}/versions/{version}", {"POST": _nothing, "GET": _nothing}),
]


@settings(max_examples=600, deadline=None)
@given(paths)
def test_any_path_finds_the_one_route_that_it_fits_or_none(path: str) -> None:
    route, parameters = Router(ROUTES).find(path)
    if route is None:
        shapes = [re.sub(r"\{\w+\}", r"[^/]+", one.template) for one in ROUTES]
        assert not any(re.fullmatch(shape, path, re.DOTALL) for shape in shapes)
    else:
        filled = route.template
        for name, value in parameters.items():
            assert value
            assert "/" not in value
            filled = filled.replace(f"{{{name}}}", value, 1)
        assert filled == path
