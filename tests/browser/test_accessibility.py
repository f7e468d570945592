"""Every page as axe-core judges it: names for screen readers, contrast, order of headings, …"""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.program import Program
from tests.browser.viewer import Viewer

# Where people drop a file is Streamlit's own: it has a role that it must not have. What is about to
# be drawn anew is faded for that moment.
_WHERE = {"exclude": [["[data-testid=stFileUploaderDropzone]"], ["[data-stale=true]"]]}
_GROUND = {"light": "rgb(255, 255, 255)", "dark": "rgb(15, 22, 32)"}


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
    for mode, ground in _GROUND.items():
        viewer.page.emulate_media(color_scheme=mode)
        if mode == "light":
            viewer.open(path)
        expect(viewer.page.get_by_test_id("stApp")).to_have_css("background-color", ground)
        expect(viewer.page.get_by_role("heading", name=heading).first).to_be_visible()
        viewer.wait_for_rest()
        found = Axe().run(viewer.page, context=_WHERE)
        assert not found.violations_count, found.generate_report()
