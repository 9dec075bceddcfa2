"""How pictures are prepared for weights: the usual ways, and a file that says it for others."""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from export.errors import BadWeights
from service.inference.segmenter import PIXELS_AT_MOST
from service.repository.artifact import Preprocessing

_EDGE_PX = (8, 1024)
_SMALLEST_STD = 0.001


class Input(BaseModel):
    """What lies between a picture and the network."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preprocessing: Preprocessing
    """How a picture becomes the graph's uint8 input; height and width are both fixed, for classifiers, or both free,
    for segmenters."""
    pixel_mean: tuple[float, ...]
    """Per channel, of pixels / 255, 0 to 1: the network sees (pixel / 255 - mean) / std."""
    pixel_std: tuple[float, ...]
    """Per channel, of pixels / 255, 0.001 to 1; 1 / 255 is for networks that see pixels as they are."""

    @property
    def is_free(self) -> bool:
        """Whether pictures of any size go in, as into a segmenter."""
        return self.preprocessing.height is None

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        spec = self.preprocessing
        if (spec.height is None) != (spec.width is None):
            raise ValueError("preprocessing must fix both height and width, or leave both free")
        if not len(self.pixel_mean) == len(self.pixel_std) == spec.channels:
            raise ValueError(f"pixel_mean and pixel_std need {spec.channels} values each")
        # Not the other way round: what is no number is no part of any range.
        if not all(0 <= mean <= 1 for mean in self.pixel_mean):
            raise ValueError("pixel_mean must lie between 0 and 1; it is of pixels / 255")
        if not all(_SMALLEST_STD <= std <= 1 for std in self.pixel_std):
            raise ValueError(f"pixel_std must lie between {_SMALLEST_STD} and 1; it is of pixels / 255")
        return self

    @model_validator(mode="after")
    def _picture_makes_sense(self) -> Self:
        spec = self.preprocessing
        low, high = _EDGE_PX
        for name, edge_px in (("height", spec.height), ("width", spec.width), ("shortest_edge", spec.shortest_edge)):
            if edge_px is not None and not low <= edge_px <= high:
                raise ValueError(f"preprocessing.{name} must lie between {low} and {high} pixels")
        edges = [edge_px for edge_px in (spec.height, spec.width) if edge_px is not None]
        if spec.shortest_edge is not None:
            if spec.resize not in ("crop", "pad", "shortest"):
                raise ValueError(
                    f"preprocessing.shortest_edge goes with crop, pad and shortest, not with {spec.resize}"
                )
            if spec.resize == "crop" and spec.shortest_edge < max(edges):
                raise ValueError("preprocessing.shortest_edge must be no smaller than what is cropped out of it")
            if spec.resize == "pad" and spec.shortest_edge > min(edges):
                raise ValueError("preprocessing.shortest_edge must be no larger than what it is padded to")
            if spec.longest_edge is not None:
                _check_longest(spec.shortest_edge, spec.longest_edge)
        if spec.polarity and spec.colour != "gray":
            raise ValueError("preprocessing.polarity is for gray pictures only")
        return self


def _check_longest(shortest_px: int, longest_px: int) -> None:
    """Raises ValueError where the edges make no range, or pictures that the service would refuse."""
    if longest_px < shortest_px:
        raise ValueError("preprocessing.longest_edge must be no smaller than shortest_edge")
    if shortest_px * longest_px > PIXELS_AT_MOST:
        raise ValueError(
            f"preprocessing.longest_edge must be at most {PIXELS_AT_MOST // shortest_px} beside that shortest_edge: "
            f"the service takes {PIXELS_AT_MOST} pixels in one run"
        )


def of_any_size(shortest_edge_px: int, longest_edge_px: int, colour: Literal["rgb", "gray"] = "rgb") -> Preprocessing:
    """Pictures scaled to a shorter edge, unless the longer one would exceed its own limit."""
    return Preprocessing(
        height=None,
        width=None,
        resize="shortest",
        shortest_edge=shortest_edge_px,
        longest_edge=longest_edge_px,
        colour=colour,
    )


def cropped(edge_px: int, shortest_edge_px: int, interpolation: str = "bilinear") -> Preprocessing:
    """Colour pictures scaled to a shortest edge, of which the centre is cut out."""
    return Preprocessing.model_validate(
        {
            "height": edge_px,
            "width": edge_px,
            "resize": "crop",
            "shortest_edge": shortest_edge_px,
            "interpolation": interpolation,
            "colour": "rgb",
        }
    )


IMAGENET = Input(preprocessing=cropped(224, 256), pixel_mean=(0.485, 0.456, 0.406), pixel_std=(0.229, 0.224, 0.225))
"""What nearly all public checkpoints were trained with."""
IMAGENET_232 = IMAGENET.model_copy(update={"preprocessing": cropped(224, 232)})
"""The second, better weights of ResNet-50, 101 and 152."""
GOOGLENET = IMAGENET.model_copy(update={"pixel_mean": (0.5,) * 3, "pixel_std": (0.5,) * 3})
"""Its weights come from TensorFlow; torchvision's network turns ImageNet's numbers into these (transform_input)."""
XCEPTION = GOOGLENET.model_copy(update={"preprocessing": cropped(299, 333, "bicubic")})
"""299 of 333 pixels is timm's crop of 0.8975."""
GRAY = Input(
    preprocessing=cropped(224, 256).model_copy(update={"colour": "gray"}), pixel_mean=(0.449,), pixel_std=(0.226,)
)
"""For gray pictures: ImageNet's, averaged over the colours."""


FCN_RESNET50 = IMAGENET.model_copy(update={"preprocessing": of_any_size(520, 1040)})
"""torchvision scales to the shorter edge alone. Pictures of more than two to one are seen smaller here: the longer the
picture, the longer its run takes."""


def read_input(path: Path) -> Input:
    """The input that a JSON file describes, with the names that a recipe has in a model card.

    Raises:
        BadWeights: it is no such file.
        OSError: it cannot be opened.
    """
    try:
        return Input.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        raise BadWeights(f"{path} does not describe an input: {place + ': ' if place else ''}{said}.") from None
