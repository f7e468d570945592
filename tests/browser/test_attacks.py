"""Attacks on the real server of a class, over real sockets."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from pages.live.assets import plotly_url
from tests.browser.classroom import CLASS, TEACHER, classroom, run_of
from tests.browser.program import Program
from trainer.runs import Command

SOCKETS = ("/_stcore/stream", "/api/runs/{run_id}/stream")
PATHS = (
    *("/", "/data", "/nowhere", "/favicon.png", "/static/index.html", plotly_url()),
    *("/api/health", "/api/runs", "/api/broadcast", "/api/runs/{run_id}"),
    *("/api/runs/{run_id}/evaluations", "/api/runs/{run_id}/boundaries"),
    *(
        "/_stcore/health",
        "/_stcore/host-config",
        "/_stcore/metrics",
        "/_stcore/script-health-check",
    ),
    *("/_stcore/agent/openapi.json", "/_stcore/bidi-components/x/y.js", "/component/x/y"),
    *("/media/x.png", "/auth/login", "/oauth2callback"),
)
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def class_program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with classroom(tmp_path_factory.mktemp("class")) as program:
        yield program


@pytest.fixture(scope="module")
def student(class_program: Program) -> str:
    """A student's cookies."""
    return class_program.sign_in(CLASS)


@pytest.fixture(scope="module")
def foreign_run(class_program: Program) -> str:
    """A run that trains and is another student's."""
    return run_of(class_program, class_program.sign_in(CLASS))


def ask(
    program: Program, path: str, *, method: str = "GET", body: Any = None, **headers: str
) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", program.port, timeout=30)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def socket_to(program: Program, path: str, cookies: str, **options: Any) -> ClientConnection:
    return connect(
        program.url.replace("http", "ws") + path,
        additional_headers={"Cookie": cookies},
        max_size=None,
        **options,
    )


def forged(cookies: str) -> str:
    """Return a student's cookies with a teacher's role in them."""
    return cookies.replace("student.", "teacher.")


@pytest.mark.parametrize("path", PATHS)
def test_without_the_code_every_route_is_closed(
    class_program: Program, student: str, foreign_run: str, path: str
) -> None:
    path = path.format(run_id=foreign_run)
    for cookies in ("", forged(student), student.replace("dashboard_browser=", "x=")):
        for method in ("GET", "POST", "PUT", "DELETE"):
            status, headers, body = ask(class_program, path, method=method, Cookie=cookies)
            assert status == 401, (method, path)
            assert "Content-Security-Policy" in headers
            assert foreign_run.encode() not in body


@pytest.mark.parametrize("path", SOCKETS)
def test_without_the_code_every_web_socket_is_closed(
    class_program: Program, student: str, foreign_run: str, path: str
) -> None:
    for cookies in ("", forged(student)):
        with pytest.raises(InvalidStatus) as refusal:
            socket_to(class_program, path.format(run_id=foreign_run), cookies)
        assert refusal.value.response.status_code == 401


@pytest.mark.parametrize("header", ["Host", "Origin"])
@pytest.mark.parametrize("path", ["/", "/api/runs", "/_stcore/health"])
def test_with_the_code_a_foreign_site_gets_no_answer_either(
    class_program: Program, student: str, path: str, header: str
) -> None:
    foreign = {"Host": "evil.example", "Origin": "http://evil.example"}[header]
    status, headers, body = ask(class_program, path, **{header: foreign, "Cookie": student})

    assert 400 <= status < 500
    assert headers["X-Frame-Options"] == "DENY"
    assert b"run_id" not in body


@pytest.mark.parametrize("path", SOCKETS)
def test_with_the_code_a_foreign_site_opens_no_web_socket_either(
    class_program: Program, student: str, foreign_run: str, path: str
) -> None:
    path = path.format(run_id=foreign_run)
    with pytest.raises(InvalidStatus) as refusal:
        socket_to(class_program, path, student, origin="http://evil.example")
    assert 400 <= refusal.value.response.status_code < 500
    # The client makes the Host of the address, and connects to where it is told.
    with pytest.raises(InvalidStatus) as refusal:
        connect(
            f"ws://evil.example{path}",
            additional_headers={"Cookie": student},
            sock=socket.create_connection(("127.0.0.1", class_program.port), timeout=30),
        )
    assert 400 <= refusal.value.response.status_code < 500


