"""`python -m agent doctor`: what is installed, reachable, loadable, and how fast it is."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import AsyncIterator

from agent.commands.command_line import EXIT_FAILED, finish_async
from agent.doctor.findings import Finding, Status, fail
from agent.settings import Settings

_COLORS = {Status.OK: "32", Status.WARN: "33", Status.FAIL: "31"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The form of the report."""
    parser.add_argument("--json", action="store_true", help="a JSON list, for programs")
    parser.epilog = (
        "OK: fine. WARN: the agent runs, but something could be better. FAIL: something will not "
        "work, and the exit status is 1. What to do stands behind each. Nothing but the configured "
        "LiveKit server and LLM is contacted."
    )


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Run all checks; returns 1 when something fails."""
    return finish_async("doctor", settings, lambda: _run(settings, as_json=arguments.json))


async def _run(settings: Settings, *, as_json: bool) -> int:
    findings = []
    async for finding in _examine(settings):
        findings.append(finding)
        if not as_json:
            print(_line(finding, color=sys.stdout.isatty()), flush=True)
    if as_json:
        print(json.dumps([_as_json(finding) for finding in findings], indent=1))
    return EXIT_FAILED if any(f.status is Status.FAIL for f in findings) else 0


async def _examine(settings: Settings) -> AsyncIterator[Finding]:
    """Yield every finding as soon as it is known, quick and fundamental checks first."""
    from agent.doctor import language_model, machine, services, speech

    for look in (
        machine.check_python,
        machine.check_packages,
        machine.check_settings,
        machine.check_machine,
        machine.check_disk,
        machine.check_gpu,
        machine.check_sound,
    ):
        try:
            for finding in look(settings):
                yield finding
        except Exception as error:
            yield _unknown(look.__name__, error)
    for ask in (
        services.check_page,
        services.check_ports,
        services.check_livekit,
        services.check_llm,
        language_model.check_llm_reply,
        speech.check_speech,
    ):
        try:
            async for finding in ask(settings):
                yield finding
        except Exception as error:
            yield _unknown(ask.__name__, error)


def _unknown(check: str, error: Exception) -> Finding:
    """Run one check; if it raises, the others still run."""
    subject = check.removeprefix("check_")
    return fail(subject, f"cannot be checked: {type(error).__name__}: {error}")


def _line(finding: Finding, *, color: bool) -> str:
    status = f"{finding.status.value:<4}"
    if color:
        status = f"\x1b[{_COLORS[finding.status]}m{status}\x1b[0m"
    cure = f" -> {finding.cure}" if finding.cure else ""
    return f"{status}  {finding.subject + ':':<15} {' '.join(finding.text.split())}{cure}"


def _as_json(finding: Finding) -> dict[str, str]:
    return {
        "status": finding.status.value,
        "subject": finding.subject,
        "text": finding.text,
        "cure": finding.cure,
    }
