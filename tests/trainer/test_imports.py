"""What importing costs: pages must never load TensorFlow, and starting must not wait for it."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import keras
import pytest

import trainer

ROOT = Path(__file__).parents[2]
# Streamlit runs these; whoever imports one draws a page.
SCRIPTS = {"data", "evaluate", "runs", "shell", "train"}


def modules_of(package: str) -> list[str]:
    """Return the modules of a package, save those that draw a page when they are imported."""
    paths = (path.relative_to(ROOT) for path in sorted((ROOT / package).rglob("*.py")))
    return [
        ".".join(path.with_suffix("").parts)
        for path in paths
        if path.stem != "__init__" and not (path.parent == Path("pages") and path.stem in SCRIPTS)
    ]


def loaded_by(code: str) -> set[str]:
    """Return the top-level packages that a fresh Python has loaded after `code`."""
    report = "import json, sys; print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_what_pages_import_loads_neither_tensorflow_nor_keras():
    loaded = loaded_by(f"import {', '.join(modules_of('pages'))}")
    assert not {"tensorflow", "keras"} & loaded
    assert {"sqlalchemy", "streamlit", "plotly"} <= loaded  # the check can see what is loaded


def test_the_server_imports_neither_tensorflow_nor_keras_itself():
    tree = ast.parse((ROOT / "dashboard.py").read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {
        name.split(".")[0]
        for node in imports
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
        )
    }
    assert not {"tensorflow", "keras"} & names
    assert {"streamlit", "trainer", "pages"} <= names


def test_a_program_reads_its_arguments_before_it_loads_tensorflow():
    loaded = loaded_by("import trainer.__main__, trainer.worker")
    assert not {"tensorflow", "keras", "streamlit"} & loaded


def test_a_config_is_checked_and_a_dataset_is_looked_at_without_tensorflow():
    code = (
        "from trainer.config import RunConfig\n"
        "from trainer.looks import look\n"
        "look(RunConfig.create('digits', epochs=3)), look(RunConfig.create('moons'))\n"
        "from trainer.losses import losses_for; losses_for('binary')\n"
        "from trainer.metrics import METRICS; METRICS['accuracy'].call('binary')\n"
    )
    assert not {"tensorflow", "keras"} & loaded_by(code)


def test_the_callback_is_keras_own_and_an_unknown_name_is_an_attribute_error():
    assert issubclass(trainer.LiveCallback, keras.callbacks.Callback)
    with pytest.raises(AttributeError, match="nonsense"):
        trainer.nonsense  # noqa: B018
