"""The handlers of classify and cam: from a request to a question for the lanes, and back."""

import asyncio
from collections.abc import Mapping
from typing import Any

from service.errors import BadRequest, ConvoyError
from service.http.answers import CAM_ENCODERS, Encoder, encode_classes
from service.http.inflow import Inflow
from service.http.metrics.inference import InferenceMetrics
from service.http.parameters import (
    CAM_PARAMETERS,
    CLASSIFY_PARAMETERS,
    form_values,
    read_format,
    read_polarity,
    read_target,
    read_top_k,
    read_version,
    require_classifier,
)
from service.http.pictures import Upload, extract
from service.http.request import ClientGone, Request
from service.http.responses import Response
from service.inference.engine import Engine
from service.inference.model import LoadedModel
from service.inference.pipeline import Encoded, Operation, Question

# A photograph of more than a megapixel: a hundredth of a second to decode.
_LARGE_BODY_BYTES = 256 * 1024
_PARAMETERS: dict[Operation, frozenset[str]] = {"classify": CLASSIFY_PARAMETERS, "cam": CAM_PARAMETERS}


class Predict:
    """Classify and explain, under /v1/models/{name} and at BentoML's constant routes."""

    def __init__(self, engine: Engine, metrics: InferenceMetrics) -> None:
        self._engine = engine
        self._settings = engine.settings
        self._metrics = metrics
        self._inflow = Inflow(engine.settings.max_body_bytes)

    async def classify(self, request: Request) -> Response:
        """POST /v1/models/{name}[/versions/{version}]/classify."""
        return await self._by_path(request, "classify")

    async def cam(self, request: Request) -> Response:
        """POST /v1/models/{name}[/versions/{version}]/cam."""
        return await self._by_path(request, "cam")

    async def typed_classify(self, request: Request) -> Response:
        """POST /classify, the door of BentoML's own client: everything stands in the form."""
        return await self._by_form(request, "classify")

    async def typed_cam(self, request: Request) -> Response:
        """POST /cam, the door of BentoML's own client."""
        return await self._by_form(request, "cam")

    async def direct(self, operation: Operation, image: bytes, name: str | None, values: Mapping[str, str]) -> bytes:
        """The same answer without HTTP, for callers within the process: the body that would be sent."""
        model = self._engine.find(name)
        reading = _Reading.of(image, self._settings.max_images)
        question = self._question(operation, model, values, reading)
        encoded = await self._engine.lanes.run(question, within_s=self._settings.deadline_s)
        self._metrics.ended(question, encoded.tops, None)
        return encoded.body

    async def _by_path(self, request: Request, operation: Operation) -> Response:
        version = request.parameters.get("version")
        model = self._engine.find(request.parameters["name"], read_version(version) if version is not None else None)
        reading = _Reading(request, self._settings.max_images)
        return await self._answer(request, operation, model, request.query(_PARAMETERS[operation]), reading)

    async def _by_form(self, request: Request, operation: Operation) -> Response:
        request.query(frozenset())
        self._engine.lanes.admit(operation, within_s=self._settings.deadline_s)
        reading = _Reading(request, self._settings.max_images, takes_fields=True)
        await reading.receive(self._settings.max_body_bytes, self._settings.upload_timeout_s, self._inflow)
        # The model stands in the form, so the form has to be parsed before there is a lane to parse it in.
        await asyncio.to_thread(reading.images)
        values = form_values(reading.upload.fields, _PARAMETERS[operation] | {"model"})
        model = self._engine.find(values.pop("model", None))
        return await self._answer(request, operation, model, values, reading)

    async def _answer(
        self,
        request: Request,
        operation: Operation,
        model: LoadedModel,
        values: Mapping[str, str],
        reading: "_Reading",
    ) -> Response:
        request.model = (model.name, model.version)
        question: Question | None = None
        try:
            question = self._question(operation, model, values, reading)
            # Asked before the body is read, so that a refusal costs neither the upload nor the decoding.
            self._engine.lanes.admit(question.group, within_s=self._settings.deadline_s)
            await reading.receive(self._settings.max_body_bytes, self._settings.upload_timeout_s, self._inflow)
            encoded = await self._engine.lanes.run(question, within_s=self._settings.deadline_s, gone=request.gone)
        except (Exception, asyncio.CancelledError) as error:
            code = "not_ready" if isinstance(error, asyncio.CancelledError) else "internal_error"
            if isinstance(error, ConvoyError | ClientGone):
                code = error.code
            if question is None:
                self._metrics.unreached(model, code)
            else:
                self._metrics.ended(question, [], code)
            raise
        # Counting comes after the answer is on its way.
        request.afterwards = lambda: self._metrics.ended(question, encoded.tops, None)
        return Response(encoded.body, media_type=encoded.media_type, headers=encoded.headers)

    def _question(
        self, operation: Operation, model: LoadedModel, values: Mapping[str, str], reading: "_Reading"
    ) -> Question:
        require_classifier(model)
        polarity = read_polarity(values, model)
        if operation == "classify":
            return Question(
                operation=operation,
                model=model,
                read=reading.images,
                encode=reading.encoded_by(encode_classes),
                max_pixels=self._settings.max_pixels,
                large=reading.is_large,
                polarity=polarity,
                top_k=read_top_k(values, model),
            )
        form = read_format(values)
        return Question(
            operation=operation,
            model=model,
            read=reading.images,
            encode=reading.encoded_by(CAM_ENCODERS[form]),
            max_pixels=self._settings.max_pixels,
            large=reading.is_large,
            polarity=polarity,
            target=read_target(values, model),
            keep_picture=form == "overlay",
        )


class _Reading:
    """The body of one request: received on the event loop, parsed in a lane, once."""

    __slots__ = ("_body", "_max_images", "_request", "_takes_fields", "_upload")

    def __init__(self, request: Request | None, max_images: int, *, takes_fields: bool = False) -> None:
        self._request = request
        self._max_images = max_images
        self._takes_fields = takes_fields
        self._body: bytes | None = None
        self._upload: Upload | None = None

    @classmethod
    def of(cls, body: bytes, max_images: int) -> "_Reading":
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
