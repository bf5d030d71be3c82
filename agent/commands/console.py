"""`python -m agent console`: a conversation with the agent here, without a server."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agent.commands.command_line import (
    EXIT_USAGE,
    CommandError,
    complain,
    finish_async,
    until_stopped,
)
from agent.settings import Settings
from services.program import program

if TYPE_CHECKING:
    from agent.definitions.definition import AgentDefinition


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the choice between speaking and typing."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--text", action="store_true", help="type and read, or use it in a pipe; no models needed"
    )
    parser.add_argument(
        "--agent", default="", metavar="NAME", help="one of AGENTS_DIR; without: the default one"
    )
    parser.epilog = (
        "Without --text it uses the microphone and the speaker of this machine.\n"
        "Ctrl-C ends it, and with --text Ctrl-D or the end of the input.\n"
        "\n"
        "example:\n"
        f'  echo "what is six times seven" | {program()} console --text'
    )


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Converse until one side ends it."""
    return finish_async(
        "console", settings, lambda: _run(settings, text=arguments.text, name=arguments.agent)
    )


async def _run(settings: Settings, *, text: bool, name: str) -> int:
    definition = await asyncio.to_thread(_agent, settings, name)
    settings = definition.settings(settings)
    converse = _converse_in_text if text else _converse_aloud
    work = converse(settings, definition)
    await until_stopped(work, end_seconds=settings.lifecycle.shutdown_seconds)
    return 0


def _agent(settings: Settings, name: str) -> AgentDefinition:
    """Return the agent of that name, or the default one; raises CommandError."""
    from agent.definitions.folder import AgentFolder, NoSuchAgentError
    from agent.settings.environment import read_variables

    agents = AgentFolder(settings, read_variables(Path(".env"))).read()
    for problem in agents.problems:
        complain("console", str(problem))
    try:
        return agents.choose(name, room="")
    except NoSuchAgentError as error:
        raise CommandError(str(error), status=EXIT_USAGE) from error


async def _converse_in_text(settings: Settings, definition: AgentDefinition) -> None:
    if sys.stdin is None:
        raise CommandError("there is no standard input to read from")
    from agent.console.text import converse_in_text
    from agent.runtime.language_models import language_models, wake_language_model

    models = language_models(settings)
    wake_language_model(models, settings)
    try:
        await converse_in_text(settings, models.build, sys.stdin, sys.stdout, definition)
    finally:
        await models.aclose()


async def _converse_aloud(settings: Settings, definition: AgentDefinition) -> None:
    from agent.console.devices import SoundDeviceError, open_devices, sound_library

    try:
        # Fail before any model is loaded.
        sound_library()
    except SoundDeviceError as error:
        raise CommandError(str(error)) from error

    from agent.console.audio import Microphone, Speaker
    from agent.console.text import Replies
    from agent.console.voice import converse_aloud
    from agent.runtime.engines import engine_config
    from agent.runtime.language_models import language_models, wake_language_model
    from services.asr.config import ASRLoadError
    from services.models import ModelError
    from services.shared.engines import SharedEngines
    from services.tts.engine import TTSLoadError
    from services.vad.silero import VoiceActivityLoadError

    microphone, speaker = Microphone(), Speaker()
    speech = SharedEngines(engine_config(settings))
    models = language_models(settings)
    wake_language_model(models, settings)
    try:
        await speech.prewarm(
            speech.recogniser(definition.recogniser(settings)),
            speech.voice(definition.voices(settings)),
        )
        for notice in speech.notices:
            complain("console", notice)
        with open_devices(microphone, speaker) as devices:
            print(f"Microphone: {devices.microphone}. Speaker: {devices.speaker}. Ctrl-C ends it.")
            await converse_aloud(
                settings,
                speech,
                models.build,
                microphone=microphone,
                speaker=speaker,
                replies=Replies(sys.stdout, on_closed=_nobody_reads, marked=True),
                definition=definition,
            )
    except (
        ModelError,
        ASRLoadError,
        TTSLoadError,
        VoiceActivityLoadError,
        SoundDeviceError,
    ) as error:
        raise CommandError(str(error)) from error
    finally:
        await models.aclose()
        await asyncio.get_running_loop().run_in_executor(None, speech.close)


def _nobody_reads() -> None:
    """Go on without a reader: the conversation is spoken."""
