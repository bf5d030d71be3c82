"""Abbreviations whose full stop does not end a sentence."""

from __future__ import annotations

from typing import Final

TITLES: Final = frozenset(
    "dr mr mrs ms mx prof st mt ft gen col maj sgt capt lt cmdr rev hon fr sr jr messrs pres gov"
    " sen rep supt".split()
)
"""Precede a name, so they never end a sentence."""

NEVER_LAST: Final = TITLES | frozenset(
    "e.g i.e eg ie cf vs viz approx resp esp incl excl ca al fig figs vol pp ed eds bzw z.b d.h"
    " p.ej".split()
)
"""Never end a sentence, as something always follows."""

SOMETIMES_LAST: Final = frozenset(
    "etc no nos inc ltd co corp dept univ assn bros jan feb mar apr jun jul aug sep sept oct nov"
    " dec mon tue tues wed thu thur thurs fri sat sun ave blvd rd hwy sq ext tel min max sec hr hrs"
    " oz lb lbs in cm mm km kg est".split()
)
"""May end a sentence, depending on what follows."""
