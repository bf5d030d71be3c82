"""Write the table of keys in `docs/agents.md` from the keys that are read."""

from dataclasses import replace
from pathlib import Path

from agent.definitions.keys import KEYS, SERVER_KEYS, SERVERS, Key

REPOSITORY = Path(__file__).resolve().parent.parent
PAGE = REPOSITORY / "docs" / "agents.md"
BEGIN, END = "<!-- keys -->\n", "<!-- end of keys -->\n"


def agents_page(text: str) -> str:
    """Return the page with the table of all keys between its two marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{_tables()}{END}{after}"


def _tables() -> str:
    rows = ["| key | value | meaning |", "| --- | --- | --- |"]
    keys = [
        *KEYS.values(),
        *(replace(key, name=f"{SERVERS}.NAME.{key.name}") for key in SERVER_KEYS.values()),
    ]
    return "\n".join([*rows, *(_row(key) for key in keys)]) + "\n"


def _row(key: Key) -> str:
    allowed = key.allowed.replace("|", "\\|")
    return f"| `{key.name}` | {allowed} | {key.explanation} |"


if __name__ == "__main__":
    PAGE.write_text(agents_page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
