"""How far a reply has come follows what the output reports of pauses and of audio that is late."""

from __future__ import annotations

import pytest

from services.livekit_local.playhead import QUEUED_SECONDS, Playhead


def test_a_pause_loses_what_the_output_drops() -> None:
    head = Playhead()
    assert head.place(5.0) is None
    head.start(10.0)
    assert head.place(11.0) == pytest.approx(1.0)
    head.hold(12.0)
    # What was on its way when the output was told to pause is still heard.
    head.report(0.0, 2.03, 12.03)
    assert head.place(13.0) == pytest.approx(2.03)
    head.go_on(14.0)
    assert head.place(14.5) == pytest.approx(2.03 + QUEUED_SECONDS + 0.5)
    assert head.pauses[0].before == pytest.approx(2.03)
    assert head.pauses[0].after == pytest.approx(2.03 + QUEUED_SECONDS)
    assert head.lost_seconds == QUEUED_SECONDS
    # The next report says how much it was.
    head.hold(16.0)
    head.report(2.28, 4.25, 16.0)
    assert head.place(16.0) == pytest.approx(4.25)
    assert head.queued_seconds == pytest.approx(0.25)


def test_a_pause_without_a_report_loses_nothing() -> None:
    head = Playhead()
    head.start(10.0)
    head.hold(11.0)
    head.go_on(13.0)
    assert head.place(13.5) == pytest.approx(1.5)
    assert head.lost_seconds == 0.0


def test_audio_that_comes_late_is_waited_for() -> None:
    head = Playhead()
    head.start(10.0)
    # It had run out at 1.0 and goes on now.
    head.report(0.0, 1.0, 14.0)
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
