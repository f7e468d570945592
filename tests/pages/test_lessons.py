"""The lessons page under Streamlit's harness; what only a browser shows is in tests/browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pages.forms import escaped
from pages.lesson.words import explained
from pages.visitor import owner_of
from trainer.lessons import LESSONS
from trainer.person import Person
from trainer.progress import PREDICT, LessonProgress
from trainer.runs import Record
from trainer.store import Store

OpenPage = Callable[..., AppTest]
ME = Person(owner=owner_of("me"))


def button(page: AppTest, label: str) -> Any:
    (found,) = [button for button in page.button if button.label == label]
    return found


def labels(page: AppTest) -> list[str]:
    return [button.label for button in page.button]


def answer(page: AppTest, option: int, label: str) -> AppTest:
    page.radio[-1].set_value(option).run()
    return button(page, label).click().run()


def train_newest(store: Store) -> str:
    """Train what was queued last, as a worker would: three epochs of a falling loss."""
    run_id = store.runs(limit=1)[0].run_id
    claim = store.claim_next("a worker", slots=9)
    assert claim is not None and claim.run_id == run_id
    records = [Record(kind="epoch", epoch=k, data={"loss": 3.0 - k}) for k in range(3)]
    store.write(claim, first_seq=1, records=records, epoch=3, steps_per_epoch=2, state="finished")
    return run_id


def htmls(page: AppTest) -> str:
    return " ".join(element.proto.body for element in page.get("html"))


def test_all_lessons_and_the_quiz_are_listed_in_order(open_lessons_page: OpenPage) -> None:
    page = open_lessons_page()

    assert not page.exception
    links = [element.proto.label for element in page.main.get("page_link")]
    titles = [lesson.title for lesson in LESSONS.values()]
    assert len(links) == len(titles)
    for title, link in zip(titles, links, strict=True):
        assert escaped(title) in link
    assert "**0 of 11 done.**" in page.markdown[0].value


@pytest.mark.parametrize("name", LESSONS)
def test_each_lesson_opens_with_its_question_and_its_data(
    name: str, open_lessons_page: OpenPage
) -> None:
    page = open_lessons_page(lesson=name)

    assert not page.exception
    assert page.radio[0].label == LESSONS[name].predict.text
    assert page.radio[0].value is None
    assert "The data" in [heading.value for heading in page.header]


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"lesson": "alchemy"}, "lesson must be one of"),
        ({"lesson": "leakage", "seed": "-1"}, "seed must be"),
        ({"lesson": "leakage", "seed": "9" * 20}, "seed must be"),
        ({"lesson": "leakage", "view": "upside-down"}, "view must be one of"),
        ({"lesson": "leakage", "knob": "picked"}, "knob must be one of leaky, clean."),
    ],
)
def test_an_address_that_makes_no_sense_gets_a_sentence_and_the_list(
    parameters: dict[str, str], said: str, open_lessons_page: OpenPage
) -> None:
    page = open_lessons_page(**parameters)

    assert not page.exception
    assert said in page.warning[0].value.replace("\\", "")
    assert page.title[0].value == "Lessons"


def test_start_waits_for_the_prediction_and_what_is_locked_stays(
    open_lessons_page: OpenPage, store: Store
) -> None:
    page = open_lessons_page(lesson="epochs_and_batches", seed="7")
    assert button(page, "Start training").disabled
    assert button(page, "Lock in my prediction").disabled

    answer(page, 1, "Lock in my prediction")
    assert "You predicted: <strong>6</strong>" in htmls(page)
    button(page, "Start training").click().run()

    (run,) = store.runs()
    assert run.config["seed"] == 7
    assert run.config["dataset"] == "four_points"
    assert run.owner == ME.owner
    assert run.speed == 0.6
    again = open_lessons_page(lesson="epochs_and_batches")
    assert "You predicted: <strong>6</strong>" in htmls(again)
    assert "Start training" not in labels(again)
    other = open_lessons_page(browser="somebody else", lesson="epochs_and_batches")
    assert "You predicted" not in htmls(other)


def test_a_lesson_goes_from_the_prediction_to_the_challenge(
    open_lessons_page: OpenPage, store: Store
) -> None:
    page = open_lessons_page(lesson="epochs_and_batches", seed="8")
    answer(page, 0, "Lock in my prediction")
    button(page, "Start training").click().run()
    assert "This is what I saw" not in labels(page)
    assert "Each batch makes an update" not in htmls(page)
    train_newest(store)
    page.run()

    answer(page, 1, "This is what I saw")
    told = htmls(page)
    assert "It was: The loss fell in every epoch. An epoch had two steps." in told
    assert "loss: 3 → 1" in told
    assert "Each batch makes an update" in told

    button(page, "Start: batches of 1").click().run()
    newest = store.runs(limit=1)[0]
    assert (newest.config["batch_size"], newest.config["seed"]) == (1, 8)
    train_newest(store)
    page.run()
    assert '<th scope="col">batches of 1</th>' in htmls(page)

    answer(page, 2, "Lock in my answer")
    assert "two over the steepest curvature" in htmls(page)
    button(page, "Try it live: learning rate 0.12").click().run()
    assert store.runs(limit=1)[0].config["learning_rate"] == 0.12
    assert LessonProgress(store.used_by(ME)).marks()["epochs_and_batches"] == "done"


def test_a_lesson_is_begun_anew_at_a_press(open_lessons_page: OpenPage, store: Store) -> None:
    page = open_lessons_page(lesson="leakage")
    answer(page, 2, "Lock in my prediction")

    button(page, "Begin this lesson anew").click().run()

    assert not page.exception
    assert button(page, "Start training").disabled
    assert page.radio[0].value is None


def test_a_lesson_whose_run_was_deleted_says_so_and_is_run_and_recorded_once_more(
    open_lessons_page: OpenPage, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No person deletes a run and starts the next one as soon as that.
    monkeypatch.setattr("pages.starts._SAME_WISH_SECONDS", 0.0)
    page = open_lessons_page(lesson="epochs_and_batches", seed="12")
    answer(page, 1, "Lock in my prediction")
    button(page, "Start training").click().run()
    run_id = train_newest(store)
    page.run()
    answer(page, 1, "This is what I saw")
    said = "The run that you saw was deleted."
    assert said not in " ".join(one.value for one in page.markdown)

    store.delete(run_id)
    page.run()

    assert not page.exception
    assert said in " ".join(one.value for one in page.markdown)
    button(page, "Start training").click().run()
    train_newest(store)
    page.run()
    answer(page, 0, "This is what I saw")
    assert "Well seen." in htmls(page)


def test_where_no_worker_trains_a_recorded_run_stands_in_and_tells_no_more_than_was_recorded(
    open_lessons_page: OpenPage, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_lessons_page(lesson="epochs_and_batches", seed="13")
    answer(page, 1, "Lock in my prediction")
    button(page, "Start training").click().run()
    assert "Recorded, not live" not in htmls(page)
    monkeypatch.setattr("trainer.waiting.VAIN_SECONDS", 0.0)

    page.run()

    assert not page.exception
    assert "Recorded, not live" in htmls(page) and "seed 0" in htmls(page)
    assert "It waits for its turn." in [one.value for one in page.markdown]
    assert "lesson-facts" not in htmls(page).replace(".lesson-facts", "")
    train_newest(store)
    assert "Recorded, not live" not in htmls(page.run())


def test_all_lessons_are_begun_anew_at_a_press(open_lessons_page: OpenPage, store: Store) -> None:
    progress = LessonProgress(store.used_by(ME))
    progress.lock(LESSONS["fraud"], PREDICT, 1)
    page = open_lessons_page()

    button(page, "Begin all lessons anew").click().run()

    assert set(progress.marks().values()) == {"new"}


def test_every_option_of_the_quiz_has_its_word_and_each_question_starts_its_case(
    open_lessons_page: OpenPage, store: Store
) -> None:
    quiz = LESSONS["quiz"]
    page = open_lessons_page(lesson="quiz", seed="9")
    for question in quiz.questions:
        right = [option.is_right for option in question.options].index(True)
        page.radio[0].set_value(right).run()
        next(one for one in page.button if one.label == "Lock in my answer").click().run()
        assert all(explained(option.feedback) in htmls(page) for option in question.options)

    assert any("5 of 5 right" in markdown.value for markdown in page.markdown)
    starts = [one.key for one in page.button if one.label.startswith("Try it live")]
    assert len(starts) == 5
    # The same case once more within a second would be the same wish.
    cases = {one.scenarios[0]: key for key, one in zip(starts, quiz.questions, strict=True)}
    for scenario, key in cases.items():
        page.button(key=key).click().run()
        wanted = quiz.scenario(scenario).config(9)
        assert store.runs(limit=1)[0].config == wanted.to_dict()
        train_newest(store)
        page.run()


def test_a_lesson_that_was_begun_says_so_where_a_link_names_another_seed(
    open_lessons_page: OpenPage, store: Store
) -> None:
    page = open_lessons_page(lesson="epochs_and_batches", seed="21")
    answer(page, 0, "Lock in my prediction")
    button(page, "Start training").click().run()
    train_newest(store)
    begun = "You began this lesson with seed 21. Begin it anew for seed 22 of this link."
    assert begun not in [caption.value for caption in page.run().caption]

    page.query_params["seed"] = "22"

    assert begun in [caption.value for caption in page.run().caption]


def test_a_link_locks_the_knob_at_one_position(open_lessons_page: OpenPage, store: Store) -> None:
    page = open_lessons_page(lesson="epochs_and_batches", seed="10", knob="batch_4")
    answer(page, 1, "Lock in my prediction")
    button(page, "Start training").click().run()
    train_newest(store)
    page.run()

    answer(page, 0, "This is what I saw")

    starts = [label for label in labels(page) if label.startswith("Start: ")]
    assert starts == ["Start: batches of 4"]


def test_the_link_to_copy_says_the_seed_and_the_lock(open_lessons_page: OpenPage) -> None:
    page = open_lessons_page(lesson="leakage", seed="7")
    assert page.code[0].value == "/lessons?lesson=leakage&seed=7"

    page.selectbox(key="link_knob /lessons?lesson=leakage&seed=7").set_value("clean").run()

    assert page.code[0].value == "/lessons?lesson=leakage&seed=7&knob=clean"


def test_who_presents_starts_any_position_and_shows_the_answers_when_asked(
    open_lessons_page: OpenPage, store: Store
) -> None:
    lesson = LESSONS["leakage"]
    page = open_lessons_page(lesson="leakage", seed="11", view="presenter")
    assert not page.exception
    assert not page.radio
    assert all(option.text in htmls(page) for option in lesson.predict.options)
    assert lesson.predict.options[0].feedback not in htmls(page)

    page.get("button_group")[0].set_value("clean").run()
    button(page, "Start training").click().run()

    (run,) = store.runs()
    assert run.config == lesson.scenario("clean").config(11).to_dict()
    assert "Pause" not in labels(page)  # nobody trains it yet
    assert store.is_withheld(run.run_id)
    page.toggle[0].set_value(True).run()
    assert not store.is_withheld(run.run_id)
    assert all(explained(option.feedback) in htmls(page) for option in lesson.predict.options)
    assert explained(lesson.explain) in htmls(page)


def test_a_student_does_not_present(
    open_lessons_page: OpenPage, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASHBOARD_CLASS_CODE", "sunny-tensors")
    page = open_lessons_page(lesson="leakage", view="presenter")

    assert not page.exception
    assert button(page, "Start training").disabled
    assert not page.toggle
    links = [element.proto.label for element in page.main.get("page_link")]
    assert "Present" not in links and "Hand-out" in links


@pytest.mark.parametrize("name", [name for name in LESSONS if name != "quiz"])
def test_a_hand_out_is_a_page_of_its_own(name: str, open_lessons_page: OpenPage) -> None:
    page = open_lessons_page(lesson=name, view="handout")

    assert not page.exception
    assert LESSONS[name].predict.options[0].text in htmls(page).replace("&amp;", "&")
    assert not page.radio
