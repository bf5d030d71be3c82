"""Reads what the patterns that the languages of the continent share have matched."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from .. import numerals
from .table import Noun, Table, parsed

_LONGEST_CARDINAL = 12
_QUEENS: Final = frozenset(
    "Isabel Elisabeth Élisabeth Elizabeth Elisabetta Catherine Catalina Caterina Catarina"
    " Katharina Maria María Marie Margarethe Margarita Cristina Christine Juana Wilhelmina"
    " Beatrix".split()
)
_CROWNED: Final = _QUEENS | frozenset(
    "Wilhelm Karl Friedrich Franz Josef Joseph Heinrich Ludwig Otto Leopold Rudolf Ferdinand"
    " Nikolaus Alexander Napoleon Napoléon François Charles Henri Louis Philippe Felipe Carlos"
    " Alfonso Fernando Juan Jaime Pedro Manuel Miguel João José Carlo Umberto Emanuele Francesco"
    " Federico Enrico Luigi Paolo Giovanni Pio Gregorio Willem Georg George Jorge Eduardo Eduard"
    " Edward Peter Pierre Pietro Iván Ivan Nicolás Nicola Nicolas Paul Johannes Albert Alberto"
    " Vittorio Baudouin".split()
)
_PHONE_BEFORE: Final = re.compile(
    r"\b(?:tel|tél|telefon\w*|téléphon\w*|phone|fax|handy\w*|mobil\w*|móvil|celular|cellulare|portable"
    r"|cell?|cel|gsm|whatsapp|hotline|rufnummer|appele[rz]|llam\w+|chiam\w+|chame|ligue|bel|rufen\ssie)\b[^\d,;]{0,16}$",
    re.IGNORECASE,
)
_CODE_BEFORE: Final = re.compile(
    r"\b(?:\w*code|pin|código|codice|kode|passwort|kennwort|contraseña|clave|mot\sde\spasse|senha|parola"
    r"|wachtwoord|plz|postleitzahl|cap|cep|bestell\w+|kundennummer|auftragsnummer|rechnungsnummer"
    r"|réservation|commande|reserva|pedido|prenotazione|ordine|bestelnummer|pincode)\b[^\d,;.]{0,16}$",
    re.IGNORECASE,
)
_IDENTITY_BEFORE: Final = re.compile(
    r"\b(?:cpf|cnpj|nif|dni|siret|siren|steuernummer|bsn|partita\siva)[^\d,;.]{0,8}$", re.IGNORECASE
)
_VERSIONED: Final = re.compile(
    r"\b(?:versi\w+|version|python|java|php|linux|kernel|v\.?)\s?$", re.IGNORECASE
)
_LITTLE_WORDS: Final = frozenset(
    "della delle dello degli dei del des les los las para por con per dos das und van der"
    " die".split()
)
"""Those that may follow a fraction, and are not what it is a part of."""
_THOUSANDS: Final = frozenset({"tausend", "mille", "mil", "mila", "duizend"})
_SECTIONS: Final = frozenset(
    "kapitel teil band akt abschnitt phase stufe typ klasse modul chapitre tome partie acte"
    " section volume titre capítulo parte tomo acto volumen título capitolo atto sezione titolo"
    " hoofdstuk deel bedrijf fase seção secção".split()
)
"""Words before a Roman numeral that is a number, and no name's."""


