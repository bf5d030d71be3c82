"""An MCP server that behaves as badly as a test wants, with the standard library alone.

    python -m tests.support.mcp_server MODE [FOLDER]

It writes its process id to a file in FOLDER, one for each start. Its tools are `echo`, which
answers its argument `words`, and those of the mode.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

WORDS = {"type": "object", "properties": {"words": {"type": "string"}}, "required": ["words"]}
ENDLESS = "(a+)+$"
"""A regular expression that takes for ever on many letters a and another one."""


def tool(name: str, description: str = "Say it again.", **schema: Any) -> dict[str, Any]:
    return {"name": name, "description": description, "inputSchema": schema or WORDS}


def tools(mode: str) -> list[dict[str, Any]]:
    """What the server lists."""
    listed = [tool("echo")]
    if mode == "hostile-list":
        nested: dict[str, Any] = {}
        for _ in range(60):
            nested = {"type": "object", "properties": {"deeper": nested}}
        listed += [
            tool("wordy", "word " * 100_000),
            tool("name with spaces"),
            tool("n" * 65),
            tool("lk_agents_cancel_task"),
            tool("echo", "The second of its name."),
            tool("huge", type="object", properties={str(n): {} for n in range(5_000)}),
            tool("deep", **nested),
            *(tool(f"tool_{number}") for number in range(200)),
        ]
    if mode == "wrong-list":
        listed.append(tool("wrong", type="object", properties=["words"]))
    if mode == "hostile-schema":
        listed[0]["outputSchema"] = {
            "type": "object",
            "properties": {"words": {"type": "string", "pattern": ENDLESS}},
        }
    return listed


def called(mode: str, words: str, folder: Path | None) -> dict[str, Any]:
    """What a call of `echo` answers."""
    if mode == "dies" and words == "die":
        os._exit(3)
    if mode == "slow":
        if folder is not None:
            (folder / "called").touch()
        time.sleep(3600)
    if words == "refuse":
        return {"content": [{"type": "text", "text": "not today"}], "isError": True}
    if words == "environment":
        words = " ".join(sorted(os.environ))
    if words == "secret":
        words = os.environ["HOTEL_TOKEN"]
        print("my secret is", words, file=sys.stderr, flush=True)
    if words == "much":
        words = "a" * 3_000_000
    if words == "picture":
        return {"content": [{"type": "image", "data": "AAAA", "mimeType": "image/png"}]}
    answer: dict[str, Any] = {"content": [{"type": "text", "text": words}]}
    if mode == "hostile-schema":
        answer["structuredContent"] = {"words": "a" * 64 + "!"}
    return answer


def answer(mode: str, method: str, params: dict[str, Any], folder: Path | None) -> Any:
    """The result of a request."""
    if method == "initialize":
        return {
            "protocolVersion": params["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "test", "version": "1"},
        }
    if method == "tools/list":
        return {"tools": tools(mode)}
    if method == "tools/call":
        return called(mode, params.get("arguments", {}).get("words", ""), folder)
    return {}


def main() -> None:
    mode = sys.argv[1]
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    starts = 0
    if folder is not None:
        starts = len(list(folder.iterdir()))
        (folder / str(os.getpid())).touch()
    if mode == "hangs" or (mode == "hangs-once" and not starts):
        while True:
            # Also ignores that its input ends.
            time.sleep(3600)
    if mode == "raises":
        raise RuntimeError("no luck")
    if mode == "endless-line":
        while True:
            sys.stdout.write("a" * 65_536)
    if mode == "nonsense":
        while True:
            print("what are you saying?", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if "id" in request and "method" in request:
            result = answer(mode, request["method"], request.get("params") or {}, folder)
            reply = {"jsonrpc": "2.0", "id": request["id"], "result": result}
            print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
