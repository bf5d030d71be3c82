"""What comes over the room's wire, before anything is done with it."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services import protocol
from services.protocol import AgentInfo, History, Message, Notice, ProtocolError, Turn
from tests.fuzz.inputs import DEEP_JSON, JSON, changed

LIKE = {
    History: {"messages": [{"role": "user", "text": "hello"}, {"role": "assistant", "text": "hi"}]},
    Notice: {"kind": "call_ended", "text": "Goodbye."},
    AgentInfo: {"asr": {"name": "x", "demo": True}, "voice": None, "llm": "x", "notices": ["y"]},
}


@pytest.mark.parametrize("kind", [History, Notice, Turn, AgentInfo])
@given(draw=st.data())
def test_any_text_is_a_message_within_its_bounds_or_not(
    kind: type[Message], draw: st.DataObject
) -> None:
    near = changed(LIKE.get(kind, {})).map(json.dumps)
    text = draw.draw(st.one_of(near, JSON.map(json.dumps), DEEP_JSON, st.text(max_size=50)))
    with contextlib.suppress(ProtocolError):
        message = kind.decode(text)
        assert len(message.encode()) <= 7 * protocol.LONGEST_MESSAGE_BYTES
        if isinstance(message, History):
            said = sum(len(part.text) for part in message.messages)
            assert said <= protocol.LONGEST_HISTORY_CHARACTERS
