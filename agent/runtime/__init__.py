"""A process of the product: what it starts, supervises and ends."""
