"""The texts of lessons as HTML and as Markdown."""

from __future__ import annotations

import pytest

from pages.lesson.words import locked_words, markdown, prose
from trainer.lessons import LESSONS


def test_only_what_stands_in_backticks_is_more_than_text() -> None:
    text = "What is `batch_size=0`, <b>here</b> * and [there](x)?"

    assert prose(text).startswith("What is <code>batch_size=0</code>, &lt;b&gt;here&lt;/b&gt;")
    assert markdown(text) == r"What is `batch_size=0`, \<b\>here\</b\> \* and \[there\]\(x\)?"


@pytest.mark.parametrize("name", LESSONS)
def test_the_locked_set_up_is_told_in_one_line(name: str) -> None:
    words = locked_words(LESSONS[name].scenarios[0].config(7))

    assert words.endswith("seed 7")
    assert "epochs" in words
