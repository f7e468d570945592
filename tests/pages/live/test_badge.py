from __future__ import annotations

import stat
from pathlib import Path

import pytest

from pages.live.badge import Badges, badges_of
from pages.live.browser import COOKIE as BROWSER_COOKIE
from pages.live.secret import secret
from trainer.errors import InvalidInput
from trainer.settings import Settings

CLASS, TEACHER = "sunny-tensors", "chalk-and-board"


@pytest.fixture
def badges() -> Badges:
    return Badges(b"secret", class_code=CLASS, teacher_code=TEACHER)


def test_each_code_opens_its_role_and_no_other_does(badges: Badges) -> None:
    assert badges.role_for(CLASS) == "student"
    assert badges.role_for(TEACHER) == "teacher"
    for wrong in ("", CLASS[:-1], CLASS + " ", CLASS.upper(), "ü" * 99, "\udcff", "\x00"):
        assert badges.role_for(wrong) is None


def test_without_a_teacher_code_nobody_is_a_teacher() -> None:
    badges = Badges(b"secret", class_code=CLASS)
    assert badges.role_for("") is None
    assert badges.role_of("mine", badges.badge("teacher", "mine")) is None


@pytest.mark.parametrize("role", ["student", "teacher"])
def test_a_badge_counts_in_its_own_browser_only(badges: Badges, role) -> None:
    badge = badges.badge(role, "mine")
    assert badges.role_of("mine", badge) == role
    assert badges.role_of("another's", badge) is None
    assert badges.role_of(None, badge) is None
    assert badges.role_of("", badges.badge(role, "")) is None


def test_a_badge_that_was_changed_counts_for_nothing(badges: Badges) -> None:
    badge = badges.badge("student", "mine")
    for forged in (
        badge.replace("student", "teacher"),
        badge[:-1],
        badge + "0",
        badge.split(".")[0],
        "",
        ".",
        "principal." + badge.split(".")[1],
        "student.ü",
    ):
        assert badges.role_of("mine", forged) is None


def test_another_code_or_another_secret_makes_all_badges_worthless(badges: Badges) -> None:
    badge = badges.badge("student", "mine")
    others = (Badges(b"secret", class_code="rainy-tensors"), Badges(b"other", class_code=CLASS))
    assert [other.role_of("mine", badge) for other in others] == [None, None]


def test_badges_outlive_a_restart(monkeypatch) -> None:
    monkeypatch.setenv("DASHBOARD_CLASS_CODE", CLASS)
    before, after = (badges_of(Settings.from_environment()) for _ in range(2))
    assert before is not None and after is not None
    cookies = f"{BROWSER_COOKIE}=mine; dashboard_class={before.badge('student', 'mine')}"
    assert after.role_of_cookies(cookies) == "student"


def test_alone_there_are_no_badges_and_there_is_no_secret(data_folder: Path) -> None:
    assert badges_of(Settings.from_environment()) is None
    assert not (data_folder / "secret").exists()


def test_the_secret_is_its_owner_s_alone_and_stays(tmp_path: Path) -> None:
    first = secret(tmp_path)
    assert len(first) == 32
    assert secret(tmp_path) == first
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


def test_a_damaged_secret_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"short")
    with pytest.raises(InvalidInput, match="^secret must be a file of 32 bytes .*Got '5 bytes'"):
        secret(tmp_path)
