"""Portuguese, with the numbers of Brazil."""

from __future__ import annotations

import re
from typing import Final

from .. import numerals
from ..rule import Language, Rule
from .rules import Examples, never_last, shared_rules, sometimes_last
from .table import Table, currencies, nouns, pairs

_CODE: Final = "pt_BR"
_MONTHS: Final = (
    "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro"
).split()


def _gendered(words: str, gender: str) -> str:
    if gender != "f":
        return words
    words = re.sub(r"entos\b", "entas", words)
    return re.sub(r"\bdois$", "duas", re.sub(r"\bum$", "uma", words))


def _date(day: int, month: str, year: int | None, before: str) -> str:
    spoken = "primeiro" if day == 1 else numerals.cardinal(day, _CODE)
    words = f"{spoken} de {month}"
    return f"{words} de {numerals.cardinal(year, _CODE)}" if year else words


def _clock(hour: int, minute: int, before: str) -> str:
    words = _gendered(numerals.cardinal(hour, _CODE), "f")
    if re.search(
        r"\b(?:dura|durou|duração|leva|levou|demora|demorou|em|de|por|cerca)(?:\sde)?:?\s$", before
    ):
        words += " hora" if hour == 1 else " horas"
        return words + (f" e {numerals.cardinal(minute, _CODE)} minutos" if minute else "")
    if minute:
        return f"{words} e {numerals.cardinal(minute, _CODE)}"
    return f"{words} {'hora' if hour == 1 else 'horas'}"


def _position(match: re.Match[str]) -> str:
    words = numerals.ordinal(int(match["number"]), _CODE)
    return re.sub(r"o\b", "a", words) if match["ending"] in ("ª", "a") else words


def _century(match: re.Match[str]) -> str | None:
    value = numerals.roman(match["roman"])
    return f"{match['word'].replace('séc.', 'século')}|{_ranked(value)}" if value else None


def _ranked(value: int) -> str:
    """Centuries and kings are counted with ordinals up to ten."""
    return numerals.ordinal(value, _CODE) if value < 11 else numerals.cardinal(value, _CODE)


def _gender_of(word: str) -> str:
    if re.search(r"(?:[lt]?emas?|gramas?|mapas?|dias?|planetas?)$", word):
        return ""
    return (
        "f"
        if re.search(
            r"(?:as?|ções|ção|dades|dade|vezes|vez|mulher|mulheres|colher|colheres|noite|noites|parte|partes|mãe|mães|fase|fases|chave|chaves|classe|frase|frases)$",
            word,
        )
        and len(word) > 2
        else ""
    )


