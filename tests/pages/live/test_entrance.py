"""The class code, asked for by a real server on real sockets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http.client import HTTPMessage
from urllib.parse import urlencode

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from pages.live.badge import Badges
from pages.live.entrance import MAX_FORM_BYTES
from pages.live.tries import TRIES_OF_ONE
from tests.pages.live.live_server import Server, Writer, serving

CLASS, TEACHER = "sunny-tensors", "chalk-and-board"
AS_BROWSER = {"Accept": "text/html"}


@pytest.fixture
def class_server(store_url: str) -> Iterator[Server]:
    badges = Badges(b"secret", class_code=CLASS, teacher_code=TEACHER)
    with serving(store_url, badges=badges) as running:
        yield running


def sign_in(
    server: Server, code: str, to: str = "/", cookie: str = ""
) -> tuple[int, HTTPMessage, str]:
    form = urlencode({"code": code, "to": to})
    return server.get("/sign-in", method="POST", content=form, Cookie=cookie)


def cookies(headers: HTTPMessage) -> str:
    """Return the Cookie header of a browser that was given these."""
    return "; ".join(one.partition(";")[0] for one in headers.get_all("set-cookie", []))


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/api/health", "/api/runs", "/anything", "/sign-in/"])
def test_without_a_badge_no_address_answers(class_server: Server, path: str, method: str) -> None:
    status, headers, body = class_server.get(path, method=method)

    assert status == 401
    assert headers["Cache-Control"] == "no-store"
    assert method == "HEAD" or set(body) == {"error"}


def test_a_run_s_id_opens_nothing_without_a_badge(class_server: Server) -> None:
    writer = Writer(class_server.store)

    answers = [
        class_server.get(f"/api/runs/{run_id}") for run_id in (writer.run_id, "0123456789ab")
    ]

    # Not even whether there is such a run.
    assert [status for status, _, _ in answers] == [401, 401]
    assert answers[0][2] == answers[1][2]
    with pytest.raises(InvalidStatus) as refusal:
        connect(class_server.url(writer.run_id))
    assert refusal.value.response.status_code == 401


def test_the_code_opens_everything_and_leads_to_where_somebody_wanted(
    class_server: Server,
) -> None:
    writer = Writer(class_server.store)
    status, _, page = class_server.get(f"/?run={writer.run_id}", **AS_BROWSER)
    assert status == 401
    (to,) = re.findall('name="to" value="([^"]*)"', page)

    status, headers, _ = sign_in(class_server, f" {CLASS} ", to)

    assert (status, headers["Location"]) == (303, f"/?run={writer.run_id}")
    badge = cookies(headers)
    assert class_server.get("/api/runs", Cookie=badge)[0] == 200
    with connect(class_server.url(writer.run_id), additional_headers={"Cookie": badge}) as viewer:
        assert '"state":"queued"' in viewer.recv(timeout=10)


def test_a_browser_stays_the_one_it_is_when_it_signs_in(class_server: Server) -> None:
    _, headers, _ = sign_in(class_server, CLASS, cookie="dashboard_browser=mine")

    (badge,) = headers.get_all("set-cookie")
    assert badge.startswith("dashboard_class=student.")
    for rule in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age="):
        assert rule in badge
    badge = badge.partition(";")[0]
    status = class_server.get("/api/runs", Cookie=f"dashboard_browser=mine; {badge}")[0]
    assert status == 200
    for copied in (badge, f"dashboard_browser=another; {badge}", "dashboard_browser=mine"):
        assert class_server.get("/api/runs", Cookie=copied)[0] == 401


@pytest.mark.parametrize(
    "to", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", "", "/\r\n"]
)
def test_nobody_is_led_to_another_site(class_server: Server, to: str) -> None:
    assert sign_in(class_server, CLASS, to)[1]["Location"] == "/"


def test_what_an_address_says_is_text_on_the_page(class_server: Server) -> None:
    attack = "/?run=\"><script>alert(1)</script>&x='"
    page = class_server.get(attack.replace(" ", "+"), **AS_BROWSER)[2]

    assert "<script" not in page


def test_wrong_codes_are_refused_in_a_sentence_and_soon_not_looked_at_any_more(
    class_server: Server,
) -> None:
    for number in range(TRIES_OF_ONE):
        status, headers, page = sign_in(class_server, f"wrong code {number}")
        assert status == 403
        assert "That is not the code of this class." in page
        assert cookies(headers) == ""

    status, headers, page = sign_in(class_server, CLASS)

    assert status == 429
    assert 1 <= int(headers["Retry-After"]) <= 60
    assert f"Try again in {headers['Retry-After']} s." in page
    assert cookies(headers) == ""


def test_a_form_that_is_too_long_is_not_read(class_server: Server) -> None:
    assert sign_in(class_server, "x" * MAX_FORM_BYTES)[0] == 413


def test_a_page_of_another_site_cannot_try_codes(class_server: Server) -> None:
    form = urlencode({"code": CLASS, "to": "/"})
    status, headers, _ = class_server.get(
        "/sign-in", method="POST", content=form, Origin="http://evil.example"
    )

    assert status == 403
    assert cookies(headers) == ""


def test_the_sign_in_page_is_there_for_those_who_are_in_already(class_server: Server) -> None:
    badge = cookies(sign_in(class_server, CLASS)[1])

    status, _, page = class_server.get("/sign-in", **AS_BROWSER, Cookie=badge)

    assert status == 401
    assert 'name="code"' in page
    assert "This browser is signed in as a student." in page
    assert cookies(sign_in(class_server, TEACHER, cookie=badge)[1]).startswith(
        "dashboard_class=teacher."
    )


def test_a_browser_that_signs_out_is_nobody_any_more(class_server: Server) -> None:
    badge = cookies(sign_in(class_server, CLASS)[1])
    status, headers, _ = class_server.get("/sign-out", method="POST", Cookie=badge)

    assert (status, headers["Location"]) == (303, "/")
    forgotten = headers.get_all("set-cookie")
    assert [one.partition(";")[0] for one in forgotten] == [
        "dashboard_class=",
        "dashboard_browser=",
    ]
    assert all("Max-Age=0" in one and "Path=/" in one for one in forgotten)
    assert "signed in as" not in class_server.get("/sign-in", **AS_BROWSER)[2]
    # A picture or a link of another site signs nobody out.
    assert class_server.get("/sign-out", Cookie=badge)[0] == 404
    foreign = {"Origin": "http://evil.example", "Cookie": badge}
    assert class_server.get("/sign-out", method="POST", **foreign)[0] == 403
