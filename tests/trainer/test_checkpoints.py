"""Files of checkpoints: whole or not there, however a writing ends and whatever befalls them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from trainer import checkpoints
from trainer.checkpoints import Checkpoint, Checkpoints, kept, load_preprocessing, load_weights
from trainer.errors import WeightsMissing


def checkpoint(epoch: int, *, size: int = 3) -> Checkpoint:
    return Checkpoint(
        epoch=epoch,
        weights=[np.full((2, size), epoch, "float32"), np.arange(size, dtype="float32") + epoch],
        optimizer=[np.array(10 * epoch, "int64")],
        seeds=[np.array([epoch, 1], "uint32")],
        state={"learning_rate": 0.5, "best": {"epoch": epoch, "loss": 0.25}},
    )


def assert_same(read: Checkpoint, written: Checkpoint) -> None:
    assert (read.epoch, read.state) == (written.epoch, written.state)
    for name in ("weights", "optimizer", "seeds"):
        ours, theirs = getattr(read, name), getattr(written, name)
        assert len(ours) == len(theirs)
        for mine, its in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(mine, its, strict=True)


def files(data_folder: Path, run_id: str = "abc") -> set[str]:
    return {path.name for path in (data_folder / "checkpoints" / run_id).iterdir()}


def saved(epochs: Sequence[int], *, best: int | None = None, every: int = 0) -> Checkpoints:
    kept = Checkpoints("abc", every=every)
    for epoch in epochs:
        is_best = best is not None and epoch >= best
        kept.save(checkpoint(epoch), best=checkpoint(best) if is_best else None)
    return kept


def test_what_was_saved_is_read_to_the_last_bit(data_folder):
    of_run = saved([0, 1, 2, 3], best=1)
    assert_same(of_run.newest().checkpoint, checkpoint(3))
    assert_same(of_run.at(2), checkpoint(2))
    assert_same(of_run.at(1), checkpoint(1))
    assert (load_weights("abc", "last").epoch, load_weights("abc", "best").epoch) == (3, 1)
    assert kept("abc") == ((1, 2, 3), 1)


def test_the_newest_two_the_best_and_every_nth_stay(data_folder):
    saved(range(12), best=4, every=5)
    assert files(data_folder) == {
        *("000004.npz", "000009.npz", "000010.npz", "000011.npz", "best-000004.npz"),
    }
    assert kept("abc") == ((4, 9, 10, 11), 4)


def test_the_best_that_is_the_last_takes_its_room_once(data_folder):
    saved([7], best=7)
    once = checkpoints.disk_use("abc")
    assert files(data_folder) == {"000007.npz", "best-000007.npz"}
    saved([8])
    assert 1.9 * once < checkpoints.disk_use("abc") < 2.1 * once


def test_within_the_budget_the_oldest_of_every_nth_go_first(data_folder):
    saved([0])
    one = checkpoints.disk_use("abc")
    of_run = Checkpoints("abc", every=1, budget=5 * one + one // 2)
    for epoch in range(1, 20):
        of_run.save(checkpoint(epoch), best=checkpoint(3) if epoch > 2 else None)
        assert checkpoints.disk_use("abc") <= 5 * one + one // 2
    assert kept("abc") == ((3, 16, 17, 18, 19), 3)


def test_whatever_the_budget_the_last_and_the_best_are_kept(data_folder):
    of_run = Checkpoints("abc", every=1, budget=1)
    for epoch in range(5):
        of_run.save(checkpoint(epoch), best=checkpoint(min(epoch, 1)))
    assert kept("abc") == ((1, 3, 4), 1)


def test_before_the_first_there_is_nothing():
    assert Checkpoints("abc").newest() == (None, "")
    assert (kept("abc"), checkpoints.disk_use("abc")) == (((), None), 0)
    for look in (lambda: load_weights("abc", "last"), lambda: load_preprocessing("abc")):
        with pytest.raises(WeightsMissing, match="The weights of this run were not kept."):
            look()
    with pytest.raises(WeightsMissing, match="There is no checkpoint after epoch 3."):
        Checkpoints("abc").at(2)
    Checkpoints("abc").begin_after(-1)
    checkpoints.remove("abc")


def test_what_is_trained_again_is_let_go_with_what_a_killed_writer_left(data_folder):
    of_run = saved(range(6), best=5, every=1)
    (data_folder / "checkpoints" / "abc" / ".new-left").write_bytes(b"half")
    of_run.begin_after(3)
    assert files(data_folder) == {"000000.npz", "000001.npz", "000002.npz", "000003.npz"}
    of_run.begin_after(-1)
    assert files(data_folder) == set()


def test_removing_a_run_leaves_the_others(data_folder):
    saved([0])
    Checkpoints("other").save(checkpoint(1))
    checkpoints.remove("abc")
    assert (kept("abc").epochs, kept("other").epochs) == ((), (1,))


def test_what_comes_after_the_history_s_end_is_not_gone_on_from(data_folder):
    of_run = saved([3, 4, 5], every=1)
    assert of_run.newest(up_to=4).checkpoint.epoch == 4
    assert of_run.newest(up_to=2) == (None, "")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_of_a_truncated_checkpoint_the_one_before_is_used_and_that_is_said(data_folder, share):
    of_run = saved([4, 5])
    file = data_folder / "checkpoints" / "abc" / "000005.npz"
    os.truncate(file, int(file.stat().st_size * share))
    found = of_run.newest()
    assert_same(found.checkpoint, checkpoint(4))
    assert found.remark == (
        "The checkpoint after epoch 6 was damaged: the training went on from the one after epoch 5."
    )
    with pytest.raises(WeightsMissing, match="The weights of this run cannot be read."):
        of_run.at(5)
    with pytest.raises(WeightsMissing, match="The weights of this run cannot be read."):
        load_weights("abc", "last")


def test_where_none_can_be_read_that_is_said(data_folder):
    of_run = saved([4, 5], best=5)
    for file in (data_folder / "checkpoints" / "abc").iterdir():
        file.write_bytes(b"nothing of the kind\n" * 50)
    assert of_run.newest() == (
        None,
        "The checkpoint after epoch 6 was damaged, and there is no other: the training began anew.",
    )


def test_the_best_stands_in_for_a_damaged_one_of_the_same_epoch(data_folder):
    of_run = saved([4, 5], best=5)
    file = data_folder / "checkpoints" / "abc" / "000005.npz"
    file.unlink()
    file.write_bytes(b"")
    found = of_run.newest()
    assert_same(found.checkpoint, checkpoint(5))
    assert found.remark == ""


@pytest.mark.parametrize("damage", ["a pickle", "a folder", "another archive", "an array too few"])
def test_a_file_that_is_something_else_is_passed_over(data_folder, damage):
    of_run = saved([4, 5])
    file = data_folder / "checkpoints" / "abc" / "000005.npz"
    file.unlink()
    if damage == "a pickle":
        np.savez(file, state=np.array([{"an": "object"}], dtype=object))
    elif damage == "another archive":
        np.savez(file, weights=np.ones(3))
    elif damage == "an array too few":
        state = np.frombuffer(b'{"epoch": 5, "sizes": {"weights": 2}}', "uint8")
        np.savez(file, **{"state": state, "weights/1": np.ones(3)})
    else:
        file.mkdir()
    assert of_run.newest().checkpoint.epoch == 4
    with pytest.raises(WeightsMissing, match="The weights of this run cannot be read."):
        load_weights("abc", "last")


def test_whatever_byte_is_flipped_no_wrong_weight_is_read(data_folder):
    saved([5])
    file = data_folder / "checkpoints" / "abc" / "000005.npz"
    content, written = file.read_bytes(), load_weights("abc", "last")
    sentences = 0
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        file.write_bytes(damaged)
        try:
            read = load_weights("abc", "last")
        except WeightsMissing:
            sentences += 1
        else:
            # Archives hold dates and such that say nothing of the weights.
            assert read.epoch == written.epoch
            for mine, theirs in zip(read.arrays, written.arrays, strict=True):
                np.testing.assert_array_equal(mine, theirs)
    assert sentences > len(content) / 2


# One writer for each n, which ends itself, as if killed, at its n-th call that reaches the disk.
_SAVE_AND_DIE = """
import itertools, os, signal, sys
import numpy as np
from trainer.checkpoints import Checkpoint, Checkpoints
def counted(call):
    def dying(*arguments, **options):
        global left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments, **options)
    return dying
