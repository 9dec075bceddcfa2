"""HAProxy with its configuration: what it lets through, what it asks again, and how it stops."""

import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from service.http.framework import PATHS
from service.settings import Settings
from tests.deploy.balancer import CONFIG, Balancer, Replica, running_balancer
from tests.deploy.helm_chart import rendered
from tests.deploy.rule_files import DEPLOY


@pytest.fixture(scope="module")
def replicas() -> list[Replica]:
    return [Replica() for _ in range(2)]


@pytest.fixture(scope="module")
def balancer(tmp_path_factory: pytest.TempPathFactory, replicas: list[Replica]) -> Iterator[Balancer]:
    with running_balancer(tmp_path_factory.mktemp("haproxy"), replicas) as running:
        yield running


def test_haproxy_accepts_the_configuration_without_a_warning() -> None:
    program = shutil.which("haproxy")
    if program is None:
        pytest.skip("haproxy is not installed (Debian's package haproxy has it)")
    done = subprocess.run([program, "-c", "-f", str(CONFIG)], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert "[WARNING]" not in done.stderr


@pytest.mark.parametrize(
    "path",
    ["/metrics", "/%6detrics", "/%6D%65trics", "//metrics", "/metrics?x=/v1/", "http://convoy/metrics", "/v1", "/%zz"],
)
def test_what_is_no_route_of_the_api_does_not_reach_a_replica_however_it_is_spelled(
    balancer: Balancer, replicas: list[Replica], path: str
) -> None:
    before = [len(each.asked) for each in replicas]
    status, body = balancer.ask(path)
    assert status == 404
    assert b'"code":"not_found"' in body
    assert [len(each.asked) for each in replicas] == before


def test_it_lets_through_what_the_ingress_of_the_chart_does(balancer: Balancer) -> None:
    rules = rendered({"ingress": {"enabled": True}})["Ingress"]["spec"]["rules"][0]["http"]["paths"]
    exact = {rule["path"] for rule in rules if rule["pathType"] == "Exact"}
    below = {f"{rule['path']}/x" for rule in rules if rule["pathType"] == "Prefix"}
    assert exact
    assert below
    for path in {*exact, *below, *PATHS, "/v1/models/a%2Fb", "/docs?x=1"}:
        assert balancer.ask(path) == (200, b"fine"), path


def test_a_replica_is_told_whom_the_balancer_saw_and_nothing_that_a_caller_made_up(
    balancer: Balancer, replicas: list[Replica]
) -> None:
    for each in replicas:
        each.asked.clear()
    for path, claimed in (("/v1/plain", None), ("/v1/forged", "203.0.113.7")):
        assert balancer.ask(path, claimed=claimed)[0] == 200
    seen = {path: addresses for each in replicas for path, addresses in each.asked}
    assert seen == {"/v1/plain": ["127.0.0.1"], "/v1/forged": ["127.0.0.1"]}


@pytest.mark.parametrize("size_bytes", [5, 40_000], ids=["small", "nearly the buffer"])
def test_a_request_that_a_replica_dies_of_takes_one_more_with_it_and_not_all(tmp_path: Path, size_bytes: int) -> None:
    deadly = [Replica(answer=lambda: None) for _ in range(4)]
    with running_balancer(tmp_path, deadly) as balancer:
        status, body = balancer.ask("/v1/models/a/classify", method="POST", body=b"x" * size_bytes)
    assert status == 502
    assert b'"code":"internal_error"' in body
    assert sum(len(each.asked) for each in deadly) == 2


def test_what_a_replica_hangs_up_on_or_refuses_is_answered_by_the_other(tmp_path: Path) -> None:
    mortal, other = Replica(answer=lambda: None), Replica()
    with running_balancer(tmp_path, [mortal, other]) as balancer:
        hung_up = [balancer.ask("/v1/x", method="POST", body=b"picture") for _ in range(6)]
        assert len(mortal.asked) > 0
        mortal.stop()
        refused = [balancer.ask("/v1/x", method="POST", body=b"picture") for _ in range(6)]
    assert hung_up + refused == [(200, b"fine")] * 12


def test_who_hangs_up_is_hung_up_on_at_the_replica_too(tmp_path: Path) -> None:
    entered, done = threading.Event(), threading.Event()

    def slowly() -> bytes:
        entered.set()
        done.wait(20)
        return b"to nobody"

    with running_balancer(tmp_path, [Replica(answer=slowly)]) as balancer:
        caller = socket.create_connection(("127.0.0.1", balancer.port), timeout=10)
        caller.sendall(b"POST /v1/x HTTP/1.1\r\nHost: convoy.example\r\nContent-Length: 3\r\n\r\nabc")
        assert entered.wait(10)
        assert balancer.under_way() == 1
        caller.close()
        ends = time.monotonic() + 5
        while balancer.under_way():
            assert time.monotonic() < ends, "the replica works on for a caller who has gone"
            time.sleep(0.02)
        assert not done.is_set()
        done.set()


def test_a_body_that_does_not_arrive_is_waited_for_as_long_as_the_service_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONVOY_UPLOAD_TIMEOUT_S", "1")
    with running_balancer(tmp_path, [Replica()]) as balancer:
        caller = socket.create_connection(("127.0.0.1", balancer.port), timeout=10)
        began_s = time.monotonic()
        caller.sendall(b"POST /v1/x HTTP/1.1\r\nHost: convoy.example\r\nContent-Length: 3\r\n\r\na")
        answer = caller.recv(65536)
        caller.close()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"upload_timeout"' in answer
    assert time.monotonic() - began_s >= 1


def test_where_no_replica_is_left_the_answer_has_the_shape_of_the_services_own(tmp_path: Path) -> None:
    only = Replica()
    with running_balancer(tmp_path, [only]) as balancer:
        only.stop()
        answer, body = balancer.answer("/v1/models")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    assert b'"code":"not_ready"' in body


def test_a_stop_refuses_new_connections_and_ends_when_the_last_answer_is_out(tmp_path: Path) -> None:
    entered = threading.Event()

    def slowly() -> bytes:
        entered.set()
        time.sleep(1)
        return b"at last"

    answers = []
    with running_balancer(tmp_path, [Replica(answer=slowly)]) as balancer:
        caller = threading.Thread(target=lambda: answers.append(balancer.ask("/v1/slow")))
        caller.start()
        assert entered.wait(10)
        balancer.process.send_signal(signal.SIGUSR1)
        while not refuses(balancer.port):
            assert not answers
            time.sleep(0.02)
        caller.join()
        assert balancer.process.wait(10) == 0
    assert answers == [(200, b"at last")]


def test_the_health_check_of_the_compose_file_is_content_with_a_balancer_that_runs_and_no_other(
    balancer: Balancer,
) -> None:
    compose = yaml.safe_load((DEPLOY.parent / "docker-compose.yml").read_text())
    kind, *command = compose["services"]["loadbalancer"]["healthcheck"]["test"]
    assert kind == "CMD"

    def ended(port: int, path: str = "/livez") -> int:
        local = [part.replace("/8404", f"/{port}").replace("/livez", path) for part in command]
        return subprocess.run(local, capture_output=True, timeout=20, check=False).returncode

    assert ended(balancer.operation) == 0
    assert ended(balancer.operation, "/nothing") != 0
    assert ended(1) != 0


def test_its_times_agree_with_those_of_the_service() -> None:
    text, settings = CONFIG.read_text(), Settings()

    def seconds(name: str) -> list[int]:
        return [int(found) for found in re.findall(rf"^ +{name} .*?(\d+)}}?s[}}\"]*$", text, re.MULTILINE)]

    (client_s,), (server_s,) = seconds("timeout client"), seconds("timeout server")
    longest_s = max(settings.deadline_s, settings.tile_deadline_s, settings.upload_timeout_s)
    assert min(client_s, server_s) > longest_s
    assert seconds("timeout http-keep-alive")[0] < settings.keep_alive_s
    assert seconds("http-request wait-for-body time") == [settings.upload_timeout_s]


def refuses(port: int) -> bool:
    """Whether nobody listens there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=10).close()
    except ConnectionRefusedError:
        return True
    return False
