"""One lesson with seed after seed, in a process of its own: `python -m benchmarks.lessons_case`."""

from __future__ import annotations

import argparse
import json
import time

import psutil

from trainer.lessons import find_lesson
from trainer.settings import Settings
from trainer.store import Store


def main() -> None:
    """Teach, and print what each seed showed; the first one counts from the process' start."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("seeds", nargs="+", type=int)
    options = parser.parse_args()
    from trainer.teaching import teach

    began = psutil.Process().create_time()
    store = Store(Settings.from_environment().store_url)
    told = []
    for seed in options.seeds:
        taught = teach(store, find_lesson(options.name), seed=seed)
        now = time.time()
        told.append(taught.to_dict() | {"seconds": now - began})
        began = now
    store.close()
    print(json.dumps(told))


if __name__ == "__main__":
    main()
