"""The evaluation component as a page mounts it."""

from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest

from trainer.evaluation.report import REASONS


def page_with_evaluations():
    import streamlit as st

    from pages.evaluation.component import evaluation_in_depth, live_evaluation

    live = live_evaluation("abc", key="live", has_validation=True, has_examples=False)
    page = evaluation_in_depth("abc", key="page", has_validation=None, has_examples=True)
    st.text(f"{live.visit} {page.cell}")


@pytest.fixture
def page():
    return AppTest.from_function(page_with_evaluations, default_timeout=30).run()


@pytest.fixture
def mounts(page):
    return {element.key: json.loads(element.proto.json) for element in page.get("bidi_component")}


def test_both_parts_mount_without_an_error_and_no_cell_is_chosen(page, mounts):
    assert not page.exception
    assert {key: data["part"] for key, data in mounts.items()} == {"live": "live", "page": "page"}
    assert page.text[0].value == "None None"


def test_only_the_page_asks_for_earlier_epochs(mounts):
    assert mounts["live"]["evaluations"] is None
    assert mounts["page"]["evaluations"] == "/api/runs/abc/evaluations"
    assert mounts["live"]["stream"] == mounts["page"]["stream"] == "/api/runs/abc/stream"


def test_each_part_is_given_the_figures_it_shows_and_no_points(mounts):
    assert list(mounts["live"]["figures"]) == ["precision_recall", "agreement", "residuals"]
    assert len(mounts["page"]["figures"]) == 7
    for figure in mounts["page"]["figures"].values():
        assert not any(trace.get("x") for trace in figure["data"])


def test_where_there_is_no_picture_no_boundary_is_asked_for(mounts):
    for data in mounts.values():
        assert data["boundary"] is data["boundaries"] is None


def test_the_browser_gives_the_trainer_s_reasons_for_undefined_values(mounts):
    assert mounts["page"]["reasons"] == dict(REASONS)


def test_a_second_run_of_the_page_gives_the_component_the_same_data(page):
    before = [element.proto.json for element in page.get("bidi_component")]

    page.run()

    assert [element.proto.json for element in page.get("bidi_component")] == before
