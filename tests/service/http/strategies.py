"""What comes in, for property tests: pieces of every form that the parsers know, put together at random."""

import json

from hypothesis import strategies as st

MAX_IMAGES = 3
CONTENT_TYPES = (
    "multipart/form-data; boundary=b",
    'multipart/form-data; boundary="b"',
    "multipart/form-data; boundary*=utf-8''b",
    "multipart/form-data",
    "application/json",
    "image/png",
    "text/plain",
)
FRAGMENTS = (
    b"--b\r\n",
    b"--b--\r\n",
    b"--b--",
    b"\r\n",
    b"\r\n\r\n",
    b"Content-Disposition: form-data; ",
    b'name="image"',
    b'name="top_k"',
    b'name=""',
    b"name*=utf-8''image",
    b"; filename=",
    b"Content-Type: image/png\r\n",
    b'{"image": ',
    b'{"image": [',
    b'"aGk="',
    b"data:image/png;base64,",
    b'"',
    b",",
    b"]",
    b"}",
    b"null",
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"\x00",
    b"-" * 30,
)

content_types = st.one_of(
    st.none(), st.sampled_from(CONTENT_TYPES), st.text(st.characters(max_codepoint=255), max_size=60)
)
bodies = st.one_of(
    st.binary(max_size=200),
    st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=8)), max_size=25).map(b"".join),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.just("image"), inner, max_size=3)
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass")),
)

queries = st.one_of(
    st.binary(max_size=80),
    st.lists(
        st.tuples(
            st.sampled_from(["top_k", "polarity", "%74op_k", "x", ""]),
            st.sampled_from(["=", "", "=="]),
            st.text("0aé%+&;=\0", max_size=5),
        ),
        max_size=4,
    ).map(lambda pairs: "&".join("".join(pair) for pair in pairs).encode()),
)

paths = st.one_of(
    st.text(max_size=40).map(lambda text: "/" + text),
    st.lists(st.sampled_from(["a", "versions", "", "..", "{name}", "fixed", "1", "é", "\0"]), max_size=5).map(
        lambda names: "/" + "/".join(names)
    ),
)
