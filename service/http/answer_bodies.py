"""What all answers of models have in common: who answered, one result or a list of them, pictures or JSON."""

import base64
from collections.abc import Sequence
from typing import Any

import orjson

from service.http.responses import JSON, PNG
from service.inference.model import LoadedModel
from service.inference.question import Encoded


def json_answer(model: LoadedModel, answers: Sequence[dict[str, Any]], several: bool) -> Encoded:
    """`{"model", "version", ...}` with the one answer in it, or with `"results"` where several pictures were sent."""
    body: dict[str, Any] = {"model": model.name, "version": model.version}
    if several:
        body["results"] = answers
    else:
        body.update(answers[0])
    return Encoded(orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY), JSON, [])


def picture_answer(
    model: LoadedModel, pngs: Sequence[bytes], several: bool, *, about: Sequence[tuple[bytes, bytes]] = ()
) -> Encoded:
    """image/png, with `about` in its headers; a list of base64 in JSON where several pictures were sent."""
    if several:
        body = {"model": model.name, "version": model.version, "results": [in_base64(png) for png in pngs]}
        return Encoded(orjson.dumps(body), JSON, [])
    headers = [
        (b"x-convoy-model", model.name.encode()),
        (b"x-convoy-version", str(model.version).encode()),
        *about,
    ]
    return Encoded(pngs[0], PNG, headers)


def in_base64(png: bytes) -> str:
    """A picture as it stands in JSON."""
    return base64.b64encode(png).decode()
