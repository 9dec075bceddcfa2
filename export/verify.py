"""The verify stage: does the file answer what the network answers, and is the network good enough?"""

from export.artifact_files import digest
from export.atomic import write_whole
from export.blueprint import Blueprint
from export.errors import VerificationFailed
from export.onnx_graph import load_graph
from export.parity import parity_cases
from export.run_folder import RunFolder
from export.tasks import stages_of
from export.verification import Verification, shortfall
from service.inference.model import load_model
from service.repository.artifact import InvalidArtifact


def verify(run: RunFolder) -> Verification:
    """Measure the run's model.onnx through the serving path and write verification.json, good or bad.

    Raises:
        MissingStage: the training has not finished, or nothing was exported.
        BadData: a file of the run or of the dataset is damaged.
        VerificationFailed: the file cannot be served, or falls short; the sentence says where.
    """
    run.need(run.graph, "onnx")
    sha256 = digest(run.path)
    try:
        model = load_model(run.path, name=run.name, version=0, provider="cpu", intra_op_threads=1)
    except InvalidArtifact as error:
        raise VerificationFailed(f"{run.graph} cannot be served: {error}") from None
    cam = model.metadata.cam
    graph, facts = load_graph(run, "hirescam" if cam and cam.method == "hirescam" else "own")
    images, quality = stages_of(facts.recipe.task).measure(model, graph, facts.recipe, run.source)
    shape = Blueprint.of_recipe(facts.recipe, facts.labels).image_shape
    cases = parity_cases(graph, model.session, image_shape=shape, num_classes=len(facts.labels), images=images)
    verification = Verification(sha256=sha256, parity=tuple(cases), quality=quality)
    text = verification.model_dump_json(indent=2) + "\n"
    write_whole(run.verification, lambda path: path.write_text(text, encoding="utf-8"))
    if complaint := shortfall(verification, minimum_score=run.recipe.minimum_score):
        raise VerificationFailed(complaint)
    return verification
