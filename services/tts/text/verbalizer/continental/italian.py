"""Italian."""

from __future__ import annotations

import re
from typing import Final

from .. import numerals
from ..rule import Language, Rule
from .rules import Examples, never_last, shared_rules, sometimes_last
from .table import Table, currencies, nouns, pairs

_MONTHS: Final = (
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre"
).split()


def _gendered(words: str, gender: str) -> str:
    if words != "uno":
        return words
    return {"f": "una", "s": "uno"}.get(gender, "un")


def _date(day: int, month: str, year: int | None, before: str) -> str:
    spoken = "primo" if day == 1 else numerals.cardinal(day, "it")
    return f"{spoken} {month}" + (f" {numerals.cardinal(year, 'it')}" if year else "")


def _clock(hour: int, minute: int, before: str) -> str:
    words = _gendered(numerals.cardinal(hour, "it"), "f")
    return f"{words} e {numerals.cardinal(minute, 'it')}" if minute else words


def _position(match: re.Match[str]) -> str | None:
    words = numerals.ordinal(int(match["number"]), "it")
    return re.sub(r"o$", "a", words) if match["ending"] in ("ª", "a") else words


def _century(match: re.Match[str]) -> str | None:
    value = numerals.roman(match["roman"])
    return f"{numerals.ordinal(value, 'it')}|secolo" if value else None


def _gender_of(word: str) -> str:
    """m, f or n, or s for a masculine noun that has "uno" before it."""
    if word in _MONTHS:
        return ""
    if re.match(r"(?:s[bcdfglmnpqrtvz]|z|gn|ps|x|y)", word) and word[-1] in "oe":
        return "s"
    return (
        "f"
        if re.search(
            r"(?:[^m]a|zione|sione|età|ità|notte|parte|carne|voce|chiave|classe|gente|mente|lezione|stazione|ore|tazze|mele|cipolle|persone|settimane|volte|fette|giornate|uova)$",
            word,
        )
        else "m"
        if word[-1] in "oer" and len(word) > 3
        else ""
    )


