"""Agents that the product is compared with."""
