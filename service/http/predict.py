"""The handlers of classify, cam and segment: from a request to a question for the lanes, and back."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from service.errors import ConvoyError
from service.http.inflow import Inflow
from service.http.metrics.inference import InferenceMetrics
from service.http.parameters import form_values, read_version
from service.http.questions import PARAMETERS, TASKS, make_question
from service.http.reading import Reading
from service.http.request import ClientGone, Request
from service.http.responses import Response
from service.inference.engine import Engine
from service.inference.model import LoadedModel
from service.inference.preparation import measure
from service.inference.question import Encoded, Operation, Question


class Predict:
    """Classify, explain and segment, under /v1/models/{name} and at BentoML's constant routes."""

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

    async def segment(self, request: Request) -> Response:
        """POST /v1/models/{name}[/versions/{version}]/segment."""
        return await self._by_path(request, "segment")

    async def typed_classify(self, request: Request) -> Response:
        """POST /classify, the door of BentoML's own client: everything stands in the form."""
        return await self._by_form(request, "classify")

    async def typed_cam(self, request: Request) -> Response:
        """POST /cam, the door of BentoML's own client."""
        return await self._by_form(request, "cam")

    async def typed_segment(self, request: Request) -> Response:
        """POST /segment, the door of BentoML's own client."""
        return await self._by_form(request, "segment")

    async def direct(self, operation: Operation, image: bytes, name: str | None, values: Mapping[str, str]) -> bytes:
        """The same answer without HTTP, for callers within the process: the body that would be sent."""
        model = self._find(operation, name)
        reading = Reading.of(image, self._settings.max_images)
        question = make_question(operation, model, values, reading, self._settings)
        encoded = await self._run(question)
        self._metrics.ended(question, encoded, None)
        return encoded.body

    async def _run(self, question: Question, gone: Callable[[], Awaitable[None]] | None = None) -> Encoded:
        if question.tile:
            # What a picture in tiles costs, and which lane is the right one, its size tells.
            await asyncio.to_thread(measure, question)
        lanes, within_s = self._engine.lane_for(question)
        return await lanes.run(question, within_s=within_s, gone=gone)

    async def _by_path(self, request: Request, operation: Operation) -> Response:
        version = request.parameters.get("version")
        model = self._engine.find(request.parameters["name"], read_version(version) if version is not None else None)
        reading = Reading(request, self._settings.max_images)
        return await self._answer(request, operation, model, request.query(PARAMETERS[operation]), reading)

    async def _by_form(self, request: Request, operation: Operation) -> Response:
        request.query(frozenset())
        self._engine.lanes.admit(operation, within_s=self._settings.deadline_s)
        reading = Reading(request, self._settings.max_images, takes_fields=True)
        await reading.receive(self._settings.max_body_bytes, self._settings.upload_timeout_s, self._inflow)
        # The model stands in the form, so the form has to be parsed before there is a lane to parse it in.
        await asyncio.to_thread(reading.images)
        values = form_values(reading.upload.fields, PARAMETERS[operation] | {"model"})
        model = self._find(operation, values.pop("model", None))
        return await self._answer(request, operation, model, values, reading)

    def _find(self, operation: Operation, name: str | None) -> LoadedModel:
        return self._engine.find_default(TASKS[operation]) if name is None else self._engine.find(name)

    async def _answer(
        self, request: Request, operation: Operation, model: LoadedModel, values: Mapping[str, str], reading: Reading
    ) -> Response:
        request.model = (model.name, model.version)
        question: Question | None = None
        try:
            question = make_question(operation, model, values, reading, self._settings)
            lanes, within_s = self._engine.lane_for(question)
            # Asked before the body is read, so that a refusal costs neither the upload nor the decoding.
            lanes.admit(question.group, within_s=within_s)
            await reading.receive(self._settings.max_body_bytes, self._settings.upload_timeout_s, self._inflow)
            encoded = await self._run(question, request.gone)
        except (Exception, asyncio.CancelledError) as error:
            code = "not_ready" if isinstance(error, asyncio.CancelledError) else "internal_error"
            if isinstance(error, ConvoyError | ClientGone):
                code = error.code
            if question is None:
                self._metrics.unreached(model, code)
            else:
                self._metrics.ended(question, None, code)
            raise
        # Counting comes after the answer is on its way.
        request.afterwards = lambda: self._metrics.ended(question, encoded, None)
        return Response(encoded.body, media_type=encoded.media_type, headers=encoded.headers)
