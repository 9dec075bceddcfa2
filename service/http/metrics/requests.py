"""Rate, errors and duration of HTTP requests, under OpenTelemetry's names and by route template."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from service.http.responses import STATUS_OF_CODE

_DURATION_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# What an objective of availability tells apart.
_EXPECTED_STATUSES = (200, *sorted({status for status in STATUS_OF_CODE.values() if status >= 500}))
# And one of latency: what was answered, what its caller gave up, and what ran out of its time.
_EXPECTED_ANSWERS = (200, 499, 504)
_SIZE_BUCKETS_BYTES = (1e3, 1e4, 1e5, 1e6, 1e7)


class RequestMetrics:
    """Children are kept in a dict of our own: `labels()` takes a lock and builds a key at every call."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "http_server_requests_total",
            "Requests that have ended.",
            ["method", "route", "status_code"],
            registry=registry,
        )
        self._duration = Histogram(
            "http_server_request_duration_seconds",
            "Time from the head of a request to the end of its answer.",
            ["method", "route", "status_code"],
            buckets=_DURATION_BUCKETS_S,
            registry=registry,
        )
        self._answer = Histogram(
            "convoy_answer_duration_seconds",
            "Time from the last byte of a body that was read to the end of the answer.",
            ["route", "status_code"],
            buckets=_DURATION_BUCKETS_S,
            registry=registry,
        )
        self._received = Histogram(
            "http_server_request_body_size_bytes",
            "Size of the bodies received.",
            ["method", "route"],
            buckets=_SIZE_BUCKETS_BYTES,
            registry=registry,
        )
        self._sent = Histogram(
            "http_server_response_body_size_bytes",
            "Size of the bodies sent.",
            ["method", "route"],
            buckets=_SIZE_BUCKETS_BYTES,
            registry=registry,
        )
        self._active = Gauge(
            "http_server_active_requests",
            "Requests that are being answered.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._rejected = Counter(
            "convoy_rejected_total", "Requests answered with an error, by its code.", ["reason"], registry=registry
        )
        self._reasons = {code: self._rejected.labels(code) for code in STATUS_OF_CODE}
        self._whole: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._answers: dict[tuple[str, int], Histogram] = {}
        self._sizes: dict[tuple[str, str], tuple[Histogram, Histogram]] = {}
        self.active = 0

    def prepare(self, routes: Iterable[str]) -> None:
        """Create at zero what objectives count of POST to these routes, so that rates begin with the first request."""
        for route in routes:
            for status in _EXPECTED_STATUSES:
                self._requests.labels("POST", route, str(status))
            for status in _EXPECTED_ANSWERS:
                self._answer.labels(route, str(status))

    def ended(
        self,
        *,
        method: str,
        route: str,
        status: int,
        code: str | None,
        seconds: float,
        answer_seconds: float | None,
        received: int,
        sent: int,
    ) -> None:
        """Count one request that has ended; `method` and `route` come from closed sets.

        `answer_seconds` is None where the body was not read to its end.
        """
        whole = self._whole.get((method, route, status))
        if whole is None:
            at = method, route, str(status)
            whole = self._whole[method, route, status] = self._requests.labels(*at), self._duration.labels(*at)
        whole[0].inc()
        whole[1].observe(seconds)
        if answer_seconds is not None:
            answer = self._answers.get((route, status))
            if answer is None:
                answer = self._answers[route, status] = self._answer.labels(route, str(status))
            answer.observe(answer_seconds)
        sizes = self._sizes.get((method, route))
        if sizes is None:
            sizes = self._received.labels(method, route), self._sent.labels(method, route)
            self._sizes[method, route] = sizes
        sizes[0].observe(received)
        sizes[1].observe(sent)
        if code is not None:
            self._reasons[code].inc()

    def sample(self) -> None:
        """Bring the gauge up to date."""
        self._active.set(self.active)
