"""Imports what trains, and TensorFlow and Keras with it: only where a training is near."""

from __future__ import annotations

import gc
import os
import sys


def import_training() -> None:
    """Import `trainer.training`, as fast as it can be.

    What is imported stays for good. To look for garbage among it meanwhile takes a fifth of the
    time, and would cost each start of a training 0.2 s afterwards.
    """
    if "trainer.training" in sys.modules:
        return
    # TensorFlow's C++ notes about the machine are for nobody here.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        import trainer.training  # noqa: F401
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
