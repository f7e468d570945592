"""One scenario with seed after seed: `python -m benchmarks.diagnosis_case NAME SEED …`."""

from __future__ import annotations

import argparse
import json

from trainer.diagnosis.auditing import Audits
from trainer.diagnosis.observer import verdicts_on
from trainer.diagnosis.scenarios import SCENARIOS
from trainer.settings import Settings
from trainer.store import Store


def main() -> None:
    """Train, and print the verdicts on each training, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("seeds", nargs="+", type=int)
    options = parser.parse_args()
    from trainer.teaching import train
    from trainer.training import WarmModel

    store = Store(Settings.from_environment().store_url)
    warm, audits = WarmModel(), Audits()
    said = []
    for seed in options.seeds:
        fit = train(store, SCENARIOS[options.name].scenario, seed=seed, warm=warm)
        said.append([verdict.name for verdict in verdicts_on(store, fit.run_id, audits=audits)])
    audits.close()
    store.close()
    print(json.dumps(said))


if __name__ == "__main__":
    main()
