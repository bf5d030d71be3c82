"""The product and its peers side by side: latency, capacity and cost in real rooms."""
