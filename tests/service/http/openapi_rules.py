"""OpenAPI 3.0, as far as the service uses it: what a document has to be, and whether a value fits a schema."""

import re
from collections.abc import Iterator
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
_SCHEMA_WORDS = frozenset(
    {"type", "properties", "required", "items", "enum", "format", "nullable", "minimum", "maximum", "default"}
    | {"description", "oneOf", "$ref"}
)
_OPERATION_WORDS = frozenset({"tags", "summary", "parameters", "requestBody", "responses", "operationId"})
_METHODS = frozenset({"get", "post"})


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method and description of every operation."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def resolve(document: dict[str, Any], reference: str) -> dict[str, Any]:
    """What a $ref leads to.

    Raises:
        KeyError: nowhere.
    """
    start, *steps = reference.split("/")
    assert start == "#"
    found: Any = document
    for step in steps:
        found = found[step]
    assert isinstance(found, dict)
    return found


def check_document(document: dict[str, Any]) -> None:
    """Assert the rules of the specification that a hand-written document breaks most easily."""
    assert re.fullmatch(r"3\.0\.\d", document["openapi"])
    assert set(document) == {"openapi", "info", "tags", "paths", "components"}
    assert {"title", "version"} <= set(document["info"])
    assert set(document["components"]) == {"schemas"}
    for name, schema in document["components"]["schemas"].items():
        assert re.fullmatch(r"[A-Za-z0-9._-]+", name)
        _check_schema(document, schema)
    identifiers = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(identifiers)) == len(identifiers)
    for path, method, operation in operations(document):
        assert path.startswith("/")
        assert method in _METHODS
        assert set(operation["tags"]) <= {tag["name"] for tag in document["tags"]}
        _check_operation(document, path, operation)


def _check_operation(document: dict[str, Any], path: str, operation: dict[str, Any]) -> None:
    assert set(operation) <= _OPERATION_WORDS
    assert operation["summary"]
    parameters = operation.get("parameters", [])
    places = [(parameter["in"], parameter["name"]) for parameter in parameters]
    assert len(set(places)) == len(places)
    assert {name for place, name in places if place == "path"} == set(re.findall(r"\{(\w+)\}", path))
    for parameter in parameters:
        assert parameter["in"] in ("path", "query")
        assert parameter.get("required") is True or parameter["in"] == "query"
        _check_schema(document, parameter["schema"])
    for content in operation.get("requestBody", {}).get("content", {}).values():
        _check_schema(document, content["schema"])
    assert operation["responses"]
    for status, response in operation["responses"].items():
        assert re.fullmatch(r"[1-5]\d\d", status)
        assert response["description"]
        for media_type, content in response.get("content", {}).items():
            assert re.fullmatch(r"[a-z]+/[a-z+*]+", media_type)
            _check_schema(document, content["schema"])


def _check_schema(document: dict[str, Any], schema: dict[str, Any]) -> None:
    assert set(schema) <= _SCHEMA_WORDS
    if "$ref" in schema:
        assert set(schema) == {"$ref"}
        resolve(document, schema["$ref"])
        return
    for one in schema.get("oneOf", []):
        _check_schema(document, one)
    assert "oneOf" in schema or schema["type"] in _TYPES
    assert set(schema.get("required", [])) <= set(schema.get("properties", {}))
    for inner in schema.get("properties", {}).values():
        _check_schema(document, inner)
    if schema.get("type") == "array":
        _check_schema(document, schema["items"])
    if "default" in schema:
        assert not misfits(document, schema, schema["default"])


def misfits(document: dict[str, Any], schema: dict[str, Any], value: Any, place: str = "") -> list[str]:
    """Where `value` is not what the schema says; a key that no schema names is a misfit too."""
    if "$ref" in schema:
        return misfits(document, resolve(document, schema["$ref"]), value, place)
    if "oneOf" in schema:
        fitting = [one for one in schema["oneOf"] if not misfits(document, one, value, place)]
        return [] if len(fitting) == 1 else [f"{place}: fits {len(fitting)} of {len(schema['oneOf'])}"]
    if value is None:
        return [] if schema.get("nullable") else [f"{place}: null"]
    if not isinstance(value, _TYPES[schema["type"]]) or (isinstance(value, bool) and schema["type"] != "boolean"):
        return [f"{place}: {type(value).__name__}, not {schema['type']}"]
    found = []
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{place}: {value!r} is none of {schema['enum']}")
    if "minimum" in schema and value < schema["minimum"]:
        found.append(f"{place}: {value} is too small")
    if "maximum" in schema and value > schema["maximum"]:
        found.append(f"{place}: {value} is too large")
    if isinstance(value, dict) and "properties" in schema:
        found += [f"{place}.{name}: missing" for name in schema.get("required", []) if name not in value]
        found += [f"{place}.{name}: not described" for name in value if name not in schema["properties"]]
        for name, inner in schema["properties"].items():
            if name in value:
                found += misfits(document, inner, value[name], f"{place}.{name}")
    if isinstance(value, list):
        for index, entry in enumerate(value):
            found += misfits(document, schema["items"], entry, f"{place}[{index}]")
    return found
