"""Presets: each fits its data, is built, and is known again from the values it makes."""

from __future__ import annotations

import pytest

from trainer.config import RunConfig, defaults_for
from trainer.datasets import DATASETS
from trainer.network import network
from trainer.presets import PRESETS, preset_of, presets_for

MADE = [
    (name, preset.name)
    for name, spec in DATASETS.items()
    for preset in presets_for(spec)
    if preset.choices is not None
]


def made(dataset: str, preset: str) -> RunConfig:
    choices = PRESETS[preset].choices
    assert choices is not None
    return RunConfig.create(dataset, **choices(DATASETS[dataset], defaults_for(dataset)))


@pytest.mark.parametrize(("dataset", "preset"), MADE)
def test_a_preset_fits_its_data_and_is_known_again(dataset, preset):
    config = made(dataset, preset)
    assert network(config)
    known = preset_of(config.spec, config.to_dict(), defaults_for(dataset))
    assert known.name == preset


@pytest.mark.parametrize("name", DATASETS)
def test_the_defaults_of_every_dataset_are_one_of_its_presets(name):
    preset = preset_of(DATASETS[name], defaults_for(name), defaults_for(name))
    linear = (
        *("line", "four_points", "guesses", "plane"),
        *("two_sides", "clouds", "rare", "risk_levels"),
    )
    expected = {"imdb_words": "text"} | dict.fromkeys(linear, "linear")
    assert preset.name == expected.get(name, "small")


@pytest.mark.parametrize("name", [name for name in DATASETS if name != "imdb_words"])
def test_one_preset_has_many_more_parameters_than_rows_and_one_has_no_hidden_layer(name):
    def parameters(preset: str) -> int:
        return sum(part.num_parameters for part in network(made(name, preset)))

    assert parameters("large") > 5 * DATASETS[name].num_samples
    assert parameters("linear") < parameters("small") < parameters("large")


def test_presets_are_offered_where_they_fit():
    assert [preset.name for preset in presets_for(DATASETS["moons"])] == [
        *("small", "linear", "large", "dense", "own"),
    ]
    assert "convolutional" in [preset.name for preset in presets_for(DATASETS["digits"])]
    assert [preset.name for preset in presets_for(DATASETS["imdb_words"])] == ["text", "own"]


@pytest.mark.parametrize(
    ("choices", "preset"),
    [
        ({"units": 65}, "dense"),
        ({"dropout": 0.5}, "dense"),
        ({"hidden_layers": 0, "units": 7}, "linear"),
        ({"layers": "flatten dense(64)"}, "own"),
        ({"layers": "no such layer"}, "own"),
        ({"layers": "conv(32, 3)\nmax_pool(2)\nflatten\ndense(64)"}, "convolutional"),
        ({"layers": "conv(32, 3) max_pool(2) flatten dense(65)"}, "own"),
    ],
)
def test_values_that_somebody_chose_are_called_what_they_are(choices, preset):
    defaults = defaults_for("digits")
    assert preset_of(DATASETS["digits"], {**defaults, **choices}, defaults).name == preset


def test_every_preset_has_a_title_and_a_sentence():
    for name, preset in PRESETS.items():
        assert preset.name == name
        assert preset.title and preset.help
