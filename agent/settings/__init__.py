"""Every setting of the product, read once from the environment and `.env`."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from agent.settings.conversation import AgentSettings, LLMSettings, TurnSettings
from agent.settings.environment import (
    SettingsError,
    describe_errors,
    near_matches,
    read_variables,
    variables_of,
)
from agent.settings.network import (
    ApiSettings,
    LiveKitSettings,
    WebSettings,
    WyomingSettings,
)
from agent.settings.operation import (
    LifecycleSettings,
    LimitSettings,
    LogSettings,
    MemorySettings,
)
from agent.settings.records import RecordSettings
from agent.settings.speech import ASRSettings, ModelSettings, VoiceSettings
from services.program import program
from services.web.http.addresses import password_in

__all__ = ["Settings", "SettingsError", "read_settings", "require_livekit"]

logger = logging.getLogger("agent.settings")


class Settings(BaseModel):
    """All settings; immutable. `Settings()` has the defaults, whatever the environment says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    livekit: LiveKitSettings = LiveKitSettings()
    models: ModelSettings = ModelSettings()
    asr: ASRSettings = ASRSettings()
    voice: VoiceSettings = VoiceSettings()
    llm: LLMSettings = LLMSettings()
    agent: AgentSettings = AgentSettings()
    turn: TurnSettings = TurnSettings()
    records: RecordSettings = RecordSettings()
    limits: LimitSettings = LimitSettings()
    lifecycle: LifecycleSettings = LifecycleSettings()
    memory: MemorySettings = MemorySettings()
    web: WebSettings = WebSettings()
    api: ApiSettings = ApiSettings()
    wyoming: WyomingSettings = WyomingSettings()
    log: LogSettings = LogSettings()

    @property
    def secrets(self) -> list[str]:
        """Every secret that is set: values that must never appear in a log."""
        values = [value for _, group in self for _, value in group]
        secrets = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
        secrets += [password_in(value) for value in values if isinstance(value, str)]
        return [secret for secret in secrets if secret]


def read_settings(env_file: Path | None = Path(".env")) -> Settings:
    """Read the settings from the environment over `env_file`.

    Raises:
        SettingsError: a setting is wrong; the text is one line.
    """
    variables = read_variables(env_file)
    for name, meant in near_matches(Settings, variables).items():
        # Logging is not set up yet, as its form is a setting, so the fields are in the text too.
        logger.warning(
            "unknown setting %s ignored: did you mean %s?",
            name,
            meant,
            extra={"variable": name, "meant": meant},
        )
    try:
        return Settings(**_by_group(variables))
    except ValidationError as error:
        # The cause holds the values, secrets included, and must not reach a traceback.
        raise SettingsError(describe_errors(Settings, error, variables)) from None


def require_livekit(livekit: LiveKitSettings) -> None:
    """Raise SettingsError unless address, key and secret of a LiveKit server are set."""
    if not livekit.url:
        raise SettingsError(
            "LIVEKIT_URL is not set: set LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET "
            f"to those of your LiveKit server, or use `{program()} dev`"
        )


def _by_group(variables: Mapping[str, str]) -> dict[str, Any]:
    groups: dict[str, dict[str, str]] = {}
    for bound in variables_of(Settings):
        value = variables.get(bound.name)
        if value is not None:
            groups.setdefault(bound.group, {})[bound.field] = value
    return groups
