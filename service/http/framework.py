"""Passes on to the framework the few paths that are its own: what its client and the documentation page load."""

import asyncio

from service.http.request import ASGIApp, Message, Request
from service.http.responses import Response

PATHS = ("/schema.json", "/static_content/swagger-ui.css", "/static_content/swagger-ui-bundle.js")
"""Just these, because other pages of the framework load from third parties."""


class Framework:
    """A handler that asks the framework; for fixed paths that it can be relied on to answer."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, request: Request) -> Response:
        """GET one of PATHS.

        Raises:
            RuntimeError: the framework does not answer with 200.
        """
        response, pieces, asked = Response(b""), bytearray(), False

        async def nothing() -> Message:
            nonlocal asked
            if asked:
                # Only a caller that hangs up comes after the end of a body, and this one stays.
                await asyncio.get_running_loop().create_future()
            asked = True
            return {"type": "http.request"}

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                # Its other headers offer ranges and conditions, which are not taken here.
                response.status = message["status"]
                response.media_type = dict(message["headers"])[b"content-type"].decode()
            else:
                pieces.extend(message.get("body", b""))

        scope = {**request.scope, "method": "GET", "headers": []}
        await self._application(scope, nothing, collect)
        if response.status != 200:
            raise RuntimeError(f"The framework answered {request.path} with {response.status}.")
        response.body = bytes(pieces)
        return response
