"""A class in a room, under Streamlit's harness: joining, voting, bars, running, the CSV."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from pages.lesson.bars import bars_html
from pages.lesson.leading import votes_csv
from pages.lesson.qr import qr_image, room_address
from pages.live.api import api_routes
from pages.live.tries import TRIES_OF_ONE
from pages.visitor import owner_of
from tests.pages.test_lessons import button, htmls, labels, train_newest
from trainer.lessons import LESSONS
from trainer.person import Person
from trainer.polls import Polls
from trainer.progress import PREDICT, LessonProgress
from trainer.rooms import Room, Rooms
from trainer.store import Store

OpenPage = Callable[..., AppTest]
LESSON = LESSONS["epochs_and_batches"]
TEACHER = Person(owner=owner_of("teacher"), is_in_charge=True)
BARS = 'class="vote-bars"'
PRESENTER = {"lesson": LESSON.name, "seed": "7", "view": "presenter"}


def as_student(browser: str) -> Person:
    return Person(owner=owner_of(browser))


@pytest.fixture
def room(store: Store) -> Room:
    """The teacher's room, in its first vote."""
    return Rooms(store.used_by(TEACHER)).open(LESSON, PREDICT, seed=7)


@pytest.fixture
def polls(store: Store) -> Polls:
    """The polls as the teacher has them."""
    return Polls(store.used_by(TEACHER))


def links(page: AppTest) -> list[str]:
    return [element.proto.label for element in page.main.get("page_link")]


def test_a_teacher_opens_a_room_and_is_shown_its_code_and_qr_code(
    open_lessons_page: OpenPage, store: Store
) -> None:
    page = open_lessons_page(browser="teacher", **PRESENTER)
    button(page, "Vote with the class").click().run()

    assert not page.exception
    room = Rooms(store.used_by(TEACHER)).mine()
    assert room is not None
    shown = htmls(page)
    assert f"{room.code[:3]} {room.code[3:]}" in shown and "data:image/svg+xml" in shown
    assert ">0</strong> of <span" in shown
    assert "Close the vote" in labels(page) and "Start training" not in labels(page)
    assert all(option.text in shown for option in LESSON.predict.options)


def test_a_room_that_is_opened_from_the_plain_page_goes_on_in_the_view_for_the_projector(
    open_lessons_page: OpenPage,
) -> None:
    page = open_lessons_page(browser="teacher", lesson=LESSON.name)
    button(page, "Vote with the class").click().run()

    assert not page.exception
    assert "Close the vote" in labels(page)


