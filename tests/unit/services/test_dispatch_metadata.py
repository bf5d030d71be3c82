from __future__ import annotations

import pytest

from services.dispatch_metadata import DispatchMetadata
from services.protocol import TAKES_OVER


@pytest.mark.parametrize(
    "metadata",
    [
        DispatchMetadata(),
        DispatchMetadata(agent="desk"),
        DispatchMetadata(takes_over=True),
        DispatchMetadata(agent='Küche "2"', takes_over=True),
    ],
)
def test_what_is_encoded_is_decoded(metadata: DispatchMetadata) -> None:
    assert DispatchMetadata.decode(metadata.encode()) == metadata


def test_a_take_over_without_a_named_agent_is_as_the_protocol_has_it() -> None:
    assert DispatchMetadata(takes_over=True).encode() == TAKES_OVER


@pytest.mark.parametrize(
    "text",
    [
        "",
        "desk",
        "{",
        "[]",
        "{}",
        '{"agent": 3}',
        '{"agent": ["desk"], "takes_over": "yes"}',
        '{"customer": "desk"}',
        "{" * 5000,
        '{"a":' * 1000,
        '{"agent": "' + "x" * 10_000 + '"}',
    ],
)
def test_what_is_not_ours_says_nothing(text: str) -> None:
    assert DispatchMetadata.decode(text) == DispatchMetadata()
