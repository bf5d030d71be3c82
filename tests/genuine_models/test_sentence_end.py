"""What a recogniser thinks of the end of a text tells an order from half of one."""

from __future__ import annotations

import statistics

from services.asr.config import DecodeOptions
from services.asr.engine import StreamingASR
from services.inference import Run
from tests.support.people import people


def test_more_is_expected_after_half_an_order_than_after_a_whole_one(
    genuine_asr: StreamingASR,
) -> None:
    orders = [r.samples for r in people("request") if r.file.startswith("coffee_")][::16]
    whole, half = (
        statistics.fmean(
            genuine_asr.decode(said, DecodeOptions(language="en"), Run()).end.closing_log_odds
            for said in heard
        )
        for heard in (orders, [order[: len(order) // 2] for order in orders])
    )
    assert whole > half
