"""The OpenAPI description of the API."""

import re
from typing import Any

from service.http.openapi_schemas import (
    BASE64,
    IMAGES,
    MAP_FORMAT,
    MASK_PARAMETERS,
    POLARITY,
    SCHEMAS,
    TARGET,
    TOP_K,
)
from service.http.responses import STATUS_OF_CODE


def openapi_document(version: str) -> dict[str, Any]:
    """OpenAPI 3.0; every path that the service answers, but for the files of the page."""
    # Both are among the models that come with the service, so that the page can be tried as it opens.
    model, segmenter = _named("lenet5"), _named("unet")
    number = {"name": "version", "in": "path", "required": True, "schema": {"type": "integer"}}
    paths: dict[str, Any] = {
        "/v1/models": {"get": _get("Every published model", "Models")},
        "/v1/models/{name}": {"get": _get("One model, and what its artifact says of itself", "ModelDetails", [model])},
        "/v1/models/{name}/versions/{version}": {"get": _get("One version", "ModelDetails", [model, number])},
        "/livez": {"get": _operation("The process answers", {"200": _content("Status")})},
        "/readyz": {"get": _operation("Traffic may come", {"200": _content("Status"), **_errors("503")})},
        "/metrics": {"get": _operation("Prometheus metrics", {"200": _plain("text/plain")})},
        "/openapi.json": {"get": _operation("This description", {"200": _plain("application/json")})},
        "/docs": {"get": _operation("This page", {"200": _plain("text/html")})},
        "/": {"get": _operation("Leads to the page", {"307": {"description": "The page is at /docs."}})},
        "/schema.json": {"get": _operation("What BentoML's client reads first", {"200": _plain("application/json")})},
    }
    for prefix, more in (("", ()), ("/versions/{version}", (number,))):
        place = [model, *more]
        base = "/v1/models/{name}" + prefix
        paths[base + "/classify"] = {"post": _post("Classify pictures", "Classification", [TOP_K, POLARITY], place)}
        paths[base + "/cam"] = {
            "post": _post("Explain a class by a map", "ActivationMap", [TARGET, MAP_FORMAT, POLARITY], place)
        }
        paths[base + "/segment"] = {
            "post": _post("Segment pictures", "Segmentation", [*MASK_PARAMETERS, POLARITY], [segmenter, *more])
        }
    paths["/classify"] = {"post": _form("Classify, for BentoML's client", "Classification", [TOP_K, POLARITY])}
    paths["/cam"] = {"post": _form("Explain, for BentoML's client", "ActivationMap", [TARGET, MAP_FORMAT, POLARITY])}
    paths["/segment"] = {"post": _form("Segment, for BentoML's client", "Segmentation", [*MASK_PARAMETERS, POLARITY])}
    for path, operations in paths.items():
        for method, operation in operations.items():
            operation["operationId"] = re.sub(r"[^a-z0-9]+", "_", f"{method}{path}").rstrip("_")
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "Convoy",
            "version": version,
            "description": "Classes, masks and class activation maps of images.",
        },
        "tags": [{"name": name} for name in ("inference", "models", "operation")],
        "paths": paths,
        "components": {"schemas": SCHEMAS},
    }


def _named(example: str) -> dict[str, Any]:
    """The name of a model, in a path."""
    return {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}, "example": example}


def _get(summary: str, schema: str, parameters: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {
        "tags": ["models"],
        "summary": summary,
        "parameters": parameters or [],
        "responses": {"200": _content(schema), **_errors("400", "404", "422", "503")},
    }


def _operation(summary: str, responses: dict[str, Any]) -> dict[str, Any]:
    return {"tags": ["operation"], "summary": summary, "responses": responses}


def _plain(media_type: str) -> dict[str, Any]:
    schema = {"type": "object" if media_type == "application/json" else "string"}
    return {"description": "OK", "content": {media_type: {"schema": schema}}}


def _post(
    summary: str, answer: str, query: list[tuple[str, dict[str, Any], str]], place: list[dict[str, Any]]
) -> dict[str, Any]:
    one_or_more = {"oneOf": [BASE64, {"type": "array", "items": BASE64}]}
    body = {
        "image/*": {"schema": IMAGES},
        "multipart/form-data": {
            "schema": {"type": "object", "properties": {"image": {"type": "array", "items": IMAGES}}}
        },
        "application/json": {"schema": {"type": "object", "required": ["image"], "properties": {"image": one_or_more}}},
    }
    parameters = [{"name": name, "in": "query", "schema": schema, "description": text} for name, schema, text in query]
    return _predicting(summary, answer, body, [*place, *parameters])


def _form(summary: str, answer: str, fields: list[tuple[str, dict[str, Any], str]]) -> dict[str, Any]:
    properties: dict[str, Any] = {"image": IMAGES, "model": {"type": "string"}}
    properties.update({name: {**schema, "description": text} for name, schema, text in fields})
    schema = {"type": "object", "required": ["image"], "properties": properties}
    return _predicting(summary, answer, {"multipart/form-data": {"schema": schema}}, [])


def _predicting(summary: str, answer: str, body: dict[str, Any], parameters: list[dict[str, Any]]) -> dict[str, Any]:
    """A request to a model whose JSON has the schema `answer`; all but classes may come as a picture."""
    content = _content(answer)
    if answer != "Classification":
        content["content"]["image/png"] = {"schema": IMAGES}
    return {
        "tags": ["inference"],
        "summary": summary,
        "parameters": parameters,
        "requestBody": {"required": True, "content": body},
        "responses": {"200": content, **_errors("400", "404", "408", "413", "415", "422", "503", "504")},
    }


def _content(schema: str) -> dict[str, Any]:
    reference = {"$ref": f"#/components/schemas/{schema}"}
    return {"description": "OK", "content": {"application/json": {"schema": reference}}}


def _errors(*statuses: str) -> dict[str, Any]:
    described = {}
    for status in statuses:
        codes = [code for code, of in STATUS_OF_CODE.items() if str(of) == status]
        described[status] = {**_content("Error"), "description": " or ".join(codes)}
    return described
