"""How much is made up: the same few examples in every test run, any number in `make fuzz`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_FEW = 40
# Examples write files into one folder of the test, one after the other.
_SUPPRESSED = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow)

settings.register_profile(
    "few",
    max_examples=_FEW,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=_SUPPRESSED,
)
settings.register_profile(
    "many",
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "100000")),
    deadline=None,
    suppress_health_check=_SUPPRESSED,
)
settings.load_profile("many" if "FUZZ_EXAMPLES" in os.environ else "few")
