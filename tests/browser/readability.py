"""A page as axe-core judges it: names for screen readers, contrast, order of headings, …"""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.viewer import Viewer

# Where people drop a file is Streamlit's own: it has a role that it must not have. What is about to
# be drawn anew is faded for that moment, and fades in again afterwards.
_WHERE = {"exclude": [["[data-testid=stFileUploaderDropzone]"], ["[data-stale=true]"]]}
_NOTHING_FADES = "() => !document.getAnimations().some((one) => one instanceof CSSTransition)"
_GROUND = {"light": "rgb(255, 255, 255)", "dark": "rgb(15, 22, 32)"}


def expect_readable(viewer: Viewer) -> None:
    """Say that everybody can read the page as it is, on a light ground and on a dark one."""
    for mode, ground in _GROUND.items():
        viewer.page.emulate_media(color_scheme=mode)
        expect(viewer.page.get_by_test_id("stApp")).to_have_css("background-color", ground)
        viewer.wait_for_rest()
        viewer.page.wait_for_function(_NOTHING_FADES)
        found = Axe().run(viewer.page, context=_WHERE)
        assert not found.violations_count, found.generate_report()
