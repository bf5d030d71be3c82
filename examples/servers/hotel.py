"""A small MCP server: `python servers/hotel.py` speaks over its standard input and output."""

from mcp.server.mcpserver import MCPServer

server = MCPServer("hotel")
ROOMS = {"single": 3, "double": 0}


@server.tool()
def free_rooms(kind: str) -> str:
    """Say how many rooms of a kind are free tonight.

    Args:
        kind: "single" or "double".
    """
    return f"{ROOMS.get(kind, 0)} {kind} rooms are free tonight."


@server.tool()
def set_price(kind: str, euros: int) -> str:
    """Change the price of a room; the agent may not, see `tools` in `hotel.toml`."""
    return f"A {kind} room costs {euros} euros now."


if __name__ == "__main__":
    server.run()