_TABLE: Final = Table(
    code=_CODE,
    point="vírgula",
    dot="ponto",
    minus="menos",
    to="a",
    score="a",
    months=tuple(_MONTHS),
    date=_date,
    clock=_clock,
    clock_forms=r"(?P<hour>\d{1,2})[ \u00a0]?h[ \u00a0]?(?P<minute>[0-5]\d)?(?:min)?"
    r"|(?P<hour_only>[01]?\d|2[0-4]):(?P<minute_only>[0-5]\d)(?!:?\d)",
    ruler=_ranked,
    of_currency=lambda name: f"de {name}",
    cents="e…",
    signs=pairs("""
        = | igual a
        + | mais
        × | vezes
        ⋅ | vezes
        ÷ | dividido por
        ± | mais ou menos
        < | menor que
        > | maior que
        ≤ | menor ou igual a
        ≥ | maior ou igual a
        ≠ | diferente de
        ≈ | aproximadamente
        √ | raiz de
        π | pi
        ∞ | infinito
        & | e
        % | por cento
        € | euros
        $ | dólares
        £ | libras
    """),
    fractions=pairs("""
        ½ | meio
        ¼ | um quarto
        ¾ | três quartos
        ⅓ | um terço
        ⅔ | dois terços
        1/2 | um meio
        1/3 | um terço
        2/3 | dois terços
        1/4 | um quarto
        3/4 | três quartos
    """),
    and_fraction="e",
    currencies=currencies("""
        € EUR euro euros | euro | euros | m
        c | cêntimo | cêntimos | m
        R$ BRL | real | reais | m
        c | centavo | centavos | m
        $ USD US$ | dólar | dólares | m
        c | centavo | centavos | m
        £ GBP | libra | libras | f
        p | pêni | pence | m
        CHF | franco suíço | francos suíços | m
        c | cêntimo | cêntimos | m
        ¥ JPY | iene | ienes | m
        c | sen | sen | m
    """),
    units=nouns("""
        km | quilômetro | quilômetros | m
        m | metro | metros | m
        cm | centímetro | centímetros | m
        mm | milímetro | milímetros | m
        nm | nanômetro | nanômetros | m
        km² | quilômetro quadrado | quilômetros quadrados | m
        m² | metro quadrado | metros quadrados | m
        cm² | centímetro quadrado | centímetros quadrados | m
        m³ | metro cúbico | metros cúbicos | m
        ha | hectare | hectares | m
        km/h | quilômetro por hora | quilômetros por hora | m
        m/s | metro por segundo | metros por segundo | m
        kg | quilograma | quilogramas | m
        g | grama | gramas | m
        mg | miligrama | miligramas | m
        µg μg | micrograma | microgramas | m
        t | tonelada | toneladas | f
        l L | litro | litros | m
        ml mL | mililitro | mililitros | m
        cl | centilitro | centilitros | m
        h | hora | horas | f
        min | minuto | minutos | m
        s seg | segundo | segundos | m
        ms | milissegundo | milissegundos | m
        °C ℃ | grau Celsius | graus Celsius | m
        °F ℉ | grau Fahrenheit | graus Fahrenheit | m
        x | vez | vezes | f
        ° | grau | graus | m
        % | por cento | por cento | m
        ‰ | por mil | por mil | m
        hPa | hectopascal | hectopascais | m
        mmHg | milímetro de mercúrio | milímetros de mercúrio | m
        mAh | miliampere-hora | miliamperes-hora | m
        kWh | quilowatt-hora | quilowatts-hora | m
        kW | quilowatt | quilowatts | m
        MW | megawatt | megawatts | m
        W | watt | watts | m
        V | volt | volts | m
        A | ampere | amperes | m
        Hz | hertz | hertz | m
        kHz | quilohertz | quilohertz | m
        MHz | mega-hertz | mega-hertz | m
        GHz | giga-hertz | giga-hertz | m
        KB kB | quilobyte | quilobytes | m
        MB | megabyte | megabytes | m
        GB | gigabyte | gigabytes | m
        TB | terabyte | terabytes | m
        Mbit/s Mbps | megabit por segundo | megabits por segundo | m
        kcal | quilocaloria | quilocalorias | f
        dB | decibel | decibéis | m
    """),
    per="por",
    scales=nouns("""
        k | mil | mil | n
        mi | milhão | milhões | m
        bi | bilhão | bilhões | m
        milhão milhões | milhão | milhões | m
        bilhão bilhões | bilhão | bilhões | m
        mil | mil | mil | m
    """),
    abbreviations=pairs("""
        p. ex. | por exemplo
        a. C. | antes de Cristo
        d. C. | depois de Cristo
        etc. | et cetera
        aprox. | aproximadamente
        Sr. | senhor
        Sra. | senhora
        Srta. | senhorita
        Dr. | doutor
        Dra. | doutora
        Prof. | professor
        Profa. | professora
        Eng. | engenheiro
        n.º | número
        nº | número
        Nº | número
        tel. | telefone
        cel. | celular
        D. | dom
        Av. | avenida
        pág. | página
        págs. | páginas
        máx. | máximo
        mín. | mínimo
        cap. | capítulo
        art. | artigo
        vol. | volume
    """),
    closing=frozenset({"etc.", "a. C.", "d. C."}),
    before_number=frozenset(
        {"cap.", "art.", "vol.", "máx.", "mín.", "pág.", "págs.", "tel.", "cel.", "n.º", "nº", "Nº"}
    ),
    before_name=frozenset({"D.", "Av.", "Eng.", "Prof.", "Profa."}),
    powers=("ao quadrado", "ao cubo", "elevado a"),
    weekdays={
        "seg": "segunda",
        "ter": "terça",
        "qua": "quarta",
        "qui": "quinta",
        "sex": "sexta",
        "sáb": "sábado",
        "dom": "domingo",
    },
    short_months={
        "jan": "janeiro",
        "fev": "fevereiro",
        "mar": "março",
        "abr": "abril",
        "jun": "junho",
        "jul": "julho",
        "ago": "agosto",
        "set": "setembro",
        "out": "outubro",
        "nov": "novembro",
        "dez": "dezembro",
    },
    halves={"m": "meio", "f": "meia", "n": "meio"},
    of_part="de",
    halves_after={"m": "e meio", "f": "e meia", "n": "e meio"},
    gendered=_gendered,
    gender_of=_gender_of,
)

