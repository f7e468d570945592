"""Every page can be read by everybody; those of a class's room are looked at in test_rooms.py."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.program import Program
from tests.browser.readability import expect_readable
from tests.browser.viewer import Viewer


@pytest.mark.parametrize(
    ("path", "heading", "shows_run"),
    [
        ("/?dataset=digits", "The network", False),
        ("/?", "breast_cancer", True),
        ("/evaluate?", "All figures", True),
        ("/data?dataset=breast_cancer", "Before you train", False),
        ("/runs?", "Runs", False),
        ("/lessons?", "Lessons", False),
        ("/lessons?lesson=accuracy_paradox", "1 · Predict", False),
        ("/lessons?lesson=quiz", "Question 1 of 5", False),
        ("/lessons?lesson=fraud&view=presenter", "The data", False),
    ],
)
def test_a_page_can_be_read_by_everybody(
    path: str, heading: str, shows_run: bool, program: Program, viewer: Viewer
) -> None:
    if shows_run:
        path += f"run={program.trained('breast_cancer', epochs=5)}"
    viewer.open(path)
    expect(viewer.page.get_by_role("heading", name=heading).first).to_be_visible()
    expect_readable(viewer)
