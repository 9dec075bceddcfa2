"""Who sends the requests of a test: this process alone, or the workers of a master."""

import time
from collections import defaultdict
from dataclasses import asdict
from typing import Any, Protocol

import gevent
import numpy as np
from locust.env import Environment
from locust.runners import STATE_MISSING, MasterRunner, WorkerRunner

from loadtest.results.rows import Rows, Table
from loadtest.traffic.questions import NothingToAsk
from loadtest.traffic.session import Plan, Session

_PLAN, _READY, _PACE, _REPORT = "convoy_plan", "convoy_ready", "convoy_pace", "convoy_report"
_READY_WITHIN_S = 120.0


class Crew(Protocol):
    """The processes that send."""

    settles_s: float
    """Seconds after which what was sent until now is known to have been."""

    def prepare(self, plan: Plan) -> dict[str, str]:
        """Have all of them read, choose and ask at rest, as `Session.prepare` does, and wait until they have."""

    def keep_pace(self, per_second: float) -> None:
        """Set the rate of each stream, in requests per second."""

    @property
    def outstanding(self) -> int:
        """Requests under way."""

    @property
    def problems(self) -> list[str]:
        """What has gone wrong with them since `prepare`, in sentences without a stop."""

    def look_at_clock(self) -> None:
        """Note the CPU time now, so that it is exact at the edges of stages."""

    def cpu_share(self, start_s: float, end_s: float) -> float:
        """CPU time of the busiest process between two moments (seconds since the epoch) as a share of one core."""

    def table(self) -> Table:
        """Everything that has come to an end so far."""


class CpuTimes:
    """What a process has used of its core, noted now and then."""

    def __init__(self) -> None:
        self._noted: list[tuple[float, float]] = []

    def note(self, at_s: float, cpu_s: float) -> None:
        """Its CPU seconds at a moment (seconds since the epoch)."""
        self._noted.append((at_s, cpu_s))

    def share(self, start_s: float, end_s: float) -> float:
        """Of one core between two moments, as far as there are notes."""
        at_s, cpu_s = np.array(self._noted).T
        used_s = np.interp([start_s, end_s], at_s, cpu_s)
        return float(used_s[1] - used_s[0]) / (end_s - start_s)


class Alone:
    """This process sends."""

    settles_s = 0.0

    def __init__(self, session: Session) -> None:
        self._session = session
        self._cpu = CpuTimes()

    def prepare(self, plan: Plan) -> dict[str, str]:
        """As `Session.prepare`."""
        return self._session.prepare(plan)

    def keep_pace(self, per_second: float) -> None:
        """Of the streams here."""
        self._session.pace = per_second

    @property
    def outstanding(self) -> int:
        """Requests under way."""
        return self._session.outstanding

    @property
    def problems(self) -> list[str]:
        """What goes wrong here is raised here."""
        return []

    def look_at_clock(self) -> None:
        """Of this process."""
        self._cpu.note(time.time(), time.process_time())

    def cpu_share(self, start_s: float, end_s: float) -> float:
        """Of this process."""
        return self._cpu.share(start_s, end_s)

    def table(self) -> Table:
        """Everything that has come to an end so far."""
        return self._session.rows.table()


