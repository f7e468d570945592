"""A program that is open to a class, and its members' browsers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pages.live.browser import browser_of
from pages.visitor import owner_of
from tests.browser.program import Program
from trainer.config import RunConfig
from trainer.person import Person
from trainer.process import this_process
from trainer.runs import Record

CLASS, TEACHER = "sunny-tensors", "chalk-and-board"


@contextmanager
def classroom(folder: Path) -> Iterator[Program]:
    """Start a program that is open to other machines and asks for codes."""
    program = Program(
        folder,
        DASHBOARD_CLASS_CODE=CLASS,
        DASHBOARD_TEACHER_CODE=TEACHER,
        STREAMLIT_SERVER_ADDRESS="0.0.0.0",
    )
    yield program
    program.close()


def run_of(program: Program, cookies: str, *, name: str = "") -> str:
    """Return the id of a run that trains and belongs to the browser with these cookies."""
    browser = browser_of(cookies)
    assert browser is not None
    theirs = program.store.used_by(Person(owner=owner_of(browser)))
    config = RunConfig.create("iris", epochs=5).to_dict()
    claim = theirs.open_run(config, worker=this_process(), origin="command line", name=name)
    logs = {"loss": 1.0, "val_loss": 1.0, "accuracy": 0.5, "val_accuracy": 0.5}
    record = Record(kind="epoch", epoch=0, data=logs)
    program.store.write(claim, first_seq=1, records=[record], epoch=1, state="training")
    return claim.run_id
