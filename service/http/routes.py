"""Paths to handlers by template, so that logs and metrics name a template and never a raw path."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from service.http.request import Request
from service.http.responses import Response

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]

# The template of requests that fit no route: all random paths share it.
UNMATCHED = "(unmatched)"


@dataclass(frozen=True, slots=True)
class Route:
    """A template such as /v1/models/{name} and its handlers by method."""

    template: str
    handlers: Mapping[str, Handler]

    @property
    def methods(self) -> str:
        """The value of an Allow header."""
        return ", ".join(sorted({*self.handlers, *(["HEAD"] if "GET" in self.handlers else [])}))


class Router:
    """Finds the route of a path; fixed paths by one look-up, templates by their segments."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._fixed = {route.template: route for route in routes if "{" not in route.template}
        self._shaped: dict[int, list[tuple[list[str], Route]]] = {}
        for route in routes:
            if "{" in route.template:
                segments = route.template.split("/")
                self._shaped.setdefault(len(segments), []).append((segments, route))

    def find(self, path: str) -> tuple[Route | None, dict[str, str]]:
        """The route and the values of its parameters; None where nothing fits."""
        route = self._fixed.get(path)
        if route is not None:
            return route, {}
        segments = path.split("/")
        for shape, route in self._shaped.get(len(segments), ()):
            parameters = {}
            for expected, given in zip(shape, segments, strict=True):
                if expected.startswith("{") and given:
                    parameters[expected[1:-1]] = given
                elif expected != given:
                    break
            else:
                return route, parameters
        return None, {}
