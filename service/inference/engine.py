"""The repository and the lanes of one worker, put together; HTTP and BentoML's own doors both call it."""

from collections.abc import Callable

from service.cpus import available_cpus
from service.errors import NotReady
from service.inference.lanes import Lanes
from service.inference.model import LoadedModel, load_model
from service.inference.pipeline import Encoded, Question, make_executor
from service.inference.session import ProviderName
from service.repository.catalog import Catalog
from service.repository.folder import Published
from service.repository.peers import Peers
from service.repository.watcher import Repository
from service.settings import Settings


def lanes_per_worker(settings: Settings) -> int:
    """Inference threads of a worker: as told, else the usable cores shared among the workers."""
    return settings.threads or max(1, available_cpus() // settings.workers)


class Engine:
    """Everything below HTTP."""

    def __init__(
        self,
        settings: Settings,
        provider: ProviderName,
        *,
        peers: Peers | None = None,
        on_change: Callable[[Catalog[LoadedModel]], None] = lambda catalog: None,
    ) -> None:
        self.settings = settings
        self.provider: ProviderName = provider
        self.repository: Repository[LoadedModel] = Repository(
            settings.repository,
            self._load,
            interval_s=settings.watch_interval_s,
            versions_kept=settings.versions_kept,
            peers=peers,
            on_change=on_change,
        )
        self.lanes: Lanes[Question, Encoded] = Lanes(
            make_executor(settings.max_batch),
            lanes=lanes_per_worker(settings),
            queue_size=settings.queue_size,
            max_batch=settings.max_batch,
        )

    @property
    def catalog(self) -> Catalog[LoadedModel]:
        """What can be served now."""
        return self.repository.catalog

    @property
    def is_ready(self) -> bool:
        """Whether this worker, and at start every other one too, can take traffic."""
        return self.repository.started and self.catalog.can_answer(self.settings.required_models)

    def find(self, name: str | None, version: int | None = None) -> LoadedModel:
        """The model of a name, or the default one where no name is given.

        Raises:
            UnknownModel, UnknownVersion, NotReady: as Catalog.find; NotReady too where there is no model at all.
        """
        if name is None:
            name = self.settings.default_model or min(self.catalog.current, default=None)
            if name is None:
                raise NotReady("No model is ready.")
        return self.catalog.find(name, version)

    def start(self) -> None:
        """Begin to load and watch the models."""
        self.repository.start()

    def stop(self) -> None:
        """End the threads; what runs is finished."""
        self.repository.stop()
        self.lanes.close()

    def _load(self, published: Published) -> LoadedModel:
        return load_model(
            published.path,
            name=published.name,
            version=published.version,
            provider=self.provider,
            intra_op_threads=1,  # lanes fill the cores; threads within a run nearly double the CPU per request
        )
