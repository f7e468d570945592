"""The command that trains a lesson and checks what it showed."""

from __future__ import annotations

import argparse
import json
import sys

from trainer.choices import MAX_SEED
from trainer.errors import NotPossible
from trainer.importing import import_training
from trainer.lessons import LESSONS, Scenario, find_lesson
from trainer.shutdown import Shutdown
from trainer.store import Store
from trainer.terminal.words import FAILED, OK, shown, typed


def run_lesson(store: Store, options: argparse.Namespace) -> int:
    """Train a lesson, or record it, or list all."""
    if options.list:
        return _list_lessons(options)
    lesson = find_lesson(options.name)
    seed = typed("seed", options.seed, int, f"an integer from 0 to {MAX_SEED}")
    lesson.scenarios[0].config(seed)  # a seed that makes no sense is told before Keras is imported
    import_training()
    from trainer.recording import record
    from trainer.teaching import teach

    def tell(scenario: Scenario) -> None:
        if not options.json:
            print(f"training: {scenario.title}", file=sys.stderr)

    try:
        if options.record is not None:
            path = record(store, lesson, seed=seed, shutdown=Shutdown(), folder=options.record)
            print(json.dumps({"recorded": str(path)}) if options.json else f"recorded: {path}")
            return OK
        taught = teach(store, lesson, seed=seed, shutdown=Shutdown(), before=tell)
    except NotPossible as error:
        print(f"{lesson.title}: {error}", file=sys.stderr)
        return FAILED
    if options.json:
        print(json.dumps(taught.to_dict()))
        return OK
    print(f"{lesson.title}: {lesson.predict.text}")
    for figure in taught.figures:
        mark = "yes" if figure.holds else "NO "
        print(f"  {mark}  {figure.name}: {shown(figure.value)}  ({figure.rule})")
    print(f"holds: {str(taught.holds).lower()}")
    return OK


def _list_lessons(options: argparse.Namespace) -> int:
    if options.json:
        told = [
            {
                "name": lesson.name,
                "title": lesson.title,
                "question": lesson.predict.text,
                "knob": lesson.knob.label,
                "scenarios": [scenario.name for scenario in lesson.scenarios],
            }
            for lesson in LESSONS.values()
        ]
        print(json.dumps({"lessons": told}))
        return OK
    for lesson in LESSONS.values():
        print(f"{lesson.name:22} {lesson.title}: {lesson.predict.text}")
    return OK
