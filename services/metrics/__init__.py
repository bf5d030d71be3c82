"""The metrics of the product, for Prometheus."""

from .catalogue import CATALOGUE, Definition
from .recording import CONTENT_TYPE, NOTICE_KINDS, REPLY_OUTCOMES, Metrics

__all__ = [
    "CATALOGUE",
    "CONTENT_TYPE",
    "NOTICE_KINDS",
    "REPLY_OUTCOMES",
    "Definition",
    "Metrics",
]
