"""The server's process: it shows trainings and never holds what trains."""

from __future__ import annotations

import subprocess
import urllib.error
import urllib.request

import psutil
import pytest
from playwright.sync_api import expect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from pages.live.browser import COOKIE
from tests.browser.program import Program
from tests.browser.viewer import Viewer

TRAINING_LIBRARIES = ("tensorflow", "keras", "jaxlib", "libtorch")


def loaded_libraries(pid: int) -> set[str]:
    """Return which of the libraries that train a process has in its memory."""
    process = psutil.Process(pid)
    if hasattr(process, "memory_maps"):
        paths = [part.path for part in process.memory_maps()]
    else:  # macOS
        listed = subprocess.run(
            ["lsof", "-Fn", "-p", str(pid)], capture_output=True, text=True, check=True
        )
        paths = listed.stdout.splitlines()
    return {name for name in TRAINING_LIBRARIES for path in paths if name in path.lower()}


def test_the_server_never_loads_tensorflow_while_it_shows_a_training(
    viewer: Viewer, program: Program
) -> None:
    run_id = viewer.start(dataset="digits", epochs=5)
    viewer.expect_points(1)
    worker = int(program.store.run(run_id).worker.split(":")[1])
    viewer.expect_state("Finished")
    viewer.open("/runs")
    viewer.open(run=run_id)
    viewer.expect_points(5)
    viewer.open("/evaluate", run=run_id)
    viewer.page.locator(".ev-cell").first.click()
    expect(viewer.page.get_by_text("validation rows of class 0 predicted as 0")).to_be_visible()

    assert "tensorflow" in loaded_libraries(worker)
    assert loaded_libraries(program.pid) == set()


def test_without_a_class_code_a_server_that_others_could_reach_does_not_start(
    program: Program,
) -> None:
    opened = program.python("-m", "streamlit", "run", "dashboard.py", "--server.address=0.0.0.0")

    told, _ = opened.communicate(timeout=60)

    assert opened.returncode != 0
    assert "To be reached from other machines, set DASHBOARD_CLASS_CODE (see README.md)." in told
    assert "Traceback" not in told


def test_the_server_is_reached_from_its_own_machine_alone_and_gives_no_file_away(
    program: Program,
) -> None:
    listens = {
        connection.laddr.ip
        for connection in psutil.Process(program.pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listens == {"127.0.0.1"}
    for way in ("/", "/app/static/", "/static/", "/media/", "/component/"):
        for up in ("", "../", "../../", "%2e%2e/", "..%2f..%2f", "/"):
            try:
                with urllib.request.urlopen(f"{program.url}{way}{up}dashboard.py") as answer:
                    body = answer.read()
            except urllib.error.HTTPError as refused:
                body = refused.read()
            assert b"LocalLauncher" not in body, (way, up)


@pytest.mark.parametrize("header", ["Host", "Origin"])
@pytest.mark.parametrize("path", ["/", "/api/runs", "/live/plotly.js"])
def test_a_foreign_site_gets_no_answer_of_any_kind(
    program: Program, path: str, header: str
) -> None:
    foreign = {"Host": "evil.example", "Origin": "http://evil.example"}[header]
    request = urllib.request.Request(program.url + path, headers={header: foreign})

    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)

    assert 400 <= refused.value.code < 500


@pytest.mark.parametrize("path", ["/_stcore/stream", "/api/runs/0/stream"])
def test_a_page_of_a_foreign_site_opens_no_web_socket(program: Program, path: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(program.url.replace("http", "ws") + path, origin="http://evil.example")

    assert 400 <= refused.value.response.status_code < 500


def test_a_browser_gets_a_name_of_its_own_that_no_script_can_read(
    viewer: Viewer, program: Program
) -> None:
    viewer.open()
    viewer.open("/runs")

    (cookie,) = [one for one in viewer.page.context.cookies() if one["name"] == COOKIE]
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"
    assert COOKIE not in viewer.page.evaluate("document.cookie")
    # One that forgets its name, and has kept the page, gets another.
    viewer.page.context.clear_cookies()
    viewer.open("/runs")
    (other,) = [one for one in viewer.page.context.cookies() if one["name"] == COOKIE]
    assert other["value"] != cookie["value"]
    with urllib.request.urlopen(program.url + "/api/runs", timeout=30) as answer:
        assert answer.headers["set-cookie"] is None
