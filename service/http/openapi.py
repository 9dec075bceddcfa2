"""The OpenAPI description of the API, and the page at /docs that shows it without loading anything from outside."""

import re
from typing import Any

from service.http.request import Request
from service.http.responses import STATUS_OF_CODE, Response, json_response

_IMAGES = {"type": "string", "format": "binary"}
_BASE64 = {"type": "string", "format": "byte"}
_SCORE = {"type": "number", "minimum": 0, "maximum": 1}
_PREDICTION = {
    "type": "object",
    "required": ["index", "label", "score"],
    "properties": {"index": {"type": "integer"}, "label": {"type": "string"}, "score": _SCORE},
}
_NAMED = {"model": {"type": "string"}, "version": {"type": "integer"}}
_TEXT_OR_NULL = {"type": "string", "nullable": True}
_MODEL = {
    "name": {"type": "string"},
    "version": {"type": "integer"},
    "task": _TEXT_OR_NULL,
    "state": {"type": "string", "enum": ["loading", "ready", "failed"]},
    "reason": _TEXT_OR_NULL,
    "labels": {"type": "array", "items": {"type": "string"}},
    "provider": _TEXT_OR_NULL,
}
_MAP = {
    "method": {"type": "string", "enum": ["cam", "grad-cam", "hirescam"]},
    "target": {"$ref": "#/components/schemas/Prediction"},
    "height": {"type": "integer"},
    "width": {"type": "integer"},
    "cam": {"type": "array", "items": {"type": "array", "items": _SCORE}},
}
_PREDICTIONS = {"predictions": {"type": "array", "items": {"$ref": "#/components/schemas/Prediction"}}}
_SCHEMAS: dict[str, Any] = {
    "Prediction": _PREDICTION,
    "Classification": {
        "type": "object",
        "description": "One picture: `predictions`. Several: `results`, in order, each with `predictions`.",
        "required": ["model", "version"],
        "properties": {
            **_NAMED,
            **_PREDICTIONS,
            "results": {
                "type": "array",
                "items": {"type": "object", "required": ["predictions"], "properties": _PREDICTIONS},
            },
        },
    },
    "ActivationMap": {
        "type": "object",
        "description": "One picture: the map. Several: `results`, in order, each a map or a base64 PNG.",
        "required": ["model", "version"],
        "properties": {
            **_NAMED,
            **_MAP,
            "results": {
                "type": "array",
                "items": {"oneOf": [_BASE64, {"type": "object", "required": list(_MAP), "properties": _MAP}]},
            },
        },
    },
    "Model": {"type": "object", "required": list(_MODEL), "properties": _MODEL},
    "ModelDetails": {
        "type": "object",
        "description": "A model, and, once it is loaded, what its artifact says of itself.",
        "required": list(_MODEL),
        "properties": {
            **_MODEL,
            "architecture": {"type": "string"},
            "preprocessing": {"type": "object"},
            "dataset": {"type": "string"},
            "metrics": {"type": "array", "items": {"type": "object"}},
            "cam": {"type": "object", "nullable": True},
            "precision": {"type": "string"},
            "source_revision": {"type": "string"},
            "sha256": {"type": "string"},
        },
    },
    "Models": {
        "type": "object",
        "required": ["models"],
        "properties": {"models": {"type": "array", "items": {"$ref": "#/components/schemas/Model"}}},
    },
    "Status": {"type": "object", "required": ["status"], "properties": {"status": {"type": "string"}}},
    "Error": {
        "type": "object",
        "required": ["error", "code"],
        "properties": {
            "error": {"type": "string", "description": "One sentence."},
            "code": {"type": "string", "enum": sorted(STATUS_OF_CODE)},
        },
    },
}
_POLARITY = (
    "polarity",
    {"type": "string", "enum": ["auto", "light-on-dark", "dark-on-light"]},
    "The picture's polarity.",
)
_TOP_K = ("top_k", {"type": "integer", "minimum": 1, "default": 5}, "How many classes to answer with.")
_TARGET = ("target", {"type": "string"}, "Class to explain: an index or a label; the best class by default.")
_FORMAT = (
    "format",
    {"type": "string", "enum": ["overlay", "heatmap", "json"], "default": "overlay"},
    "Form of the map.",
)


