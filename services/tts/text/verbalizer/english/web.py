"""Addresses on the network, files, hashtags and code in English."""

from __future__ import annotations

import re
from typing import Final

from ..rule import Rule
from .words import cardinal, digits, in_pairs, letters, spelled

_SPOKEN_ENDINGS: Final = frozenset(
    "com org net edu gov info biz dev app xyz shop store blog online site tech cloud example"
    " invalid test local".split()
)
_ENDINGS: Final = (
    r"(?:com|org|net|edu|gov|info|biz|dev|app|xyz|shop|store|blog|online|site|tech|cloud|io|ai|co|me"
    r"|tv|uk|de|fr|es|it|nl|pt|eu|ch|at|be|ca|us|au|in|jp|cn|ru|br|mx|se|no|dk|fi|pl|ie|nz|example"
    r"|local|fm|ly|gg|to)"
)
_EXTENSIONS: Final = {
    **{
        e: letters(e)
        for e in (
            "pdf txt csv html htm css js ts jsx tsx py rb rs cpp h xml sql md mp3 mp4 wav mov"
            " avi png  jpg gz rtf docx xlsx pptx doc xls ppt svg exe dll sh php iso log db cfg"
            " ini env apk dmg bmp ics  epub webp webm ogg flac yml"
        ).split()
    },
    "json": "jason",
    "yaml": "yamel",
    "toml": "tomel",
    "zip": "zip",
    "gif": "gif",
    "jpeg": "jay peg",
    "java": "java",
    "go": "go",
    "swift": "swift",
    "log": "log",
    "bat": "bat",
    "tar": "tar",
    "lock": "lock",
    "mp3": "M.P three",
    "mp4": "M.P four",
    "docx": "doc X",
    "doc": "doc",
    "png": "P.N.G",
    "ini": "I.N.I",
    "env": "env",
    "exe": "E.X.E",
    "conf": "conf",
    "bin": "bin",
    "rst": "R.S.T",
    "ipynb": "I.P.Y.N.B",
    "c": "C",
    "h": "H",
    "cs": "C.S",
    "kt": "K.T",
    "vue": "vue",
    "onnx": "onnx",
}
_EXTENSION = "(?:" + "|".join(sorted(_EXTENSIONS, key=len, reverse=True)) + ")"
_MARKS: Final = {
    ".": "dot",
    "@": "at",
    "-": "dash",
    "_": "underscore",
    "+": "plus",
    "/": "slash",
    "\\": "backslash",
    ":": "colon",
    "~": "tilde",
    "#": "hash",
    "?": "question mark",
    "=": "equals",
    "&": "and",
    "%": "percent",
    "*": "star",
    "$": "dollar",
}
_LOWER_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def spelled_out(text: str) -> str:
    """Return an address in words, with the names of its marks."""
    words = []
    for part in re.findall(r"[A-Za-z]+|\d+|\S", text):
        if part.isdecimal():
            words.append(digits(part) if len(part) > 2 or part[0] == "0" else cardinal(int(part)))
        elif part in _MARKS:
            words.append(_MARKS[part])
        elif part.isalpha():
            words.append(_name(part))
        else:
            words.append(part)
    return " ".join(words)


def _name(part: str) -> str:
    part = _LOWER_CAMEL.sub(" ", part)
    if part.isalpha() and len(part) <= 4 and not re.search(r"[aeiouyAEIOUY]", part):
        return letters(part) if len(part) > 1 else part
    return part


def _host(text: str) -> str:
    head, _, ending = text.rpartition(".")
    last = ending if ending in _SPOKEN_ENDINGS else letters(ending)
    if ending == "co":
        last = "co"
    head_words = re.sub(r"\bco dot$", "co dot", spelled_out(head + "."))
    return f"{head_words} {last}"


def _mail(match: re.Match[str]) -> str:
    return f"{spelled_out(match['user'])} at {_host(match['host'])}"


def _site(match: re.Match[str]) -> str | None:
    words = _host(match["host"]) if match["host"] else "localhost"
    if port := match["port"] or (match["named_port"] or "")[1:]:
        words += f" port {in_pairs(port) if len(port) < 5 else digits(port)}"
    path = (match["path"] or match["rest"] or "").rstrip("/")
    return f"{words} {spelled_out(path)}" if path else words


def _file(match: re.Match[str]) -> str | None:
    name = match["name"]
    if not name:
        return f"dot {_EXTENSIONS[match['extension']]}"
    return f"{spelled_out(name)} dot {_EXTENSIONS[match['extension']]}"


