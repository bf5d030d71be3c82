"""Spanish."""

from __future__ import annotations

import re
from typing import Final

from .. import numerals
from ..rule import Language, Rule
from .rules import Examples, never_last, shared_rules, sometimes_last
from .table import Table, currencies, nouns, pairs

_MONTHS: Final = (
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"
).split()


def _gendered(words: str, gender: str) -> str:
    words = words.replace("veintiuno mil", "veintiún mil").replace(" uno mil", " un mil")
    if gender == "f":
        words = re.sub(r"cientos\b", "cientas", words).replace("quinientos", "quinientas")
        return re.sub(r"uno$", "una", words)
    return re.sub(r"\buno$", "un", re.sub(r"veintiuno$", "veintiún", words))


def _date(day: int, month: str, year: int | None, before: str) -> str:
    words = f"{numerals.cardinal(day, 'es')} de {month}"
    return f"{words} de {numerals.cardinal(year, 'es')}" if year else words


def _clock(hour: int, minute: int, before: str) -> str:
    words = _gendered(numerals.cardinal(hour, "es"), "f")
    if minute:
        return f"{words} y {numerals.cardinal(minute, 'es')}"
    named = re.search(r"\blas?\s*$", before, re.IGNORECASE)
    return words if named else f"{words} {'hora' if hour == 1 else 'horas'}"


def _position(match: re.Match[str]) -> str:
    words = numerals.ordinal(int(match["number"]), "es")
    ending = match["ending"].lstrip(".")
    if ending in ("er", "ᵉʳ"):
        return re.sub(r"o$", "", words)
    return re.sub(r"o\b", "a", words) if ending in ("ª", "a") else words


def _century(match: re.Match[str]) -> str | None:
    value = numerals.roman(match["roman"])
    return f"{match['word'].replace('s.', 'siglo')}|{_ranked(value)}" if value else None


def _ranked(value: int) -> str:
    """Centuries and kings are counted with ordinals up to ten."""
    return numerals.ordinal(value, "es") if value < 11 else numerals.cardinal(value, "es")


def _gender_of(word: str) -> str:
    if re.search(r"(?:[lt]?emas?|gramas?|mapas?|días?|planetas?|poetas?)$", word):
        return "m"
    if len(word) < 3:
        return ""
    if re.search(r"(?:as?|ciones|ción|dades|dad|veces|vez|noches|mujeres)$", word):
        return "f"
    return "m" if re.search(r"(?:os?|es|[lr])$", word) and len(word) > 3 else ""


