"""Write `.env.example` from the settings."""

from pathlib import Path

from agent.settings import Settings
from agent.settings.environment import BoundVariable, variables_of

REPOSITORY = Path(__file__).resolve().parent.parent
HEADER = """\
# Settings of the voice agent. Copy this file to .env and take the # off what you change.
# Each line holds the default. Variables of the environment win over those in .env, and an
# empty value is the default.
"""


def env_example() -> str:
    """The text of `.env.example`: every setting with explanation, what is allowed and default."""
    parts = [HEADER]
    group = ""
    for variable in variables_of(Settings):
        if variable.group != group:
            group = variable.group
            info = Settings.model_fields[group]
            assert info.annotation is not None
            parts.append(f"\n## {(info.annotation.__doc__ or '').strip()}\n")
        parts.append(_lines(variable))
    return "".join(parts)


def _lines(variable: BoundVariable) -> str:
    unit = f", in {variable.unit}" if variable.unit else ""
    return (
        f"# {variable.explanation} [{variable.allowed}{unit}]\n"
        f"#{variable.name}={variable.default}\n"
    )


if __name__ == "__main__":
    (REPOSITORY / ".env.example").write_text(env_example(), encoding="utf-8")
