"""The speech services as LiveKit's interfaces: the only place that knows both."""
