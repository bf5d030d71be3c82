"""A tool that searches a folder of texts: `*.txt` and `*.md`, by paragraphs.

The folder is TEXTS_DIR of the environment, or else `texts/` beside the agents. Its index is made by
the first search and kept in memory; a later one reads again what has changed since.
"""

import asyncio
import os
import re
import sqlite3
import threading
from pathlib import Path

from agent.tools import tool

FOLDER = Path(os.environ.get("TEXTS_DIR") or Path(__file__).parents[1] / "texts")
MOST_FILES = 1000
LARGEST_FILE_BYTES = 1_000_000
MOST_WORDS = 16
"""Of a query; what comes after them is left out."""
COMMON = frozenset(
    "a an and are at be can do does for have how i in is it my not of on or that the there to what"
    " when where which who will with you your".split()
)
"""Words that every text has."""
PARAGRAPHS = 3
PARAGRAPH_TOKENS = 48
ANSWER_CHARACTERS = 1200


class Index:
    """Finds paragraphs. Safe from any thread, as each room has its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._stamps: dict[str, tuple[int, int]] = {}
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        self._database.execute(
            "CREATE VIRTUAL TABLE texts USING fts5(file UNINDEXED, text,"
            # Porter finds "dog" for "dogs", in English; "unicode61" alone is for any language.
            " tokenize = 'porter unicode61')"
        )

    def search(self, words: str) -> list[tuple[str, str]]:
        """Return file and text of the best paragraphs, those with most of the words first."""
        found = [word for word in re.findall(r"\w+", words.lower()) if word not in COMMON]
        # Within quotes nothing is syntax of FTS5, and \w has no quotes.
        query = " OR ".join(f'"{word}"' for word in found[:MOST_WORDS])
        with self._lock:
            self._refresh()
            if not query:
                return []
            return self._database.execute(
                "SELECT file, snippet(texts, 1, '', '', '…', ?) FROM texts WHERE texts MATCH ?"
                " ORDER BY rank LIMIT ?",
                (PARAGRAPH_TOKENS, query, PARAGRAPHS),
            ).fetchall()

    def _refresh(self) -> None:
        files = [*self._folder.rglob("*.txt"), *self._folder.rglob("*.md")][:MOST_FILES]
        stamps = {}
        for file in files:
            try:
                facts = file.stat()
            except OSError:
                continue
            if facts.st_size <= LARGEST_FILE_BYTES:
                stamps[str(file)] = facts.st_mtime_ns, facts.st_size
        with self._database:
            for name in self._stamps.keys() | stamps.keys():
                if self._stamps.get(name) != stamps.get(name):
                    self._database.execute("DELETE FROM texts WHERE file = ?", (name,))
                    if name in stamps:
                        self._add(name)
        self._stamps = stamps

    def _add(self, name: str) -> None:
        try:
            text = Path(name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return
        paragraphs = (" ".join(part.split()) for part in re.split(r"\n\s*\n", text))
        self._database.executemany(
            "INSERT INTO texts VALUES (?, ?)", [(name, part) for part in paragraphs if part]
        )


INDEX = Index(FOLDER)


@tool("(?:search|look up|what do you know about) (?P<words>.+)")
async def search_texts(words: str) -> str:
    """Search the texts of the house for what the caller wants to know.

    Args:
        words: a few words to look for.
    """
    # In a thread, as a room's event loop must not wait for the disk.
    found = await asyncio.to_thread(INDEX.search, words)
    if not found:
        return "The texts say nothing about that."
    return "\n".join(text for _, text in found)[:ANSWER_CHARACTERS]
