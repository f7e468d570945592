"""Going on with a run that is over: as itself, or as a fork beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from trainer.checkpoints import Checkpoint, Checkpoints, copy_preprocessing, kept, remove
from trainer.choices import MAX_EPOCHS, NONE
from trainer.config import RunConfig
from trainer.errors import InvalidInput, NotPossible
from trainer.runs import Claim, Parent, Run
from trainer.store import Store, new_run_id

# The one choice in which a fork may differ: none that changes the network's shape or its data.
FORKABLE = (
    *("learning_rate", "batch_size", "dropout", "l1", "l2", "label_smoothing", "class_weight"),
    *("loss", "optimizer", "schedule", "decay_rate", "decay_epochs", "early_stopping", "patience"),
)
# What decides the learning rate; whoever changes one of these wants that of the set-up.
_OF_THE_RATE = ("learning_rate", "optimizer", "schedule", "decay_rate", "decay_epochs")


def resume(
    store: Store, run_id: str, *, epochs: int | None = None, worker: str | None = None
) -> Claim | None:
    """Have a run that is over train on from its newest checkpoint.

    Args:
        store: Where the run is.
        run_id: The run.
        epochs: How many epochs it has in the end; as many as it was to have by default.
        worker: Who trains it at once; None to queue it.

    Raises:
        RunNotFound: There is no such run.
        NotPossible: It is not over, has diverged, has had all its epochs, or is somebody's own.
        InvalidInput: `epochs` makes no sense.
        DatasetUnavailable: Its data are gone.
    """
    run = store.run(run_id)
    config = _config(run)
    if run.state == "diverged":
        raise NotPossible(
            "The run has diverged, and would again; fork it from an earlier epoch with a smaller "
            "learning rate."
        )
    if epochs is not None:
        config = dataclasses.replace(config, epochs=_checked_epochs(epochs, run.epoch))
    elif run.epoch >= config.epochs:
        raise NotPossible(f"The run has had all its {config.epochs} epochs; give it more.")
    return store.reopen(run, config.to_dict(), worker=worker)


def fork(
    store: Store,
    run_id: str,
    change: Mapping[str, Any],
    *,
    epoch: int | None = None,
    epochs: int | None = None,
    worker: str | None = None,
) -> Claim | str:
    """Make a run that goes on from a checkpoint of another, with one choice changed.

    Args:
        store: Where the runs are.
        run_id: The run to go on from.
        change: The one choice, a field of `FORKABLE`, and its value.
        epoch: 0-based epoch of the checkpoint; the last one by default.
        epochs: How many epochs the fork has in the end, those before it counted too; as many as
            the run was to have by default, or as many again where it has had them all.
        worker: Who trains the fork at once; None to queue it.

    Returns:
        The fork's id; with a worker its claim.

    Raises:
        RunNotFound: There is no such run.
        NotPossible: It has no checkpoint, or is somebody's own.
        WeightsMissing: There is no such checkpoint, or it is damaged.
        InvalidInput: The change or the number of epochs makes no sense.
        DatasetUnavailable: Its data are gone.
    """
    run = store.run(run_id)
    config = _config(run)
    epoch = kept_epoch(run_id, epoch)
    parameter, value = _checked_change(config, change)
    if epochs is None:
        epochs = config.epochs if config.epochs > epoch + 1 else epoch + 1 + config.epochs
    choices = {**config.to_dict(), parameter: value, "epochs": _checked_epochs(epochs, epoch + 1)}
    forked = RunConfig.create(**choices)
    before = choice_at(store, run_id, config, parameter, epoch)
    after = getattr(forked, parameter)
    if before == after:
        raise InvalidInput(parameter, "must be another one than in the run", value)
    parent = Parent(run_id, run.name, epoch, parameter, before, after)
    checkpoint = _start_of_fork(Checkpoints(run_id).at(epoch), parameter)
    changed = f"{after:g}" if isinstance(after, float) else str(after)
    given: dict[str, Any] = {
        "run_id": new_run_id(),
        "name": f"{run.name[:50]}, {parameter.replace('_', ' ')} {changed}",
        "parent": parent,
    }
    # The files first: who finds the run finds what it goes on from.
    try:
        Checkpoints(given["run_id"]).save(checkpoint)
        copy_preprocessing(run_id, given["run_id"])
        if worker is None:
            return store.create_run(forked.to_dict(), **given)
        return store.open_run(forked.to_dict(), worker=worker, origin="command line", **given)
    except OSError as error:
        remove(given["run_id"])
        raise NotPossible(f"The checkpoint cannot be copied ({error.strerror}).") from error
    except BaseException:
        remove(given["run_id"])
        raise


def forkable(config: RunConfig) -> tuple[str, ...]:
    """Return the choices of which a fork of such a run may change one."""
    unused = {"dropout"} if config.layers else set()
    if config.schedule not in ("exponential", "step"):
        unused |= {"decay_rate", "decay_epochs"}
    if config.early_stopping == NONE:
        unused.add("patience")
    if not config.spec.num_classes:
        unused |= {"label_smoothing", "class_weight"}
    return tuple(name for name in FORKABLE if name not in unused)


def choice_at(store: Store, run_id: str, config: RunConfig, parameter: str, epoch: int) -> Any:
    """Return what a choice of a run was at the end of a 0-based epoch.

    It is that of the set-up, except for a learning rate that somebody set on the way.

    Raises:
        WeightsMissing: A fork's checkpoint after this epoch is missing or damaged.
    """
    if parameter == "learning_rate":
        changes = [record for record in store.learning_rates(run_id) if record.epoch <= epoch]
        if changes:
            return changes[-1].data["learning_rate"]
        if store.run(run_id).parent is not None:
            # It may have begun with one that was set in the run it goes on from.
            rate = Checkpoints(run_id).at(epoch).state.get("learning_rate")
            if rate is not None and np.float32(rate) != np.float32(config.learning_rate):
                return rate
    return getattr(config, parameter)


def _config(run: Run) -> RunConfig:
    if "dataset" not in run.config:
        raise NotPossible("The run must be one that this program set up. It is somebody's own.")
    return RunConfig.from_dict(run.config)


def kept_epoch(run_id: str, epoch: int | None) -> int:
    """Return the 0-based epoch of a run's checkpoint: this one, or the last one for None.

    Raises:
        NotPossible: The run has no checkpoint.
        InvalidInput: It has none of this epoch.
    """
    epochs = kept(run_id).epochs
    if not epochs:
        raise NotPossible("The run has no checkpoint to go on from.")
    if epoch is None:
        return epochs[-1]
    if epoch not in epochs:
        there_are = ", ".join(str(number + 1) for number in epochs)
        raise InvalidInput("epoch", f"must be one of the kept checkpoints: {there_are}", epoch + 1)
    return epoch


def _checked_change(config: RunConfig, change: Mapping[str, Any]) -> tuple[str, Any]:
    if len(change) != 1:
        raise InvalidInput("change", "must be exactly one choice", dict(change))
    ((parameter, value),) = change.items()
    possible = forkable(config)
    if parameter not in possible:
        raise InvalidInput("change", f"must be one of {', '.join(possible)}", parameter)
    return parameter, value


def _checked_epochs(epochs: int, done: int) -> int:
    if isinstance(epochs, bool) or not isinstance(epochs, int) or not done < epochs <= MAX_EPOCHS:
        rule = f"must be an integer from {done + 1} to {MAX_EPOCHS}"
        raise InvalidInput("epochs", rule, epochs)
    return epochs


def _start_of_fork(checkpoint: Checkpoint, parameter: str) -> Checkpoint:
    # What is the best, and how long nothing got better, the fork counts anew.
    rate = None if parameter in _OF_THE_RATE else checkpoint.state.get("learning_rate")
    return dataclasses.replace(
        checkpoint,
        optimizer=() if parameter == "optimizer" else checkpoint.optimizer,
        # Another share of dropout may be another number of layers with a generator.
        seeds=() if parameter == "dropout" else checkpoint.seeds,
        state={"learning_rate": rate},
    )
