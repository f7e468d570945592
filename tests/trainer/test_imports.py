"""What importing costs: pages must never load TensorFlow, and starting must not wait for it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

MODULES_PAGES_IMPORT = [
    "trainer",
    "trainer.config",
    "trainer.datasets",
    "trainer.errors",
    "trainer.home",
    "trainer.launch",
    "trainer.losses",
    "trainer.metrics",
    "trainer.process",
    "trainer.recorder",
    "trainer.settings",
    "trainer.store",
]


def loaded_by(code: str) -> set[str]:
    """Return the top-level packages that a fresh Python has loaded after `code`."""
    report = "import json, sys; print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_what_pages_import_loads_neither_tensorflow_nor_keras():
    loaded = loaded_by(f"import {', '.join(MODULES_PAGES_IMPORT)}")
    assert not {"tensorflow", "keras", "streamlit", "plotly"} & loaded
    assert "sqlalchemy" in loaded  # the check can see what is loaded


@pytest.mark.parametrize("module", ["trainer.__main__", "trainer.worker"])
def test_a_program_reads_its_arguments_before_it_loads_tensorflow(module):
    assert not {"tensorflow", "keras", "streamlit"} & loaded_by(f"import {module}")


def test_a_config_is_checked_and_a_dataset_is_looked_at_without_tensorflow():
    code = (
        "from trainer.config import RunConfig\n"
        "from trainer.datasets import sample\n"
        "RunConfig.create('digits', epochs=3)\n"
        "sample('digits'), sample('moons')\n"
        "from trainer.losses import losses_for; losses_for('binary')\n"
        "from trainer.metrics import metrics_for; metrics_for('binary', 2)\n"
    )
    assert not {"tensorflow", "keras"} & loaded_by(code)


def test_asking_for_the_callback_loads_keras_and_an_unknown_name_is_an_attribute_error():
    code = (
        "import trainer\n"
        "try:\n    trainer.nonsense\nexcept AttributeError:\n    pass\n"
        "else:\n    raise SystemExit('no error')\n"
        "from trainer import LiveCallback\n"
        "assert LiveCallback.__name__ == 'LiveCallback'\n"
    )
    assert {"tensorflow", "keras"} <= loaded_by(code)
