"""A file of one's own in Chromium: brought, previewed, trained, and nobody else's to see."""

from __future__ import annotations

import json
import urllib.request
import zipfile
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError
from playwright.sync_api import expect

from pages.privacy import ROWS_NOT_SHOWN
from tests.browser.conftest import NewViewer
from tests.browser.program import Program
from tests.browser.viewer import TIMEOUT, Viewer

HOSTILE = "<img src=x onerror=alert(1)>"
SECRET = "<b>secret</b>"


def csv() -> bytes:
    """Return a table with semicolons, decimal commas, gaps, dates and a hostile name."""
    lines = [f"day;city;{HOSTILE};price;y"]
    for k in range(120):
        price = "" if k % 6 == 0 else f"{k},25"
        lines.append(f"{1 + k % 28:02d}.03.2024;{SECRET} {k % 3};{k % 7};{price};{k % 2}")
    return "\n".join(lines).encode()


def bring(viewer: Viewer, name: str, data: bytes) -> None:
    """Drop a file at its place."""
    place = viewer.page.locator("input[type=file]")
    # After each file there is a new place; for a moment the old one is there too.
    expect(place).to_have_count(1)
    place.set_input_files({"name": name, "mimeType": "text/csv", "buffer": data})


def choose(viewer: Viewer, field: str, option: str) -> None:
    wanted = viewer.page.get_by_role("option", name=option, exact=True)
    # A page that is still being drawn closes the list again: one opens it once more.
    for _ in range(10):
        viewer.wait_for_rest()
        viewer.page.get_by_role("combobox", name=field, exact=True).click()
        try:
            wanted.click(timeout=TIMEOUT / 10)
        except PlaywrightTimeoutError:
            viewer.page.keyboard.press("Escape")
        else:
            return
    pytest.fail(f"{field} offers no {option}")


def test_a_file_is_previewed_trained_and_shown_to_nobody_else(
    viewer: Viewer, program: Program, new_viewer: NewViewer
) -> None:
    page = viewer.page
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    viewer.open("/data")
    bring(viewer, "bad.csv", b"a,b\n1,2,3\n")
    problem = page.get_by_text("bad.csv: Line 2 has 3 cells where the first line has 2.")
    expect(problem).to_be_visible()

    bring(viewer, "sales.csv", csv())

    expect(page.get_by_role("heading", name="sales.csv")).to_be_visible()
    expect(page.get_by_text("cells parted by semicolons · decimal commas")).to_be_visible()
    expect(problem).to_have_count(0)
    with urllib.request.urlopen(f"{program.url}/_stcore/metrics", timeout=TIMEOUT / 1000) as told:
        metrics = told.read().decode()
    assert "cache_memory_bytes" in metrics
    assert "UploadedFileManager" not in metrics  # its copy on disk is enough
    choose(viewer, "Distribution of", HOSTILE)
    drawing = page.get_by_role("img", name=f"Distribution of {HOSTILE}", exact=True)
    expect(drawing.locator(".xtitle")).to_have_text(HOSTILE)
    expect(page.locator("img[src=x]")).to_have_count(0)

    choose(viewer, "Target", "price")
    expect(page.get_by_role("combobox", name="Task", exact=True)).to_have_value("regression")
    viewer.press_start()

    viewer.expect_state("Finished")
    viewer.expect_points(20)
    expect(page.get_by_test_id("run-name")).to_contain_text("sales.csv")
    run_id = viewer.run_id
    assert run_id is not None
    assert program.store.run(run_id).config["target"] == "price"
    page.get_by_text("The data", exact=True).click()
    expect(viewer.cell(SECRET)).to_be_attached()
    page.reload()
    expect(page.get_by_role("combobox", name="Dataset")).to_have_value("sales.csv")
    page.get_by_text("Use it elsewhere", exact=True).click()
    page.get_by_role("button", name="Make the file").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the network").click()
    assert download.value.suggested_filename == f"model_{run_id}.keras"
    assert zipfile.is_zipfile(download.value.path())
    assert dialogs == []

    stranger = new_viewer(program)
    upload = program.store.run(run_id).config["dataset"]
    for name in (upload, "sales.csv"):
        stranger.open("/data", dataset=name, target="price")
        expect(stranger.page.get_by_role("heading", name="Handwritten digits")).to_be_visible()
    stranger.page.get_by_role("combobox", name="Dataset").click()
    expect(stranger.page.get_by_role("option", name="digits", exact=True)).to_be_visible()
    expect(stranger.page.get_by_role("option", name="sales.csv")).to_have_count(0)
    stranger.open("/", run=run_id)
    stranger.page.get_by_text("The data", exact=True).click()
    expect(stranger.page.get_by_text(ROWS_NOT_SHOWN).first).to_be_visible()
    stranger.page.get_by_text("Use it elsewhere", exact=True).click()
    expect(stranger.page.get_by_text("is handed only to whoever brought it")).to_be_visible()
    told = [program.get(f"/api/runs/{run_id}{part}") for part in ("", "/evaluations")]
    assert "secret" not in json.dumps(told)


def test_the_form_goes_along_to_the_data_and_back(viewer: Viewer) -> None:
    viewer.open(dataset="moons", epochs=7)
    page = viewer.page
    expect(page.get_by_role("spinbutton", name="Epochs")).to_have_value("7")

    page.get_by_role("link", name="Data", exact=True).click()
    expect(page.get_by_role("heading", name="Classes")).to_be_visible()
    expect(page.get_by_role("heading", name="Two moons")).to_be_visible()
    field = page.get_by_role("spinbutton", name="Seed")
    field.fill("3")
    field.press("Tab")
    expect(page.get_by_text("Seed 3 parts training and validation rows")).to_be_visible()
    choices = {"dataset": ["moons"], "epochs": ["7"], "seed": ["3"]}
    page.wait_for_url(lambda address: parse_qs(urlsplit(address).query) == choices)
    page.get_by_role("link", name="Train", exact=True).click()

    expect(page.get_by_text("watch the network learn")).to_be_visible()
    expect(page.get_by_role("spinbutton", name="Epochs")).to_have_value("7")
    expect(field).to_have_value("3")


def test_a_file_above_the_limit_or_of_another_site_s_page_is_refused_where_files_are_sent(
    viewer: Viewer,
) -> None:
    viewer.open("/data")
    with viewer.page.expect_request(lambda request: request.method == "PUT") as sent:
        bring(viewer, "sales.csv", csv())
    token = sent.value.headers["x-xsrftoken"]
    expect(viewer.page.get_by_role("heading", name="sales.csv")).to_be_visible()

    attack = """async ([address, bytes, token]) => {
      const body = new FormData();
      body.append("file", new Blob([new Uint8Array(bytes)]), "more.csv");
      const headers = token ? { "X-Xsrftoken": token } : {};
      return (await fetch(address, { method: "PUT", body, headers })).status;
    }"""
    refusals = [(25_000_000, token, 413), (100, "", 403)]
    for num_bytes, shown, status in refusals:
        answer = viewer.page.evaluate(attack, [sent.value.url, num_bytes, shown])
        assert answer == status
    expected = [str(status) for *_, status in refusals]
    viewer.errors = [
        error for error in viewer.errors if not any(status in error for status in expected)
    ]
