"""Tools from servers of the Model Context Protocol (MCP), which an agent's file names."""
