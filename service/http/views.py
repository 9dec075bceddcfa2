"""What is published and how it stands: /v1/models, /livez, /readyz."""

import asyncio
from typing import Any

from service.errors import NotReady, UnknownVersion
from service.http.parameters import read_version
from service.http.request import Request
from service.http.responses import Response, error_response, json_response
from service.inference.engine import Engine
from service.inference.model import LoadedModel
from service.repository.catalog import Entry


class Views:
    """Read-only handlers."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def models(self, request: Request) -> Response:
        """GET /v1/models: every version that is loaded, loading or failed."""
        request.query(frozenset())
        entries = sorted(self._engine.catalog.entries.values(), key=lambda entry: entry.key)
        return json_response({"models": [self._summary(entry) for entry in entries]})

    async def model(self, request: Request) -> Response:
        """GET /v1/models/{name}: the version that answers, else the newest, with what its artifact says of itself."""
        request.query(frozenset())
        catalog, name = self._engine.catalog, request.parameters["name"]
        known = catalog.versions(name)
        if not known:
            catalog.find(name)
        answering = catalog.current.get(name)
        entry = next((entry for entry in known if entry.key[1] == answering), known[-1])
        return json_response(self._details(entry))

    async def version(self, request: Request) -> Response:
        """GET /v1/models/{name}/versions/{version}."""
        request.query(frozenset())
        catalog, name = self._engine.catalog, request.parameters["name"]
        version = read_version(request.parameters["version"])
        entry = catalog.entries.get((name, version))
        if entry is None:
            catalog.find(name, version)
            raise UnknownVersion(f"Model {name!r} has no version {version}.")
        return json_response(self._details(entry))

    async def live(self, request: Request) -> Response:
        """GET /livez: the event loop answers."""
        return json_response({"status": "live"})

    async def ready(self, request: Request) -> Response:
        """GET /readyz: every model has settled, and the required ones can answer."""
        if self._engine.is_ready or await asyncio.to_thread(self._engine.look_whether_ready):
            return json_response({"status": "ready"})
        catalog = self._engine.catalog
        missing = [name for name in self._engine.settings.required_models if name not in catalog.current]
        if self._engine.stopping:
            reason = "The service is stopping."
        elif not self._engine.repository.started:
            reason = "Models are still being loaded."
        elif missing:
            reason = f"Required models cannot answer: {', '.join(missing)}."
        else:
            reason = "No model can answer."
        return error_response(NotReady.code, reason, retry_after_s=1.0)

    def _summary(self, entry: Entry[LoadedModel]) -> dict[str, Any]:
        name, version = entry.key
        metadata = entry.model.metadata if entry.model is not None else None
        return {
            "name": name,
            "version": version,
            "task": metadata.task if metadata else None,
            "state": entry.state,
            "reason": entry.reason,
            "labels": list(metadata.labels) if metadata else [],
            "provider": entry.model.provider if entry.model is not None else None,
        }

    def _details(self, entry: Entry[LoadedModel]) -> dict[str, Any]:
        details = self._summary(entry)
        if entry.model is not None:
            fields = {"architecture", "preprocessing", "dataset", "metrics", "cam", "precision", "source_revision"}
            details.update(entry.model.metadata.model_dump(mode="json", include=fields))
            details["sha256"] = entry.model.digest
        return details
