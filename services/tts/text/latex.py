"""Turn formulas in LaTeX into signs: `\\frac{1}{2}` is 1/2, `x^{2}` is x^2, `\\pi` is π."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

FORMULA: Final = (
    r"\$\$[^$]{1,400}\$\$"
    r"|\$(?=[^$\n]*[\\^_={}+*/<>]|[A-Za-z][!)]?\$)(?![\s\d.,]+\$)[^\s$](?:[^$\n]{0,200}[^\s$])?\$(?!\d)"
    r"|\\\((?:(?!\\\)).){1,400}\\\)|\\\[(?:(?!\\\]).){1,400}\\\]"
    r"|\\[dt]?frac\{[^{}]{1,40}\}\{[^{}]{1,40}\}|\\sqrt\{[^{}]{1,40}\}"
)
"""Between dollars there must be more than an amount of money, and no space beside the dollars."""

_SIGNS: Final = {
    "times": "×",
    "cdot": "×",
    "ast": "×",
    "div": "÷",
    "pm": "±",
    "leq": "≤",
    "le": "≤",
    "geq": "≥",
    "ge": "≥",
    "neq": "≠",
    "ne": "≠",
    "approx": "≈",
    "sim": "≈",
    "equiv": "≡",
    "propto": "∝",
    "infty": "∞",
    "to": "→",
    "rightarrow": "→",
    "Rightarrow": "⇒",
    "implies": "⇒",
    "in": "∈",
    "sum": "∑",
    "prod": "∏",
    "int": "∫",
    "partial": "∂",
    "nabla": "∇",
    "forall": "∀",
    "exists": "∃",
    "cup": "∪",
    "cap": "∩",
    "circ": "°",
    "degree": "°",
    "cdots": "…",
    "ldots": "…",
    "dots": "…",
    "percent": "%",
    "lt": "<",
    "gt": ">",
    **dict(
        zip(
            (
                "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma"
                " tau upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega"
                " pi varepsilon"
            ).split(),
            "αβγδεζηθικλμνξρστυφχψωΓΔΘΛΞΠΣΦΨΩπε",
            strict=True,
        )
    ),
}
_WORDS: Final = frozenset("sin cos tan log ln exp lim max min".split())
_NESTED: Final = r"(?:[^{}]|\{[^{}]{0,40}\}){1,80}"
_STYLES: Final = (
    "text|mathrm|mathbf|mathit|operatorname|textbf|mathbb|mathcal|vec|hat|bar|overline|boxed"
)
_TOKEN: Final = re.compile(
    rf"""
      (?P<delimiter>\$\$?|\\[()\[\]])
    | (?P<fraction>\\[dt]?frac\{{(?P<above>{_NESTED})\}}\{{(?P<below>{_NESTED})\}})
    | (?P<big>\\(?P<name>int|sum|prod|lim|log)(?:\\limits)?
        _(?P<low>\{{{_NESTED}\}}|\\?[A-Za-z]+|[0-9])
        (?:\^(?P<high>\{{{_NESTED}\}}|\\[A-Za-z]+|[A-Za-z0-9]))?)
    | (?P<environment>\\(?:begin|end)\{{[^{{}}]{{0,20}}\}})
    | (?P<choose>\\[dt]?binom\{{(?P<all>[^{{}}]{{1,20}})\}}\{{(?P<some>[^{{}}]{{1,20}})\}})
    | (?P<root>\\sqrt(?:\[(?P<degree>[^\]]{{1,3}})\])?\{{(?P<inner>{_NESTED})\}})
    | (?P<text>\\(?:{_STYLES})\{{(?P<words>[^{{}}]{{0,80}})\}})
    | (?P<raised>\^\{{(?P<exponent>[^{{}}]{{1,20}})\}}|\^\\circ)
    | (?P<lowered>_\{{?(?P<index>[A-Za-z0-9]{{1,4}})\}}?)
    | (?P<command>\\[A-Za-z]+)
    | (?P<escaped>\\.)
    | (?P<brace>[{{}}&])
    | (?P<sign>[=<>+\-])
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)


def read_formula(formula: str, start: int) -> Iterator[tuple[int, str]]:
    """Yield the signs of a formula as (position, characters); `start` is where it begins."""
    for match in _TOKEN.finditer(formula):
        yield start + match.start(), _read_token(match)


def _read_token(match: re.Match[str]) -> str:
    kind = match.lastgroup
    text = match.group()
    if match["fraction"]:
        return _fraction(_nested(match["above"]), _nested(match["below"]))
    if match["root"]:
        sign = {"3": "∛", "4": "∜"}.get(match["degree"] or "", "√")
        return f" {sign}{_nested(match['inner'])} "
    if match["big"]:
        return _big(match)
    if match["environment"]:
        return ""
    if match["choose"]:
        return f" C({match['all']},{match['some']}) "
    if match["text"]:
        return f" {match['words']} "
    if match["raised"]:
        return "°" if match["exponent"] is None else _raise(_nested(match["exponent"]))
    if match["lowered"]:
        return f" {match['index']} "
    if kind == "command":
        name = text[1:]
        if name in _WORDS:
            return f" {name} "
        sign = _SIGNS.get(name, "")
        # Signs between two things need a space on both sides; letters and ∞ may stand close.
        return sign if sign in ("", "°", "%", "∞") or sign.isalpha() else f" {sign} "
    if kind == "escaped":
        return text[1] if text[1] in "%$#&_" else " "
    if kind == "sign":
        return f" {text} " if text != "-" or _between(match) else text
    return "" if kind in ("delimiter", "brace") else text


def _big(match: re.Match[str]) -> str:
    """Return a sign with its bounds: ∑_(i=1)^(n)."""
    sign = {"log": "log", "lim": "lim"}.get(match["name"]) or _SIGNS[match["name"]]
    low = "".join(_nested(match["low"]).split())
    high = "".join(_nested(match["high"] or "").split())
    return f" {sign}_({low})" + (f"^({high}) " if high else " ")


def _nested(formula: str) -> str:
    return "".join(characters for _, characters in read_formula(formula, 0)).strip()


def _between(match: re.Match[str]) -> bool:
    """Whether a minus stands between two things rather than before one."""
    before = match.string[: match.start()].rstrip()
    return before[-1:].isalnum() or before[-1:] in (")", "}", "]")


def _fraction(above: str, below: str) -> str:
    if above.isdecimal() and below.isdecimal():
        return f" {above}/{below} "
    return (
        f" {above} over {below} "
        if not re.search(r"\s", above + below)
        else (f" {above}, over {below} ")
    )


def _raise(exponent: str) -> str:
    plain = re.fullmatch(r"[-−]?(?:\d{1,6}|[a-z])", exponent)
    return f"^{exponent}" if plain else f"^({exponent.replace(' ', '')})"