def _path(match: re.Match[str]) -> str | None:
    return spelled_out(match.group())


def _tag(match: re.Match[str]) -> str:
    name = re.sub(
        r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_|(?<=\D)(?=\d)", " ", match["tag"]
    )
    words = " ".join(
        cardinal(int(w)) if w.isdecimal() and len(w) < 4 else digits(w) if w.isdecimal() else w
        for w in name.split()
    )
    return f"hashtag {words}"


def _mention(match: re.Match[str]) -> str | None:
    return f"at {spelled_out(match['user'])}"


def _identifier(match: re.Match[str]) -> str:
    words = _LOWER_CAMEL.sub(" ", match.group().replace("_", " "))
    return " ".join(
        cardinal(int(w)) if w.isdecimal() and len(w) < 4 else digits(w) if w.isdecimal() else w
        for w in re.findall(r"\d+|[^\W\d]+", words)
    )


WEB: Final = (
    Rule(
        "e-mail address",
        r"(?P<user>[A-Za-z0-9][\w.+-]{0,63})@(?P<host>[A-Za-z0-9][\w-]{0,62}"
        r"(?:\.[A-Za-z][\w-]{1,62}){1,4})",
        _mail,
        {
            "Write to john.smith@example.com.": "Write to john dot smith at example dot com.",
            "info_42@my-shop.co.uk": "info underscore forty two at my dash shop dot co dot U.K",
        },
    ),
    Rule(
        "file",
        rf"(?P<name>[\w-]{{1,60}}(?:\.[\w-]{{1,20}}){{0,2}})\.(?P<extension>{_EXTENSION})\b"
        r"(?![/@.]\w)",
        lambda m: None if re.fullmatch(r"\d+", m["name"]) else _file(m),
        {
            "Open report_v2.pdf.": "Open report underscore v two dot P.D.F.",
            "main.py and data-2024.csv": "main dot P.Y and data dash two zero two four dot C.S.V",
        },
    ),
    Rule(
        "network address",
        rf"(?P<host>(?:[A-Za-z0-9][A-Za-z0-9-]{{0,62}}\.){{1,4}}{_ENDINGS})\b(?P<named_port>:\d{{2,5}})?(?P<path>(?:/[\w.~%-]{{0,40}})"
        r"{1,5}(?<![.]))?(?![\w@])|(?P<local>localhost):(?P<port>\d{2,5})(?P<rest>(?:/[\w.~%-]{1,40}){1,5}(?<![.]))?",
        _site,
        {
            "Visit example.com.": "Visit example dot com.",
            "docs.python.org/3": "docs dot python dot org slash three",
            "openai.io": "openai dot I.O",
            "localhost:8080/admin": "localhost port eighty eighty slash admin",
        },
    ),
    Rule(
        "path",
        r"\.{1,2}/[\w./-]{1,80}(?<!\.)|(?:~|\.{1,2}|(?<![\w)]))(?:/[\w.@-]{1,40}){2,12}/?(?<!\.)|[A-Z]:\\[\w\\.-]{1,100}(?<!\.)|~/[\w./-]{1,80}(?<!\.)",
        _path,
        {
            "in /etc/hosts now": "in slash etc slash hosts now",
            "~/notes": "tilde slash notes",
            "180C/350F/gas 4": "one hundred and eighty degrees Celsius slash three hundred and"
            " fifty"
            " degrees Fahrenheit slash gas four",
            "./run.sh": "dot slash run dot S.H",
        },
    ),
    Rule(
        "colour",
        r"\#(?=[A-Fa-f]*\d)[0-9A-Fa-f]{6}",
        lambda m: f"hash {spelled(m.group()[1:])}",
        {"#FF5733": "hash F F five seven three three"},
        inside=True,
    ),
    Rule(
        "hashtag",
        r"(?<![A-Za-z])\#(?P<tag>[A-Za-z_]\w{1,60})",
        _tag,
        {"#OpenSource rocks": "hashtag Open Source rocks"},
        inside=True,
    ),
    Rule(
        "mention",
        r"(?<!\w)@(?P<user>[A-Za-z_][\w.]{1,40}(?<!\.))",
        _mention,
        {"Ask @jane_doe about it.": "Ask at jane underscore doe about it."},
        inside=True,
    ),
    Rule(
        "at a price",
        r"@",
        "at",
        {"2 @ $3": "two at three dollars"},
        inside=True,
    ),
    Rule(
        "identifier",
        r"[A-Za-z]\w{0,40}_\w{1,40}",
        _identifier,
        {"max_tokens": "max tokens", "set_timer_2": "set timer two"},
    ),
)
