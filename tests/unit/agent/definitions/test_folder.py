"""Agents from a folder of files: what is read, what is refused, and who answers."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from agent.definitions.folder import AgentFolder, Agents, NoSuchAgentError
from agent.definitions.keys_file import public_agents
from agent.observability.masking import Mask
from agent.settings import Settings
from agent.tools import REGISTRY
from services.models import DEMO_VOICE

EXAMPLES = Path(__file__).parents[4] / "examples"

AGENT = """
from livekit.agents import Agent

class Hello(Agent):
    def __init__(self):
        super().__init__(instructions="Be {kind}.")
"""


def settings(folder: Path) -> Settings:
    return Settings.model_validate({"agent": {"folder": folder}})


def read(folder: Path, variables: Mapping[str, str] | None = None) -> Agents:
    return AgentFolder(settings(folder), variables or {}).read()


def problems(folder: Path, variables: Mapping[str, str] | None = None) -> list[str]:
    return [str(problem) for problem in read(folder, variables).problems]


def write(folder: Path, **files: str) -> None:
    """Write files, with the suffix after an underscore."""
    for name, text in files.items():
        stem, _, suffix = name.rpartition("_")
        file = folder / f"{stem}.{suffix}"
        file.write_text(text, encoding="utf-8")
        # Some file systems keep whole seconds only.
        moved = file.stat().st_mtime_ns + len(text) * 1_000_000_000
        os.utime(file, ns=(moved, moved))


def test_without_a_folder_the_built_in_assistant_answers(tmp_path: Path) -> None:
    agents = read(tmp_path / "agents")
    assert agents.problems == ()
    assert agents.choose("", "room").name == ""
    assert agents.choose("", "room").tools == tuple(REGISTRY.values())


def test_the_examples_can_be_used() -> None:
    agents = read(EXAMPLES)
    assert agents.problems == ()
    assert set(agents.by_name) >= {"reception", "shop", "transfer"}
    assert agents.default.name == "reception"


def test_keys_become_the_settings_of_the_conversation(tmp_path: Path) -> None:
    write(
        tmp_path,
        desk_toml="""
            greeting = "Good day."
            instructions_file = "desk.txt"
            language = "de"
            [voice]
            name = ["mine.onnx", "demo"]
            speed = 1.5
            speaker = 2
            [recogniser]
            model = "tiny.en"
            hotwords = ["Miller", "Meier"]
            [llm]
            base_url = "http://127.0.0.1:1/v1"
            model = "m"
            temperature = 0.5
            api_key_env = "DESK_KEY"
            [turn]
            max_delay_seconds = 3
            [tools]
            builtin = ["time_now"]
        """,
        desk_txt="Be {brief}.",
    )
    agents = read(tmp_path, {"DESK_KEY": "the-desk-key"})
    assert agents.problems == ()
    desk, process = agents.by_name["desk"], settings(tmp_path)
    own = desk.settings(process)
    assert (own.agent.greeting, own.agent.instructions) == ("Good day.", "Be {brief}.")
    assert own.llm.api_key.get_secret_value() == "the-desk-key"
    assert (own.llm.temperature, own.turn.max_delay_seconds) == (0.5, 3.0)
    assert own.asr.hotwords == ("Miller", "Meier")
    assert (desk.language, desk.speed, desk.speaker) == ("de", 1.5, 2)
    assert desk.voices(process) == ("mine.onnx", "demo")
    assert desk.recogniser(process) == "tiny.en"
    assert [tool.name for tool in desk.tools] == ["time_now"]
    # What the file does not name stays that of the process.
    assert own.limits == process.limits
    assert own.turn.min_delay_seconds == process.turn.min_delay_seconds


def test_the_demo_pair_serves_every_agent_where_the_settings_want_it(tmp_path: Path) -> None:
    write(tmp_path, desk_toml='[voice]\nname = "other"\n[recogniser]\nmodel = "base"')
    desk = read(tmp_path).default
    demo = Settings.model_validate({"models": {"choice": "demo"}})
    assert (desk.voices(demo), desk.recogniser(demo)) == (None, None)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('greting = "hi"', "'greting' is no key: did you mean 'greeting'?"),
        ("[voise]\nspeed = 1", "'voise' is no table: did you mean 'voice'?"),
        ("[voice]\nspede = 1", "'voice.spede' is no key: did you mean 'voice.speed'?"),
        ("voice = 3", "[voice] is a table of keys, not 3"),
        ('public = "yes"', "public = 'yes' is not allowed: set it to true or false"),
        ("[voice]\nspeed = 9", "voice.speed = 9 is not allowed: set it to a number from 0.5 to 2"),
        ("[voice]\nname = [1]", "voice.name = [1] is not allowed: set it to a text or a list of"),
        ('language = "German"', "language = 'German' is not allowed: set it to a code like en"),
        ("[turn]\nmax_delay_seconds = 0.1", "TURN_MAX_DELAY_SECONDS=0.1 is not allowed: set it"),
        ('[llm]\nbase_url = "http://a/v1"', "LLM_MODEL is not set: LLM_BASE_URL needs the name"),
        ('[llm]\napi_key_env = "NO"', "llm.api_key_env: the environment has no variable 'NO'"),
        ('[tools]\nbuiltin = ["time"]', "tools.builtin: 'time' is no built-in tool: did you mean"),
        ('[tools]\nfiles = "no.py"', "no.py: it is no file, or a link that leads nowhere"),
        ('instructions_file = "no.md"', "no.md: it is no file, or a link that leads nowhere"),
        ('name = "two words"', "name = 'two words' is not allowed: up to 64 letters"),
        ("greeting = ", "it is no TOML: Invalid value (at end of document)"),
        ("mcp = 3", "[mcp] holds a table for each server, such as [mcp.hotel]"),
        ('[mcp]\ncommand = "x"', "[mcp] holds a table for each server, such as [mcp.hotel]"),
        ('[mpc.a]\nurl = "x"', "'mpc' is no table: did you mean 'mcp'?"),
        ('[mcp.a]\ncomand = "x"', "'mcp.a.comand' is no key: did you mean 'mcp.a.command'?"),
        ("[mcp.a]\nurl = 3", "mcp.a.url = 3 is not allowed: set it to a text"),
        ('[mcp.a]\nurl = "ftp://a"', "mcp.a.url is no address like http://"),
        ("[mcp.a]", "mcp.a has no command and no url: set one of them"),
        ('[mcp.a]\ncommand = "x"\nurl = "http://a"', "mcp.a has command and url: it is one"),
        ('[mcp.a]\ncommand = "x"\ntoken_env = "X"', "token_env belongs to a server with url"),
        ('[mcp.a]\nurl = "http://a"\nenv = "X"', "mcp.a.env belongs to a server with command"),
        ('[mcp.a]\nurl = "http://a"\ntoken_env = "NO"', "token_env: the environment has no"),
        ('[mcp.a]\nurl = "http://a"\ntransport = "see"', "no transport: did you mean 'sse'?"),
        ('[mcp.a]\ncommand = "x"\ncall_seconds = 0', "set it to a number from 0.1 to 600"),
        ('[mcp."a b"]\ncommand = "x"', "mcp.a b: a name has up to 32 letters, digits"),
    ],
)
def test_a_wrong_key_is_one_line_with_the_right_one(tmp_path: Path, text: str, line: str) -> None:
    write(tmp_path, desk_toml=text)
    (problem,) = problems(tmp_path)
    assert line in problem
    assert "\n" not in problem
    assert read(tmp_path).by_name == {}


def test_the_servers_of_an_agent_are_read_with_their_secrets(tmp_path: Path) -> None:
    write(
        tmp_path,
        desk_toml="""
            [mcp.rooms]
            command = ["python", "rooms.py"]
            env = ["ROOMS_PASSWORD"]
            tools = "free_rooms"
            call_seconds = 3
            [mcp.orders]
            url = "https://orders.example/mcp"
            token_env = "ORDERS_TOKEN"
            headers_env = {X-Desk = "DESK"}
            [mcp.older]
            url = "https://orders.example/sse"
        """,
    )
    variables = {"ROOMS_PASSWORD": "password-1", "ORDERS_TOKEN": "token-123", "DESK": "desk-12345"}
    desk = read(tmp_path, variables).default
    rooms, orders, older = desk.servers
    assert (rooms.transport, rooms.command, rooms.folder) == (
        "stdio",
        ("python", "rooms.py"),
        tmp_path,
    )
    assert (rooms.tools, rooms.start_seconds, rooms.call_seconds) == (("free_rooms",), 10.0, 3)
    assert rooms.env["ROOMS_PASSWORD"].get_secret_value() == "password-1"
    headers = {name: value.get_secret_value() for name, value in orders.headers.items()}
    assert headers == {"Authorization": "Bearer token-123", "X-Desk": "desk-12345"}
    assert (orders.transport, older.transport) == ("streamable_http", "sse")
    assert not any(secret in repr(desk) for secret in variables.values())
    mask = Mask()
    assert mask("password-1 Bearer token-123 desk-12345") == "*** Bearer *** ***"


def test_a_secret_in_place_of_a_variables_name_is_not_repeated(tmp_path: Path) -> None:
    write(tmp_path, desk_toml='[mcp.a]\nurl = "http://a"\ntoken_env = "sk-123-secret"')
    assert problems(tmp_path) == [
        "desk.toml: mcp.a.token_env takes the names of environment variables, not values"
    ]


def test_a_detector_that_the_worker_does_not_load_is_told(tmp_path: Path) -> None:
    write(tmp_path, desk_toml='[turn]\ndetection = "acoustic"')
    assert problems(tmp_path) == []
    fast = Settings.model_validate({"agent": {"folder": tmp_path}, "turn": {"detection": "fast"}})
    (problem,) = AgentFolder(fast, {}).read().problems
    assert str(problem) == "desk.toml: turn.detection = 'acoustic' needs TURN_DETECTION=acoustic"


def test_every_problem_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    write(tmp_path, desk_toml='greting = "hi"\npublic = 1\n[voice]\nspede = 2')
    assert len(problems(tmp_path)) == 3


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = (", "line 1: '(' was never closed"),
        ("import no_such_package", "it needs the Python package 'no_such_package'"),
        ("\nraise ValueError('no luck')", "line 2: it raises ValueError: no luck"),
        ("raise SystemExit(3)", "line 1: it raises SystemExit: 3"),
        ("class Hello: pass", "it defines no class of livekit.agents.Agent"),
        (AGENT + AGENT.replace("Hello", "Bye"), "it defines several agents: say which one answers"),
        (AGENT + "\nagent = Hello()", "`agent` is an agent already: let it be the class"),
        (AGENT + "\nagent = lambda: 3", "`agent` makes int, which is no agent"),
        (AGENT.replace("(self)", "(self, name)"), "it raises TypeError: Hello.__init__() missing"),
        (
            AGENT.replace('kind}."', 'kind}.", stt="deepgram/nova-3"'),
            "delete its stt= and tts= lines, as speech comes from this worker",
        ),
    ],
)
def test_a_python_file_that_cannot_be_used_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, line: str
) -> None:
    for name in ("LIVEKIT_API_KEY", "LIVEKIT_INFERENCE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    write(tmp_path, desk_py=text)
    (problem,) = problems(tmp_path)
    assert problem.startswith("desk.py: ")
    assert line in problem
    assert "\n" not in problem


@pytest.mark.parametrize("suffix", ["toml", "py"])
def test_files_that_are_no_text_are_one_line_each(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"binary.{suffix}").write_bytes(bytes(range(256)))
    (tmp_path / f"loop.{suffix}").symlink_to(f"loop.{suffix}")
    (tmp_path / f"folder.{suffix}").mkdir()
    (tmp_path / f"large.{suffix}").write_bytes(b"#" * 2_000_000)
    (tmp_path / f"null.{suffix}").write_bytes(b'x = "\0"')
    assert problems(tmp_path) == [
        f"binary.{suffix}: it is no text in UTF-8",
        f"folder.{suffix}: it is no file, or a link that leads nowhere",
        f"large.{suffix}: it is larger than 1000 kB",
        f"loop.{suffix}: it is no file, or a link that leads nowhere",
        f"null.{suffix}: it is no text: it contains a null character",
    ]


def test_the_password_of_an_address_is_in_no_problem(tmp_path: Path) -> None:
    write(tmp_path, desk_toml='[llm]\nbase_url = "ftp://me:hunter2@host/v1"')
    (problem,) = problems(tmp_path)
    assert problem.startswith("desk.toml: llm.base_url = 'ftp://***@host/v1' is not allowed")


def test_a_broken_file_costs_only_its_own_agent(tmp_path: Path) -> None:
    write(tmp_path, good_toml="", bad_toml="x = ", worse_py="1 / 0")
    agents = read(tmp_path)
    assert list(agents.by_name) == ["good"]
    assert len(agents.problems) == 2


def test_two_of_one_name_and_two_defaults_are_a_line_each(tmp_path: Path) -> None:
    write(
        tmp_path,
        a_toml="default = true",
        b_toml='name = "a"',
        c_toml="default = true",
    )
    assert problems(tmp_path) == [
        "b.toml: a.toml is named 'a' too: give one of them another name",
        "c.toml: a.toml is the default too: only one agent can be",
    ]


def test_who_answers_is_asked_for_or_goes_by_the_room_or_is_the_default(tmp_path: Path) -> None:
    write(
        tmp_path,
        desk_toml="default = true",
        sales_toml='rooms = ["sales-*", "shop"]',
        other_toml="",
    )
    agents = read(tmp_path)
    assert agents.choose("other", "sales-1").name == "other"
    assert agents.choose("", "sales-1").name == "sales"
    assert agents.choose("", "shop").name == "sales"
    assert agents.choose("", "shopping").name == "desk"
    with pytest.raises(NoSuchAgentError, match=r"^There is no agent named nobody\x20here\.$"):
        agents.choose("no\nbody", "sales-1")


def test_of_several_agents_without_a_default_the_built_in_assistant_is(tmp_path: Path) -> None:
    write(tmp_path, desk_toml="")
    assert read(tmp_path).default.name == "desk"
    write(tmp_path, sales_toml="")
    assert read(tmp_path).default.name == ""


def test_python_and_toml_of_one_name_are_one_agent(tmp_path: Path) -> None:
    write(
        tmp_path,
        desk_py=AGENT,
        desk_toml='public = true\ntitle = "Desk"\n[voice]\nspeed = 0.9\n[tools]\nbuiltin = true',
    )
    agents = read(tmp_path)
    assert agents.problems == ()
    (desk,) = agents.by_name.values()
    assert desk.make is not None
    assert desk.make().instructions == "Be {kind}."
    assert (desk.title, desk.public, desk.speed) == ("Desk", True, 0.9)
    assert "time_now" in {tool.name for tool in desk.tools}
    write(tmp_path, desk_toml='greeting = "Hello."')
    assert problems(tmp_path) == [
        "desk.toml: greeting belongs to the agent in desk.py: delete it here"
    ]


def test_what_the_page_offers_is_read_without_running_code(tmp_path: Path) -> None:
    write(
        tmp_path,
        desk_py="raise SystemExit('was run')",
        desk_toml='public = true\ntitle = "Desk"',
        quiet_toml="",
        wrong_toml='public = "yes"',
    )
    assert public_agents(settings(tmp_path)) == [("desk", "Desk")]


def test_a_hosted_agent_answers_with_the_class_that_its_session_starts_with(
    tmp_path: Path,
) -> None:
    second = AGENT.replace("Hello", "First").replace("{kind}", "first")
    session = (
        "\nasync def entrypoint(ctx):\n"
        "    await AgentSession(llm='x').start(agent=First(), room=ctx.room)\n"
    )
    write(tmp_path, desk_py=AGENT + second + session)
    make = read(tmp_path).default.make
    assert make is not None
    assert make().instructions == "Be first."


def test_tools_of_a_file_are_its_agents_alone(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    write(
        tools,
        luck_py=(
            'from agent.tools import tool\n\n@tool()\ndef lucky(name: str) -> str:\n    """Say."""'
        ),
    )
    write(tmp_path, desk_toml='[tools]\nfiles = ["tools/luck.py"]', other_toml="")
    agents = read(tmp_path)
    assert "lucky" in {tool.name for tool in agents.by_name["desk"].tools}
    assert "lucky" not in {tool.name for tool in agents.by_name["other"].tools}
    assert "lucky" not in REGISTRY


def test_a_tool_file_beside_the_agents_is_no_agent(tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "tools" / "opening_hours.py", tmp_path)
    write(tmp_path, desk_toml='[tools]\nfiles = "opening_hours.py"')
    assert list(read(tmp_path).by_name) == ["desk"]
    assert problems(tmp_path) == []


@pytest.mark.parametrize(
    ("function", "line"),
    [
        ("def lucky(name: str) -> str:\n    return name", "lucky has no docstring"),
        ('def lucky(name) -> str:\n    """Say."""', "the parameter 'name' of lucky has no type"),
        ('def time_now() -> str:\n    """Say."""', "there are two tools named 'time_now'"),
    ],
)
def test_a_tool_that_the_model_cannot_use_is_one_line(
    tmp_path: Path, function: str, line: str
) -> None:
    write(
        tmp_path,
        luck_py=f"from agent.tools import tool\n\n@tool()\n{function}",
        desk_toml='[tools]\nfiles = "luck.py"',
    )
    (problem,) = problems(tmp_path)
    assert line in problem


def test_an_edit_counts_and_a_broken_one_keeps_the_last_good_one(tmp_path: Path) -> None:
    write(tmp_path, desk_toml='greeting = "One."', talk_py=AGENT)
    folder = AgentFolder(settings(tmp_path), {})
    process = settings(tmp_path)

    def greeting() -> str:
        return folder.read().by_name["desk"].settings(process).agent.greeting

    def instructions() -> str:
        make = folder.read().by_name["talk"].make
        assert make is not None
        return str(make().instructions)

    assert greeting() == "One."
    kept = folder.agents.by_name["talk"]
    write(tmp_path, desk_toml='greeting = "Two, longer."')
    assert greeting() == "Two, longer."
    assert folder.agents.by_name["talk"] is kept
    write(tmp_path, desk_toml='greeting = "Three, which is broken.')
    assert greeting() == "Two, longer."
    (problem,) = folder.agents.problems
    assert str(problem).endswith("(calls still get what it was before)")
    write(tmp_path, desk_toml='greeting = "Four, which is well again."')
    assert greeting() == "Four, which is well again."
    assert folder.agents.problems == ()
    write(tmp_path, talk_py=AGENT.replace("{kind}", "kinder"))
    assert instructions() == "Be kinder."
    write(tmp_path, talk_py=AGENT + "\n1 / 0  # a broken edit\n")
    assert instructions() == "Be kinder."
    (tmp_path / "desk.toml").unlink()
    assert "desk" not in folder.read().by_name


def test_a_tool_file_that_is_mended_counts_though_its_agent_never_worked(tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "tools" / "opening_hours.py", tmp_path / "hours.py")
    good = (tmp_path / "hours.py").read_text()
    write(tmp_path, hours_py="1 / 0", desk_toml='[tools]\nfiles = "hours.py"')
    folder = AgentFolder(settings(tmp_path), {})
    assert len(folder.read().problems) == 1
    write(tmp_path, hours_py=good)
    assert folder.read().problems == ()
    assert "desk" in folder.agents.by_name


def test_a_missing_voice_is_told_by_the_check_alone(tmp_path: Path) -> None:
    from agent.definitions.models import model_problems

    write(
        tmp_path,
        desk_toml='[voice]\nname = "en_US-jo-medium"',
        loud_toml='[voice]\nname = "demo"\nspeaker = 3',
    )
    agents = read(tmp_path)
    assert agents.problems == ()
    first, second = (str(problem) for problem in model_problems(agents, settings(tmp_path)))
    assert first.startswith("desk.toml: voice.name: ")
    assert second == (
        f"loud.toml: voice.speaker = 3 is not allowed: {DEMO_VOICE.name} has the speakers 0 to 0"
    )
