"""A press is taken exactly once, also where the run of the page that it began was cut short."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def _page() -> None:
    import streamlit as st

    from pages.pressing import pressed

    # As another run of the page does, whatever has asked for it.
    if st.session_state.pop("is_cut_short", False):
        st.rerun()
    run_id = st.session_state.get("run", "first")
    if pressed(st.button, "Pause", key="pause", of=run_id):
        st.session_state["paused"] = [*st.session_state.get("paused", []), run_id]


def test_a_press_outlives_a_run_of_the_page_that_was_cut_short_and_counts_once() -> None:
    page = AppTest.from_function(_page).run()
    assert "paused" not in page.session_state

    page.session_state["is_cut_short"] = True
    page.button(key="pause").click().run()
    assert page.session_state["paused"] == ["first"]
    page.run()
    assert page.session_state["paused"] == ["first"]


def test_a_press_that_was_meant_for_another_run_is_none() -> None:
    page = AppTest.from_function(_page).run()
    page.session_state["run"] = "second"  # the page goes on to another run meanwhile

    page.button(key="pause").click().run()
    assert "paused" not in page.session_state
    page.button(key="pause").click().run()
    assert page.session_state["paused"] == ["second"]
