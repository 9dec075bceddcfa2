"""The body of a request to a model: received on the event loop, parsed in a lane."""

from typing import Any, Self

from service.errors import BadRequest
from service.http.answers import Encoder
from service.http.inflow import Inflow
from service.http.pictures import Upload, extract
from service.http.request import Request
from service.inference.model import LoadedModel
from service.inference.question import Encoded

# A photograph of more than a megapixel: a hundredth of a second to decode.
_LARGE_BODY_BYTES = 256 * 1024


class Reading:
    """The body of one request: received on the event loop, parsed in a lane, once."""

    __slots__ = ("_body", "_max_images", "_request", "_takes_fields", "_upload")

    def __init__(self, request: Request | None, max_images: int, *, takes_fields: bool = False) -> None:
        self._request = request
        self._max_images = max_images
        self._takes_fields = takes_fields
        self._body: bytes | None = None
        self._upload: Upload | None = None

    @classmethod
    def of(cls, body: bytes, max_images: int) -> Self:
        """A body that is there already."""
        reading = cls(None, max_images)
        reading._body = body
        return reading

    @property
    def is_large(self) -> bool:
        """Whether it may take long to decode, as far as that can be told before it is there."""
        size = len(self._body) if self._body else self._request.declared_bytes if self._request is not None else None
        return size is None or size > _LARGE_BODY_BYTES

    async def receive(self, max_bytes: int, timeout_s: float, inflow: Inflow) -> None:
        """Take the body in, unless that has been done."""
        if self._body is None and self._request is not None:
            self._body = await self._request.body(max_bytes=max_bytes, timeout_s=timeout_s, inflow=inflow)

    @property
    def upload(self) -> Upload:
        """What the body holds."""
        if self._upload is None:
            kind = self._request.header(b"content-type") if self._request is not None else None
            upload = extract(self._body or b"", kind, max_images=self._max_images)
            if upload.fields and not self._takes_fields:
                name = next(iter(upload.fields))
                raise BadRequest(f"There is no field {name[:40]!r} in a form here; parameters stand in the query.")
            self._upload = upload
            self._body = b""  # the pictures are copies where they were parsed: one of the two is enough
        return self._upload

    def images(self) -> list[bytes]:
        """The pictures as they were sent."""
        return self.upload.images

    def encoded_by(self, encoder: Encoder) -> Any:
        """The encoder, told whether several pictures were sent, which is known once the body is parsed."""

        def encode(model: LoadedModel, results: list[Any]) -> Encoded:
            return encoder(model, results, self.upload.several)

        return encode
