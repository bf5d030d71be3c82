import io
import json
import logging
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pytest
from livekit.agents import APIConnectionError, APIStatusError

from agent.observability.logging import setup_logging
from agent.observability.masking import error_text, mask_also

SECRET = "correct-horse-battery"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYWxsZXIifQ.c2lnbmF0dXJl"


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    hooks = sys.excepthook, threading.excepthook
    level, handlers = root.level, list(root.handlers)
    levels = {
        name: item.level
        for name, item in logging.root.manager.loggerDict.items()
        if isinstance(item, logging.Logger)
    }
    yield
    logging.captureWarnings(False)
    sys.excepthook, threading.excepthook = hooks
    root.setLevel(level)
    root.handlers[:] = handlers
    for name, old in levels.items():
        logging.getLogger(name).setLevel(old)


def logged(form: Literal["readable", "json"] = "json", level: str = "info") -> io.StringIO:
    stream = io.StringIO()
    setup_logging(level, form, secrets=[SECRET, "secret", ""], stream=stream)
    return stream


def objects(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_line_has_the_event_and_its_fields() -> None:
    stream = logged()
    logging.getLogger("agent.runtime.worker").info(
        "model loaded", extra={"model": "base.en", "seconds": 1.25, "path": Path("/models")}
    )
    (line,) = objects(stream)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "info",
        "logger": "agent.runtime.worker",
        "message": "model loaded",
        "model": "base.en",
        "seconds": 1.25,
        "path": "/models",
    }


def test_json_lines_stay_json_with_hostile_values() -> None:
    stream = logged()
    logging.getLogger("agent").warning(
        "first\nsecond",
        extra={"time": 1, "nan": float("nan"), "deep": {1: {"a"}}, "text": '"\x1b[31m\u2028'},
    )
    assert len(stream.getvalue().rstrip("\n").split("\n")) == 1
    line = json.loads(stream.getvalue(), parse_constant=lambda _: pytest.fail("not JSON"))
    assert line["message"] == "first\nsecond"
    assert line["time_"] == 1
    assert line["nan"] == "nan"
    assert line["deep"] == {"1": ["a"]}


def test_readable_line_is_one_line_without_control_characters() -> None:
    stream = logged("readable")
    logging.getLogger("agent.web").info(
        "joined\x1b[31m\nforged", extra={"room": "a b", "count": 2, "name_given": "x\ny\x9b"}
    )
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert "\x1b" not in text
    assert "\x9b" not in text
    assert 'INFO    agent.web  joined\\x1b[31m\\x0aforged  room="a b"  count=2' in text


def test_an_exception_is_shown_in_both_forms() -> None:
    for form, where in (("json", "exception"), ("readable", None)):
        stream = logged(form)  # type: ignore[arg-type]
        try:
            raise ValueError("no such thing")
        except ValueError:
            logging.getLogger("agent").exception("failed")
        text = objects(stream)[0][where] if where else stream.getvalue()
        assert "ValueError: no such thing" in text
        assert "Traceback" in text


@pytest.mark.parametrize("form", ["json", "readable"])
def test_secrets_and_tokens_are_masked(form: Literal["readable", "json"]) -> None:
    stream = logged(form)
    log = logging.getLogger("agent")
    log.info("connecting with %s", SECRET, extra={"url": f"wss://x?access_token={TOKEN}"})
    try:
        raise RuntimeError(f"refused: {SECRET}")
    except RuntimeError:
        log.exception("failed")
    assert SECRET not in stream.getvalue()
    assert "eyJ" not in stream.getvalue()
    assert stream.getvalue().count("***") >= 3


def test_a_secret_that_is_a_word_masks_no_words() -> None:
    stream = logged()
    logging.getLogger("agent").info("the secret is safe")
    assert objects(stream)[0]["message"] == "the secret is safe"


def test_what_people_say_is_shown_at_debug_only() -> None:
    stream = logged(level="debug")
    log = logging.getLogger("livekit.agents")
    log.warning("turn skipped", extra={"lk.pii.user_input": "my number is"})
    log.debug("turn heard", extra={"lk.pii.user_input": "my number is"})
    shown, debug = objects(stream)
    assert "lk.pii.user_input" not in shown
    assert debug["lk.pii.user_input"] == "my number is"


def test_libraries_are_quiet_and_the_framework_is_heard() -> None:
    stream = logged()
    for name in ("livekit", "httpx2", "faster_whisper", "aiohttp.access", "asyncio"):
        logging.getLogger(name).info("chatter")
    logging.getLogger("livekit").warning("connection lost")
    logging.getLogger("livekit.agents").info("registered worker")
    assert [line["message"] for line in objects(stream)] == ["connection lost", "registered worker"]


@pytest.mark.parametrize(("level", "shown"), [("info", 0), ("debug", 1)])
def test_the_insides_of_the_framework_are_shown_at_debug(level: str, shown: int) -> None:
    stream = logged(level=level)
    logging.getLogger("livekit.agents").info("initializing job runner", extra={"tid": 1})
    assert len(objects(stream)) == shown


@pytest.mark.parametrize(("level", "shown"), [("info", 0), ("debug", 1)])
def test_a_handle_that_was_freed_already_is_no_news(level: str, shown: int) -> None:
    stream = logged(level=level)
    logging.getLogger("livekit").warning(
        "livekit_ffi::server - Attempted to drop unknown FFI handle: 7"
    )
    assert len(objects(stream)) == shown


