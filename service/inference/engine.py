"""The repository and the lanes of one worker, put together; HTTP and BentoML's own doors both call it."""

from collections.abc import Callable

from service.cpus import available_cpus
from service.errors import NotReady, UnknownModel
from service.inference.lanes import Lanes
from service.inference.model import LoadedModel, load_model
from service.inference.pipeline import make_executor
from service.inference.question import Encoded, Question
from service.inference.session import ProviderName
from service.inference.tiles import TILE_PX
from service.repository.artifact import Task
from service.repository.catalog import Catalog
from service.repository.folder import Published
from service.repository.peers import Peers
from service.repository.watcher import Repository
from service.settings import Settings


def lanes_per_worker(settings: Settings) -> int:
    """Inference threads of a worker: as told, else the usable cores shared among the workers."""
    return settings.threads or max(1, available_cpus() // settings.workers)


# No request is accepted before the first models are there, else those that come in between would get a 503; but a probe
# has to hear of a service that loads for long.
_FIRST_LOOK_S = 5.0
# A picture of many tiles takes seconds: few may wait, and they have a lane of their own, and hold up nobody else.
_TILED_AT_MOST = 4


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
        execute = make_executor(settings.max_batch)
        self.lanes: Lanes[Question, Encoded] = Lanes(
            execute,
            lanes=lanes_per_worker(settings),
            queue_size=settings.queue_size,
            max_batch=settings.max_batch,
        )
        self.tile_lane: Lanes[Question, Encoded] = Lanes(execute, lanes=1, queue_size=_TILED_AT_MOST, max_batch=1)
        self.stopping = False
        """Whether the process has been told to stop: what runs is finished, and nothing more should come."""

    @property
    def catalog(self) -> Catalog[LoadedModel]:
        """What can be served now."""
        return self.repository.catalog

    @property
    def is_ready(self) -> bool:
        """Whether this worker, and at start every other one too, can take traffic."""
        able = self.repository.started and self.catalog.can_answer(self.settings.required_models)
        return able and not self.stopping

    def look_whether_ready(self) -> bool:
        """The same, as it is now: until all workers have once been ready, this reads their files."""
        if not self.repository.started:
            self.repository.ask_peers()
        return self.is_ready

    def prepare_to_stop(self) -> None:
        """Be ready no longer; callable from a signal handler."""
        self.stopping = True

    @property
    def waiting(self) -> int:
        """Requests in the queues."""
        return self.lanes.waiting + self.tile_lane.waiting

    @property
    def running(self) -> int:
        """Requests that are worked on."""
        return self.lanes.running + self.tile_lane.running

    def lane_for(self, question: Question) -> tuple[Lanes[Question, Encoded], float]:
        """Who is to answer, and within how many seconds."""
        # More than one whole tile. Of how many tiles a picture is, is known once it is there and has been measured.
        if question.amount > TILE_PX**2:
            return self.tile_lane, self.settings.tile_deadline_s
        return self.lanes, self.settings.deadline_s

    def find(self, name: str, version: int | None = None) -> LoadedModel:
        """The model of a name.

        Raises:
            UnknownModel, UnknownVersion, NotReady: as Catalog.find.
        """
        return self.catalog.find(name, version)

    def find_default(self, task: Task) -> LoadedModel:
        """The model for callers who name none: the one of the settings, or the first by name, that does the task.

        Raises:
            UnknownModel: the one of the settings is not published, or no model is for the task.
            NotReady: the one of the settings cannot answer, or one that is loading or failed may be for the task.
        """
        if name := self.settings.default_model:
            model = self.catalog.find(name)
            if model.metadata.task == task:
                return model
        for name in sorted(self.catalog.current):
            model = self.catalog.find(name)
            if model.metadata.task == task:
                return model
        if self.catalog.scanned and all(entry.state == "ready" for entry in self.catalog.entries.values()):
            raise UnknownModel(f"No model for {task} is published.")
        raise NotReady(f"No model for {task} is ready.")

    def start(self) -> None:
        """Begin to load and watch the models; what loads quickly is there when this returns."""
        self.repository.start()
        self.repository.wait_for_first_look(_FIRST_LOOK_S)

    def stop(self) -> None:
        """End the threads; what runs is finished."""
        self.repository.stop()
        self.lanes.close()
        self.tile_lane.close()

    def _load(self, published: Published) -> LoadedModel:
        return load_model(
            published.path,
            name=published.name,
            version=published.version,
            provider=self.provider,
            intra_op_threads=1,  # lanes fill the cores; threads within a run nearly double the CPU per request
        )