class Workers:
    """The workers of this master send; each is known by its index."""

    # A worker reports every three seconds: what it has said last is true of everything sent before.
    settles_s = 4.0

    def __init__(self, environment: Environment, runner: MasterRunner) -> None:
        self._runner = runner
        self._rows = Rows()
        self._outstanding: dict[str, int] = {}
        self._cpu: dict[str, CpuTimes] = defaultdict(CpuTimes)
        self._plan: Plan | None = None
        self._pace = 1.0
        self._told: set[str] = set()
        self._answers: dict[str, dict[str, Any]] = {}
        runner.register_message(_READY, self._note_ready)
        environment.events.worker_report.add_listener(self._receive)
        environment.events.worker_connect.add_listener(self._tell_latecomer)

    def prepare(self, plan: Plan) -> dict[str, str]:
        """Send the plan to every worker, and wait until all are ready.

        Raises:
            NothingToAsk: there are no workers, or one of them cannot ask; its own reason is in the message.
        """
        self._rows.take()
        self._answers.clear()
        self._told = {client_id for client_id in self._runner.clients if not self._is_gone(client_id)}
        if not self._told:
            raise NothingToAsk("There is no worker.")
        self._plan = plan
        for client_id in self._told:
            self._runner.send_message(_PLAN, asdict(plan), client_id)
        ends = time.monotonic() + _READY_WITHIN_S
        while True:
            if self.problems:
                raise NothingToAsk("; ".join(self.problems) + ".")
            waiting = self._told - self._answers.keys()
            if not waiting:
                return dict(next(iter(self._answers.values()))["asked"])
            if time.monotonic() > ends:
                names = " and ".join(map(self._name, sorted(waiting)))
                raise NothingToAsk(f"{names} had not asked every question once after {_READY_WITHIN_S:g} seconds.")
            gevent.sleep(0.05)

    def keep_pace(self, per_second: float) -> None:
        """Of the streams on all workers."""
        self._pace = per_second
        self._runner.send_message(_PACE, {"per_second": per_second})

    @property
    def outstanding(self) -> int:
        """As the workers last said; those that have gone missing will never say that theirs have ended."""
        return sum(count for client_id, count in self._outstanding.items() if not self._is_gone(client_id))

    @property
    def problems(self) -> list[str]:
        """Workers that have gone missing or quit, and what keeps others from asking."""
        gone = [f"{self._name(client_id)} went missing" for client_id in sorted(self._told) if self._is_gone(client_id)]
        failed = [
            f"{self._name(client_id)}: {answer['failure'].removesuffix('.')}"
            for client_id, answer in self._answers.items()
            if "failure" in answer
        ]
        return gone + failed

    def look_at_clock(self) -> None:
        """They say it with their reports."""

    def cpu_share(self, start_s: float, end_s: float) -> float:
        """Of the busiest worker."""
        return max((times.share(start_s, end_s) for times in self._cpu.values()), default=float("nan"))

    def table(self) -> Table:
        """Everything that the workers have reported so far."""
        return self._rows.table()

    def _is_gone(self, client_id: str) -> bool:
        client = self._runner.clients.get(client_id)
        return client is None or client.state == STATE_MISSING

    def _name(self, client_id: str) -> str:
        return f"Worker {self._runner.get_worker_index(client_id)}"

    def _note_ready(self, msg: Any, **_: object) -> None:
        self._answers[msg.node_id] = msg.data

    def _tell_latecomer(self, client_id: str, **_: object) -> None:
        if self._plan is not None:
            self._runner.send_message(_PLAN, asdict(self._plan), client_id)
            self._runner.send_message(_PACE, {"per_second": self._pace}, client_id)

    def _receive(self, client_id: str, data: dict[str, Any], **_: object) -> None:
        outstanding, at_s, cpu_s, *taken = data[_REPORT]
        self._outstanding[client_id] = outstanding
        self._cpu[client_id].note(at_s, cpu_s)
        self._rows.extend(taken)


def work_for_master(session: Session, environment: Environment, runner: WorkerRunner) -> None:
    """Let this worker prepare when its master says so, keep the pace it is given, and hand over its rows."""

    def prepare(msg: Any, **_: object) -> None:
        try:
            answer: dict[str, Any] = {"asked": session.prepare(Plan(**msg.data))}
        except NothingToAsk as error:
            answer = {"failure": str(error)}
        runner.send_message(_READY, answer)

    def keep_pace(msg: Any, **_: object) -> None:
        session.pace = msg.data["per_second"]

    def report(data: dict[str, Any], **_: object) -> None:
        data[_REPORT] = [session.outstanding, time.time(), time.process_time(), *session.rows.take()]

    # A service that answers slowly must not keep the master's other messages waiting.
    runner.register_message(_PLAN, prepare, concurrent=True)
    runner.register_message(_PACE, keep_pace)
    environment.events.report_to_master.add_listener(report)