class Reader:
    """A method for each shared rule; it returns None where the rule does not apply."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._closing = {"".join(form.split()) for form in table.closing}
        self._short = {"".join(s.split()): words for s, words in cased(table.abbreviations)}

    def abbreviation(self, match: re.Match[str]) -> str | None:
        written, table = match["short"], self._table
        after = match.string[match.end() :].lstrip(" \u00a0\u202f")
        small = written[0].lower() + written[1:]
        if (
            not after.strip("\"'”’»)")
            and written.endswith(".")
            and not {"".join(form.split()) for form in (written, small)} & self._closing
        ):
            return None
        if {written, small} & table.before_number and not re.match(r"\d|[IVXLC]+\b", after):
            return None
        if {written, small} & table.before_name and not (
            after[:1].isupper() or re.match(r"(?:et|e|y|und|en)\s", after)
        ):
            return None
        words = self._short["".join(written.split())]
        ended = written.endswith(".") and not match.string[match.end() :].strip()
        return f"{words}." if ended else words

    def date(self, match: re.Match[str]) -> str | None:
        if iso := match["iso"]:
            year, month, day = (int(part) for part in iso.split("-"))
        else:
            day, month, year = int(match["day"]), int(match["month"]), int(match["year"])
        if not (1 <= month <= 12 and 1 <= day <= 31):
            return None
        if year < 100:
            if _VERSIONED.search(match.string[: match.start()][-16:]):
                return None
            year += 2000 if year < 70 else 1900
        name = self._table.months[month - 1]
        return self._table.date(day, name, year, match.string[: match.start()])

    def clock(self, match: re.Match[str]) -> str | None:
        groups = {name: value for name, value in match.groupdict().items() if value}
        hour = int(next(value for name, value in groups.items() if name.startswith("hour")))
        minute = int(next((v for name, v in groups.items() if name.startswith("minute")), 0))
        if hour > 24 or minute > 59:
            return None
        return self._table.clock(hour, minute, match.string[: match.start()])

    def times(self, match: re.Match[str]) -> str | None:
        usual = {match["minute1"], match["minute2"]} <= {"00", "15", "30", "45"}
        if match["mark"] == "." and not (match["told"] or usual):
            return None
        table, lead = self._table, match.string[: match.start()]
        first = table.clock(int(match["hour1"]), int(match["minute1"]), lead)
        return f"{first} {table.to} {table.clock(int(match['hour2']), int(match['minute2']), lead)}"

    def iban(self, match: re.Match[str]) -> str:
        text = match.group().replace(" ", "")
        groups = [text[2:4], *(text[at : at + 4] for at in range(4, len(text), 4))]
        return f"{text[0]} {text[1]} " + ", ".join(map(self._table.digits, groups))

    def telephone(self, match: re.Match[str]) -> str | None:
        text = match.group()
        if sum(c.isdecimal() for c in text) < 6:
            return None
        groups = [self._table.digits(group) for group in re.findall(r"\d+", text)]
        return (f"{self._table.signs['+']} " if text[0] == "+" else "") + ", ".join(groups)

    def labelled(self, match: re.Match[str]) -> str | None:
        """Digits that count nothing: telephone numbers and codes, told by the word before."""
        text, lead = match.group(), match.string[max(0, match.start() - 40) : match.start()]
        known = _CODE_BEFORE.search(lead) if text.isdecimal() else _IDENTITY_BEFORE.search(lead)
        figures = sum(c.isdecimal() for c in text)
        if not ((known and figures > 3) or (figures > 6 and _PHONE_BEFORE.search(lead))):
            return None
        if text.isdecimal():
            return numerals.grouped_digits(text, self._table.code)
        return ", ".join(self._table.digits(group) for group in re.findall(r"\d+", text))

    def short_month(self, match: re.Match[str]) -> str | None:
        """Between a day and a year, as the short names are words as well."""
        lead, follows = match.string[: match.start()][-8:], match.string[match.end() :]
        if not re.search(r"\d(?:\.|er|[º°])?[ ](?:de[ ])?$", lead):
            return None
        words = self._table.short_months[match["month"].lower()]
        return words if follows.strip() or not match.group().endswith(".") else f"{words}."

    def weekdays(self, match: re.Match[str]) -> str:
        """Short names are words as well, so something of a date or a time stands beside them."""
        days, first, second = self._table.weekdays, match["first"], match["second"]
        words = days.get(first) or days[first.lower()]
        if second:
            words += f" {self._table.to} {days.get(second) or days[second.lower()]}"
        return words

    def part_of(self, match: re.Match[str]) -> str | None:
        table, written, part, whole = self._table, match["noun"], match["part"], match["whole"]
        written = written and table.abbreviations.get(written, written.removesuffix("."))
        noun = table.units[match["unit"]] if match["unit"] else None
        if noun is None:
            if written in _LITTLE_WORDS:
                return None
            gender = table.gender_of(written) if table.gender_of else ""
            if not table.of_part and gender != "f":
                return None
            noun = Noun(written, written, gender or "m")
        half = part in ("½", "1/2")
        if whole:
            if not half or not table.halves_after:
                return None if match["noun"] else f"{self.fraction(match)} {noun.many}"
            counted = table.counted(whole, noun)
            return f"{counted} {table.halves_after[noun.gender]}"
        if half:
            return table.elided(f"{table.halves[noun.gender]} {noun.one}")
        if match["noun"]:
            return None
        of = f"{table.of_part} " if table.of_part else ""
        return f"{table.fractions[part]} {of}{noun.one}"

    def power(self, match: re.Match[str]) -> str | None:
        if not re.search(
            r"(?:(?<![^\W\d_])[^\W\d_]|\d|\))$",
            match.string[max(0, match.start() - 3) : match.start()],
        ):
            return None
        square, cube, to = self._table.powers
        raised = match["raised"] or {"2": "²", "3": "³"}.get(match["exponent"], "")
        if raised:
            return square if raised == "²" else cube
        exponent = match["exponent"]
        return f"{to} {exponent if exponent.isalpha() else self._table.number(exponent)}"

    def money(self, match: re.Match[str]) -> str:
        return self._amount(match) + self._per(match)

    def _per(self, match: re.Match[str]) -> str:
        unit = match["per"]
        if not unit:
            return ""
        noun = self._table.units.get(unit)
        return f" {self._table.per} {noun.one if noun else unit}"

    def _amount(self, match: re.Match[str]) -> str:
        table = self._table
        text = match["first"] or match["last"]
        currency = table.currencies[match["before"] or match["after"]]
        sign = f"{table.minus} " if match["sign"] else ""
        if scale := match["scale"] or match["scale_last"]:
            noun, unit = table.scales[scale], currency.unit.many
            of = unit if noun.one in _THOUSANDS else table.of_currency(unit)
            return f"{sign}{table.counted(text, noun)} {of}"
        whole, decimals = parsed(text)
        cents = int((decimals + "0")[:2]) if decimals else 0
        if len(decimals) > 2:
            return f"{sign}{table.number(text)} {currency.unit.many}"
        part = f"{table.cardinal(cents, currency.part.gender)} " + table.form(
            str(cents), currency.part
        )
        if cents and not int(whole):
            return sign + part
        unit = table.form(whole, currency.unit)
        if int(whole) and int(whole) % 10**6 == 0:
            unit = table.of_currency(unit)
        words = f"{sign}{table.cardinal(int(whole), currency.unit.gender)} {unit}"
        if not cents:
            return words
        named = part if table.cents.endswith("…") else table.cardinal(cents)
        link = table.cents.removesuffix("…").strip()
        return f"{words} {link} {named}" if link else f"{words} {named}"

    def quantity(self, match: re.Match[str]) -> str | None:
        if match["unit"] in self._table.words_too and re.match(
            r"[ ](?!d[ie]\b)[^\W\d_]", match.string[match.end() :]
        ):
            return None
        if match["unit"] == "x" and (
            re.match(r"\s*[-+−=×²³^<>≤≥)]", match.string[match.end() : match.end() + 3])
            or re.search(r"[-+−=×(]\s*$", match.string[max(0, match.start() - 3) : match.start()])
        ):
            # An unknown rather than "times".
            return None
        table, noun = self._table, self._table.units[match["unit"]]
        words = table.counted(match["high"], noun)
        if low := match["low"]:
            words = f"{table.number(low, noun.gender)} {table.to} {words}"
        return words + self._per(match)

    def scaled(self, match: re.Match[str]) -> str | None:
        if match["scale"] in self._table.words_too and not match.group().endswith("."):
            return None
        return self._table.counted(match["high"], self._table.scales[match["scale"]])

    def range(self, match: re.Match[str]) -> str | None:
        low, high = match["low"], match["high"]
        if int(low) >= int(high) or (low[0] == "0" and len(low) > 1):
            return None
        return f"{self._plain(low)} {self._table.to} {self._plain(high)}"

    def score(self, match: re.Match[str]) -> str:
        words = (self._plain(match["one"]), self._table.score, self._plain(match["other"]))
        return " ".join(word for word in words if word)

    def fraction(self, match: re.Match[str]) -> str:
        part = self._table.fractions[match["part"]]
        if not match["whole"]:
            return part
        part = self._table.after_whole.get(match["part"], part)
        whole, link = self._table.cardinal(int(match["whole"])), self._table.and_fraction
        if link == "-":
            whole = self._table.cardinal(int(match["whole"]), "n")
            return f"{whole}{'' if part == 'einhalb' else ' '}{part}"
        return f"{whole} {link} {part}"

    def ruler(self, match: re.Match[str]) -> str | None:
        value = numerals.roman(match["roman"])
        named = re.search(r"\b([^\W\d_]\w+) $", match.string[: match.start()])
        if not value or not named:
            return None
        if named[1].lower() in _SECTIONS:
            return self._table.cardinal(value)
        if not named[1][0].isupper() or (len(match["roman"]) == 1 and named[1] not in _CROWNED):
            return None
        words = self._table.ruler(value)
        if named[1] in _QUEENS:
            words = re.sub(r"o$", "a", re.sub(r"^der ", "die ", re.sub(r"ier$", "ière", words)))
        return words

    def pair(self, match: re.Match[str]) -> str:
        words = f"{self._plain(match['one'])} {self._plain(match['other'])}"
        return f"{words} {self._table.units['mmHg'].many}" if match["unit"] else words

    def number(self, match: re.Match[str]) -> str:
        text = match.group()
        noun = re.match(r"[ \u00a0]([^\W\d_]+)", match.string[match.end() :])
        if noun and text.isdecimal() and text[0] != "0" and self._table.gender_of is not None:
            gender = self._table.gender_of(noun[1])
            if gender and int(text) < 1000:
                return self._table.cardinal(int(text), gender)
        whole, decimals = parsed(text)
        if noun and not decimals and int(whole) and int(whole) % 10**6 == 0:
            return f"{self._plain(text)} {self._of_many(noun[1])}".strip()
        if noun and not decimals and text[0] != "0" and 1000 <= int(whole) < 10**6 and "." in text:
            gender = self._table.gender_of(noun[1]) if self._table.gender_of else ""
            return self._table.cardinal(int(whole), gender)
        return self._plain(text)

    def _of_many(self, noun: str) -> str:
        """Between a million and what there is a million of."""
        if noun.lower() in ("de", "d", "di", "e", "et", "y", "o", "ou", "en", "und", "a", "à"):
            return ""
        return self._table.of_currency(noun).removesuffix(noun).strip()

    def sign(self, match: re.Match[str]) -> str:
        if match["span"]:
            return self._table.to
        return self._table.minus if match["minus"] else self._table.signs[match["sign"]]

    def _plain(self, text: str) -> str:
        table = self._table
        if text.isdecimal():
            if (text[0] == "0" and len(text) > 1) or len(text) > _LONGEST_CARDINAL:
                return numerals.grouped_digits(text, table.code)
            if len(text) == 4 and table.year is not None:
                return table.year(int(text))
        return table.number(text)


def cased(abbreviations: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield them, and with a capital those that a sentence may begin with."""
    for written, words in abbreviations.items():
        capital = written[0].upper() + written[1:]
        if capital not in abbreviations:
            yield capital, words[0].upper() + words[1:]
        yield written, words