class Session:
    """A session of the page that no browser holds: it says what its sender makes up."""

    def __init__(self, websocket: ClientConnection) -> None:
        self._socket = websocket
        self.buttons: dict[str, str] = {}

    def rerun(self, query: str, pressed: str = "") -> None:
        """Have the page drawn at an address, as after a press on a button; note its buttons."""
        message = BackMsg()
        message.rerun_script.query_string = query
        if pressed:
            state = message.rerun_script.widget_states.widgets.add()
            state.id, state.trigger_value = pressed, True
        self._socket.send(message.SerializeToString())
        while True:
            said = ForwardMsg()
            said.ParseFromString(self._socket.recv(timeout=60))
            kind = said.WhichOneof("type")
            element = said.delta.new_element
            if kind == "delta" and element.WhichOneof("type") == "button":
                self.buttons[element.button.label] = element.button.id
            # A press may end one run of the page and begin another.
            if kind == "script_finished" and said.script_finished == said.FINISHED_SUCCESSFULLY:
                return


@contextmanager
def session_of(program: Program, cookies: str) -> Iterator[Session]:
    with socket_to(program, SOCKETS[0], cookies, subprotocols=["streamlit"]) as websocket:
        yield Session(websocket)


def test_a_press_that_is_replayed_on_another_s_run_is_refused(
    class_program: Program, student: str, foreign_run: str
) -> None:
    own, store = run_of(class_program, student), class_program.store
    labels = ("Stop", "Pause", "One epoch", "One step")
    with session_of(class_program, student) as session:
        session.rerun(f"run={own}")
        ids = {label: session.buttons[label] for label in labels}
        for label in labels:
            session.rerun(f"run={foreign_run}", ids[label])
        assert store.take_commands(foreign_run) == []

        # The same words mean something where they may be said.
        session.rerun(f"run={own}")
        session.rerun(f"run={own}", ids["Stop"])
        assert store.take_commands(own) == [Command("stop")]
    with session_of(class_program, class_program.sign_in(TEACHER)) as session:
        session.rerun(f"run={foreign_run}")
        session.rerun(f"run={foreign_run}", ids["Stop"])
        assert store.take_commands(foreign_run) == [Command("stop")]


@pytest.mark.parametrize("path", SOCKETS)
def test_a_message_that_is_too_long_ends_its_connection_and_takes_no_memory(
    class_program: Program, student: str, foreign_run: str, path: str
) -> None:
    server = psutil.Process(class_program.pid)
    before = server.memory_info().rss
    for _ in range(3):
        with (
            socket_to(class_program, path.format(run_id=foreign_run), student) as websocket,
            pytest.raises(ConnectionClosed) as closed,
        ):
            websocket.send(b"x" * 40 * MEGABYTE)
            while True:
                websocket.recv(timeout=30)
        assert closed.value.rcvd is None or closed.value.rcvd.code in (1008, 1009)

    assert server.memory_info().rss < before + 60 * MEGABYTE
    assert ask(class_program, "/api/health", Cookie=student)[0] == 200


@pytest.mark.parametrize("path", ["/", "/sign-in", "/api/runs", "/_stcore/upload_file/a/b"])
def test_a_body_that_is_too_long_is_not_kept(
    class_program: Program, student: str, path: str
) -> None:
    server = psutil.Process(class_program.pid)
    before = server.memory_info().rss
    for method in ("POST", "PUT"):
        body = (b"x" * MEGABYTE for _ in range(50))
        try:
            status = ask(class_program, path, method=method, body=body, Cookie=student)[0]
            assert 400 <= status < 500
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused while it was still being sent

    assert server.memory_info().rss < before + 60 * MEGABYTE
    assert ask(class_program, "/api/health", Cookie=student)[0] == 200


def test_a_script_in_a_code_or_an_address_is_text_on_the_sign_in_page(
    class_program: Program,
) -> None:
    attack = "<script>attacked=1</script>"
    for answer in (
        ask(class_program, f"/?run={attack}".replace(" ", "+"), Accept="text/html"),
        ask(class_program, "/sign-in", method="POST", body=f"code={attack}&to=/{attack}"),
    ):
        assert answer[0] in (401, 403)
        assert b"<script" not in answer[2]
        assert b"script-src" not in answer[1]["Content-Security-Policy"].encode()


def test_who_was_in_stays_in_when_the_server_starts_anew(
    class_program: Program, student: str
) -> None:
    own = run_of(class_program, student, name="Alice, 12 years")
    class_program.restart()

    assert ask(class_program, "/api/runs", Cookie=student)[0] == 200
    assert ask(class_program, "/api/runs", Cookie=forged(student))[0] == 401
    assert ask(class_program, f"/api/runs/{own}", Cookie=student)[0] == 200
    # Nobody's code, nobody's cookie and nothing that somebody wrote is in the log.
    log = class_program.log()
    secrets = (CLASS, TEACHER, *(cookie.partition("=")[2] for cookie in student.split("; ")))
    assert [word for word in (*secrets, "Alice") if word in log] == []
    events = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert "a student signed in" in {event["event"] for event in events}
    assert all({"at", "level", "logger", "process"} <= event.keys() for event in events)
