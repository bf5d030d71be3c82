import logging
import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from agent.runtime.engines import engine_config
from agent.settings import Settings, SettingsError, read_settings, require_livekit
from agent.settings.environment import variables_of

VARIABLES = {bound.name: bound for bound in variables_of(Settings)}


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES.keys() & os.environ.keys():
        monkeypatch.delenv(name)


def error_of(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        read_settings(None)
    assert raised.value.__cause__ is None
    text = str(raised.value)
    assert "\n" not in text
    return text


def test_nothing_set_gives_the_defaults() -> None:
    assert read_settings(None) == Settings()


def test_every_default_passes_its_own_validation() -> None:
    for group_name in Settings.model_fields:
        group = getattr(Settings(), group_name)
        chosen = {
            name: getattr(group, name)
            for name, info in type(group).model_fields.items()
            if VARIABLES_BY_PLACE[group_name, name].default
        }
        assert type(group)(**chosen) == group


VARIABLES_BY_PLACE = {(bound.group, bound.field): bound for bound in VARIABLES.values()}


def test_each_variable_is_named_once_and_explained() -> None:
    bounds = list(variables_of(Settings))
    assert len(VARIABLES) == len(bounds)
    assert all(bound.explanation.endswith(".") and bound.allowed for bound in bounds)


def test_settings_cannot_be_changed() -> None:
    settings = Settings()
    with pytest.raises(ValidationError):
        settings.web.port = 1
    with pytest.raises(ValidationError):
        settings.web = settings.web


def test_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text('WEB_PORT=8001\nAGENT_GREETING="Good day!"  # said first\nMAX_ROOMS=7\n')
    monkeypatch.setenv("WEB_PORT", "8002")
    settings = read_settings(env_file)
    assert settings.web.port == 8002
    assert settings.agent.greeting == "Good day!"
    assert settings.limits.max_rooms == 7


def test_a_dollar_sign_in_the_file_is_taken_as_written(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("ADMIN_TOKEN=abc${HOME}def-0123456789\n")
    assert read_settings(env_file).web.admin_token.get_secret_value() == "abc${HOME}def-0123456789"


def test_an_empty_value_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_PORT", "")
    monkeypatch.setenv("ASR_THREADS", "  ")
    assert read_settings(None) == Settings()


def test_lists_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASR_HOTWORDS", "Piper, LiveKit,,")
    monkeypatch.setenv("WEB_ALLOWED_ORIGINS", "https://example.com,http://localhost:3000")
    settings = read_settings(None)
    assert settings.asr.hotwords == ("Piper", "LiveKit")
    assert settings.web.allowed_origins == ("https://example.com", "http://localhost:3000")


@pytest.mark.parametrize(
    ("text", "value"), [("auto", "auto"), ("full", "full"), ("12", 12.0), ("7.5", 7.5)]
)
def test_the_recogniser_s_context_is_a_length_or_a_word(
    monkeypatch: pytest.MonkeyPatch, text: str, value: object
) -> None:
    monkeypatch.setenv("ASR_CONTEXT", text)
    assert engine_config(read_settings(None)).context == value


def test_voices_of_further_languages_are_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTS_LANGUAGE_VOICES", "de = de_DE-thorsten-medium, fr=/voices/fr.onnx")
    assert read_settings(None).voice.by_language == {
        "de": "de_DE-thorsten-medium",
        "fr": "/voices/fr.onnx",
    }


def test_the_voice_of_the_configured_language_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTS_LANGUAGE_VOICES", "de=german,fr=french")
    monkeypatch.setenv("TTS_VOICE", "english")
    assert engine_config(read_settings(None)).voices == ("english",)
    monkeypatch.setenv("ASR_LANGUAGE", "fr")
    assert engine_config(read_settings(None)).voices == ("french", "english")


def test_greeting_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_GREETING", "off")
    assert read_settings(None).agent.spoken_greeting("Hello.") == ""
    assert Settings().agent.spoken_greeting("Hello.") == "Hello."
    monkeypatch.setenv("AGENT_GREETING", "Good day.")
    assert read_settings(None).agent.spoken_greeting("Hello.") == "Good day."


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("TTS_LANGUAGE_VOICES", "german", "pairs like de=de_DE-thorsten-medium"),
        ("TTS_LANGUAGE_VOICES", "de=", "pairs like de=de_DE-thorsten-medium"),
        ("WEB_PORT", "99999", "a whole number from 1 to 65535"),
        ("WEB_PORT", "http", "a whole number from 1 to 65535"),
        ("TTS_SPEED", "nan", "a number from 0.5 to 2"),
        ("DRAIN_SECONDS", "inf", "a number from 0 to 86400"),
        ("ASR_DEVICE", "tpu", "auto, cpu or cuda"),
        ("MODELS", "all", "auto or demo"),
        ("WEB_TOKENS", "maybe", "true or false"),
        ("ASR_CONTEXT", "fitted", "auto, full or a number of seconds from 1 to 30"),
        ("ASR_CONTEXT", "0.5", "auto, full or a number of seconds from 1 to 30"),
        ("ASR_CONTEXT", "nan", "auto, full or a number of seconds from 1 to 30"),
        ("ASR_LANGUAGE", "english", "a code like en or de, or auto"),
        ("LLM_BASE_URL", "localhost:11434", "an address like http://127.0.0.1:11434/v1"),
        ("LIVEKIT_URL", "localhost", "an address like ws://host:7880 or wss://host"),
        ("LIVEKIT_URL", "ws://", "an address like ws://host:7880 or wss://host"),
        ("WEB_ALLOWED_ORIGINS", "example.com", "origins like https://example.com"),
        ("WEB_TRUSTED_PROXIES", "10.0.0.300", "IP addresses or networks"),
        ("AGENT_NAME", "my agent", "up to 64 letters, digits, dots, dashes and underscores"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, allowed: str
) -> None:
    text = error_of(monkeypatch, **{name: value})
    assert text.startswith(f"{name}={value} is not allowed: set it to {allowed}")


def test_every_wrong_value_is_in_the_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    text = error_of(monkeypatch, WEB_PORT="x", TTS_SPEED="9")
    assert "WEB_PORT=x" in text
    assert "TTS_SPEED=9" in text


def test_a_long_or_unprintable_value_stays_on_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(error_of(monkeypatch, WEB_PORT="1\n" * 1000)) < 200


def test_a_secret_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    text = error_of(monkeypatch, ADMIN_TOKEN="hunter2")
    assert text == "ADMIN_TOKEN=(not shown) is not allowed: set it to 16 characters or more"
    monkeypatch.setenv("ADMIN_TOKEN", "correct horse battery")
    assert "correct horse" not in repr(read_settings(None))


@pytest.mark.parametrize(
    "variables",
    [
        {"MEMORY_HIGH_MB": "1500"},
        {"MEMORY_WARNING_MB": "5000"},
        {"MEMORY_THRESHOLD_PERCENT": "75"},
        {"TURN_MAX_DELAY_SECONDS": "0.2"},
        {"TEMP_FILE_SECONDS": "60"},
    ],
)
def test_thresholds_must_ascend(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    text = error_of(monkeypatch, **variables)
    (name,) = variables
    assert name in text
    assert "set it above" in text


def test_a_server_address_needs_its_key_and_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    text = error_of(monkeypatch, LIVEKIT_URL="ws://example.com")
    assert text.startswith("LIVEKIT_API_KEY is not set")
    text = error_of(monkeypatch, LIVEKIT_API_KEY="key")
    assert text.startswith("LIVEKIT_API_SECRET is not set")
    monkeypatch.setenv("LIVEKIT_API_SECRET", "secret")
    require_livekit(read_settings(None).livekit)


def test_production_needs_a_server_address() -> None:
    with pytest.raises(SettingsError, match="LIVEKIT_URL is not set"):
        require_livekit(Settings().livekit)


def test_endpoint_and_model_of_the_llm_go_together(monkeypatch: pytest.MonkeyPatch) -> None:
    assert error_of(monkeypatch, LLM_MODEL="llama").startswith("LLM_BASE_URL is not set")
    monkeypatch.delenv("LLM_MODEL")
    text = error_of(monkeypatch, LLM_BASE_URL="http://127.0.0.1:11434/v1")
    assert text.startswith("LLM_MODEL is not set")


def test_a_mistyped_variable_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ASR_MODLE", "base.en")
    monkeypatch.setenv("web_port", "1")
    monkeypatch.setenv("LIVEKIT_AGENTS_PRELOAD_LOCAL_INFERENCE", "0")
    with caplog.at_level(logging.WARNING, "agent.settings"):
        read_settings(None)
    found = {(vars(record)["variable"], vars(record)["meant"]) for record in caplog.records}
    assert found == {("ASR_MODLE", "ASR_MODEL"), ("web_port", "WEB_PORT")}


def test_an_unreadable_file_is_one_line(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_bytes(b"WEB_PORT=\xff\xfe\n")
    with pytest.raises(SettingsError, match=r"\.env cannot be read as text") as raised:
        read_settings(env_file)
    assert "\n" not in str(raised.value)
    env_file.unlink()
    env_file.mkdir()
    with pytest.raises(SettingsError, match=r"\.env cannot be read"):
        read_settings(env_file)


def test_a_missing_file_is_no_error(tmp_path: Path) -> None:
    assert read_settings(tmp_path / "missing") == Settings()