_TABLE: Final = Table(
    code="it",
    point="virgola",
    dot="punto",
    minus="meno",
    to="a",
    score="a",
    months=tuple(_MONTHS),
    date=_date,
    clock=_clock,
    clock_forms=r"(?<=alle[ ])(?P<hour>\d{1,2})\.(?P<minute>[0-5]\d)(?!\d)"
    r"|(?<=ore[ ])(?P<hour_of>\d{1,2})\.(?P<minute_of>[0-5]\d)(?!\d)"
    r"|(?P<hour_only>[01]?\d|2[0-4]):(?P<minute_only>[0-5]\d)(?!:?\d)",
    ruler=lambda value: numerals.ordinal(value, "it"),
    of_currency=lambda name: f"di {name}",
    cents="e",
    signs=pairs("""
        = | uguale
        + | più
        × | per
        ⋅ | per
        ÷ | diviso
        ± | più o meno
        < | minore di
        > | maggiore di
        ≤ | minore o uguale a
        ≥ | maggiore o uguale a
        ≠ | diverso da
        ≈ | circa
        √ | radice di
        π | pi greco
        ∞ | infinito
        & | e
        % | per cento
        € | euro
        $ | dollari
        £ | sterline
    """),
    fractions=pairs("""
        ½ | mezzo
        ¼ | un quarto
        ¾ | tre quarti
        ⅓ | un terzo
        ⅔ | due terzi
        1/2 | un mezzo
        1/3 | un terzo
        2/3 | due terzi
        1/4 | un quarto
        3/4 | tre quarti
    """),
    and_fraction="e",
    currencies=currencies("""
        € EUR euro | euro | euro | m
        c | centesimo | centesimi | m
        $ USD US$ | dollaro | dollari | m
        c | centesimo | centesimi | m
        £ GBP | sterlina | sterline | f
        p | penny | pence | m
        CHF | franco svizzero | franchi svizzeri | m
        c | centesimo | centesimi | m
        ¥ JPY | yen | yen | m
        c | sen | sen | m
    """),
    units=nouns("""
        km | chilometro | chilometri | m
        m | metro | metri | m
        cm | centimetro | centimetri | m
        mm | millimetro | millimetri | m
        nm | nanometro | nanometri | m
        km² | chilometro quadrato | chilometri quadrati | m
        m² mq | metro quadrato | metri quadrati | m
        cm² | centimetro quadrato | centimetri quadrati | m
        m³ mc | metro cubo | metri cubi | m
        ha | ettaro | ettari | m
        km/h | chilometro all'ora | chilometri all'ora | m
        m/s | metro al secondo | metri al secondo | m
        kg | chilogrammo | chilogrammi | m
        g gr | grammo | grammi | m
        mg | milligrammo | milligrammi | m
        µg μg | microgrammo | microgrammi | m
        t | tonnellata | tonnellate | f
        l L | litro | litri | m
        ml mL | millilitro | millilitri | m
        cl | centilitro | centilitri | m
        h | ora | ore | f
        min | minuto | minuti | m
        s sec | secondo | secondi | m
        ms | millisecondo | millisecondi | m
        °C ℃ | grado Celsius | gradi Celsius | m
        °F ℉ | grado Fahrenheit | gradi Fahrenheit | m
        x | volta | volte | f
        ° | grado | gradi | m
        % | per cento | per cento | m
        ‰ | per mille | per mille | m
        hPa | ettopascal | ettopascal | m
        mmHg | millimetro di mercurio | millimetri di mercurio | m
        mAh | milliampere ora | milliampere ora | m
        kWh | chilowattora | chilowattora | m
        kW | chilowatt | chilowatt | m
        MW | megawatt | megawatt | m
        W | watt | watt | m
        V | volt | volt | m
        A | ampere | ampere | m
        Hz | hertz | hertz | m
        kHz | chilohertz | chilohertz | m
        MHz | megahertz | megahertz | m
        GHz | gigahertz | gigahertz | m
        KB kB | kilobyte | kilobyte | m
        MB | megabyte | megabyte | m
        GB | gigabyte | gigabyte | m
        TB | terabyte | terabyte | m
        Mbit/s Mbps | megabit al secondo | megabit al secondo | m
        kcal | chilocaloria | chilocalorie | f
        dB | decibel | decibel | m
    """),
    per="al",
    scales=nouns("""
        k | mila | mila | n
        mln Mln | milione | milioni | m
        mld Mld | miliardo | miliardi | m
        milione milioni | milione | milioni | m
        miliardo miliardi | miliardo | miliardi | m
    """),
    abbreviations=pairs("""
        p. es. | per esempio
        per es. | per esempio
        a. C. | avanti Cristo
        d. C. | dopo Cristo
        ecc. | eccetera
        ca. | circa
        sig. | signor
        Sig. | signor
        Sig.ra | signora
        sig.ra | signora
        Sigg. | signori
        Dott. | dottor
        dott. | dottor
        dott.ssa | dottoressa
        Prof.ssa | professoressa
        prof.ssa | professoressa
        Prof. | professor
        prof. | professor
        Avv. | avvocato
        Ing. | ingegner
        n. | numero
        N. | numero
        n° | numero
        tel. | telefono
        cell. | cellulare
        avv. | avvocato
        ing. | ingegner
        pag. | pagina
        pagg. | pagine
        max. | massimo
        min. | minimo
        cap. | capitolo
        art. | articolo
        vol. | volume
        S. | San
    """),
    closing=frozenset({"ecc.", "a. C.", "d. C."}),
    before_number=frozenset(
        {"n.", "N.", "n°", "cap.", "art.", "vol.", "pag.", "pagg.", "max.", "min.", "tel.", "cell."}
    ),
    before_name=frozenset(
        {"S.", "Ing.", "Avv.", "ing.", "avv.", "Prof.", "prof.", "Dott.", "dott.", "sig.", "Sig."}
    ),
    elided=lambda words: re.sub(r"^(un|mezz)a (?=[aeiou])", r"\1'", words),
    powers=("al quadrato", "al cubo", "alla"),
    weekdays={
        "lun": "lunedì",
        "mar": "martedì",
        "mer": "mercoledì",
        "gio": "giovedì",
        "ven": "venerdì",
        "sab": "sabato",
        "dom": "domenica",
    },
    short_months={
        "gen": "gennaio",
        "feb": "febbraio",
        "mar": "marzo",
        "apr": "aprile",
        "mag": "maggio",
        "giu": "giugno",
        "lug": "luglio",
        "ago": "agosto",
        "set": "settembre",
        "sett": "settembre",
        "ott": "ottobre",
        "nov": "novembre",
        "dic": "dicembre",
    },
    halves={"m": "mezzo", "f": "mezza", "n": "mezzo"},
    of_part="di",
    halves_after={"m": "e mezzo", "f": "e mezza", "n": "e mezzo"},
    words_too=frozenset({"ha"}),
    gendered=_gendered,
    gender_of=_gender_of,
)