def checkpoint(epoch):
    return Checkpoint(epoch=epoch, weights=[np.full(5, epoch, "float32")], state={})
def save(run_id):
    Checkpoints(run_id).save(checkpoint(2), best=checkpoint(2))
    of_run = Checkpoints(run_id, every=int(sys.argv[1]))
    for name in ("fsync", "replace", "link", "unlink", "fdopen", "open"):
        setattr(os, name, counted(getattr(os, name)))
    np.savez = counted(np.savez)
    for epoch in range(3, 6):
        of_run.save(checkpoint(epoch), best=checkpoint(4 if epoch == 4 else max(3, epoch - 1)))
for left in itertools.count(1):
    run_id = f"killed-{left}"
    writer = os.fork()
    if not writer:
        save(run_id)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(writer, 0)[1]) != -signal.SIGKILL:
        break
    print(run_id)
print(run_id)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX's")
@pytest.mark.parametrize("every", [0, 1])
def test_killed_at_any_moment_of_a_writing_there_is_a_whole_one_to_go_on_from(data_folder, every):
    command = [sys.executable, "-c", _SAVE_AND_DIE, str(every)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    newest = []
    for run_id in done.stdout.split():
        of_run = Checkpoints(run_id)
        found = of_run.newest()
        assert found.remark == ""
        newest.append(found.checkpoint.epoch)
        of_run.begin_after(found.checkpoint.epoch)
        assert kept(run_id).best is not None
        assert of_run.at(kept(run_id).best).epoch <= found.checkpoint.epoch
        assert not any(name.startswith(".new") for name in files(data_folder, run_id))
    assert newest[0] == 2 and newest[-1] == 5
    assert newest == sorted(newest)
    assert len(newest) > 15
