"""How far a reply has come follows what the output reports of pauses and of audio that is late."""

from __future__ import annotations

import pytest

from services.livekit_local.playhead import Playhead


def test_a_reply_goes_on_where_it_was_paused() -> None:
    head = Playhead()
    assert head.place(5.0) is None
    head.start(10.0)
    assert head.place(11.0) == pytest.approx(1.0)
    # The output says how far it has come, and is paused.
    head.report(1.97, 12.0)
    head.hold(12.0)
    assert head.place(13.0) == pytest.approx(1.97)
    head.go_on(14.0)
    assert head.place(14.5) == pytest.approx(2.47)
    assert head.pauses[0] == pytest.approx((1.97, 2.0))


def test_an_output_that_reports_nothing_is_followed_by_the_clock() -> None:
    head = Playhead()
    head.start(10.0)
    head.hold(11.0)
    head.go_on(13.0)
    assert head.place(13.5) == pytest.approx(1.5)


def test_audio_that_comes_late_is_waited_for() -> None:
    head = Playhead()
    head.start(10.0)
    # It had run out at 1.0 and goes on now.
    head.report(1.0, 14.0)
    assert head.place(14.5) == pytest.approx(1.5)


def test_what_has_ended_stays_where_it_is() -> None:
    head = Playhead()
    head.start(10.0)
    head.hold(11.0)
    head.end(12.0)
    head.go_on(13.0)
    assert head.place(20.0) == pytest.approx(1.0)
    assert head.held_since is None
    assert head.pauses[0].seconds == pytest.approx(1.0)