_EXAMPLES: Final[Examples] = {
    "abbreviation": {
        "Il sig. Rossi compra pane, vino, ecc.": "Il signor Rossi compra pane, vino, eccetera.",
        "p. es. il n. 5": "per esempio il numero cinque",
    },
    "date": {
        "il 14/03/2025": "il quattordici marzo duemilaventicinque",
        "2025-03-01": "primo marzo duemilaventicinque",
    },
    "time of day": {
        "alle 14:30 o alle 9.15": "alle quattordici e trenta o alle nove e quindici",
        "dalle 9:00": "dalle nove",
    },
    "telephone number": {"06 123 456": "zero sei, uno due tre, quattro cinque sei"},
    "money": {
        "Costa 5,99 €.": "Costa cinque euro e novantanove.",
        "1.000.000 €": "un milione di euro",
        "3,5 mln €": "tre virgola cinque milioni di euro",
        "$1": "un dollaro",
        "12,99 €/mese": "dodici euro e novantanove al mese",
        "0,50 €": "cinquanta centesimi",
    },
    "quantity": {
        "10 km a 60 km/h": "dieci chilometri a sessanta chilometri all'ora",
        "1 kg e 2,5 l": "un chilogrammo e due virgola cinque litri",
        "−5 °C": "meno cinque gradi Celsius",
        "10–15%": "dieci a quindici per cento",
        "1 h": "un'ora",
    },
    "large number": {"59 mln di abitanti": "cinquantanove milioni di abitanti"},
    "ruler": {"Papa Giovanni XXIII": "Papa Giovanni ventitreesimo"},
    "pair": {"aperto 24/7": "aperto ventiquattro sette"},
    "version": {"la versione 1.2.3": "la versione uno punto due punto tre"},
    "range": {"pagine 10-12": "pagine dieci a dodici"},
    "score": {"3:2 alla fine": "tre a due alla fine"},
    "fraction": {"½": "mezzo"},
    "number": {
        "12.345 abitanti": "dodicimilatrecentoquarantacinque abitanti",
        "3,14": "tre virgola quattordici",
        "1 persona e 1 gatto": "una persona e un gatto",
        "nel 1999": "nel millenovecentonovantanove",
        "nel 1818": "nel milleottocentodiciotto",
    },
    "times, range": {"9.00-17.00": "nove a diciassette"},
    "number with a label": {"Il codice è 4829.": "Il codice è quattro otto due nove."},
    "weekdays": {"Lun-ven, 9 h": "lunedì a venerdì, nove ore"},
    "part of a thing": {
        "1/2 litro": "mezzo litro",
        "2½ ore": "due ore e mezza",
        "1/4 l": "un quarto di litro",
    },
    "number with a letter": {"via Roma 12b": "via Roma dodici B"},
    "power": {"x² + 2^5": "x al quadrato più due alla cinque"},
    "divided by": {"10 : 2 = 5": "dieci diviso due uguale cinque"},
    "short month": {"il 5 gen. 2024": "il cinque gennaio duemilaventiquattro"},
    "number before a power": {"2³": "due al cubo"},
    "times": {"3 · 4": "tre per quattro"},
    "sign": {"5 - 3 = 2": "cinque meno tre uguale due", "9:00–18:30": "nove a diciotto e trenta"},
}

_OWN: Final = (
    Rule(
        "position",
        r"(?P<number>\d{1,3})(?P<ending>[ºª°])(?![CF])",
        _position,
        {"il 3° piano e la 1ª volta": "il terzo piano e la prima volta"},
    ),
    Rule(
        "century",
        r"(?P<roman>[IVX]{1,5})[ ](?P<word>secolo|sec\.)",
        _century,
        {"nel XX secolo": "nel ventesimo secolo", "il XX sec. e poi": "il ventesimo secolo e poi"},
    ),
)

ITALIAN: Final = Language(
    code="it",
    rules=shared_rules(_TABLE, _EXAMPLES, _OWN),
    symbols="√∞^+−=×⋅÷±<>≤≥≠≈°€$£¥%&℃℉ªº",
    never_last=never_last(_TABLE) | {"cell"},
    sometimes_last=sometimes_last(_TABLE) | frozenset({*_TABLE.weekdays, *_TABLE.short_months}),
)