_TABLE: Final = Table(
    code="es",
    point="coma",
    dot="punto",
    minus="menos",
    to="a",
    score="a",
    months=tuple(_MONTHS),
    date=_date,
    clock=_clock,
    clock_forms=r"(?P<hour>\d{1,2})[:.](?P<minute>[0-5]\d)[ \u00a0]?(?:h|hrs?|horas)\b\.?"
    r"|(?P<hour_only>[01]?\d|2[0-4]):(?P<minute_only>[0-5]\d)(?!:?\d)",
    ruler=_ranked,
    of_currency=lambda name: f"de {name}",
    cents="con",
    signs=pairs("""
        = | igual a
        + | más
        × | por
        ⋅ | por
        ÷ | entre
        ± | más o menos
        < | menor que
        > | mayor que
        ≤ | menor o igual que
        ≥ | mayor o igual que
        ≠ | distinto de
        ≈ | aproximadamente
        √ | raíz de
        π | pi
        ∞ | infinito
        & | y
        % | por ciento
        € | euros
        $ | dólares
        £ | libras
    """),
    fractions=pairs("""
        ½ | medio
        ¼ | un cuarto
        ¾ | tres cuartos
        ⅓ | un tercio
        ⅔ | dos tercios
        1/2 | un medio
        1/3 | un tercio
        2/3 | dos tercios
        1/4 | un cuarto
        3/4 | tres cuartos
    """),
    and_fraction="y",
    currencies=currencies("""
        € EUR euro euros | euro | euros | m
        c | céntimo | céntimos | m
        $ USD US$ | dólar | dólares | m
        c | centavo | centavos | m
        £ GBP | libra | libras | f
        p | penique | peniques | m
        MXN | peso mexicano | pesos mexicanos | m
        c | centavo | centavos | m
        CHF | franco suizo | francos suizos | m
        c | céntimo | céntimos | m
        ¥ JPY | yen | yenes | m
        c | sen | sen | m
    """),
    units=nouns("""
        km | kilómetro | kilómetros | m
        m | metro | metros | m
        cm | centímetro | centímetros | m
        mm | milímetro | milímetros | m
        nm | nanómetro | nanómetros | m
        km² | kilómetro cuadrado | kilómetros cuadrados | m
        m² | metro cuadrado | metros cuadrados | m
        cm² | centímetro cuadrado | centímetros cuadrados | m
        m³ | metro cúbico | metros cúbicos | m
        ha | hectárea | hectáreas | f
        km/h | kilómetro por hora | kilómetros por hora | m
        m/s | metro por segundo | metros por segundo | m
        kg | kilogramo | kilogramos | m
        g | gramo | gramos | m
        mg | miligramo | miligramos | m
        µg μg | microgramo | microgramos | m
        t | tonelada | toneladas | f
        l L | litro | litros | m
        ml mL | mililitro | mililitros | m
        cl | centilitro | centilitros | m
        h | hora | horas | f
        min | minuto | minutos | m
        s seg | segundo | segundos | m
        ms | milisegundo | milisegundos | m
        °C ℃ | grado Celsius | grados Celsius | m
        °F ℉ | grado Fahrenheit | grados Fahrenheit | m
        x | vez | veces | f
        ° | grado | grados | m
        % | por ciento | por ciento | m
        ‰ | por mil | por mil | m
        hPa | hectopascal | hectopascales | m
        mmHg | milímetro de mercurio | milímetros de mercurio | m
        mAh | miliamperio hora | miliamperios hora | m
        kWh | kilovatio hora | kilovatios hora | m
        kW | kilovatio | kilovatios | m
        MW | megavatio | megavatios | m
        W | vatio | vatios | m
        V | voltio | voltios | m
        A | amperio | amperios | m
        Hz | hercio | hercios | m
        kHz | kilohercio | kilohercios | m
        MHz | megahercio | megahercios | m
        GHz | gigahercio | gigahercios | m
        KB kB | kilobyte | kilobytes | m
        MB | megabyte | megabytes | m
        GB | gigabyte | gigabytes | m
        TB | terabyte | terabytes | m
        Mbit/s Mbps | megabit por segundo | megabits por segundo | m
        kcal | kilocaloría | kilocalorías | f
        dB | decibelio | decibelios | m
    """),
    per="por",
    scales=nouns("""
        k | mil | mil | n
        M mill | millón | millones | m
        millón millones | millón | millones | m
        mil | mil | mil | m
    """),
    abbreviations=pairs("""
        p. ej. | por ejemplo
        p. m. | de la tarde
        a. m. | de la mañana
        a. C. | antes de Cristo
        d. C. | después de Cristo
        EE. UU. | Estados Unidos
        cda. | cucharada
        cdas. | cucharadas
        cdta. | cucharadita
        cdtas. | cucharaditas
        etc. | etcétera
        aprox. | aproximadamente
        Sr. | señor
        Sra. | señora
        Srta. | señorita
        Sres. | señores
        Dr. | doctor
        Dra. | doctora
        Prof. | profesor
        Ud. | usted
        Uds. | ustedes
        D. | don
        Dña. | doña
        n.º | número
        N.º | número
        nº | número
        núm. | número
        tel. | teléfono
        Avda. | avenida
        Av. | avenida
        C/ | calle
        pág. | página
        págs. | páginas
        máx. | máximo
        mín. | mínimo
        cap. | capítulo
        art. | artículo
    """),
    closing=frozenset({"etc.", "p. m.", "a. m.", "a. C.", "d. C.", "EE. UU."}),
    before_number=frozenset(
        {"cap.", "art.", "máx.", "mín.", "núm.", "pág.", "págs.", "tel.", "n.º", "N.º", "nº"}
    ),
    before_name=frozenset({"D.", "Dña.", "Av.", "Avda.", "Prof.", "C/"}),
    powers=("al cuadrado", "al cubo", "elevado a"),
    weekdays={
        "lun": "lunes",
        "mar": "martes",
        "mié": "miércoles",
        "jue": "jueves",
        "vie": "viernes",
        "sáb": "sábado",
        "dom": "domingo",
    },
    short_months={
        "ene": "enero",
        "feb": "febrero",
        "mar": "marzo",
        "abr": "abril",
        "jun": "junio",
        "jul": "julio",
        "ago": "agosto",
        "sep": "septiembre",
        "sept": "septiembre",
        "oct": "octubre",
        "nov": "noviembre",
        "dic": "diciembre",
    },
    halves={"m": "medio", "f": "media", "n": "medio"},
    of_part="de",
    halves_after={"m": "y medio", "f": "y media", "n": "y medio"},
    words_too=frozenset({"ha"}),
    gendered=_gendered,
    gender_of=_gender_of,
)

