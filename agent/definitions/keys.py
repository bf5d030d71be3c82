"""The keys of an agent's TOML file: what each one means, and which setting it overrides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from pydantic.fields import FieldInfo

from agent.settings import Settings
from agent.settings.environment import allowed_values

Kind = Literal["text", "texts", "switch", "list or switch", "names", "seconds"]

_KINDS: dict[Kind, str] = {
    "text": "a text",
    "texts": "a text or a list of texts",
    "switch": "true or false",
    "list or switch": "a list of texts, true or false",
    "names": "a table of names of environment variables",
    "seconds": "a number from 0.1 to 600",
}
_SECONDS = (0.1, 600.0)


@dataclass(frozen=True, slots=True)
class Key:
    """One key; its name is dotted where it belongs to a table."""

    name: str
    explanation: str
    kind: Kind = "text"
    setting: str = ""
    """The setting that it overrides, as `group.field`; empty for a key without one."""

    @property
    def info(self) -> FieldInfo | None:
        """The field of the setting."""
        if not self.setting:
            return None
        group, field = self.setting.split(".")
        model: Any = Settings.model_fields[group].annotation
        found: FieldInfo = model.model_fields[field]
        return found

    @property
    def allowed(self) -> str:
        """Which values it takes, in words."""
        info = self.info
        if info is None or self.kind == "texts":
            return _KINDS[self.kind]
        return allowed_values(info)

    def fits(self, value: object) -> bool:
        """Whether a value has the right type; a setting's own bounds are checked by the setting."""
        texts = isinstance(value, list) and all(isinstance(item, str) for item in value)
        match self.kind:
            case "switch":
                return isinstance(value, bool)
            case "texts":
                return isinstance(value, str) or texts
            case "list or switch":
                return isinstance(value, bool) or texts
            case "names":
                items = value.values() if isinstance(value, dict) else [None]
                return all(isinstance(item, str) for item in items)
            case "seconds":
                if isinstance(value, bool) or not isinstance(value, int | float):
                    return False
                return _SECONDS[0] <= value <= _SECONDS[1]
        return isinstance(value, str) if not self.setting else not isinstance(value, dict | list)


_OWN = (
    Key("name", "Name of the agent, by which a call asks for it; without: the file's."),
    Key("title", "What the page calls it; without: its name."),
    Key("instructions", "What the language model is told.", setting="agent.instructions"),
    Key("instructions_file", "A text file with the instructions, beside this one."),
    Key(
        "greeting",
        'First sentence of a call; "off": the caller speaks first.',
        setting="agent.greeting",
    ),
    Key("language", 'Language of the callers, or "auto".', setting="asr.language"),
    Key("public", "Whether the page offers this agent.", kind="switch"),
    Key("default", "Whether it answers where a call asks for no agent.", kind="switch"),
    Key("rooms", 'Rooms that it answers, such as "support-*".', kind="texts"),
    Key("prewarm", "Whether its models are loaded when the worker starts.", kind="switch"),
    Key(
        "voice.name",
        "Voice: a name from the catalogue or an .onnx file; of several the first available.",
        kind="texts",
        setting="voice.voices",
    ),
    Key("recogniser.model", "Recogniser: a name or a folder.", setting="asr.model"),
    Key("recogniser.hotwords", "Words and names to expect.", kind="texts", setting="asr.hotwords"),
    Key("llm.api_key_env", "Name of the environment variable with the endpoint's API key."),
    Key(
        "tools.builtin",
        "Which built-in tools it has, by name; true: all, false: none.",
        kind="list or switch",
    ),
    Key("tools.files", "Python files with tools, beside this one.", kind="texts"),
    Key(
        "records.folder",
        "Folder that gets a transcript of each call; empty: none.",
        setting="records.folder",
    ),
    Key(
        "records.webhook_secret_env",
        "Name of the environment variable with the secret that signs what the webhook gets.",
    ),
)

_TABLES = {
    "voice": ("voice", ("speaker", "speed")),
    "recogniser": ("asr", ("prompt", "carry_context")),
    "llm": (
        "llm",
        (
            "base_url",
            "model",
            "temperature",
            "timeout_seconds",
            "load_seconds",
            "reply_seconds",
            "max_reply_characters",
            "max_tool_characters",
            "slow_tool_seconds",
        ),
    ),
    "turn": ("turn", None),
    "records": ("records", ("sound", "max_mb", "max_days", "webhook")),
}
"""Tables whose keys are fields of a group of settings; None: all of them."""


def _of_settings() -> Iterator[Key]:
    for table, (group, fields) in _TABLES.items():
        model: Any = Settings.model_fields[group].annotation
        for field in fields or model.model_fields:
            info = model.model_fields[field]
            yield Key(f"{table}.{field}", info.description or "", setting=f"{group}.{field}")


KEYS: dict[str, Key] = {
    key.name: key for key in sorted((*_OWN, *_of_settings()), key=lambda key: "." in key.name)
}
"""Every key, those without a table first."""

SERVERS = "mcp"
"""The table of MCP servers, each a table of its own."""

SERVER_KEYS: dict[str, Key] = {
    key.name: key
    for key in (
        Key("command", "Program to start, with its arguments; `python`: the worker's.", "texts"),
        Key("url", "Address of a server that runs elsewhere, in place of a command."),
        Key("tools", "Which of its tools may be used; without: all.", "texts"),
        Key("env", "Environment variables that the program is given.", "texts"),
        Key("token_env", "Name of the environment variable with the token for the address."),
        Key("headers_env", "Headers to send, each with the variable that has its value.", "names"),
        Key("transport", "`streamable_http` or `sse`; without: by the address."),
        Key("start_seconds", "Longest wait for its tools; without: 10.", "seconds"),
        Key("call_seconds", "Longest wait for what a tool answers; without: 20.", "seconds"),
    )
}
"""The keys of one MCP server, without the names of both tables."""

TABLES = tuple(dict.fromkeys(name.split(".")[0] for name in KEYS if "." in name))
