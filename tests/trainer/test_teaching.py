"""Lessons: each states what its fits must show, and they show it."""

from __future__ import annotations

import pytest

from trainer.errors import InvalidInput
from trainer.lessons import LESSONS, find_lesson
from trainer.store import Store
from trainer.teaching import teach
from trainer.training import WarmModel


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_is_whole(name):
    lesson = LESSONS[name]
    names = [scenario.name for scenario in lesson.scenarios]
    assert len(set(names)) == len(names) and set(lesson.knob.scenarios) <= set(names)
    for question in (lesson.predict, lesson.challenge, *lesson.questions):
        assert [option.is_right for option in question.options].count(True) == 1
        assert all(option.feedback.endswith(".") for option in question.options)
        assert set(question.scenarios) <= set(names)
    assert all(scenario.config(3).seed == 3 for scenario in lesson.scenarios)


def test_a_lesson_that_there_is_not_is_refused_with_those_there_are():
    with pytest.raises(InvalidInput, match="^lesson must be one of epochs_and_batches, .*'nope'"):
        find_lesson("nope")


@pytest.mark.parametrize("name", LESSONS)
def test_what_a_lesson_states_holds(name, tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'runs.sqlite'}")
    taught = teach(store, LESSONS[name], seed=1, warm=WarmModel())
    assert [figure for figure in taught.figures if not figure.holds] == []
    assert any(
        sight.is_shown(taught.fits[LESSONS[name].scenarios[0].name])
        for sight in LESSONS[name].record
    )
    store.close()
