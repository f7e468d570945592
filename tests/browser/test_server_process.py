"""The server's process: it shows trainings and never holds what trains."""

from __future__ import annotations

import subprocess

import psutil

from tests.browser.program import Program
from tests.browser.viewer import Viewer

TRAINING_LIBRARIES = ("tensorflow", "keras", "jaxlib", "libtorch")


def loaded_libraries(pid: int) -> set[str]:
    """Return which of the libraries that train a process has in its memory."""
    process = psutil.Process(pid)
    if hasattr(process, "memory_maps"):
        paths = [part.path for part in process.memory_maps()]
    else:  # macOS
        listed = subprocess.run(
            ["lsof", "-Fn", "-p", str(pid)], capture_output=True, text=True, check=True
        )
        paths = listed.stdout.splitlines()
    return {name for name in TRAINING_LIBRARIES for path in paths if name in path.lower()}


def test_the_server_never_loads_tensorflow_while_it_shows_a_training(
    viewer: Viewer, program: Program
) -> None:
    run_id = viewer.start(dataset="digits", epochs=5)
    viewer.expect_points(1)
    worker = int(program.store.run(run_id).worker.split(":")[1])
    viewer.expect_state("Finished")
    viewer.open("/runs")
    viewer.open(run=run_id)
    viewer.expect_points(5)

    assert "tensorflow" in loaded_libraries(worker)
    assert loaded_libraries(program.pid) == set()
