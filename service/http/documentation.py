"""The page at /docs, which shows the API without loading anything from outside, and the way to it."""

from service.http.openapi import openapi_document
from service.http.request import Request
from service.http.responses import Response, json_response

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
