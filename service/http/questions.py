"""From an operation, a model and parameters to the question that a lane is asked."""

from collections.abc import Mapping
from functools import partial

from service.errors import WrongTask
from service.http.answers import CAM_ENCODERS, Encoder, encode_classes
from service.http.mask_answers import MASK_ENCODERS
from service.http.mask_parameters import SEGMENT_PARAMETERS, MaskWishes, read_mask_wishes
from service.http.parameters import (
    CAM_PARAMETERS,
    CLASSIFY_PARAMETERS,
    read_format,
    read_polarity,
    read_target,
    read_top_k,
)
from service.http.reading import Reading
from service.inference.model import LoadedModel
from service.inference.question import Operation, Question
from service.repository.artifact import Task
from service.settings import Settings

PARAMETERS: dict[Operation, frozenset[str]] = {
    "classify": CLASSIFY_PARAMETERS,
    "cam": CAM_PARAMETERS,
    "segment": SEGMENT_PARAMETERS,
}
TASKS: dict[Operation, Task] = {
    "classify": "image-classification",
    "cam": "image-classification",
    "segment": "image-segmentation",
}


def make_question(
    operation: Operation, model: LoadedModel, values: Mapping[str, str], reading: Reading, settings: Settings
) -> Question:
    """The question that a caller asks of a model by these parameters.

    Raises:
        WrongTask: the model does something else.
        InvalidParameter, UnknownTarget: a parameter cannot be used.
    """
    if model.metadata.task != TASKS[operation]:
        raise WrongTask(f"Model {model.name!r} does {model.metadata.task}, which is not asked for here.")
    ask = partial(
        Question,
        operation=operation,
        model=model,
        read=reading.images,
        max_pixels=settings.max_pixels,
        large=reading.is_large,
        polarity=read_polarity(values, model),
    )
    if operation == "classify":
        return ask(encode=reading.encoded_by(encode_classes), top_k=read_top_k(values, model))
    if operation == "cam":
        form = read_format(values)
        return ask(
            encode=reading.encoded_by(CAM_ENCODERS[form]),
            target=read_target(values, model),
            keep_picture=form == "overlay",
        )
    wishes = read_mask_wishes(values)
    return ask(
        encode=reading.encoded_by(_mask_encoder(wishes)),
        tile=wishes.tile,
        confidence=wishes.confidence or wishes.scores,
        keep_picture=wishes.form == "overlay",
    )


def _mask_encoder(wishes: MaskWishes) -> Encoder:
    encoder = MASK_ENCODERS[wishes.form]
    return lambda model, results, several: encoder(model, results, several, wishes)
