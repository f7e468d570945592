"""A class in real browsers: the code, whose run it is, and what the teacher shows."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from pages.live.security import own_hosts
from tests.browser.classroom import CLASS, TEACHER, classroom, run_of
from tests.browser.conftest import NewViewer
from tests.browser.program import Program
from tests.browser.viewer import Viewer
from tests.waiting import wait_until
from trainer.runs import Command

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def class_program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with classroom(tmp_path_factory.mktemp("class")) as program:
        yield program


def enter(page: Page, code: str) -> None:
    """Type a code into the sign-in page."""
    page.get_by_label("Class code").fill(code)
    page.get_by_role("button", name="Enter").click()


def member(program: Program, new_viewer: NewViewer, cookies: str) -> Viewer:
    """Return somebody who has shown a code before."""
    viewer = new_viewer(program)
    pairs = [cookie.split("=", 1) for cookie in cookies.split("; ")]
    viewer.page.context.add_cookies(
        [{"name": name, "value": value, "url": program.url} for name, value in pairs]
    )
    return viewer


def forgive_refusals(viewer: Viewer) -> None:
    """Forget that Chromium reports each refusal as an error."""
    refusals = ("401 (Unauthorized)", "403 (Forbidden)")
    viewer.errors = [
        error for error in viewer.errors if not any(refusal in error for refusal in refusals)
    ]


def test_an_open_server_says_its_address_and_asks_nobody_elsewhere_for_it(
    class_program: Program,
) -> None:
    first, *_ = class_program.log().splitlines()
    found = re.fullmatch(r"Open http://(\S+):(\d+) in a browser\.", first)
    assert found is not None, first
    assert found[1] in own_hosts()
    assert int(found[2]) == class_program.port


def test_a_student_signs_in_on_a_phone_and_comes_to_the_page_they_wanted(
    class_program: Program, new_viewer: NewViewer
) -> None:
    phone = new_viewer(class_program, **PHONE)
    page = phone.page
    page.goto(f"{class_program.url}/data?dataset=iris&epochs=3")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    enter(page, "not the code")
    expect(page.get_by_text("That is not the code of this class.")).to_be_visible()
    enter(page, CLASS)

    phone.wait_for_rest()
    expect(page.get_by_role("heading", name="Iris")).to_be_visible()
    assert page.url.startswith(f"{class_program.url}/data?dataset=iris")
    forgive_refusals(phone)


def test_who_signs_out_in_one_tab_is_out_in_all_of_them(
    class_program: Program, new_viewer: NewViewer
) -> None:
    teacher = member(class_program, new_viewer, class_program.sign_in(TEACHER))
    teacher.open("/runs")
    other = Viewer(teacher.page.context, class_program.url)
    other.page.goto(f"{class_program.url}/sign-in")
    other.page.get_by_role("button", name="Sign out").click()
    expect(other.page.get_by_label("Class code")).to_be_visible()

    connected = '[data-testid="stApp"][data-test-connection-state="CONNECTED"]'
    expect(teacher.page.locator(connected)).to_have_count(0)
    teacher.page.close()  # it would go on asking, and being refused
    forgive_refusals(teacher)
    teacher.forgive_lost_connections()


def test_a_teacher_shows_a_student_s_run_to_all_and_may_stop_it(
    class_program: Program, new_viewer: NewViewer
) -> None:
    owner = class_program.sign_in(CLASS)
    name = '<img src=x onerror="window.attacked=1">'
    run_id = run_of(class_program, owner, name=name)
    student = member(class_program, new_viewer, class_program.sign_in(CLASS))
    student.open("/runs")
    banner = student.page.get_by_test_id("broadcast")
    expect(banner).to_be_hidden()

    teacher = member(class_program, new_viewer, class_program.sign_in(TEACHER))
    teacher.open(run=run_id)
    teacher.page.get_by_role("button", name="Show to all").click()

    expect(banner).to_contain_text(f"Your teacher shows {name}")
    banner.get_by_role("button", name="Watch").click()
    student.expect_points(1)
    assert student.run_id == run_id
    expect(student.page.get_by_text("Somebody else started this run")).to_be_visible()
    expect(student.stop_button).to_have_count(0)
    expect(banner).to_contain_text("Watched together:")
    assert not student.has_been_attacked()

    teacher.page.get_by_test_id("broadcast").get_by_role("button", name="End").click()
    expect(banner).to_be_hidden()
    teacher.stop_button.click()
    told = wait_until(lambda: class_program.store.take_commands(run_id), "the run is told")
    assert told == [Command("stop")]


def test_a_page_works_under_its_policy_and_a_script_that_got_into_it_would_not_run(
    class_program: Program, new_viewer: NewViewer
) -> None:
    cookies = class_program.sign_in(CLASS)
    viewer = member(class_program, new_viewer, cookies)
    viewer.open(run=run_of(class_program, cookies))
    viewer.expect_points(1)
    assert viewer.errors == []

    attack = """() => {
      const script = document.createElement("script");
      script.textContent = "window.attacked = 1";
      const image = document.createElement("div");
      image.innerHTML = "<img src='data:,' onerror='window.attacked = 1'>";
      document.body.append(script, image);
      return fetch("http://evil.example/").then(() => "reached", () => "refused");
    }"""
    assert viewer.page.evaluate(attack) == "refused"
    assert not viewer.has_been_attacked()
    refusals = [error for error in viewer.errors if "Content Security Policy" in error]
    assert len(refusals) >= 3
    viewer.errors = [error for error in viewer.errors if "evil.example" not in error]
    viewer.errors = [error for error in viewer.errors if error not in refusals]
    viewer.foreign.clear()