def openapi_document(version: str) -> dict[str, Any]:
    """OpenAPI 3.0; every path that the service answers, but for the files of the page."""
    model = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}, "example": "lenet5"}
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
    for prefix, place in (("", [model]), ("/versions/{version}", [model, number])):
        base = "/v1/models/{name}" + prefix
        paths[base + "/classify"] = {"post": _post("Classify pictures", [_TOP_K, _POLARITY], place)}
        paths[base + "/cam"] = {"post": _post("Explain a class by a map", [_TARGET, _FORMAT, _POLARITY], place)}
    paths["/classify"] = {"post": _form("Classify, for BentoML's client", [_TOP_K, _POLARITY])}
    paths["/cam"] = {"post": _form("Explain, for BentoML's client", [_TARGET, _FORMAT, _POLARITY])}
    for path, operations in paths.items():
        for method, operation in operations.items():
            operation["operationId"] = re.sub(r"[^a-z0-9]+", "_", f"{method}{path}").rstrip("_")
    return {
        "openapi": "3.0.3",
        "info": {"title": "Convoy", "version": version, "description": "Classes and class activation maps of images."},
        "tags": [{"name": name} for name in ("inference", "models", "operation")],
        "paths": paths,
        "components": {"schemas": _SCHEMAS},
    }


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


def _post(summary: str, query: list[tuple[str, dict[str, Any], str]], place: list[dict[str, Any]]) -> dict[str, Any]:
    one_or_more = {"oneOf": [_BASE64, {"type": "array", "items": _BASE64}]}
    body = {
        "image/*": {"schema": _IMAGES},
        "multipart/form-data": {
            "schema": {"type": "object", "properties": {"image": {"type": "array", "items": _IMAGES}}}
        },
        "application/json": {"schema": {"type": "object", "required": ["image"], "properties": {"image": one_or_more}}},
    }
    parameters = [{"name": name, "in": "query", "schema": schema, "description": text} for name, schema, text in query]
    return _predicting(summary, body, [*place, *parameters])


def _form(summary: str, fields: list[tuple[str, dict[str, Any], str]]) -> dict[str, Any]:
    properties: dict[str, Any] = {"image": _IMAGES, "model": {"type": "string"}}
    properties.update({name: {**schema, "description": text} for name, schema, text in fields})
    schema = {"type": "object", "required": ["image"], "properties": properties}
    return _predicting(summary, {"multipart/form-data": {"schema": schema}}, [])


def _predicting(summary: str, body: dict[str, Any], parameters: list[dict[str, Any]]) -> dict[str, Any]:
    if "Classify" in summary:
        answer = _content("Classification")
    else:
        answer = _content("ActivationMap")
        answer["content"]["image/png"] = {"schema": _IMAGES}
    return {
        "tags": ["inference"],
        "summary": summary,
        "parameters": parameters,
        "requestBody": {"required": True, "content": body},
        "responses": {"200": answer, **_errors("400", "404", "408", "413", "415", "422", "503", "504")},
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


_PAGE = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Convoy API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/static_content/swagger-ui.css">
</head>
<body>
<div id="api"></div>
<script src="/static_content/swagger-ui-bundle.js"></script>
<script>
SwaggerUIBundle({url: "/openapi.json", dom_id: "#api", deepLinking: true, validatorUrl: null});
</script>
</body>
</html>
"""


class Documentation:
    """Handlers of /, /docs and /openapi.json."""

    def __init__(self, version: str) -> None:
        self._document = json_response(openapi_document(version)).body

    async def home(self, request: Request) -> Response:
        """GET /: leads to the documentation."""
        return Response(b"", 307, "text/plain", [(b"location", b"/docs")])

    async def page(self, request: Request) -> Response:
        """GET /docs: Swagger UI, whose files come with the framework and from this service."""
        # The browser itself is told to load nothing from anywhere else.
        policy = (
            b"default-src 'self'; img-src 'self' data: blob:; "  # blob: is a map that the page has asked for
            b"script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'"
        )
        return Response(_PAGE, media_type="text/html; charset=utf-8", headers=[(b"content-security-policy", policy)])

    async def document(self, request: Request) -> Response:
        """GET /openapi.json."""
        return Response(self._document)
