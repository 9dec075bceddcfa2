"""The recipe of one training: everything that decides its result, frozen, checked and with a fingerprint."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Literal, Self

from service.repository.artifact import Preprocessing, Task

Precision = Literal["fp32", "bf16"]
IGNORED = 255
"""What masks say of pixels that are of no class."""


def _check(fits: bool, sentence: str) -> None:
    if not fits:
        raise ValueError(sentence)


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Random changes, drawn anew for every image in every epoch; the affine ones each from a uniform range."""

    degrees: float = 0.0
    """Rotation in [-degrees, degrees]."""
    translate: float = 0.0
    """Shift along each axis in [-translate, translate], as a share of the edge."""
    scale: float = 0.0
    """Zoom in [1 - scale, 1 + scale]."""
    shear_degrees: float = 0.0
    """Shear along x in [-shear_degrees, shear_degrees]."""
    horizontal_flip: bool = False
    """Half of the images are mirrored, left to right."""
    crop_padding_px: int = 0
    """The image is padded by this much on every side and cut out at its own size somewhere (He et al. 2015, 4.2)."""
    erasing_share: float = 0.0
    """Share of the images in which a rectangle of 2 to 33 % of the area is set to zero (Zhong et al. 2017)."""

    def __post_init__(self) -> None:
        _check(0 <= self.degrees <= 180, "degrees must be in [0, 180]")
        _check(0 <= self.translate < 1, "translate must be in [0, 1)")
        _check(0 <= self.scale < 1, "scale must be in [0, 1)")
        _check(0 <= self.shear_degrees < 90, "shear_degrees must be in [0, 90)")
        _check(self.crop_padding_px >= 0, "crop_padding_px must not be negative")
        _check(0 <= self.erasing_share <= 1, "erasing_share must be in [0, 1]")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What decides the result of one training, as far as it is the same for every task.

    Raises:
        ValueError: a field is out of its range; the message is one sentence.
    """

    task: ClassVar[Task]
    minimum: ClassVar[str]
    """Name of the field below whose value nothing is published."""
    model: str
    """Name in models.MODELS."""
    dataset: str
    """Name in export.data's datasets, or the name of a folder of pictures."""
    preprocessing: Preprocessing
    """How a picture becomes the graph's uint8 input; training sees exactly this."""
    pixel_mean: tuple[float, ...]
    """Per channel, of pixels / 255: the network sees (pixel / 255 - mean) / std."""
    pixel_std: tuple[float, ...]
    """Per channel, of pixels / 255."""
    epochs: int
    batch_size: int
    """Images per step and device."""
    optimizer: Literal["adamw", "sgd"]
    """sgd has Nesterov momentum 0.9."""
    learning_rate: float
    """Peak of the schedule: linear warm-up, then half a cosine down to zero."""
    warmup_epochs: float
    weight_decay: float
    augmentation: Augmentation
    ema_decay: float
    """Decay per step of the averaged weights, which are kept (export.training.averaging); 0 keeps the raw ones."""
    patience_epochs: int
    """Training stops after this many epochs without a better score on the validation data."""
    precision: Precision
    """bf16 means mixed precision; it falls back to fp32, and says so, where the device has no bf16."""
    seed: int
    validation_share: float
    """Share of the training files held out, per class, for every choice made in training."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """What the network is built with beside classes and channels, such as {"stem": "small"}."""
    initial_weights: str = ""
    """SHA-256 of the file of weights that training starts from; empty for random ones."""
    frozen_epochs: int = 0
    """Epochs at the start in which only the head learns and all that lies before it stays as the file has it."""

    def __post_init__(self) -> None:
        channels = self.preprocessing.channels
        _check(self.model != "", "model must not be empty")
        _check(len(self.pixel_mean) == channels, f"pixel_mean needs {channels} values")
        _check(len(self.pixel_std) == channels, f"pixel_std needs {channels} values")
        _check(all(value > 0 for value in self.pixel_std), "pixel_std must be positive")
        _check(self.epochs >= 1, "epochs must be at least 1")
        _check(self.batch_size >= 1, "batch_size must be at least 1")
        _check(self.learning_rate > 0, "learning_rate must be positive")
        _check(0 <= self.warmup_epochs < self.epochs, "warmup_epochs must be in [0, epochs)")
        _check(self.weight_decay >= 0, "weight_decay must not be negative")
        _check(0 <= self.ema_decay < 1, "ema_decay must be in [0, 1)")
        _check(self.patience_epochs >= 1, "patience_epochs must be at least 1")
        _check(0 <= self.seed < 2**32, "seed must be in [0, 2^32)")
        _check(0 < self.validation_share < 1, "validation_share must be in (0, 1)")
        _check(0 <= self.minimum_score <= 1, f"{self.minimum} must be in [0, 1]")
        _check(0 <= self.frozen_epochs <= self.epochs, "frozen_epochs must be in [0, epochs]")
        _check(
            self.frozen_epochs == 0 or self.initial_weights != "",
            "frozen_epochs would keep random weights as they are",
        )

    @property
    def input_px(self) -> tuple[int, int]:
        """(height, width) of the pictures that training sees."""
        raise NotImplementedError

    @property
    def minimum_score(self) -> float:
        """Publishing is refused below this score on the validation data."""
        score: float = getattr(self, self.minimum)
        return score

    def on_other_data(self, dataset: str, *, keeps_polarity: bool) -> Self:
        """The same training on other data: no score is demanded, since none was ever measured there."""
        polarity = self.preprocessing.polarity if keeps_polarity else None
        preprocessing = self.preprocessing.model_copy(update={"polarity": polarity})
        changes: dict[str, Any] = {"dataset": dataset, "preprocessing": preprocessing, self.minimum: 0.0}
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, one per field."""
        values: dict[str, Any] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, Preprocessing):
                value = value.model_dump(mode="json")
            elif isinstance(value, Augmentation):
                value = {part.name: getattr(value, part.name) for part in fields(value)}
            elif isinstance(value, tuple):
                value = list(value)
            elif isinstance(value, Mapping):
                value = dict(value)
            values[each.name] = value
        return values

    def fingerprint(self) -> str:
        """SHA-256 over what decides the weights; what is only demanded of them afterwards is left out."""
        values = {name: value for name, value in self.to_dict().items() if name != self.minimum}
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class ClassificationRecipe(Recipe):
    """Everything that decides the result of one training of a classifier.

    Raises:
        ValueError: a field is out of its range; the message is one sentence.
    """

    task: ClassVar[Task] = "image-classification"
    minimum: ClassVar[str] = "minimum_accuracy"
    label_smoothing: float
    rubbish_logit: float | None
    """Constant logit of one more class in the loss that is never right: it keeps the others from sinking together.
    None for plain cross entropy."""
    minimum_accuracy: float
    """Publishing is refused below this accuracy."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(self.preprocessing.height is not None, "preprocessing must fix the size of the input")
        _check(0 <= self.label_smoothing < 1, "label_smoothing must be in [0, 1)")
        _check(
            self.rubbish_logit is None or self.label_smoothing == 0,
            "label_smoothing would give the rubbish class a share",
        )

    @property
    def input_px(self) -> tuple[int, int]:
        """(height, width) of the graph's input."""
        assert self.preprocessing.height is not None
        assert self.preprocessing.width is not None
        return self.preprocessing.height, self.preprocessing.width


