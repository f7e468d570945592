"""The network drawn: what is in each card, and that nothing in it is markup of somebody else's."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser

import pytest

from pages.figures.network import network_html, shapes_beside
from trainer.config import RunConfig
from trainer.datasets import DATASETS
from trainer.network import network


def drawn(**choices: object) -> str:
    return network_html(network(RunConfig.create(**choices)))  # type: ignore[arg-type]


def cards(text: str) -> list[list[str]]:
    """Return what is written in each card."""
    found = re.findall(r"<li.*?>(.*?)</li>", text)
    parts = [re.sub(r"<[^>]*>", "\n", card).split("\n") for card in found]
    return [[part for part in card if part] for card in parts]


def test_a_card_has_the_layer_its_settings_its_shape_and_its_parameters():
    text = drawn(dataset="digits", layers="conv(32, 3) max_pool(2) flatten dense(64) dropout(0.2)")
    assert cards(text) == [
        ["input", "8 × 8 × 1"],
        ["conv", "32, 3, relu", "6 × 6 × 32", "320 parameters"],
        ["max pool", "2", "3 × 3 × 32"],
        ["flatten", "288"],
        ["dense", "64, relu", "64", "18,496 parameters"],
        ["dropout", "0.2", "64"],
        ["output", "softmax", "10", "650 parameters"],
    ]
    assert "19,466 parameters to learn<" in text


def test_what_is_kept_without_being_learnt_is_told_apart():
    text = drawn(dataset="moons", layers="dense(3) batch_norm")
    # Two inputs and a bias for each of three units, their scale and offset, the output.
    learnt = 3 * (2 + 1) + 2 * 3 + (3 + 1)
    assert f"{learnt} parameters to learn, and 6 numbers kept beside them<" in text


def test_pictures_have_a_sheet_for_each_of_a_few_channels_and_rows_one():
    text = drawn(dataset="digits", layers="conv(32, 3) flatten")
    sheets = [
        card.count("network-sheet ") + card.count('network-sheet"') for card in text.split("<li")
    ]
    assert sheets[1:] == [1, 4, 1, 1]


def test_layers_with_parameters_are_filled():
    text = drawn(dataset="digits", layers="flatten dense(3)")
    assert ["filled" in card for card in text.split("<li")[1:]] == [False, False, True, True]


@pytest.mark.parametrize("name", DATASETS)
def test_every_dataset_s_network_is_drawn_as_sound_html(name):
    opened: list[str] = []

    class Checked(HTMLParser):
        def handle_starttag(self, tag, attributes):
            opened.append(tag)

        def handle_endtag(self, tag):
            assert opened.pop() == tag

    Checked().feed(drawn(dataset=name))
    assert opened == []


def test_markup_in_a_title_is_text():
    part = network(RunConfig.create("iris"))[0]
    text = network_html([dataclasses.replace(part, text="<b>", help='"><img src=x onerror=1>')])
    assert "<img" not in text and "<b>" not in text
    assert shapes_beside(["<i>"]).count("<i>") == 0


def test_an_empty_line_keeps_its_place_beside_the_text():
    assert shapes_beside(["5", "", "6"]).count("<li>") == 3
