"""Settings of the agent, its language model and its turns."""

from pathlib import Path
from typing import Literal, Self

from pydantic import SecretStr, model_validator

from agent.settings.fields import HTTP_ADDRESS, Group, Several, require_order, seconds, variable
from services import defaults


class AgentSettings(Group):
    """The agent."""

    folder: Path = variable(
        "AGENTS_DIR",
        Path("agents"),
        "Folder with an agent in each file; without it the built-in assistant answers.",
    )
    name: str = variable(
        "AGENT_NAME",
        "local-voice-agent",
        "Name of the agent in a room, and for dispatch with AGENT_DISPATCH=explicit.",
        allowed="up to 64 letters, digits, dots, dashes and underscores",
        pattern="^[A-Za-z0-9_.-]{1,64}$",
    )
    dispatch: Literal["auto", "explicit"] = variable(
        "AGENT_DISPATCH",
        "auto",
        "Rooms that the agent joins: every new one (auto), or those that request it by name "
        "(explicit).",
    )
    instructions: str = variable(
        "AGENT_INSTRUCTIONS", "", "Instructions for the LLM; empty: the built-in ones."
    )
    greeting: str = variable(
        "AGENT_GREETING",
        "",
        "First sentence of a call; empty: one in the agent's language; off: the caller speaks "
        "first.",
    )

    @property
    def dispatch_name(self) -> str:
        """The name for explicit dispatch; empty where the agent joins every new room."""
        return self.name if self.dispatch == "explicit" else ""

    def spoken_greeting(self, default: str) -> str:
        """Return the greeting, else `default`; empty where it is switched off."""
        return "" if self.greeting.lower() == "off" else self.greeting or default


class LLMSettings(Group):
    """The language model."""

    base_url: str = variable(
        "LLM_BASE_URL",
        "",
        "OpenAI-compatible endpoint; empty: the built-in replies.",
        allowed="an address like http://127.0.0.1:11434/v1",
        pattern=HTTP_ADDRESS,
    )
    model: str = variable("LLM_MODEL", "", "Name of the model at that endpoint.")
    api_key: SecretStr = variable(
        "LLM_API_KEY", SecretStr(""), "API key of that endpoint, if it needs one."
    )
    temperature: float | None = variable(
        "LLM_TEMPERATURE",
        None,
        "Randomness of the replies; empty: the endpoint's own.",
        ge=0,
        le=2,
    )
    timeout_seconds: float = seconds(
        "LLM_TIMEOUT_SECONDS",
        10.0,
        "Longest wait for the endpoint, before the reply and within it.",
    )
    load_seconds: float = seconds(
        "LLM_LOAD_SECONDS",
        120.0,
        "Longest wait for a reply while the endpoint may have to load the model.",
    )
    reply_seconds: float = seconds(
        "LLM_REPLY_SECONDS", 120.0, "Longest time for a whole reply, including reasoning."
    )
    max_reply_characters: int = variable(
        "LLM_MAX_REPLY_CHARACTERS",
        20_000,
        "Longest reply; generation stops there.",
        unit="characters",
        ge=100,
        le=1_000_000,
    )
    max_tool_characters: int = variable(
        "LLM_MAX_TOOL_CHARACTERS",
        8_000,
        "Longest result of a tool that the LLM is given; the rest is cut.",
        unit="characters",
        ge=200,
        le=1_000_000,
    )
    slow_tool_seconds: float = seconds(
        "LLM_SLOW_TOOL_SECONDS",
        2.0,
        "Time after which the agent says that a tool is still at work; 0: it never does.",
        zero=True,
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.base_url and not self.model:
            raise ValueError("LLM_MODEL is not set: LLM_BASE_URL needs the name of a model")
        if self.model and not self.base_url:
            raise ValueError("LLM_BASE_URL is not set: LLM_MODEL needs the address of an endpoint")
        return self


class TurnSettings(Group):
    """Turn taking."""

    detection: Literal["acoustic", "fast", "model", "vad"] = variable(
        "TURN_DETECTION",
        "acoustic",
        "How the end of a turn is detected: by words, pauses and how the voice sounds (acoustic), "
        "with a second acoustic model of 255 MB (model), by words and pauses (fast), or by silence "
        "alone (vad).",
    )
    min_delay_seconds: float = seconds(
        "TURN_MIN_DELAY_SECONDS",
        defaults.TURN_MIN_DELAY_SECONDS,
        "Silence that ends a complete request.",
        zero=True,
    )
    max_delay_seconds: float = seconds(
        "TURN_MAX_DELAY_SECONDS",
        defaults.TURN_MAX_DELAY_SECONDS,
        "Silence that ends an incomplete request.",
    )
    vad_silence_seconds: float = variable(
        "VAD_SILENCE_SECONDS",
        defaults.VAD_SILENCE_SECONDS,
        "Silence after which speech counts as paused.",
        unit="seconds",
        ge=0.05,
        le=5,
    )
    vad_threshold: float = variable(
        "VAD_THRESHOLD",
        defaults.VAD_THRESHOLD,
        "Probability above which sound counts as speech.",
        gt=0,
        lt=1,
    )
    barge_in_min_seconds: float = seconds(
        "BARGE_IN_MIN_SECONDS",
        0.2,
        "Length of speech that interrupts the agent; of what is certainly speech, a third of it.",
        zero=True,
    )
    false_interruption_seconds: float = seconds(
        "FALSE_INTERRUPTION_SECONDS",
        1.0,
        "Silence after which the agent resumes if an interruption had no words.",
    )
    noise_suppression: Literal["auto", "on", "off"] = variable(
        "NOISE_SUPPRESSION",
        "off",
        "Whose noise the agent suppresses before it listens: that of telephones (auto), of all "
        "callers (on), or nobody's (off). Recognition gains nothing by it (docs/interruptions.md).",
    )
    backchannels: Literal["continue", "answer"] = variable(
        "BACKCHANNELS",
        "continue",
        'What the agent does when a caller says "mm-hmm" or "okay" while it speaks: go on as if '
        "nothing had been said (continue), or stop and answer (answer).",
    )
    backchannel_words: Several = variable(
        "BACKCHANNEL_WORDS",
        (),
        "Further words and phrases by which callers mean that the agent may go on.",
        allowed="phrases separated by commas",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        require_order(
            ("TURN_MIN_DELAY_SECONDS", self.min_delay_seconds),
            ("TURN_MAX_DELAY_SECONDS", self.max_delay_seconds),
        )
        return self
