from __future__ import annotations

import socket
import tomllib
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from pages.live.security import is_loopback, own_hosts, security_middleware
from tests.pages.live.live_server import Server, Writer, serving
from trainer.errors import InvalidInput

ROOT = Path(__file__).parents[3]
FOREIGN_HOSTS = ["evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.nip.io"]
FOREIGN_ORIGINS = [
    "http://evil.example",
    "http://localhost:1",
    "null",
    "file://",
    "http://[",
    "http://127.0.0.1:99999",
]


@pytest.mark.parametrize("host", [*FOREIGN_HOSTS, "", "@", "a b"])
def test_a_foreign_host_is_refused(shared_server: Server, host: str) -> None:
    status, _, body = shared_server.get("/api/runs", Host=host)

    assert status == 400
    assert "runs" not in body


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_a_foreign_host_is_refused_on_the_web_socket(shared_server: Server, host: str) -> None:
    run_id = shared_server.store.create_run({"dataset": "digits"})

    # The client makes the Host of the address, and connects to where it is told.
    with pytest.raises(InvalidStatus) as refusal:
        connect(f"ws://{host}/api/runs/{run_id}/stream", sock=_socket(shared_server))

    assert refusal.value.response.status_code == 400


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8501", "127.0.0.1", "[::1]", "[::1]:85"])
def test_an_allowed_host_is_answered_on_any_port(shared_server: Server, host: str) -> None:
    assert shared_server.get("/api/runs", Host=host)[0] == 200


@pytest.mark.parametrize("allowed", ["*", "*.school.example", "dash.school.example"])
def test_hosts_can_be_allowed(store_url: str, allowed: str) -> None:
    with serving(store_url, allowed_hosts=[allowed]) as server:
        assert server.get("/api/runs", Host="dash.school.example:8501")[0] == 200
        assert server.get("/api/runs", Host="localhost")[0] == (200 if allowed == "*" else 400)


def test_an_ipv6_address_can_be_allowed_without_brackets(store_url: str) -> None:
    with serving(store_url, allowed_hosts=["fe80::1"]) as server:
        assert server.get("/api/runs", Host="[fe80::1]:8501")[0] == 200


@pytest.mark.parametrize("host", ["", "a b", "foo*", "*foo", "http://localhost", "localhost:8501"])
def test_what_is_no_host_name_cannot_be_allowed(host: str) -> None:
    with pytest.raises(InvalidInput, match="server.allowedHosts must be"):
        security_middleware([host])


@pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_only_this_machine_reaches_a_loopback_address(address: str) -> None:
    assert is_loopback(address)


@pytest.mark.parametrize("address", [None, "", "0.0.0.0", "::", "192.168.1.5", "lab.example"])
def test_others_may_reach_any_other_address(address: str | None) -> None:
    assert not is_loopback(address)


def test_what_others_call_this_machine_are_hosts_it_can_answer_to() -> None:
    assert {socket.gethostname(), "127.0.0.1"} <= set(own_hosts())
    security_middleware(own_hosts())


def test_streamlit_is_told_the_safe_defaults() -> None:
    told = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))

    server = told["server"]
    assert server["address"] == "127.0.0.1"
    assert {*server["allowedHosts"]} == {"localhost", "127.0.0.1", "::1"}
    assert server["enableXsrfProtection"] and server["enableCORS"]
    assert not server["enableStaticServing"]
    assert server["maxUploadSize"] == 20  # MB
    assert server["fileWatcherType"] == "none"
    assert told["client"]["showErrorDetails"] == "none"
    assert told["browser"]["gatherUsageStats"] is False
    assert told["runner"]["postScriptGC"] is False


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_a_foreign_origin_is_refused(shared_server: Server, origin: str) -> None:
    status, headers, body = shared_server.get("/api/runs", Origin=origin)

    assert status == 403
    assert body == {"error": "Requests from pages of another origin are refused."}
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_a_foreign_origin_is_refused_on_the_web_socket(shared_server: Server, origin: str) -> None:
    run_id = shared_server.store.create_run({"dataset": "digits"})

    with pytest.raises(InvalidStatus) as refusal:
        connect(shared_server.url(run_id), additional_headers={"Origin": origin})

    assert refusal.value.response.status_code == 403


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost:8501", "http://localhost:8501"),
        ("localhost", "http://LOCALHOST"),
        ("localhost", "http://localhost:80"),
        ("localhost", "https://localhost"),
        ("localhost:443", "https://localhost"),
        ("[::1]:8501", "http://[::1]:8501"),
    ],
)
def test_the_same_origin_is_answered(shared_server: Server, host: str, origin: str) -> None:
    assert shared_server.get("/api/runs", Host=host, Origin=origin)[0] == 200


def test_the_same_origin_is_answered_on_the_web_socket(shared_server: Server) -> None:
    writer = Writer(shared_server.store)

    origin = f"http://127.0.0.1:{shared_server.port}"
    with connect(
        shared_server.url(writer.run_id), additional_headers={"Origin": origin}
    ) as websocket:
        assert '"state":"queued"' in websocket.recv(timeout=10)


def test_every_answer_and_every_refusal_says_what_browsers_may_do_with_it(
    shared_server: Server,
) -> None:
    for path, headers in (
        ("/api/runs", {}),
        ("/api/runs/unknown", {}),
        ("/api/runs", {"Origin": "null"}),
        ("/api/runs", {"Host": "evil.example"}),
    ):
        told = shared_server.get(path, **headers)[1]
        assert told["X-Content-Type-Options"] == "nosniff"
        assert told["X-Frame-Options"] == "DENY"
        assert told["Referrer-Policy"] == "same-origin"
        rules = told["Content-Security-Policy"].split("; ")
        assert {"default-src 'self'", "frame-ancestors 'none'", "object-src 'none'"} <= set(rules)
        (scripts,) = [rule for rule in rules if rule.startswith("script-src")]
        assert "unsafe" not in scripts


def _socket(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=10)
