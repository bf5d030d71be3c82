"""The recordings of people are whole, and say where they come from."""

from __future__ import annotations

from tests.support.people import PEOPLE_FOLDER, all_people, people, person
from tests.support.recordings import SAMPLE_RATE


def test_every_recording_of_a_person_is_listed_with_its_source_and_licence() -> None:
    listed = {recording.file for recording in all_people()}
    assert listed == {path.name for path in PEOPLE_FOLDER.glob("*.flac")}
    assert len(listed) == 200
    assert all(r.source and r.licence for r in all_people())
    assert all(bool(r.text) == (r.kind != "nonspeech") for r in all_people())


def test_recordings_are_read_at_the_rate_that_the_recogniser_wants() -> None:
    assert {r.kind for r in people("telephone", "child")} == {"telephone", "child"}
    recording = person("jfk")
    assert abs(len(recording.samples) / SAMPLE_RATE - recording.seconds) < 0.05
    assert abs(int(recording.pcm[8000]) - recording.samples[8000] * 32768) < 1.5
