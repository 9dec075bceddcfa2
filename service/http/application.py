"""Puts the HTTP side of a worker together: metrics, handlers, routes, the front."""

import asyncio
import gc

from prometheus_client import CollectorRegistry

from service import __version__
from service.http.documentation import Documentation
from service.http.framework import PATHS as FRAMEWORK_PATHS
from service.http.framework import Framework
from service.http.front import Front
from service.http.metrics.exposition import expose, spare_pid_checks
from service.http.metrics.inference import InferenceMetrics
from service.http.metrics.models import ModelMetrics
from service.http.metrics.process import ProcessMetrics
from service.http.metrics.requests import RequestMetrics
from service.http.predict import Predict
from service.http.request import ASGIApp, Request
from service.http.responses import Response
from service.http.routes import Route, Router
from service.http.views import Views
from service.inference.engine import Engine
from service.inference.session import ProviderName, intended_provider, onnxruntime_version
from service.logs import AccessLog
from service.repository.peers import Peers
from service.settings import Settings
from service.stopping import on_stop_signal

_SAMPLE_S = 0.5


class Application:
    """One worker: the engine, its metrics, and the routes to it."""

    def __init__(self, settings: Settings, provider: ProviderName, peers: Peers | None = None) -> None:
        spare_pid_checks()
        self._registry = CollectorRegistry()
        self._requests = RequestMetrics(self._registry)
        self._process = ProcessMetrics(
            self._registry,
            service_version=__version__,
            ort_version=onnxruntime_version(),
            configured_provider=intended_provider(settings.provider),
            configured_workers=settings.workers,
        )
        inference = InferenceMetrics(self._registry, max_class_labels=settings.max_class_labels)
        models = ModelMetrics(self._registry, inference)
        self.engine = Engine(settings, provider, peers=peers, on_change=models.follow)
        self._access_log = AccessLog() if settings.access_log else None
        self.predict = Predict(self.engine, inference)
        self._sampling: asyncio.Task[None] | None = None

    def in_front_of(self, framework: ASGIApp) -> ASGIApp:
        """The application that the server calls."""
        routes = self.routes(Framework(framework))
        self._requests.prepare(route.template for route in routes if "POST" in route.handlers)
        return Front(framework, Router(routes), self._requests, self._access_log)

    async def start(self) -> None:
        """Begin to load models; called before the first connection is accepted."""
        on_stop_signal(self.engine.prepare_to_stop)
        await asyncio.to_thread(self.engine.start)
        self._sampling = asyncio.create_task(self._sample())

    async def stop(self) -> None:
        """End the threads once the last request is answered."""
        if self._sampling is not None:
            self._sampling.cancel()
        await asyncio.to_thread(self.engine.stop)
        if self._access_log is not None:
            self._access_log.close()

    async def _metrics(self, request: Request) -> Response:
        self._sample_now()
        body, content_type = await asyncio.to_thread(self._expose, request.header(b"accept") or "")
        return Response(body, media_type=content_type)

    def _expose(self, accept: str) -> tuple[bytes, str]:
        self._process.scraped(ready=self.engine.look_whether_ready())
        return expose(self._registry, accept)

    async def _sample(self) -> None:
        frozen = False
        while True:
            self._sample_now()
            if not frozen and self.engine.catalog.settled():
                # What start-up made stays for good: a full collection would walk all of it while requests wait.
                gc.collect()
                gc.freeze()
                frozen = True
            await asyncio.sleep(_SAMPLE_S)

    def _sample_now(self) -> None:
        self._requests.sample()
        self._process.sample(waiting=self.engine.waiting, running=self.engine.running)

    def routes(self, framework: Framework) -> list[Route]:
        """Every path that is answered, and nothing beside them."""
        predict, views = self.predict, Views(self.engine)
        documentation = Documentation(__version__)
        return [
            Route("/v1/models", {"GET": views.models}),
            Route("/v1/models/{name}", {"GET": views.model}),
            Route("/v1/models/{name}/classify", {"POST": predict.classify}),
            Route("/v1/models/{name}/cam", {"POST": predict.cam}),
            Route("/v1/models/{name}/segment", {"POST": predict.segment}),
            Route("/v1/models/{name}/versions/{version}", {"GET": views.version}),
            Route("/v1/models/{name}/versions/{version}/classify", {"POST": predict.classify}),
            Route("/v1/models/{name}/versions/{version}/cam", {"POST": predict.cam}),
            Route("/v1/models/{name}/versions/{version}/segment", {"POST": predict.segment}),
            Route("/classify", {"POST": predict.typed_classify}),
            Route("/cam", {"POST": predict.typed_cam}),
            Route("/segment", {"POST": predict.typed_segment}),
            Route("/livez", {"GET": views.live}),
            Route("/readyz", {"GET": views.ready}),
            Route("/metrics", {"GET": self._metrics}),
            Route("/docs", {"GET": documentation.page}),
            Route("/openapi.json", {"GET": documentation.document}),
            Route("/", {"GET": documentation.home}),
            *(Route(path, {"GET": framework}) for path in FRAMEWORK_PATHS),
        ]