def test_deprecations_are_not_logged_and_other_warnings_are() -> None:
    stream = logged()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        warnings.warn("odd", UserWarning, stacklevel=1)
    logging.getLogger("livekit.agents").warning("`x` is deprecated, use `y`")
    messages = [line["message"] for line in objects(stream)]
    assert len(messages) == 1
    assert "UserWarning: odd" in messages[0]


def test_room_and_job_are_in_every_line_of_a_room(monkeypatch: pytest.MonkeyPatch) -> None:
    class Job:
        """The parts of a job context that are looked at."""

        class job:  # noqa: N801
            id = "AJ_1"

            class room:  # noqa: N801
                name = "kitchen"

    stream = logged()
    framework = SimpleNamespace(get_job_context=lambda required: Job)
    monkeypatch.setitem(sys.modules, "livekit.agents", framework)
    logging.getLogger("services.asr").info("decoded")
    logging.getLogger("services.asr").info("decoded", extra={"room": "hall"})
    lines = objects(stream)
    assert [line["room"] for line in lines] == ["kitchen", "hall"]
    assert {line["job_id"] for line in lines} == {"AJ_1"}


@pytest.mark.parametrize("form", ["readable", "json"])
def test_a_secret_that_becomes_known_later_is_masked_however_it_is_written(
    form: Literal["readable", "json"],
) -> None:
    stream = logged(form)
    later = 'quoted"and\\back'
    longer = f"{later}-and-more"
    mask_also([later, longer, "short"])
    logging.getLogger("agent").error(
        "refused", extra={"error": f"not {longer}", "header": {"key": later}, "other": "short"}
    )
    line = stream.getvalue()
    assert "quoted" not in line
    assert "and-more" not in line
    assert line.count("***") == 2
    assert "short" in line


def test_setting_up_twice_logs_once() -> None:
    first = logged()
    second = logged()
    logging.getLogger("agent").info("hello")
    assert first.getvalue() == ""
    assert len(objects(second)) == 1


def test_level_is_kept() -> None:
    stream = logged(level="error")
    logging.getLogger("agent").warning("hidden")
    logging.getLogger("livekit").warning("hidden")
    logging.getLogger("agent").error("shown")
    assert [line["message"] for line in objects(stream)] == ["shown"]


def test_uncaught_exceptions_of_threads_become_lines() -> None:
    stream = logged()

    def fail() -> None:
        raise ValueError("in a thread")

    thread = threading.Thread(target=fail, name="desk-1")
    thread.start()
    thread.join()
    (line,) = objects(stream)
    assert line["thread_name"] == "desk-1"
    assert "ValueError: in a thread" in line["exception"]


def test_an_uncaught_exception_of_the_process_is_one_json_line() -> None:
    code = (
        "from agent.observability.logging import setup_logging; "
        "setup_logging('info', 'json'); 1 / 0"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert "ZeroDivisionError" in json.loads(line)["exception"]


def test_what_repeats_without_end_is_left_out_and_counted() -> None:
    stream = logged()

    def log_too_much() -> None:
        logging.getLogger("agent.room").warning("too much")

    for number in range(5000):
        log_too_much()
        if number % 100 == 0:
            logging.getLogger("agent.room").warning("something else")
    assert len([line for line in objects(stream) if line["message"] == "something else"]) == 50
    # By then a line of that place may be written again.
    time.sleep(1)
    log_too_much()
    kept = [line for line in objects(stream) if line["message"] == "too much"]
    assert 2 <= len(kept) < 300
    assert len(kept) + sum(line.get("left_out", 0) for line in kept) == 5001


def test_what_one_place_logs_is_bounded_also_where_no_line_is_like_another() -> None:
    stream = logged()
    for number in range(5000):
        logging.getLogger("livekit").warning(f"{number} of a visitor's making")
    assert 100 < len(objects(stream)) < 2000


@pytest.mark.parametrize("form", ["json", "readable"])
def test_what_a_service_answers_is_in_no_line(form: Literal["readable", "json"]) -> None:
    said = "my words"
    stream = logged(form)
    error = APIStatusError(f"422 - {said}", status_code=422, body={"input": said})
    try:
        try:
            raise error
        except APIStatusError as cause:
            raise APIConnectionError("after 1 attempts") from cause
    except APIConnectionError:
        logging.getLogger("livekit.agents").exception("Error in _llm_inference_task")
    logging.getLogger("livekit.agents").warning(
        f"failed to generate LLM completion: {error}, retrying in 0.1s"
    )
    logging.getLogger("agent.session").warning("engine error", extra={"error": error_text(error)})
    written = stream.getvalue()
    assert said not in written
    assert "Error in _llm_inference_task" in written
    assert "APIStatusError 422" in written
    assert "after 1 attempts" in written


def test_at_debug_it_is() -> None:
    stream = logged(level="debug")
    try:
        raise APIStatusError("422 - my words", status_code=422, body={})
    except APIStatusError:
        logging.getLogger("livekit.agents").exception("Error in _llm_inference_task")
    assert "my words" in stream.getvalue()


def test_streams_for_nobody_are_in_no_line() -> None:
    stream = logged()
    logging.info("ignoring text stream with topic '%s', no callback attached", "my words")
    logging.info("ignoring byte stream with topic '%s', no callback attached", "my words")
    assert not stream.getvalue()
