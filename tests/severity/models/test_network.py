import json
from typing import Any

import pytest

from severity.errors import WrongWeights
from severity.heads.head import HeadInput
from severity.models.bundled_cards import BUNDLED, bundled_file
from severity.models.network import Network, network_from_json, network_to_json

SMALL: dict[str, Any] = {
    "nodes": {
        "filtered": {
            "kind": "convolution",
            "inputs": ["images"],
            "tensors": ["weight"],
            "stride": [2, 2],
            "padding": "same",
            "dilation": [1, 1],
            "groups": 1,
        },
        "both": {"kind": "add", "inputs": ["filtered", "filtered"]},
        "pooled": {"kind": "global_average", "inputs": ["both"]},
    },
    "outputs": {"features": "pooled"},
    "findings": [],
    "format": 1,
}


def read(description: dict[str, Any]) -> Network:
    return network_from_json(json.dumps(description))


def changed(place: str, value: object) -> dict[str, Any]:
    """Replace one value of the small network; none of that name is added."""
    description = json.loads(json.dumps(SMALL))
    *parents, last = place.split(".")
    inner = description
    for parent in parents:
        inner = inner[parent]
    inner[last] = value
    return description


def test_a_network_says_what_it_gives_and_which_tensors_it_takes() -> None:
    network = read(SMALL)

    assert list(network.outputs) == [HeadInput.FEATURES]
    assert network.tensors == ("weight",)


@pytest.mark.parametrize("name", BUNDLED)
def test_a_shipped_network_is_the_same_after_reading_and_writing(name: str) -> None:
    text = bundled_file(name, "network.json").read_text(encoding="utf-8")

    assert network_to_json(network_from_json(text)) == text


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("format", 2),
        ("author", "nobody"),
        ("outputs", {}),
        ("outputs", {"features": "nowhere"}),
        ("outputs", {"probabilities": "pooled"}),
        ("nodes.filtered.kind", "transformer"),
        ("nodes.filtered.groups", "1"),
        ("nodes.filtered.groups", 1.5),
        ("nodes.filtered.stride", [2]),
        ("nodes.filtered.padding", "valid"),
        ("nodes.filtered.bias", "bias"),
        ("nodes.filtered.tensors", ["weight", "bias"]),
        ("nodes.filtered.inputs", ["both"]),
        ("nodes.both.inputs", ["filtered"]),
        ("nodes.both.tensors", ["weight"]),
        ("nodes.images", {"kind": "relu", "inputs": ["pooled"]}),
    ],
)
def test_what_describes_no_network_is_refused(place: str, value: object) -> None:
    with pytest.raises(WrongWeights):
        read(changed(place, value))


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", '{"nodes": NaN}', network_to_json(read(SMALL))[:-3]]
)
def test_what_is_no_description_is_refused(text: str) -> None:
    with pytest.raises(WrongWeights, match="not a network"):
        network_from_json(text)
