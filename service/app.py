"""The BentoML service: `bentoml serve service.app:Convoy`, or `python -m service`, which checks the settings first.

BentoML gives processes, life cycle, packaging and the typed client. Requests reach the application in
service.http before they reach the framework, so that every error has one shape and a small network is not
outweighed by what stands in front of it.
"""

import asyncio
import functools
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import bentoml
import click
from bentoml._internal.utils.analytics.usage_stats import do_not_track
from bentoml._internal.utils.circus import Arbiter
from bentoml.validators import ContentType
from PIL import Image
from pydantic import BaseModel

from service.address import why_not_listen
from service.logs import configure_logging
from service.settings import InvalidSettings, Settings

if TYPE_CHECKING:
    from service.http.application import Application
    from service.http.request import ASGIApp
    from service.inference.question import Operation
    from service.inference.session import ProviderName

# The framework reports its use to its makers unless told not to; its command line has asked before this is read.
os.environ["BENTOML_DO_NOT_TRACK"] = "True"
do_not_track.cache_clear()
# uvicorn would put what a proxy on this machine says in the place of the peer's address; the access log has both.
os.environ["FORWARDED_ALLOW_IPS"] = ""
# For the workers, which inherit it: left to itself, glibc keeps what bodies and pictures of many megabytes have used.
os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(4 * 1024 * 1024))
configure_logging()

# Later than every timeout of ours: the framework's own would answer in another shape and stop nothing.
_FRAMEWORK_TIMEOUT_S = 24 * 3600
_RUN_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


class Prediction(BaseModel):
    """One class."""

    index: int
    label: str
    score: float


class Classification(BaseModel):
    """The answer of classify."""

    model: str
    version: int
    predictions: list[Prediction]


def _settings_or_exit() -> Settings:
    try:
        return Settings.from_environment()
    except InvalidSettings as error:
        sys.exit(f"convoy: {error}")


def _provider_or_exit(settings: Settings) -> "ProviderName":
    # Imported here, as below, because the arbiter, which only starts workers, has no use for onnxruntime in memory.
    from service.inference.session import ProviderUnavailable, resolve_provider

    try:
        return resolve_provider(settings.provider)
    except ProviderUnavailable as error:
        sys.exit(f"convoy: {error}")


def _check_address() -> None:
    """End the start with a sentence where the framework would with a traceback, or listen nowhere."""
    command = click.get_current_context(silent=True)
    if command is None:
        return  # started by other means than the command line
    host = command.params.get("host") or _settings.host
    port = command.params.get("port") or _settings.port
    reason = why_not_listen(host, port)
    if reason is not None:
        sys.exit(f"convoy: the service cannot listen on {host} port {port}: {reason}.")


def _refuse_connections_while_stopping() -> None:
    """Have the arbiter close its side of the listening socket before it stops the workers, who close theirs at once.

    It would keep it until the last request is answered, and what connects meanwhile would wait for nobody.
    """
    stop = Arbiter.stop

    def stop_listening_and_stop(arbiter: Arbiter) -> Any:
        arbiter.sockets.close_all()
        return stop(arbiter)

    Arbiter.stop = stop_listening_and_stop  # type: ignore[method-assign, assignment]  # its signature is untyped


@functools.cache
def application() -> "Application":
    """This process's application, made at its first use."""
    from service.http.application import Application
    from service.inference.image import quiet_pillow
    from service.repository.peers import NoPeers, PeerFiles

    quiet_pillow()
    settings = _settings_or_exit()
    folder = os.environ.get(_RUN_FOLDER)
    peers = PeerFiles(Path(folder)) if folder and settings.workers > 1 else NoPeers()
    return Application(settings, _provider_or_exit(settings), peers)


class FrontedService(bentoml.Service[Any]):
    """A BentoML service whose HTTP surface is our application, with the framework's behind it."""

    def to_asgi(self, is_main: bool = True) -> "ASGIApp":
        """The application that the server calls, which is about to be configured."""
        import uvicorn.config

        from service.http.protocol import NAME

        # The framework leaves uvicorn's choice of a protocol at "auto", and offers no way to make it.
        uvicorn.config.HTTP_PROTOCOLS["auto"] = NAME
        return application().in_front_of(super().to_asgi(is_main))


_settings = _settings_or_exit()


@bentoml.service(
    name="convoy",
    service_class=FrontedService,
    workers=_settings.workers,
    http={"host": _settings.host, "port": _settings.port},
    traffic={"timeout": _FRAMEWORK_TIMEOUT_S},
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
)
class Convoy:
    """Classes, masks and class activation maps of images."""

    def __init__(self) -> None:
        self._application = application()

    @bentoml.on_deployment
    @staticmethod
    def check_start() -> None:
        """Once, before the port opens: what cannot work ends the start."""
        try:
            _settings.check_repository()
        except InvalidSettings as error:
            sys.exit(f"convoy: {error}")
        _check_address()
        if _settings.provider == "cuda":
            _provider_or_exit(_settings)
        _refuse_connections_while_stopping()

    @bentoml.on_startup
    async def start(self) -> None:
        """Begin to load the models."""
        await self._application.start()

    @bentoml.on_shutdown
    async def stop(self) -> None:
        """Finish what runs."""
        await self._application.stop()

    @bentoml.api(route="/classify")
    async def classify(
        self,
        image: Annotated[Path, ContentType("image/*")],
        model: str | None = None,
        top_k: int | None = None,
        polarity: str | None = None,
    ) -> Classification:
        """The best classes of a picture, by the model named or the default one."""
        values = {"top_k": top_k, "polarity": polarity}
        return Classification.model_validate_json(await self._ask("classify", image, model, values))

    @bentoml.api(route="/cam")
    async def cam(
        self,
        image: Annotated[Path, ContentType("image/*")],
        model: str | None = None,
        target: str | None = None,
        polarity: str | None = None,
    ) -> Image.Image:
        """The picture with the pixels that decided for a class laid over it."""
        values = {"target": target, "polarity": polarity}
        return Image.open(io.BytesIO(await self._ask("cam", image, model, values)))

    @bentoml.api(route="/segment")
    async def segment(
        self,
        image: Annotated[Path, ContentType("image/*")],
        model: str | None = None,
        tile: bool | None = None,
        polarity: str | None = None,
    ) -> Image.Image:
        """The class of every pixel, as a gray picture of class indices."""
        values = {"tile": tile, "polarity": polarity}
        return Image.open(io.BytesIO(await self._ask("segment", image, model, values)))

    async def _ask(self, operation: "Operation", image: Path, model: str | None, values: dict[str, Any]) -> bytes:
        given = {name: str(value) for name, value in values.items() if value is not None}
        data = await asyncio.to_thread(image.read_bytes)
        return await self._application.predict.direct(operation, data, model, given)