@dataclass(frozen=True, kw_only=True)
class SegmentationRecipe(Recipe):
    """Everything that decides the result of one training of a segmenter.

    Raises:
        ValueError: a field is out of its range; the message is one sentence.
    """

    task: ClassVar[Task] = "image-segmentation"
    minimum: ClassVar[str] = "minimum_mean_iou"
    window_px: int
    """Edge of the square that is cut out of each picture, somewhere else in every epoch, after preprocessing."""
    cross_entropy_weight: float
    """Share of the cross entropy, averaged over pixels, in the loss."""
    dice_weight: float
    """Share of the soft Dice loss, averaged over classes (Milletari, Navab, Ahmadi 2016, section 3), in the loss."""
    class_weights: tuple[float, ...] | Literal["even", "balanced"] = "even"
    """Weight of each class in the cross entropy. balanced: the median of the classes' shares of all training pixels,
    divided by the class's own share (Eigen, Fergus 2015, section 6.3.2)."""
    ignore_index: int = IGNORED
    """Pixels of this class count in no loss and in no score; nor do those of none, which masks mark by 255."""
    minimum_mean_iou: float
    """Publishing is refused below this mean intersection over union."""
    epochs_per_pass: int = 1
    """Epochs in which every picture is seen once: where there are many, short epochs are kept more often."""
    scene_rules: str = ""
    """Fingerprint of the rules of composed scenes, by which one set of them is told from another; empty for others."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(self.preprocessing.height is None, "preprocessing must leave the size of the input free")
        _check(self.window_px >= 8, "window_px must be at least 8")
        _check(self.epochs_per_pass >= 1, "epochs_per_pass must be at least 1")
        losses = (self.cross_entropy_weight, self.dice_weight)
        _check(all(math.isfinite(weight) for weight in losses), "weights of losses must be finite numbers")
        _check(min(losses) >= 0, "weights of losses must not be negative")
        _check(self.cross_entropy_weight + self.dice_weight > 0, "one of the losses needs a weight")
        _check(0 <= self.ignore_index <= IGNORED, f"ignore_index must be in [0, {IGNORED}]")
        if not isinstance(self.class_weights, str):
            _check(all(weight >= 0 for weight in self.class_weights), "class_weights must not be negative")
            _check(all(map(math.isfinite, self.class_weights)), "class_weights must be finite numbers")
            _check(any(weight > 0 for weight in self.class_weights), "one of the class_weights must be positive")
        # The two that no mask can follow.
        _check(self.augmentation.crop_padding_px == 0, "crop_padding_px is for classifiers: windows move anyway")
        _check(self.augmentation.erasing_share == 0, "erasing_share is for classifiers: a mask would not know of it")

    @property
    def input_px(self) -> tuple[int, int]:
        """(height, width) of the windows that training sees."""
        return self.window_px, self.window_px


def recipe_from_dict(values: Mapping[str, Any]) -> Recipe:
    """The inverse of `Recipe.to_dict`.

    Raises:
        ValueError: a field is missing, unknown or out of its range.
    """
    kind = SegmentationRecipe if SegmentationRecipe.minimum in values else ClassificationRecipe
    try:
        read: dict[str, Any] = {
            **values,
            "preprocessing": Preprocessing.model_validate(values["preprocessing"]),
            "pixel_mean": tuple(values["pixel_mean"]),
            "pixel_std": tuple(values["pixel_std"]),
            "augmentation": Augmentation(**values["augmentation"]),
        }
        if isinstance(weights := values.get("class_weights"), list):
            read["class_weights"] = tuple(weights)
        return kind(**read)
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a recipe of this version: {error}") from None
