"""The rules that the languages of the continent share; their words come from a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from ..rule import Reader, Rule
from .reader import Reader as SharedReader
from .reader import cased
from .table import Table

_SPACE: Final = r"[ \u00a0\u202f\u2009]"
NUMBER: Final = (
    r"(?:\d{1,3}(?:[.\u00a0\u202f\u2009’' ]\d{3})+(?:,\d+)?"
    r"|\d{1,3}(?:,\d{3})+\.\d+"
    r"|\d+,\d+|\d+\.\d+|\d+)(?![.,]?\d)"
)
"""With comma or dot before its decimals, and groups of three."""
_MINUS: Final = r"(?:(?<![\w)\]€$£%])[-−–])?"
_DASH: Final = r"[-–—]"
_EVEN: Final = r"(?:,[-–—]{1,2}(?!\d))?"
"""A dash for no cents, as in 5,-."""
_PER: Final = r"(?:/(?P<per>[^\W\d_]{1,12}))?"
_SPAN: Final = (
    r"(?P<span>(?<=\d)[–—](?=[€$£]?\d)|(?<=:\d\d)[-–](?=\d)|(?<=\dh)[-–](?=\d)|(?<=h\d\d)-(?=\d)"
    r"|(?<=[€$£%])[-–—](?=[€$£]?\d)|(?<=[€$£%][ ])[-–—](?=[ ]?[€$£]?\d)|(?<=\d)-(?=[€$£])"
    r"|(?<=:\d\d[ ])[-–—](?=[ ]\d{1,2}:))"
)
"""A dash between two times of day, or two amounts."""
Examples = Mapping[str, Mapping[str, str]]
"""Name of a rule, to texts and how they are read."""


def shared_rules(table: Table, examples: Examples, own: Iterable[Rule] = ()) -> tuple[Rule, ...]:
    """Return the rules of a language: the shared ones, and its own after the dates and times.

    Every shared rule needs examples.
    """

    def rule(name: str, pattern: str, reader: Reader | str, *, inside: bool = False) -> Rule:
        return Rule(name, pattern, reader, examples[name], inside=inside)

    reader = SharedReader(table)
    currency = _any(table.currencies)
    scale = rf"(?P<scale>{_any(table.scales)})\b\.?"
    unit = _any(table.units)
    return (
        rule(
            "abbreviation",
            rf"(?<!\w)(?P<short>{_short(dict(cased(table.abbreviations)))})",
            reader.abbreviation,
            inside=True,
        ),
        rule(
            "date",
            r"(?P<day>\d{1,2})(?P<mark>[./-])(?P<month>\d{1,2})(?P=mark)(?P<year>\d{4}|(?<![-]\d[-])(?<![-]\d\d[-])\d{2}(?![.:/]?\d))"
            r"|(?P<iso>\d{4}-\d{2}-\d{2})",
            reader.date,
        ),
        rule(
            "times, range",
            rf"(?P<hour1>[01]?\d|2[0-4])(?P<mark>[:.])(?P<minute1>[0-5]\d){_SPACE}?{_DASH}{_SPACE}?"
            r"(?P<hour2>[01]?\d|2[0-4])(?P=mark)(?P<minute2>[0-5]\d)(?P<told>[ ]?(?:Uhr|uur|h"
            r"|u)\b)?"
            rf"(?![.,:]?\d|{_SPACE}?(?:%|{currency}))",
            reader.times,
        ),
        rule("time of day", table.clock_forms, reader.clock),
        Rule(
            "IBAN",
            r"[A-Z]{2}\d{2}(?:[ ]?\d{4}){3,7}(?:[ ]?\d{1,3})?",
            reader.iban,
            examples.get("IBAN", {}),
        ),
        rule(
            "telephone number",
            rf"(?:\+\d{{1,3}}|0\d{{1,4}})(?:{_SPACE}?[/-]?{_SPACE}?\(?\d{{1,12}}\)?){{2,7}}",
            reader.telephone,
        ),
        rule(
            "number with a label",
            r"\(?\d{2,12}\)?(?:[ ./-]{1,2}\d{2,9}){0,5}(?![.,]?\d)",
            reader.labelled,
            inside=True,
        ),
        rule(
            "short month",
            rf"(?P<month>{_small_or_capital(table.short_months)})\b\.?",
            reader.short_month,
        ),
        rule(
            "weekdays",
            rf"(?P<first>{_small_or_capital(table.weekdays)})\b(?:\.?{_SPACE}?{_DASH}{_SPACE}?"
            rf"(?P<second>{_small_or_capital(table.weekdays)})\b(?:\.(?=,|[ ](?:[a-zà-ÿ]|\d)))?"
            r"|\.(?=,|[ ](?:[a-zà-ÿ]|\d))|(?=,[ ]\d|[ ]\d{1,2}(?:[./:h-]|[ ](?:de[ ])?"
            rf"(?:{'|'.join(table.months)}))))",
            reader.weekdays,
        ),
        rule(
            "money",
            rf"(?P<sign>{_MINUS})(?:(?P<before>{currency}){_SPACE}?(?P<first>{NUMBER}){_EVEN}"
            rf"(?:{_SPACE}?{scale})?"
            rf"|(?P<last>{NUMBER}){_EVEN}(?:{_SPACE}?{scale.replace('scale', 'scale_last')})?"
            rf"{_SPACE}?(?P<after>{currency})){_PER}",
            reader.money,
        ),
        *own,
        rule(
            "quantity",
            rf"(?:(?P<low>{_MINUS}{NUMBER}){_SPACE}?{_DASH}{_SPACE}?)?"
            rf"(?P<high>{_MINUS}{NUMBER}){_SPACE}?(?P<unit>{unit})(?!['’]\w){_PER}"
            r"(?:\.(?=[ ][^\W\d_A-ZÀ-Þ]))?",
            reader.quantity,
        ),
        rule("large number", rf"(?P<high>{_MINUS}{NUMBER}){_SPACE}?{scale}", reader.scaled),
        rule(
            "ruler", r"(?P<roman>[IVX]{2,6}|[IVX](?!['’]\w))(?:\.(?=[ ][^\W\d_A-Z]))?", reader.ruler
        ),
        rule(
            "version",
            r"(?!\d{1,3}(?:\.\d{3})+(?!\d))\d+(?:\.\d+){2,}",
            lambda m: f" {table.dot} ".join(
                table.cardinal(int(part)) for part in m.group().split(".")
            ),
        ),
        rule(
            "range",
            rf"(?P<low>\d{{1,4}}){_SPACE}?[–—-]{_SPACE}?(?P<high>\d{{1,4}})(?![-.,]?\d)",
            reader.range,
        ),
        rule("score", r"(?P<one>\d{1,2}):(?P<other>\d{1,2})(?!:?\d)", reader.score),
        rule(
            "part of a thing",
            rf"(?:(?P<whole>\d{{1,3}}){_SPACE}?)?(?P<part>{_any(table.fractions)}){_SPACE}"
            rf"(?:(?P<unit>{unit})|(?P<noun>[^\W\d_]{{3,30}}(?:\.(?=[ ][a-zà-ÿ]))?))",
            reader.part_of,
        ),
        rule(
            "fraction",
            rf"(?P<whole>\d{{1,3}})?{_SPACE}?(?P<part>{_any(table.fractions)})"
            r"(?![/\d])",
            reader.fraction,
        ),
        rule(
            "pair",
            rf"(?P<one>\d{{1,4}})/(?P<other>\d{{1,4}})(?![/\d])(?:{_SPACE}?(?P<unit>mmHg))?",
            reader.pair,
        ),
        rule(
            "number with a letter",
            r"(?P<number>\d{1,4})(?P<letter>[A-Za-z])",
            lambda m: f"{table.number(m['number'])} {m['letter'].upper()}",
        ),
        rule(
            "number before a power",
            r"(?<![\w.,])\d{1,9}(?=[²³])",
            lambda m: table.number(m.group()),
            inside=True,
        ),
        rule(
            "times",
            r"(?<=[\w)][ ])·(?=[ ][\w(√])|(?<=\d)·(?=\d)",
            table.signs["×"],
            inside=True,
        ),
        rule("number", rf"{_MINUS}{NUMBER}", reader.number),
        rule(
            "power",
            r"(?<=[\w)])(?:(?P<raised>[²³])|\^(?P<exponent>[-−]?\d{1,4}|[a-z])(?!\w))",
            reader.power,
            inside=True,
        ),
        rule(
            "divided by",
            r"(?<=\d[ ]):(?=[ ]\d[\d.,]*[ ]?=)|(?<=[\d)][ ])/(?=[ ][\d(])",
            table.signs["÷"],
            inside=True,
        ),
        rule(
            "sign",
            rf"(?P<sign>{_any(table.signs)})|{_SPAN}|(?<=\d[ ])(?P<minus>[-−–])(?=[ ]\d)",
            reader.sign,
            inside=True,
        ),
    )


def _small_or_capital(names: Iterable[str]) -> str:
    """Return a pattern for names, with and without a capital."""
    return _any({form for name in names for form in (name, name.capitalize())})


def _any(symbols: Iterable[str]) -> str:
    """Return a pattern for any of these, the longest first."""
    escaped = (re.escape(symbol) for symbol in sorted(symbols, key=len, reverse=True))
    return f"(?:{'|'.join(escaped)})"


def _short(abbreviations: Iterable[str]) -> str:
    """Return a pattern for abbreviations with or without spaces between their parts."""
    forms = sorted(abbreviations, key=len, reverse=True)
    return "|".join(
        re.escape(form).replace(r"\ ", r"[ \u00a0\u202f]?")
        + ("" if form[-1] in "./" else r"(?!\w)")
        for form in forms
    )


def never_last(table: Table) -> frozenset[str]:
    """Return the abbreviations that end no sentence, as the sentence splitter sees them."""
    parts = (form.lower().split()[:-1] for form in table.abbreviations)
    inner = {part.removesuffix(".") for form in parts for part in form if part.endswith(".")}
    return _seen(table.abbreviations.keys() - _ambiguous(table)) | inner


def sometimes_last(table: Table) -> frozenset[str]:
    """Return those that end a sentence unless it obviously goes on."""
    return _seen(_ambiguous(table))


def _ambiguous(table: Table) -> frozenset[str]:
    return table.closing | table.before_number


def _seen(abbreviations: Iterable[str]) -> frozenset[str]:
    """Return them in lower case without the last full stop; of several parts the last one too."""
    found: set[str] = set()
    for form in abbreviations:
        parts = form.lower().removesuffix(".").split()
        found |= {"".join(parts), parts[-1]}
    return frozenset(found)


__all__ = ["NUMBER", "Examples", "never_last", "shared_rules", "sometimes_last"]
