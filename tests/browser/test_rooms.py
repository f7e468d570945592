"""A class in real browsers: one projector, twelve phones; they vote, run it, and vote again."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, expect

from tests.browser.conftest import NewViewer
from tests.browser.program import Program
from tests.browser.readability import expect_readable
from tests.browser.test_class import PHONE
from tests.browser.viewer import TIMEOUT, Viewer

STUDENTS = 12


def press(viewer: Viewer, label: str | re.Pattern[str]) -> None:
    viewer.page.get_by_role("button", name=label).click()


def options(phone: Viewer) -> Locator:
    """The large buttons that one votes with."""
    return phone.page.locator(".st-key-vote_options button")


def bars(viewer: Viewer) -> Locator:
    return viewer.page.get_by_role("list", name="How the class voted")


def counts(viewer: Viewer, round: int) -> Locator:
    """How many chose each option in a round."""
    return viewer.page.get_by_test_id(f"votes-{round}")


def test_a_class_votes_runs_it_and_votes_again(program: Program, new_viewer: NewViewer) -> None:
    teacher = new_viewer(program)
    teacher.open("/lessons", lesson="epochs_and_batches", seed=100, view="presenter")
    press(teacher, "Vote with the class")
    code = teacher.page.get_by_test_id("room-code").inner_text().replace(" ", "")

    phones = [new_viewer(program, **PHONE) for _ in range(STUDENTS)]
    address = f"{program.url}/lessons?room={code}"
    for phone in phones[1:]:
        phone.page.goto(address, wait_until="commit")
    typing = phones[0].page
    typing.goto(f"{program.url}/lessons")
    typing.get_by_role("textbox", name="Room code").fill(f"{code[:3]} {code[3:]}".lower())
    press(phones[0], "Join the room")

    expect(options(phones[0])).to_have_count(4)
    expect_readable(phones[0])
    for number, phone in enumerate(phones):
        options(phone).nth(number % 2).click()
        expect(phone.page.get_by_text("Your vote is in")).to_be_visible()
        expect(options(phone)).to_have_count(0)
    assert typing.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(teacher.page.get_by_test_id("voted")).to_have_text(str(STUDENTS))
    expect_readable(teacher)
    for viewer in (teacher, *phones):
        expect(bars(viewer)).to_have_count(0)
        expect(viewer.page.get_by_role("button", name=re.compile("^Run it"))).to_have_count(0)
    for phone in phones:
        expect(phone.page.get_by_role("button", name="Close the vote")).to_have_count(0)

    closed = phones.pop()
    context = closed.page.context
    closed.page.close()
    reopened = Viewer(context, program.url)
    phones.append(reopened)
    reopened.page.goto(address)
    expect(reopened.page.get_by_text("Your vote is in")).to_be_visible()

    press(teacher, "Close the vote")
    for viewer in (teacher, *phones):
        expect(bars(viewer)).to_be_visible()
        expect(counts(viewer, 1)).to_have_text(["6", "6", "0", "0"])
    for phone in phones:
        press(phone, re.compile("^Run it, with my seed"))
    board = teacher.page.get_by_test_id("board-runs")
    # Twelve trainings, one after the other, while thirteen pages draw.
    expect(board).to_have_attribute("data-finished", str(STUDENTS), timeout=2 * TIMEOUT)
    expect(teacher.page.get_by_text("The loss fell in every epoch.")).to_be_visible()
    reopened.expect_state("Finished")
    for viewer in (teacher, reopened):
        expect_readable(viewer)
    seeds = range(101, 101 + STUDENTS)
    mine = [run for run in program.store.runs() if run.config.get("seed") in seeds]
    assert len({run.owner for run in mine}) == len({run.config["seed"] for run in mine}) == STUDENTS

    press(teacher, "Talk, then vote again")
    for phone in phones:
        options(phone).nth(1).click()
        expect(bars(phone)).to_have_count(0)
    expect(teacher.page.get_by_test_id("voted")).to_have_text(str(STUDENTS))
    press(teacher, "Close the vote")
    for viewer in (teacher, *phones):
        expect(counts(viewer, 2)).to_have_text(["0", str(STUDENTS), "0", "0"])
        expect(counts(viewer, 1)).to_have_text(["6", "6", "0", "0"])
    expect(board).to_have_attribute("data-finished", str(STUDENTS))
    teacher.page.get_by_role("button", name=f"Room {code[:3]} {code[3:]}").click()
    with teacher.page.expect_download() as download:
        press(teacher, "Votes as CSV")
    votes = download.value.path().read_text(encoding="utf-8").splitlines()
    assert len(votes) == 1 + 2 * 4 and "epochs_and_batches" in votes[1]
    assert [line.rpartition(",")[2] for line in votes[1:]] == [
        *("6", "6", "0", "0"),
        *("0", "12", "0", "0"),
    ]
    reopened.expect_no_fault()