_EXAMPLES: Final[Examples] = {
    "abbreviation": {
        "O Sr. Silva compra pão, queijo, etc.": "O senhor Silva compra pão, queijo, et cetera.",
        "p. ex. o n.º 5": "por exemplo o número cinco",
    },
    "date": {
        "em 14/03/2025": "em catorze de março de dois mil e vinte e cinco",
        "2025-03-01": "primeiro de março de dois mil e vinte e cinco",
    },
    "time of day": {
        "às 14h30 ou às 9h": "às catorze e trinta ou às nove horas",
        "às 21:05": "às vinte e uma e cinco",
    },
    "telephone number": {"+55 11 1234": "mais cinco cinco, um um, um dois três quatro"},
    "money": {
        "Custa R$ 5,99.": "Custa cinco reais e noventa e nove centavos.",
        "1.000.000 €": "um milhão de euros",
        "R$ 3,5 milhões": "três vírgula cinco milhões de reais",
        "$1": "um dólar",
        "R$ 2/mês": "dois reais por mês",
        "0,50 €": "cinquenta cêntimos",
        "2 £": "duas libras",
    },
    "quantity": {
        "10 km a 60 km/h": "dez quilômetros a sessenta quilômetros por hora",
        "1 kg e 2,5 l": "um quilograma e dois vírgula cinco litros",
        "−5 °C": "menos cinco graus Celsius",
        "10–15%": "dez a quinze por cento",
    },
    "large number": {"215 mi de pessoas": "duzentos e quinze milhões de pessoas"},
    "ruler": {"Pedro II e Luís XIV": "Pedro segundo e Luís catorze"},
    "pair": {"aberto 24/7": "aberto vinte e quatro sete"},
    "version": {"a versão 1.2.3": "a versão um ponto dois ponto três"},
    "range": {"páginas 10-12": "páginas dez a doze"},
    "score": {"3:2 no final": "três a dois no final"},
    "fraction": {"½": "meio"},
    "number": {
        "12.345 pessoas": "doze mil trezentas e quarenta e cinco pessoas",
        "3,14": "três vírgula catorze",
        "22 pessoas e 200 dias": "vinte e duas pessoas e duzentos dias",
        "em 1999": "em mil novecentos e noventa e nove",
    },
    "times, range": {"9:00-17:00": "nove horas a dezessete horas"},
    "number with a label": {
        "O código é 4829.": "O código é quatro oito dois nove.",
        "CPF 123.456.789-09": "CPF um dois três, quatro cinco seis, sete oito nove, zero nove",
    },
    "weekdays": {"Seg.–sex. 9h": "segunda a sexta nove horas"},
    "part of a thing": {
        "1/2 colher": "meia colher",
        "2½ horas": "duas horas e meia",
        "1/4 l": "um quarto de litro",
    },
    "number with a letter": {"casa 12b": "casa doze B"},
    "power": {"x² + 2^5": "x ao quadrado mais dois elevado a cinco"},
    "divided by": {"10 : 2 = 5": "dez dividido por dois igual a cinco"},
    "short month": {"em 5 de jan. de 2024": "em cinco de janeiro de dois mil e vinte e quatro"},
    "number before a power": {"2³": "dois ao cubo"},
    "times": {"3 · 4": "três vezes quatro"},
    "sign": {"5 - 3 = 2": "cinco menos três igual a dois"},
}

_OWN: Final = (
    Rule(
        "position",
        r"(?P<number>\d{1,3})(?P<ending>\.?[ºª°])(?![CF])",
        _position,
        {"o 3º andar e a 1ª vez": "o terceiro andar e a primeira vez"},
    ),
    Rule(
        "century",
        r"(?P<word>[Ss]éculos?|séc\.)[ ](?P<roman>[IVX]{1,5})",
        _century,
        {"o séc. XXI": "o século vinte e um", "o século V": "o século quinto"},
    ),
)

PORTUGUESE: Final = Language(
    code="pt",
    rules=shared_rules(_TABLE, _EXAMPLES, _OWN),
    symbols="√∞^+−=×⋅÷±<>≤≥≠≈°€$£¥%&℃℉ªº",
    never_last=never_last(_TABLE) | {"séc"},
    sometimes_last=sometimes_last(_TABLE) | frozenset({*_TABLE.weekdays, *_TABLE.short_months}),
)