_EXAMPLES: Final[Examples] = {
    "abbreviation": {
        "El Sr. Pérez compra pan, queso, etc.": "El señor Pérez compra pan, queso, etcétera.",
        "p. ej. el n.º 5": "por ejemplo el número cinco",
    },
    "date": {
        "el 14/03/2025": "el catorce de marzo de dos mil veinticinco",
        "2025-03-01": "uno de marzo de dos mil veinticinco",
    },
    "time of day": {
        "a las 14:30 o a las 9:00": "a las catorce y treinta o a las nueve",
        "a la 1:15": "a la una y quince",
        "sale a 21:00 h": "sale a veintiuna horas",
    },
    "telephone number": {"+34 91 123": "más tres cuatro, nueve uno, uno dos tres"},
    "money": {
        "Cuesta 5,99 €.": "Cuesta cinco euros con noventa y nueve.",
        "1.000.000 €": "un millón de euros",
        "3,5 millones €": "tres coma cinco millones de euros",
        "$1": "un dólar",
        "12,99 €/mes": "doce euros con noventa y nueve por mes",
        "0,50 €": "cincuenta céntimos",
        "200 £": "doscientas libras",
    },
    "quantity": {
        "10 km a 60 km/h": "diez kilómetros a sesenta kilómetros por hora",
        "21 kg y 2,5 l": "veintiún kilogramos y dos coma cinco litros",
        "−5 °C": "menos cinco grados Celsius",
        "10–15 %": "diez a quince por ciento",
    },
    "large number": {"47 M de personas": "cuarenta y siete millones de personas"},
    "ruler": {"Alfonso XIII y Felipe II": "Alfonso trece y Felipe segundo"},
    "pair": {"abierto 24/7": "abierto veinticuatro siete"},
    "version": {"la versión 1.2.3": "la versión uno punto dos punto tres"},
    "range": {"páginas 10-12": "páginas diez a doce"},
    "score": {"3:2 al final": "tres a dos al final"},
    "fraction": {"½": "medio"},
    "number": {
        "1.234.567 personas": "un millón doscientos treinta y cuatro mil quinientos sesenta y siete"
        " personas",
        "3,14": "tres coma catorce",
        "31 personas y 21 días": "treinta y una personas y veintiún días",
        "en 1999": "en mil novecientos noventa y nueve",
    },
    "times, range": {"de 9:00-17:00": "de nueve horas a diecisiete horas"},
    "number with a label": {
        "El código es 4829.": "El código es cuatro ocho dos nueve.",
        "Tel. 91 123 45 67": "Teléfono nueve uno, uno dos tres, cuatro cinco, seis siete",
    },
    "weekdays": {
        "lun.–vie. 9 h": "lunes a viernes nueve horas",
        "el mar. Luego 2": "el mar. Luego dos",
    },
    "part of a thing": {
        "1/2 cucharada": "media cucharada",
        "2½ horas": "dos horas y media",
        "1/4 l": "un cuarto de litro",
    },
    "number with a letter": {"calle Sol 12b": "calle Sol doce B"},
    "power": {"x² + 2^5": "x al cuadrado más dos elevado a cinco"},
    "divided by": {"10 : 2 = 5": "diez entre dos igual a cinco"},
    "short month": {"el 5 de ene. de 2024": "el cinco de enero de dos mil veinticuatro"},
    "number before a power": {"2³": "dos al cubo"},
    "times": {"3 · 4": "tres por cuatro"},
    "sign": {"5 - 3 = 2": "cinco menos tres igual a dos"},
}

_OWN: Final = (
    Rule(
        "position",
        r"(?P<number>\d{1,3})(?P<ending>\.?[ºª°]|\.?er|ᵉʳ)(?![CF])",
        _position,
        {
            "el 3.º piso y la 1.ª vez": "el tercero piso y la primera vez",
            "el 1er día": "el primer día",
        },
    ),
    Rule(
        "century",
        r"(?P<word>[Ss]iglos?|s\.)[ ](?P<roman>[IVX]{1,5})",
        _century,
        {"el s. XXI": "el siglo veintiuno", "el siglo V": "el siglo quinto"},
    ),
)

SPANISH: Final = Language(
    code="es",
    rules=shared_rules(_TABLE, _EXAMPLES, _OWN),
    symbols="√∞^+−=×⋅÷±<>≤≥≠≈°€$£¥%&℃℉ªº",
    never_last=never_last(_TABLE),
    sometimes_last=sometimes_last(_TABLE) | frozenset({*_TABLE.weekdays, *_TABLE.short_months}),
)
