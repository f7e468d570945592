"""The live component as a page mounts it, and the plotly.js it draws with."""

from __future__ import annotations

import gzip
import json

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from pages.live.assets import plotly_route, plotly_url


def page_with_a_run():
    import streamlit as st

    from pages.figures.history import history_charts
    from pages.live.component import live_charts, live_header
    from trainer.metrics import METRICS

    run = {
        "run_id": "abc",
        "name": "digits 7f3a",
        "state": "training",
        "epoch": 12,
        "secret": object(),
    }
    charts = history_charts([METRICS["accuracy"]], validation=True)
    header = live_header(run, key="header")
    live = live_charts(run, charts, key="charts")
    st.text(f"{header.state} {live.series}")


@pytest.fixture
def page():
    return AppTest.from_function(page_with_a_run, default_timeout=30).run()


@pytest.fixture
def mounts(page):
    protos = [element.proto for element in page.get("bidi_component")]
    return {data["part"]: data for data in (json.loads(proto.json) for proto in protos)}


def test_header_and_charts_mount_without_an_error(page, mounts):
    assert not page.exception
    assert set(mounts) == {"header", "charts"}
    assert page.text[0].value == "None None"


def test_both_mounts_of_a_run_read_the_same_stream(mounts):
    assert mounts["header"]["stream"] == mounts["charts"]["stream"] == "/api/runs/abc/stream"


def test_the_header_is_given_what_the_stream_would_tell_and_nothing_else(mounts):
    assert mounts["header"]["run"] == {
        "run_id": "abc",
        "name": "digits 7f3a",
        "state": "training",
        "epoch": 12,
    }


def test_the_charts_are_given_their_figures_without_points(mounts):
    loss, accuracy = mounts["charts"]["charts"]

    assert (loss["id"], accuracy["id"]) == ("loss", "accuracy")
    assert all(trace["x"] == [] for trace in loss["figure"]["data"])
    assert loss["bindings"][1] == {"trace": 1, "kind": "raw", "series": "loss"}


def test_a_second_run_of_the_page_gives_the_component_the_same_identity_and_data(page):
    before = [(element.proto.id, element.proto.json) for element in page.get("bidi_component")]

    page.run()

    after = [(element.proto.id, element.proto.json) for element in page.get("bidi_component")]
    assert after == before


@pytest.fixture
def client():
    return TestClient(Starlette(routes=[plotly_route()]))


def test_the_charts_load_plotly_from_where_it_is_served(mounts, client):
    assert mounts["charts"]["plotly"] == plotly_url()
    assert client.get(plotly_url()).status_code == 200


def test_plotly_is_sent_compressed_to_browsers_that_take_gzip(client):
    with client.stream("GET", plotly_url(), headers={"Accept-Encoding": "br, gzip"}) as response:
        body = b"".join(response.iter_raw())

    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["content-type"].startswith("text/javascript")
    assert b"plotly.js" in gzip.decompress(body)[:200]
    assert len(body) < 2_000_000


@pytest.mark.parametrize("accepted", ["identity", "br", "gzip;q=0", ""])
def test_plotly_is_sent_plain_to_clients_without_gzip(client, accepted):
    response = client.get(plotly_url(), headers={"Accept-Encoding": accepted})

    assert "content-encoding" not in response.headers
    assert b"plotly.js" in response.content[:200]


def test_plotly_may_be_kept_for_good_by_every_cache(client):
    headers = client.get(plotly_url()).headers

    assert headers["cache-control"] == "public, max-age=31536000, immutable"
    assert headers["vary"] == "Accept-Encoding"
