"""Which questions a running service can be asked: the models that it serves, with every picture."""

import json
from collections.abc import Sequence

from geventhttpclient.client import HTTPClient
from locust.contrib.fasthttp import FAILURE_EXCEPTIONS

from loadtest.traffic.answers import Question
from loadtest.traffic.pictures import Picture

_TASKS = {"classify": "image-classification", "cam": "image-classification", "segment": "image-segmentation"}


class NothingToAsk(ValueError):
    """The service cannot be asked what the test asks; the message says why in one sentence."""


def model_for(client: HTTPClient, endpoint: str, wanted: str | None) -> str | None:
    """The model to ask: the wanted one, or the first by name that is ready and can; None if no model can.

    Raises:
        NothingToAsk: the service does not answer, or the wanted model is not ready for that.
    """
    ready = [each["name"] for each in _models(client) if each["state"] == "ready" and each["task"] == _TASKS[endpoint]]
    if wanted is None:
        return min(ready, default=None)
    if wanted not in ready:
        raise NothingToAsk(
            f"{wanted} is not ready to {endpoint}; there is {', '.join(sorted(set(ready))) or 'nothing'}."
        )
    return wanted


def questions_for(endpoint: str, path: str, pictures: Sequence[Picture]) -> list[Question]:
    """A question per picture."""
    return [Question(endpoint, path, picture) for picture in pictures]


def path_of(endpoint: str, model: str) -> str:
    """Where a model is asked."""
    return f"/v1/models/{model}/{endpoint}"


def _models(client: HTTPClient) -> list[dict[str, str]]:
    try:
        response = client.request("GET", "/v1/models")
        models: list[dict[str, str]] = json.loads(bytes(response.read()))["models"]
    except (*FAILURE_EXCEPTIONS, ValueError, KeyError, TypeError) as error:
        raise NothingToAsk(
            f"{client.host}:{client.port} does not list its models: {str(error).removesuffix('.')}."
        ) from None
    return models
