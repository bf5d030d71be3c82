"""`python -m agent api-keys`: makes, lists and revokes keys of the audio API."""

from __future__ import annotations

import argparse
from typing import Any

from agent.commands.command_line import EXIT_USAGE, CommandError, finish
from agent.settings import Settings

_LIMITS = {
    "requests-per-minute": (int, "how many requests it may make in a minute"),
    "requests-at-once": (int, "how many of its requests are worked on at once"),
    "max-mb": (int, "largest file, in MB"),
    "max-seconds": (float, "longest audio, in seconds"),
    "max-characters": (int, "longest text to speak"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do with which key."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="make a key and print it, once")
    add.add_argument("name", metavar="NAME", help="who will use it, such as open-webui")
    for limit, (kind, text) in _LIMITS.items():
        add.add_argument(f"--{limit}", type=kind, metavar="N", help=text)
    actions.add_parser("list", help="list the keys and their limits")
    remove = actions.add_parser("remove", help="revoke a key; workers need no restart")
    remove.add_argument("name", metavar="NAME")
    parser.epilog = (
        "The keys are in API_KEYS_FILE, as hashes. The limits of a key lower those of the "
        "settings; only its rate may be higher."
    )


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Change or show the file of keys."""
    return finish("api-keys", settings, lambda: _run(arguments, settings))


def _run(arguments: argparse.Namespace, settings: Settings) -> int:
    from services.web.audio_api.api_keys import ApiKeyFile, ApiKeysError

    file = ApiKeyFile(settings.api.keys_file)
    try:
        if arguments.action == "add":
            print(file.add(arguments.name, **_limits(arguments)))
        elif arguments.action == "remove":
            file.remove(arguments.name)
        else:
            for key in file.read():
                limits = key.model_dump(exclude={"name", "sha256", "created"}, exclude_none=True)
                told = [f"{name.replace('_', ' ')} {value:g}" for name, value in limits.items()]
                print("  ".join([key.name, key.created, *told]))
    except ApiKeysError as error:
        raise CommandError(str(error)) from error
    return 0


def _limits(arguments: argparse.Namespace) -> dict[str, Any]:
    names = [limit.replace("-", "_") for limit in _LIMITS]
    limits = {name: getattr(arguments, name) for name in names}
    for name, value in limits.items():
        if value is not None and not 0 < value < float("inf"):
            raise CommandError(f"--{name.replace('_', '-')} must be more than 0", status=EXIT_USAGE)
    return limits
