"""Runs of the program, as `python -m trainer run` trains them, with a stopwatch.

`python -m benchmarks.run_case --epochs N [--set KEY=VALUE …]` names a run that waits, trains it
when it gets a line, tells how long it took, and names the next.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from itertools import pairwise
from typing import Any

from trainer.config import RunConfig, parse_choice
from trainer.process import this_process
from trainer.recorder import Recorder
from trainer.settings import Settings
from trainer.store import Store


class Stopwatch(Recorder):
    """A recorder that notes when each epoch's logs came to it.

    Attributes:
        moments: Each epoch's end on the clock for durations and in seconds since 1970.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.moments: list[tuple[float, float]] = []

    def log_epoch(self, *arguments: Any) -> None:
        """Note the moment, then record."""
        self.moments.append((time.perf_counter(), time.time()))
        super().log_epoch(*arguments)


def main() -> None:
    """Train until the input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--set", nargs="*", default=[])
    options = parser.parse_args()
    choices = {}
    for choice in options.set:
        parameter, _, text = choice.partition("=")
        choices[parameter] = parse_choice(parameter, text)
    config = RunConfig.create("digits", epochs=options.epochs, **choices)
    import keras

    from trainer.training import Training

    store = Store(Settings.from_environment().store_url)
    while True:
        claim = store.open_run(config.to_dict(), worker=this_process(), origin="benchmark")
        run_id, recorder = claim.run_id, Stopwatch(store, claim)
        answer(run_id=run_id)
        if not sys.stdin.readline():
            recorder.end("stopped")
            return
        processor = time.process_time()
        state = Training(config, recorder).run()
        if state != "finished":
            sys.exit(f"The run {run_id} has not finished but {state}: {store.run(run_id).message}")
        answer(
            seconds=store.run(run_id).seconds,
            processor_seconds=time.process_time() - processor,
            epoch_seconds=[
                later - earlier for (earlier, _), (later, _) in pairwise(recorder.moments)
            ],
            epoch_ends=[wall for _, wall in recorder.moments],
            logs=store.last_logs(run_id),
        )
        keras.backend.clear_session()


def answer(**values: Any) -> None:
    """Write one answer."""
    print(json.dumps(values), flush=True)


if __name__ == "__main__":
    main()
