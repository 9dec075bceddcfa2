"""The ASGI application in front of the framework: routes, errors, request ids, the access log and the metrics.

It stands outside BentoML's own middlewares, whose timers and tracing cost more than a small network.
"""

import asyncio
import contextlib
import logging
import re
import time

from service.errors import ConvoyError
from service.http.metrics.requests import RequestMetrics
from service.http.request import ASGIApp, ClientGone, Message, Receive, Request, Scope, Send, new_request_id
from service.http.responses import Response, error_response, response_to
from service.http.routes import UNMATCHED, Router
from service.logs import AccessLog

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER_METHOD = "OTHER"
_REQUEST_ID = re.compile(rb"[!-~]{1,128}")
# For what a refused request still sends on a connection that ends with its answer.
_DROP_S = 10.0
_SHOWN_PATH_CHARACTERS = 200
_SHOWN_FORWARDED_CHARACTERS = 200
# Asked every few seconds by machines, day and night; that all is well stands in the metrics.
_UNLOGGED_ROUTES = frozenset({"/livez", "/readyz", "/metrics"})
# Never sent; in logs and metrics it stands for a caller who did not wait for the answer, as in nginx's.
_HUNG_UP = 499

log = logging.getLogger("convoy.http")


class Front:
    """Answers every request; `framework` gets the life cycle."""

    def __init__(
        self, framework: ASGIApp, router: Router, metrics: RequestMetrics, access_log: AccessLog | None
    ) -> None:
        self._framework = framework
        self._router = router
        self._metrics = metrics
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection's request, or the life cycle."""
        if scope["type"] != "http":
            await self._framework(scope, receive, send)
            return
        request = Request(scope, receive, _request_id(scope))
        self._metrics.active += 1
        try:
            try:
                response = await self._answer(request)
                if response.code is not None and request.ends_connection:
                    await request.drop_rest(timeout_s=_DROP_S)
            except ClientGone:
                self._count(request, Response(b"", _HUNG_UP))
                return
            with contextlib.suppress(ClientGone, ConnectionError):
                await _send(response, request, send)
            self._count(request, response)
        finally:
            request.let_go()
            self._metrics.active -= 1

    async def _answer(self, request: Request) -> Response:
        """The handler's response, whatever happens in it."""
        route, request.parameters = self._router.find(request.path)
        if route is None:
            request.route = UNMATCHED
            return error_response("not_found", "There is nothing at this path; /docs shows what there is.")
        request.route = route.template
        method = "GET" if request.method == "HEAD" and "HEAD" not in route.handlers else request.method
        handler = route.handlers.get(method)
        if handler is None:
            response = error_response("method_not_allowed", f"This path takes {route.methods}.")
            response.headers.append((b"allow", route.methods.encode()))
            return response
        try:
            return await handler(request)
        except ConvoyError as error:
            return response_to(error)
        except asyncio.CancelledError:
            # The server does so when it stops and the time for what still runs is up.
            return error_response("not_ready", "The service is stopping.", retry_after_s=1.0)
        except ClientGone:
            raise
        except Exception:
            log.exception("a request failed", extra={"request_id": request.id, "route": request.route})
            return error_response("internal_error", "The service failed; its log has the details.")

    def _count(self, request: Request, response: Response) -> None:
        now = time.perf_counter()
        seconds = now - request.started
        arrived = request.arrived
        method = request.method if request.method in _METHODS else _OTHER_METHOD
        self._metrics.ended(
            method=method,
            route=request.route,
            status=response.status,
            code=response.code,
            seconds=seconds,
            answer_seconds=None if arrived is None else now - arrived,
            received=request.body_bytes,
            sent=len(response.body),
        )
        if request.afterwards is not None:
            request.afterwards()
            # It knows the question, which knows the request: together they would wait for the garbage collector.
            request.afterwards = None
        if self._access_log is not None and (response.status >= 300 or request.route not in _UNLOGGED_ROUTES):
            client = request.scope.get("client")
            name, version = request.model or (None, None)
            self._access_log.add(
                {
                    "time": time.time(),
                    "level": "info",
                    "logger": "convoy.access",
                    "request_id": request.id,
                    "method": request.method,
                    "path": request.path[:_SHOWN_PATH_CHARACTERS],
                    "route": request.route,
                    "status": response.status,
                    "code": response.code,
                    "duration_ms": round(seconds * 1000, 3),
                    "upload_ms": round((arrived - request.started) * 1000, 3) if arrived is not None else None,
                    "received_bytes": request.body_bytes,
                    "sent_bytes": len(response.body),
                    "model": name,
                    "version": version,
                    "client": client[0] if client else None,
                    "forwarded_for": _forwarded_for(request),
                }
            )


def _request_id(scope: Scope) -> str:
    """The caller's X-Request-ID where it is short and printable, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            if _REQUEST_ID.fullmatch(value):
                given: str = value.decode("ascii")
                return given
            break
    return new_request_id()


def _forwarded_for(request: Request) -> str | None:
    """X-Forwarded-For as it was sent; of a long one the end, where the nearest proxy writes."""
    given = [value for name, value in request.scope["headers"] if name == b"x-forwarded-for"]
    # Proxies that add to it may do so in a line of their own, which means the same.
    return b", ".join(given).decode("latin-1")[-_SHOWN_FORWARDED_CHARACTERS:] if given else None


async def _send(response: Response, request: Request, send: Send) -> None:
    headers = [
        (b"content-type", response.media_type.encode()),
        (b"content-length", str(len(response.body)).encode()),
        (b"x-request-id", request.id.encode()),
        *response.headers,
    ]
    start: Message = {"type": "http.response.start", "status": response.status, "headers": headers}
    await send(start)
    await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else response.body})