def test_a_student_opens_no_room(
    open_lessons_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASHBOARD_CLASS_CODE", "sunny-tensors")
    page = open_lessons_page(**PRESENTER)

    assert "Vote with the class" not in labels(page)


def test_a_room_is_joined_by_typing_its_code(open_lessons_page: OpenPage, room: Room) -> None:
    page = open_lessons_page(browser="ann")
    page.text_input(key="room_code").set_value(room.code.lower())
    button(page, "Join the room").click().run()

    assert not page.exception
    assert labels(page) == [option.text for option in LESSON.predict.options]
    back = open_lessons_page(browser="ann")
    assert f"**Back to room {room.code[:3]} {room.code[3:]}:** Epochs and batches" in links(back)


def test_wrong_codes_are_told_and_after_ten_the_next_one_waits(
    open_lessons_page: OpenPage, room: Room
) -> None:
    for _ in range(10):
        page = open_lessons_page(browser="guesser", room="BCDFGH")
        assert "There is no open room with this code." in page.warning[0].value

    page = open_lessons_page(browser="guesser", room=room.code)

    assert "Too many wrong codes were tried. Try again in" in page.warning[0].value
    assert open_lessons_page(browser="ann", room=room.code).button


def test_who_scans_the_code_of_a_room_that_has_ended_is_told_so_and_keeps_their_tries(
    open_lessons_page: OpenPage, room: Room, store: Store
) -> None:
    Rooms(store.used_by(TEACHER)).end()
    for _ in range(TRIES_OF_ONE + 1):
        page = open_lessons_page(browser="late", room=room.code)
        assert "This room has ended." in page.warning[0].value

    new = Rooms(store.used_by(TEACHER)).open(LESSON, PREDICT, seed=7)
    assert labels(open_lessons_page(browser="late", room=new.code)) == [
        option.text for option in LESSON.predict.options
    ]


def test_a_vote_is_in_after_one_press_and_the_bars_come_when_the_teacher_closes(
    open_lessons_page: OpenPage, room: Room, polls: Polls
) -> None:
    page = open_lessons_page(browser="ann", room=room.code)
    button(page, "6").click().run()

    assert "Your vote is in" in htmls(page)
    assert not labels(page)
    assert BARS not in htmls(page)
    polls.close(room.poll, 1)
    page.run()

    assert not page.exception
    shown = htmls(page)
    assert BARS in shown and "your vote" in shown
    assert "first vote: 1 vote" in shown
    assert labels(page) == ["Run it, with my seed 8"]
    assert "✓ right" not in shown  # which one is right, the run tells
    assert LESSON.predict.options[1].feedback not in shown


def test_a_press_of_a_page_that_shows_an_older_round_is_refused(
    open_lessons_page: OpenPage, room: Room, polls: Polls, store: Store
) -> None:
    page = open_lessons_page(browser="ann", room=room.code)
    polls.vote_again(room.poll)

    button(page, "6").click().run()

    assert "This vote is closed." in page.toast[0].value
    assert Polls(store.used_by(as_student("ann"))).ballot(room.poll).choices == {}
    assert "Second vote:" in page.markdown[0].value


def test_a_teacher_s_page_that_shows_the_first_round_does_not_close_the_second(
    open_lessons_page: OpenPage, room: Room, polls: Polls
) -> None:
    page = open_lessons_page(browser="teacher", **PRESENTER)
    polls.vote_again(room.poll)

    button(page, "Close the vote").click().run()

    assert "The class is at its second vote already." in page.toast[0].value
    assert polls.poll(room.poll).is_open


def test_a_member_runs_it_with_a_seed_of_their_own_and_goes_on_with_the_lesson(
    open_lessons_page: OpenPage, room: Room, polls: Polls, store: Store
) -> None:
    page = open_lessons_page(browser="ann", room=room.code)
    button(page, "6").click().run()
    polls.close(room.poll, 1)
    page.run()
    button(page, "Run it, with my seed 8").click().run()

    assert not page.exception
    (run,) = store.runs()
    assert run.config == LESSON.scenario("batch_2").config(8).to_dict()
    assert run.owner == owner_of("ann")
    assert not any(label.startswith("Run it") for label in labels(page))
    train_newest(store)
    page.run()
    assert "Go on: what did you see?" in links(page)
    standing = LessonProgress(store.used_by(as_student("ann"))).standing(LESSON)
    assert standing.answers == {PREDICT: 1} and standing.has_run


def test_the_board_shows_everybody_s_run_and_how_far_apart_they_are(
    open_lessons_page: OpenPage, room: Room, polls: Polls, store: Store
) -> None:
    browsers = ("one", "two", "three")
    pages = [open_lessons_page(browser=browser, room=room.code) for browser in browsers]
    button(pages[0], "3").click().run()
    polls.close(room.poll, 1)
    for page in pages:
        page.run()
        next(one for one in page.button if one.label.startswith("Run it")).click().run()
        if page is not pages[-1]:
            train_newest(store)

    board = open_lessons_page(browser="teacher", **PRESENTER)

    assert not board.exception
    shown = htmls(board)
    assert "2 finished, 1 waiting" in shown
    assert "<strong>2 of 2</strong> The loss fell in every epoch." in shown
    assert '<th scope="row">training loss</th><td>1</td><td>1</td><td>1</td>' in shown
    assert "exact numbers vary" in shown
    assert BARS in shown


def test_a_run_that_diverged_before_its_first_epoch_was_done_leaves_the_board_as_it_is(
    open_lessons_page: OpenPage, room: Room, polls: Polls, store: Store
) -> None:
    browsers = ("who diverges", "who does not")
    pages = [open_lessons_page(browser=browser, room=room.code) for browser in browsers]
    polls.close(room.poll, 1)
    for page in pages:
        page.run()
        next(one for one in page.button if one.label.startswith("Run it")).click().run()
    diverged = store.claim_next("a worker", slots=9)
    assert diverged is not None
    store.write(diverged, state="diverged")
    train_newest(store)

    board = open_lessons_page(browser="teacher", **PRESENTER)

    assert not board.exception
    assert "<strong>1 of 2</strong> The loss fell in every epoch." in htmls(board)


def test_the_teacher_leads_the_room_and_downloads_the_votes_without_names(
    open_lessons_page: OpenPage, room: Room, store: Store
) -> None:
    student = open_lessons_page(browser="ann", room=room.code)
    button(student, "12").click().run()
    page = open_lessons_page(browser="teacher", **PRESENTER)
    button(page, "Close the vote").click().run()
    assert BARS in htmls(page)
    button(page, "Talk, then vote again").click().run()
    assert BARS not in htmls(page)
    student.run()
    button(student, "6").click().run()
    button(page, "Close the vote").click().run()

    lines = votes_csv(Polls(store.used_by(TEACHER)), room.number).splitlines()
    assert lines[0] == "lesson,question,round,option,misconception,right,votes"
    assert len(lines) == 1 + 2 * len(LESSON.predict.options)
    assert lines[3].endswith(",1,12,Every row is an update of its own.,no,1")
    assert lines[6].endswith(",2,6,,yes,1")
    button(page, "End the room").click().run()
    student.run()
    assert "This room has ended." in student.markdown[0].value
    assert "Vote with the class" in labels(page)


def test_a_room_goes_from_question_to_question_of_the_quiz(
    open_lessons_page: OpenPage, store: Store
) -> None:
    rooms = Rooms(store.used_by(TEACHER))
    room = rooms.open(LESSONS["quiz"], "question 2", seed=0)
    page = open_lessons_page(browser="teacher", lesson="quiz", view="presenter")
    assert "Close the vote" in labels(page)

    page.get("button_group")[0].set_value("question 3").run()
    assert "Close the vote" not in labels(page)
    button(page, f"Ask room {room.code[:3]} {room.code[3:]}").click().run()

    assert not page.exception
    assert "Close the vote" in labels(page)
    now = rooms.mine()
    assert now is not None and now.number == room.number
    assert Polls(store.used_by(TEACHER)).poll(now.poll).part == "question 3"


def test_a_recorded_run_is_shown_when_the_teacher_says_so_and_labelled(
    open_lessons_page: OpenPage, room: Room, polls: Polls
) -> None:
    student = open_lessons_page(browser="ann", room=room.code)
    polls.close(room.poll, 1)
    page = open_lessons_page(browser="teacher", **PRESENTER)
    page.toggle(key=f"recorded {room.poll}").set_value(True).run()

    for shown in (htmls(page), htmls(student.run())):
        assert "Recorded, not live" in shown and "seed 0" in shown
    assert not page.exception and not student.exception
    alone = open_lessons_page(browser="me", **PRESENTER)
    alone.toggle(key=f"recorded {LESSON.name}").set_value(True).run()
    assert "Recorded, not live" in htmls(alone)


def test_where_no_worker_trains_the_recorded_run_comes_by_itself(
    open_lessons_page: OpenPage, room: Room, polls: Polls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.waiting.VAIN_SECONDS", 0.0)
    student = open_lessons_page(browser="who waits", room=room.code)
    polls.close(room.poll, 1)
    student.run()
    assert "Recorded, not live" not in htmls(student)
    button(student, "Run it, with my seed 8").click().run()

    assert "Recorded, not live" in htmls(student)
    page = open_lessons_page(browser="teacher", **PRESENTER)
    assert "No worker trains at the moment." in htmls(page)
    assert "Recorded, not live" in htmls(page)


def test_the_room_s_owner_is_led_from_the_members_page_to_their_own(
    open_lessons_page: OpenPage, room: Room, store: Store
) -> None:
    page = open_lessons_page(browser="teacher", room=room.code)

    assert not page.exception
    assert links(page) == ["Lead it"]
    Rooms(store.used_by(TEACHER)).end()
    page.run()
    assert "has ended" in page.markdown[0].value
    assert links(page) == ["All lessons"]


@pytest.mark.parametrize("reveals", [False, True])
def test_bars_tell_counts_of_both_rounds_and_the_right_one_when_asked(reveals: bool) -> None:
    question = LESSON.predict
    shown = bars_html(question, [[3, 1, 0, 0], [0, 4, 0, 0]], mine={1: 0}, reveals=reveals)

    assert shown.count("your vote") == 1
    assert "width:75.0%" in shown and "width:100.0%" in shown
    assert "first vote: 4 votes and second vote: 4 votes" in shown
    assert ("✓ right" in shown) is reveals


@pytest.mark.parametrize("bars", [[[0, 0, 0, 0]], [[0, 0, 0, 0], [0, 0, 0, 0]]])
def test_bars_of_no_votes_are_empty(bars: list[list[int]]) -> None:
    assert "width:0.0%" in bars_html(LESSON.predict, bars)


def test_a_phone_is_given_an_address_that_it_can_reach() -> None:
    at_home = room_address("BCDFGH", "http://localhost:8501/lessons?x=1", is_open=False)
    behind_proxy = room_address("BCDFGH", "https://lab.example/lessons", is_open=True)
    opened: Any = room_address("BCDFGH", "http://127.0.0.1:8501/", is_open=True)

    assert (at_home.page, at_home.is_reachable) == ("localhost:8501/lessons", False)
    assert behind_proxy.room == "https://lab.example/lessons?room=BCDFGH"
    assert behind_proxy.is_reachable and opened.is_reachable
    assert opened.page.endswith(":8501/lessons")


def test_a_qr_code_is_an_image_of_the_page_s_own() -> None:
    image = qr_image("https://lab.example/lessons?room=BCDFGH")

    assert image.startswith('<img class="room-qr" src="data:image/svg+xml')
    assert image.count('"') == 6  # nothing of the address ends an attribute


def test_the_api_tells_members_alone_that_the_room_has_gone_on_and_nothing_else(
    store: Store, room: Room, polls: Polls
) -> None:
    cookies = {"cookie": "dashboard_browser=ann"}
    Rooms(store.used_by(as_student("ann"))).join(room.code)
    with TestClient(Starlette(routes=api_routes(store, list))) as client:
        path = f"/api/rooms/{room.code}"
        assert client.get(path).status_code == 404
        assert client.get(path, headers={"cookie": "dashboard_browser=eve"}).status_code == 404
        before = client.get(path, headers=cookies)
        polls.close(room.poll, 1)
        after = client.get(path, headers=cookies)

    assert list(before.json()) == ["signs"]
    assert before.json() != after.json()
    assert before.headers["Cache-Control"] == "no-store"
