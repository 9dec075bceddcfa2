"""What verification measured, kept beside the artifact and bound to its bytes, and when that is too little."""

import json

from pydantic import BaseModel, ConfigDict, ValidationError

from export.errors import BadData
from export.parity import OUTPUTS, ParityCase
from export.run_folder import RunFolder
from service.repository.artifact import PREFIX, Baseline, Measurement, Share

PARITY_PROP = PREFIX + "parity"
"""Entry of a published file: largest relative difference per output, JSON."""
SCORE_TOLERANCE = 0.0005 + 1e-9
"""0.05 percentage points between the serving path and torch, and what floats need."""


class Quality(BaseModel):
    """How good the artifact is on labelled pictures that no weight was learnt from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    score: Measurement
    """What the recipe has a minimum for, on the validation pictures, from the file, through the serving path."""
    torch_score: Share
    """The same of the network in torch on the same images."""
    others: tuple[Measurement, ...] = ()
    """What else was measured on the way."""
    baseline: Baseline


class Verification(BaseModel):
    """Figures of one artifact; whether they are good enough is `shortfall`'s to say."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    sha256: str
    """Of the artifact that was measured, see `digest`."""
    parity: tuple[ParityCase, ...]
    quality: Quality | None
    """None where there is no labelled data, as with weights that somebody brings."""

    def relative_errors(self) -> dict[str, float]:
        """Per output the largest difference, as a share of the largest magnitude in its batch."""
        compared = [name for name in OUTPUTS if any(case.output == name for case in self.parity)]
        return {name: max(case.relative for case in self.parity if case.output == name) for name in compared}

    def to_props(self) -> dict[str, str]:
        """What a published file carries beyond the artifact contract."""
        return {PARITY_PROP: json.dumps(self.relative_errors())}


def read_verification(run: RunFolder) -> Verification:
    """What the verify stage wrote.

    Raises:
        MissingStage: it has not been run.
        BadData: the file is damaged.
    """
    run.need(run.graph, "onnx")
    try:
        return Verification.model_validate_json(run.need(run.verification, "verify").read_bytes())
    except ValidationError:
        raise BadData(f"{run.verification} cannot be read; run {run.command('verify')!r} again.") from None


def shortfall(verification: Verification, *, minimum_score: float) -> str | None:
    """One sentence on what is not good enough; None where all is. What was not measured passes."""
    failed = [case for case in verification.parity if not case.passes]
    if failed:
        others = f" ({len(failed) - 1} more cases fail)" if len(failed) > 1 else ""
        return f"onnxruntime does not answer what torch answers: {failed[0]}{others}."
    quality = verification.quality
    if quality is None:
        return None
    name, score = quality.score.name, quality.score.value
    if abs(score - quality.torch_score) > SCORE_TOLERANCE:
        return (
            f"The {name} through the serving path is {score:.2%}, torch's own is "
            f"{quality.torch_score:.2%}: more than 0.05 points apart."
        )
    if score < minimum_score:
        return f"The validation {name} is {score:.2%}, the recipe demands {minimum_score:.2%}."
    return None
