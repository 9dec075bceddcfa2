"""What the networks do with requests: outcomes, stages, batches, predictions and confidence, the classes of pixels."""

from prometheus_client import CollectorRegistry, Counter, Histogram

from service.inference.model import LoadedModel
from service.inference.question import Encoded, Question
from service.repository.artifact import CONFIDENCE_EDGES

STAGES = ("queue", "decode", "preprocess", "inference", "postprocess", "encode")
OUTCOMES = ("ok", "client_error", "rejected", "timeout", "error")
OTHER_CLASS = "other"

# A LeNet runs in 30 µs, a large network in a second, a large picture in tiles in many.
_STAGE_BUCKETS_S = (2e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 25.0)
# MNIST's pictures have 784 pixels, a phone's photo 12 million.
_PIXEL_BUCKETS = (1e3, 1e4, 3e4, 1e5, 3e5, 1e6, 3e6, 1e7, 3e7)
_BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64)
_OUTCOME_OF_CODE = {
    None: "ok",
    "overloaded": "rejected",
    "not_ready": "rejected",
    "deadline_exceeded": "timeout",
    "internal_error": "error",
}


class InferenceMetrics:
    """Counted per model and version when a request to a model has ended."""

    def __init__(self, registry: CollectorRegistry, *, max_class_labels: int) -> None:
        self._max_class_labels = max_class_labels
        self._requests = Counter(
            "convoy_inference_requests_total",
            "Requests to a model that have ended, by outcome.",
            ["model", "version", "task", "outcome"],
            registry=registry,
        )
        self._images = Counter(
            "convoy_inference_images_total", "Pictures answered for.", ["model", "version"], registry=registry
        )
        self._image_pixels = Histogram(
            "convoy_image_pixels",
            "Width times height of the pictures answered for, as they were sent.",
            ["model", "version"],
            buckets=_PIXEL_BUCKETS,
            registry=registry,
        )
        self._batch_size = Histogram(
            "convoy_batch_size",
            "Pictures that went through a network in one run.",
            ["model", "version"],
            buckets=_BATCH_BUCKETS,
            registry=registry,
        )
        self._stage = Histogram(
            "convoy_stage_duration_seconds",
            "Time that a request spent in a stage.",
            ["model", "version", "stage"],
            buckets=_STAGE_BUCKETS_S,
            registry=registry,
        )
        self._predictions = Counter(
            "convoy_predictions_total", "Top-1 answers per class.", ["model", "version", "class"], registry=registry
        )
        self._confidence = Histogram(
            "convoy_prediction_confidence",
            "Scores of the top-1 answers.",
            ["model", "version"],
            buckets=CONFIDENCE_EDGES,
            registry=registry,
        )
        self._pixels = Counter(
            "convoy_mask_pixels_total", "Pixels of masks per class.", ["model", "version", "class"], registry=registry
        )
        self._children: dict[tuple[str, int, str], _Children] = {}

    def prepare(self, model: LoadedModel) -> None:
        """Create a model's series at zero, so that rates begin with the first request."""
        self._of(model)

    def ended(self, question: Question, encoded: Encoded | None, code: str | None) -> None:
        """Count a request that reached a model: its answer, or the code of its error."""
        children = self._of(question.model)
        children.outcomes[_OUTCOME_OF_CODE.get(code, "client_error")].inc()
        # A copy: a lane may still be at work on a request whose time has run out.
        for stage, seconds in list(question.stages.items()):
            children.stages[stage].observe(seconds)
        for size in question.run_sizes:
            children.batch_size.observe(size)
        if encoded is None:
            return
        children.images.inc(max(len(encoded.tops), len(encoded.pixels)))
        for number in question.image_pixels:
            children.image_pixels.observe(number)
        for top in encoded.tops:
            children.classes[min(top.index, len(children.classes) - 1)].inc()
            if children.confidence is not None:
                children.confidence.observe(top.score)
        for pixels in encoded.pixels:
            for index in pixels.nonzero()[0].tolist():
                children.classes[min(index, len(children.classes) - 1)].inc(int(pixels[index]))

    def unreached(self, model: LoadedModel, code: str) -> None:
        """Count a request that was refused before it became a question to the model."""
        self._of(model).outcomes[_OUTCOME_OF_CODE.get(code, "client_error")].inc()

    def class_labels(self, model: LoadedModel) -> list[str]:
        """Labels with a series of their own; beyond the cap all others share one."""
        labels = model.metadata.labels
        if len(labels) <= self._max_class_labels:
            return list(labels)
        return [*labels[: self._max_class_labels], OTHER_CLASS]

    def _of(self, model: LoadedModel) -> "_Children":
        key = model.name, model.version, model.digest
        children = self._children.get(key)
        if children is None:
            at = model.name, str(model.version)
            per_class = self._predictions if model.metadata.task == "image-classification" else self._pixels
            children = self._children[key] = _Children(
                outcomes={name: self._requests.labels(*at, model.metadata.task, name) for name in OUTCOMES},
                stages={stage: self._stage.labels(*at, stage) for stage in STAGES},
                images=self._images.labels(*at),
                image_pixels=self._image_pixels.labels(*at),
                batch_size=self._batch_size.labels(*at),
                classes=[per_class.labels(*at, label) for label in self.class_labels(model)],
                confidence=self._confidence.labels(*at) if per_class is self._predictions else None,
            )
        return children


class _Children:
    """One model's children, found once: `labels()` takes a lock and builds a key at every call."""

    __slots__ = ("batch_size", "classes", "confidence", "image_pixels", "images", "outcomes", "stages")

    def __init__(
        self,
        *,
        outcomes: dict[str, Counter],
        stages: dict[str, Histogram],
        images: Counter,
        image_pixels: Histogram,
        batch_size: Histogram,
        classes: list[Counter],
        confidence: Histogram | None,
    ) -> None:
        self.outcomes = outcomes
        self.stages = stages
        self.images = images
        self.image_pixels = image_pixels
        self.batch_size = batch_size
        self.classes = classes
        self.confidence = confidence
