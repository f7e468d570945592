"""What the environment sets."""

from __future__ import annotations

import pytest

from trainer.errors import InvalidInput
from trainer.settings import Settings
from trainer.store import Store


def test_without_settings_everything_lies_in_the_data_folder(data_folder):
    settings = Settings.from_environment()
    assert settings.home == data_folder
    assert settings.slots == 1
    Store(settings.store_url).close()
    assert (data_folder / "runs.sqlite").is_file()


def test_the_environment_overrides_each_setting(monkeypatch):
    monkeypatch.setenv("DASHBOARD_STORE", "postgresql+psycopg://class@db/runs")
    monkeypatch.setenv("DASHBOARD_SLOTS", "4")
    settings = Settings.from_environment()
    assert settings.store_url == "postgresql+psycopg://class@db/runs"
    assert settings.slots == 4


def test_the_disk_budget_of_a_run_is_given_in_megabytes(monkeypatch):
    assert Settings.from_environment().checkpoint_bytes == 200_000_000
    monkeypatch.setenv("DASHBOARD_CHECKPOINT_MB", "7")
    assert Settings.from_environment().checkpoint_bytes == 7_000_000
    for wrong in ("", "-1", "1.5", "much", "9" * 5000):
        monkeypatch.setenv("DASHBOARD_CHECKPOINT_MB", wrong)
        rule = "^DASHBOARD_CHECKPOINT_MB must be an integer from 0 to "
        with pytest.raises(InvalidInput, match=rule):
            Settings.from_environment()


def test_when_a_worker_is_replaced_can_be_set(monkeypatch):
    settings = Settings.from_environment()
    assert (settings.worker_runs, settings.worker_bytes) == (100, 4_000_000_000)
    monkeypatch.setenv("DASHBOARD_WORKER_RUNS", "3")
    monkeypatch.setenv("DASHBOARD_WORKER_MB", "900")
    settings = Settings.from_environment()
    assert (settings.worker_runs, settings.worker_bytes) == (3, 900_000_000)
    for variable in ("DASHBOARD_WORKER_RUNS", "DASHBOARD_WORKER_MB"):
        with monkeypatch.context() as patch:
            patch.setenv(variable, "0")
            with pytest.raises(InvalidInput, match=f"^{variable} must be an integer from 1 to "):
                Settings.from_environment()


def test_without_a_class_code_nobody_is_asked_for_one():
    settings = Settings.from_environment()
    assert (settings.class_code, settings.teacher_code) == ("", "")


@pytest.mark.parametrize("variable", ["DASHBOARD_CLASS_CODE", "DASHBOARD_TEACHER_CODE"])
@pytest.mark.parametrize("code", ["seven77", "x" * 65, "eight\n888"])
def test_a_code_that_is_none_is_refused_without_being_told(monkeypatch, variable, code):
    monkeypatch.setenv("DASHBOARD_CLASS_CODE", "sunny-tensors")
    monkeypatch.setenv(variable, code)
    rule = f"^{variable} must be 8 to 64 printable characters. Got '{len(code)} characters'.$"
    with pytest.raises(InvalidInput, match=rule):
        Settings.from_environment()


def test_a_teacher_code_goes_with_another_class_code(monkeypatch):
    monkeypatch.setenv("DASHBOARD_TEACHER_CODE", "chalk-and-board")
    with pytest.raises(InvalidInput, match="^DASHBOARD_CLASS_CODE must be set where a teacher"):
        Settings.from_environment()
    monkeypatch.setenv("DASHBOARD_CLASS_CODE", "chalk-and-board")
    with pytest.raises(InvalidInput, match="^DASHBOARD_TEACHER_CODE must not be the class code"):
        Settings.from_environment()


def test_settings_never_print_a_code(monkeypatch):
    monkeypatch.setenv("DASHBOARD_CLASS_CODE", "sunny-tensors")
    monkeypatch.setenv("DASHBOARD_TEACHER_CODE", "chalk-and-board")
    settings = Settings.from_environment()
    assert (settings.class_code, settings.teacher_code) == ("sunny-tensors", "chalk-and-board")
    assert "sunny" not in repr(settings) and "chalk" not in repr(settings)


@pytest.mark.parametrize("slots", ["0", "-1", "65", "1.5", "", "two", "٣"])
def test_slots_out_of_range_are_refused(monkeypatch, slots):
    monkeypatch.setenv("DASHBOARD_SLOTS", slots)
    rule = "^DASHBOARD_SLOTS must be an integer from 1 to 64. Got "
    with pytest.raises(InvalidInput, match=rule):
        Settings.from_environment()


def test_a_data_folder_that_cannot_be_made_is_refused_in_a_sentence(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_text("in the way")
    monkeypatch.setenv("DASHBOARD_HOME", str(file / "home"))
    with pytest.raises(InvalidInput, match="^DASHBOARD_HOME must be a folder "):
        Settings.from_environment()
    monkeypatch.setenv("DASHBOARD_HOME", str(file))
    with pytest.raises(InvalidInput, match="^DASHBOARD_HOME must be a folder "):
        Settings.from_environment()


@pytest.mark.parametrize("name", ["with space", "100%", "a%20b", "a?b=c", "a#b", "ü"])
def test_a_data_folder_may_have_any_name(tmp_path, monkeypatch, name):
    monkeypatch.setenv("DASHBOARD_HOME", str(tmp_path / name))
    Store(Settings.from_environment().store_url).close()
    assert (tmp_path / name / "runs.sqlite").is_file()
