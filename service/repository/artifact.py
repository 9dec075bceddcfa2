"""The artifact contract: what one ONNX file says about itself, written by export and read by the service.

Graph of a classifier: inputs `image` uint8 (N, H, W, C) and `target` int64 (N,), -1 meaning the top-1 class;
outputs `logits` float32 (N, classes) and `cam` float32 (N, h, w), raw. Graph of a segmenter: input `image` uint8
(N, H, W, C), H and W free; output `logits` float32 (N, classes, H, W). Everything else stands in the file's
`metadata_props` as JSON values under the prefix `convoy.`.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

PREFIX = "convoy."
MODEL_FILE = "model.onnx"
CARD_FILE = "README.md"
UNKNOWN_DATASET = "unknown"
"""Dataset of an artifact whose weights came without it."""

# Upper edges of the confidence histogram, shared by the baseline in the artifact and the live metric,
# so that the two can be compared bin by bin. Finer near 1, where trained classifiers live.
CONFIDENCE_EDGES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999, 1.0)

Task = Literal["image-classification", "image-segmentation"]
Polarity = Literal["light-on-dark", "dark-on-light"]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class InvalidArtifact(ValueError):
    """A file is not an artifact that can be served; the message says why in one sentence."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class Preprocessing(_Part):
    """How a picture becomes the graph's uint8 input; scaling and normalisation are inside the graph."""

    height: int | None = Field(ge=1)
    """Height of the input in pixels; None where the graph takes any."""
    width: int | None = Field(ge=1)
    """Width of the input in pixels; None where the graph takes any."""
    resize: Literal["stretch", "crop", "pad", "shortest", "none"]
    """stretch: to height x width. crop: the shorter edge to `shortest_edge`, then the centre. pad: to fit
    inside height x width (inside `shortest_edge` squared where that is given), aspect kept and centred, the
    rest filled with background. shortest: the shorter edge to `shortest_edge`, the longer one to `longest_edge`
    at most, aspect kept. none: the picture as it is."""
    shortest_edge: int | None = Field(default=None, ge=1)
    """Edge before cropping, inside the padding or of the whole input, in pixels."""
    longest_edge: int | None = Field(default=None, ge=1)
    """Longer edge of the input at most, in pixels; with resize "shortest" alone."""
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos"] = "bilinear"
    antialias: bool = True
    """Whether shrinking averages over the pixels that fall together."""
    colour: Literal["rgb", "gray"]
    polarity: Polarity | None = None
    """What the network saw in training, strokes on a ground; None where it does not matter."""

    @model_validator(mode="after")
    def _sizes_fit(self) -> Self:
        is_free = self.height is None or self.width is None
        if self.resize not in ("shortest", "none") and is_free:
            raise ValueError(f"resize {self.resize!r} needs a height and a width")
        if self.resize == "crop" and self.shortest_edge is None:
            raise ValueError("resize 'crop' needs a shortest_edge")
        edges = self.shortest_edge, self.longest_edge
        if self.resize == "shortest" and (None in edges or not (self.height is None and self.width is None)):
            raise ValueError("resize 'shortest' needs a shortest_edge and a longest_edge, and leaves the size free")
        if self.resize != "shortest" and self.longest_edge is not None:
            raise ValueError(f"resize {self.resize!r} takes no longest_edge")
        return self

    @property
    def channels(self) -> int:
        """Channels of the graph's input: 3 for rgb, 1 for gray."""
        return 3 if self.colour == "rgb" else 1


class CamSource(_Part):
    """Where the `cam` output comes from."""

    method: Literal["cam", "grad-cam", "hirescam"]
    layer: str
    """Name of the layer whose activations the map weighs."""


class WeightsFile(_Part):
    """The file of weights that somebody brought."""

    file: str
    """Its name, without the folder."""
    sha256: str
    dtype: str
    """What its numbers were; in the graph they are float32."""


class Measurement(_Part):
    """One figure that was measured through the serving path, never copied from elsewhere."""

    name: Literal["accuracy", "mean IoU", "pixel accuracy"]
    value: Share
    dataset: str
    split: Literal["validation", "test"]
    images: int = Field(ge=1)


class Baseline(_Part):
    """What the network answered on its validation data, to compare live traffic with."""

    images: int = Field(ge=1)
    class_shares: tuple[Share, ...]
    """Share of predictions, or of the pixels of masks, per class in the order of the labels; sums to 1."""
    confidence_shares: tuple[Share, ...] | None
    """Share of top-1 scores per bin of CONFIDENCE_EDGES; sums to 1. None for segmenters."""

    @model_validator(mode="after")
    def _bins_fit(self) -> Self:
        if self.confidence_shares is not None and len(self.confidence_shares) != len(CONFIDENCE_EDGES):
            raise ValueError(f"confidence_shares needs {len(CONFIDENCE_EDGES)} bins")
        return self


class Metadata(_Part):
    """All that the service has to know of an artifact beside its graph."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    task: Task
    architecture: str
    labels: tuple[str, ...] = Field(min_length=1)
    preprocessing: Preprocessing
    dataset: str
    metrics: tuple[Measurement, ...] = ()
    """Empty where nothing was measured."""
    recipe: dict[str, Any] = {}
    """How the network was built and trained, as far as that is known."""
    weights: WeightsFile | None = None
    """Where the weights came from; None where they were trained by the recipe."""
    command: str = ""
    source_revision: str = ""
    versions: dict[str, str] = {}
    """Library and opset versions that made the file."""
    precision: Literal["fp32", "fp16", "bf16", "int8"] = "fp32"
    cam: CamSource | None = None
    baseline: Baseline | None = None

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("labels must differ from one another")
        if self.baseline and len(self.baseline.class_shares) != len(self.labels):
            raise ValueError("baseline.class_shares needs one share per label")
        if self.task == "image-classification" and self.cam is None:
            raise ValueError("a classifier says where its cam comes from")
        if self.task == "image-segmentation" and self.preprocessing.resize not in ("shortest", "none"):
            raise ValueError("a segmenter takes pictures of any size: its resize is 'shortest' or 'none'")
        return self

    @property
    def has_background(self) -> bool:
        """Whether class 0 is what is of no other class, as its label says."""
        return self.labels[0].strip("_").lower() == "background"

    def to_props(self) -> dict[str, str]:
        """The entries of `metadata_props`: JSON text per field, names prefixed."""
        return {PREFIX + key: json.dumps(value) for key, value in self.model_dump(mode="json").items()}

    @classmethod
    def from_props(cls, props: Mapping[str, str]) -> Self:
        """Read the entries back.

        Raises:
            InvalidArtifact: an entry is missing, not JSON, or out of its range.
        """
        try:
            fields = {key[len(PREFIX) :]: json.loads(text) for key, text in props.items() if key.startswith(PREFIX)}
        except (json.JSONDecodeError, RecursionError) as error:
            raise InvalidArtifact(f"The metadata is not JSON: {error}.") from None
        if not fields:
            raise InvalidArtifact("The file carries no Convoy metadata.")
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"]) or "metadata"
            raise InvalidArtifact(f"The metadata does not fit: {place}: {first['msg']}.") from None
