"""Languages that write 1.234,5: German, French, Spanish, Italian, Dutch and Portuguese.

What their rules have in common is in `rules`; a module for each language has its words.
"""

from __future__ import annotations

from typing import Final

from ..rule import Language
from .dutch import DUTCH
from .french import FRENCH
from .german import GERMAN
from .italian import ITALIAN
from .portuguese import PORTUGUESE
from .spanish import SPANISH

CONTINENTAL: Final[tuple[Language, ...]] = (GERMAN, FRENCH, SPANISH, ITALIAN, DUTCH, PORTUGUESE)
"""All of them."""
