"""What is said of an answer, in whatever pieces it comes: no reasoning, no marks, no calls."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agent.llm.calls import KnownTools
from agent.llm.filters import MarksFilter, ReasoningFilter, ReplyFilter
from agent.tools import RoomState, Toolbox

LONGEST_PIECE = 200

Calls = list[tuple[str, dict[str, object]]]


@pytest.fixture(scope="module")
def tools() -> KnownTools:
    return KnownTools(Toolbox(RoomState()).function_tools)


def chunkings(text: str) -> Iterator[list[str]]:
    """The text whole, in equal pieces of every small size, and cut in two at every place."""
    yield [text]
    for size in (1, 2, 3, 5, 7, 11, 16, 40):
        yield [text[at : at + size] for at in range(0, len(text), size)]
    for at in range(1, len(text)):
        yield [text[:at], text[at:]]


def heard(chunks: list[str], tools: KnownTools) -> tuple[str, Calls]:
    reply = ReplyFilter(tools)
    said = "".join([reply.push(chunk) for chunk in chunks]) + reply.finish()
    return said.strip(), [(call.name, dict(call.arguments)) for call in reply.calls]


REASONING = [
    "<think>The user wants the time, so I say five.</think>It is five.",
    "<thinking>The user wants the time.</thinking>It is five.",
    "<reasoning>The user wants the time.</reasoning> It is five.",
    "<THINK>Hmm.</THINK>\n\nIt is five.",
    "<think >Hmm.</think >It is five.",
    '<thought id="1">Hmm, 3 < 4 and 5 > 4.</thought>It is five.',
    "<antThinking>Hmm.</antThinking>It is five.",
    "<seed:think>Hmm.</seed:think>It is five.",
    "<|begin_of_thought|>Hmm.<|end_of_thought|>It is five.",
    "<|START_THINKING|>Hmm.<|END_THINKING|><|START_RESPONSE|>It is five.<|END_RESPONSE|>",
    "[THINK]Hmm.[/THINK]It is five.",
    "◁think▷Hmm.◁/think▷It is five.",
    "<inner_monologue>Hmm.</inner_monologue>It is five.",
    '<details type="reasoning" done="true"><summary>Thought</summary>Hmm.</details>It is five.',
    "<think>One.</think><think>Two.</think>It is five.",
    "<think>Outer <think>inner</think> outer</think>It is five.",
    "<think>I must not write <think> in my answer.</think>It is five.",
    "<|channel|>analysis<|message|>We say five.<|end|><|start|>assistant<|channel|>final"
    "<|message|>It is five.<|return|>",
    "<|channel>thought\nHmm.<channel|>It is five.",
    "<think></think>It is five.",
    "<think/>It is five.",
    "<analysis>Hmm.</analysis><answer>It is five.</answer>",
]


@pytest.mark.parametrize("answer", REASONING)
def test_reasoning_is_not_said_in_whatever_pieces_it_comes(answer: str, tools: KnownTools) -> None:
    for chunks in chunkings(answer):
        assert heard(chunks, tools) == ("It is five.", []), chunks


def test_reasoning_in_the_middle_and_at_the_end_is_not_said(tools: KnownTools) -> None:
    answer = "It is <think>let me see</think>five. <reasoning>And now"
    for chunks in chunkings(answer):
        assert heard(chunks, tools)[0] == "It is five.", chunks


def test_nothing_but_reasoning_is_nothing(tools: KnownTools) -> None:
    assert heard(["<think>Hmm, nothing", " to say"], tools) == ("", [])


def test_an_end_without_a_beginning_takes_what_was_not_passed_on_yet() -> None:
    reasoning = ReasoningFilter()
    assert reasoning.push("The user wants the time.\n</think>\n\nIt is five.") == "\n\nIt is five."
    assert reasoning.found_end_alone


def test_where_answers_begin_with_reasoning_nothing_is_passed_on_before_its_end() -> None:
    answer = "The user wants the time.\n</think>\n\nIt is five."
    for chunks in chunkings(answer):
        reasoning = ReasoningFilter(begins_inside=True)
        said = "".join([reasoning.push(chunk) for chunk in chunks]) + reasoning.finish()
        assert said.strip() == "It is five.", chunks


def test_an_answer_that_did_not_reason_for_once_is_passed_on_at_its_end() -> None:
    reasoning = ReasoningFilter(begins_inside=True)
    assert reasoning.push("It is five.") == ""
    assert reasoning.finish() == "It is five."


MARKS = [
    "It is five.<|im_end|>\n<|im_start|>user\nthanks",
    "It is five.<|eot_id|>",
    "It is five.</s>",
    "It is five.<end_of_turn>\n<start_of_turn>user\nThanks<end_of_turn>",
    "It is five.<｜end▁of▁sentence｜>",
    "<|im_start|>assistant\nIt is five.<|im_end|>",
    "<|start_header_id|>assistant<|end_header_id|>\n\nIt is five.<|eot_id|>",
    "<s>[INST] [/INST] It is five.</s>",
    "It is five. [INST] And tomorrow? [/INST] Six.",
    "It is five.<|user|>And now?<|assistant|>Six.",
    "<bos>It is five.<eos>",
    "<|endoftext|>It is five.<|endoftext|>Once upon a time",
    "Assistant: It is five.\nUser: thanks\nAssistant: You are welcome.",
    "It is five.\nHuman: thanks",
    "It is five.\n### Instruction:\nSay more.",
    "<|turn>model\nIt is five.<turn|>",
    "It is five.<|start_of_role|>user<|end_of_role|>thanks",
    "It is five.<unused12>",
]


@pytest.mark.parametrize("answer", MARKS)
def test_marks_of_templates_are_dropped_in_whatever_pieces_they_come(
    answer: str, tools: KnownTools
) -> None:
    for chunks in chunkings(answer):
        assert heard(chunks, tools) == ("It is five.", []), chunks


def test_after_the_end_of_its_turn_nothing_is_passed_on() -> None:
    marks = MarksFilter()
    assert marks.push("It is five.<|im_end|>") == "It is five."
    assert marks.ended
    assert marks.push("It is six.") + marks.finish() == ""


TIME: Calls = [("time_now", {})]
TIMER: Calls = [("set_timer", {"when": "five minutes"})]
CALLS = [
    ('{"name": "time_now", "parameters": {}}', TIME),
    ('{"name": "set_timer", "arguments": {"when": "five minutes"}}', TIMER),
    ('{"name": "set_timer", "arguments": "{\\"when\\": \\"five minutes\\"}"}', TIMER),
    ('{"type": "function", "function": {"name": "time_now", "arguments": {}}}', TIME),
    ('{"type": "function", "name": "time_now", "parameters": {}}', TIME),
    ('{"tool_calls": [{"name": "time_now", "arguments": {}}]}', TIME),
    ('{"tool": "set_timer", "tool_input": {"when": "five minutes"}}', TIMER),
    ('{"name": "functions.set_timer", "args": {"when": "five minutes"}}', TIMER),
    ('{"set_timer": {"when": "five minutes"}}', TIMER),
    ('{"name": "set_timer", "when": "five minutes"}', TIMER),
    ('[{"name": "time_now", "arguments": {}}, {"name": "time_now", "arguments": {}}]', TIME * 2),
    ('```json\n{"name": "time_now", "arguments": {}}\n```', TIME),
    ('<tool_call>\n{"name": "time_now", "arguments": {}}\n</tool_call>', TIME),
    (
        '<tool_call>{"name": "time_now"}</tool_call>\n<tool_call>{"name": "time_now"}</tool_call>',
        TIME * 2,
    ),
    ('<tool_call>{"name": "time_now", "arguments": {}}', TIME),
    ('<function_call>{"name": "time_now", "arguments": {}}</function_call>', TIME),
    ('<function=set_timer>{"when": "five minutes"}</function>', TIMER),
    (
        "<tool_call>\n<function=set_timer>\n<parameter=when>\nfive minutes\n</parameter>\n"
        "</function>\n</tool_call>",
        TIMER,
    ),
    (
        '<function_calls><invoke name="set_timer"><parameter name="when">five minutes</parameter>'
        "</invoke></function_calls>",
        TIMER,
    ),
    ('[TOOL_CALLS][{"name": "time_now", "arguments": {}}]', TIME),
    ('[TOOL_CALLS]set_timer[ARGS]{"when": "five minutes"}', TIMER),
    ("<|python_tag|>time_now()", TIME),
    ('<|python_tag|>{"name": "time_now", "parameters": {}}<|eom_id|>', TIME),
    ('<|tool_call_start|>[set_timer(when="five minutes")]<|tool_call_end|>', TIMER),
    ('<|tool_call|>[{"name": "time_now", "arguments": {}}]<|/tool_call|>', TIME),
    (
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>time_now\n```json\n{}\n```"
        "<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        TIME,
    ),
    (
        "<|channel|>commentary to=functions.set_timer <|constrain|>json<|message|>"
        '{"when": "five minutes"}<|call|>',
        TIMER,
    ),
    ("time_now()", TIME),
    ("set_timer('five minutes')", TIMER),
    ('set_timer(when="five minutes")', TIMER),
    ('[time_now(), set_timer(when="five minutes")]', TIME + TIMER),
    ('```tool_code\nprint(set_timer(when="five minutes"))\n```', TIMER),
    ("```python\ntime_now()\n```", TIME),
    ("default_api.time_now()", TIME),
    ('Action: set_timer\nAction Input: {"when": "five minutes"}', TIMER),
    ('{"name": "time_now", "parameters": {}}<|im_end|>', TIME),
    ('<think>I call it.</think>\n{"name": "time_now", "parameters": {}}', TIME),
]


@pytest.mark.parametrize(("answer", "calls"), CALLS)
def test_a_call_that_is_written_as_text_is_made_and_not_said(
    answer: str, calls: Calls, tools: KnownTools
) -> None:
    for chunks in chunkings(answer):
        assert heard(chunks, tools) == ("", calls), chunks


@pytest.mark.parametrize(
    "answer",
    [
        '{"name": "launch_rocket", "parameters": {}}',
        '{"name": "set_timer", "parameters": {"speed": 3}}',
        '{"name": "set_timer", "parameters": {}}',
        '{"name": "set_timer", "arguments": {"when": "five mi',
        "<tool_call>launch the rocket</tool_call>",
        "launch_rocket(now=True)",
        "set_timer(when=__import__('os').getcwd())",
        "set_timer(when={[5]: 1})",
        "set_timer(when={5, 6})",
        "set_timer(when=5j)",
        "set_timer(when=b'five minutes')",
        "set_timer(when={(5, 6): 1})",
        f"set_timer(when=0x{'f' * 5000})",
        "[launch_rocket()]",
        "```tool_code\nimport os\nos.remove('x')\n```",
        '{"answer": "It is five."}',
        '[TOOL_CALLS][{"name": "launch_rocket", "arguments": {}}]',
        "<|python_tag|>1 + 1",
        '{"name": "set_timer", "arguments": ' + '{"when": ' * 500 + "1" + "}" * 501,
    ],
)
def test_what_is_like_a_call_and_is_none_is_dropped(answer: str, tools: KnownTools) -> None:
    for chunks in chunkings(answer[:LONGEST_PIECE]):
        assert heard(chunks, tools) == ("", []), chunks
    assert heard([answer], tools) == ("", [])


def test_words_before_a_call_are_said_and_those_after_it_are_not(tools: KnownTools) -> None:
    answer = 'Let me look.\n{"name": "time_now", "arguments": {}}\nIt is half past nine.'
    for chunks in chunkings(answer):
        assert heard(chunks, tools) == ("Let me look.", TIME), chunks


ORDINARY = [
    "It is five.",
    "Five is < six, and six > five. x<y is fine, too.",
    "Well... [laughs] sure, that is 3<4.",
    "Options:\n[1] the first\n[2] the second",
    "Use f(x) = 2x here.\nThen g(x) is it.",
    "Print this (and that).",
    "User accounts are free.\nHumans like them.\nAction is needed.",
    "I said {hello} to him.",
    "Here it is:\n```\nprint('hello')\n```\nThat was it.",
    "Think of a reason: I thought about it.",
    "<b>Bold</b> words & <i>others</i>.",
    "A list:\n- one\n- two",
    "Two lines.\n\nAnd a third",
    "a < b",
    "I end with a less-than sign <",
    "(It depends.)",
]


@pytest.mark.parametrize("answer", ORDINARY)
def test_ordinary_answers_are_passed_on_to_the_letter(answer: str, tools: KnownTools) -> None:
    for chunks in chunkings(answer):
        assert heard(chunks, tools) == (answer, []), chunks


def test_an_ordinary_word_is_passed_on_as_soon_as_the_next_begins(tools: KnownTools) -> None:
    reply = ReplyFilter(tools)
    assert reply.push("It is") == "It is"
    assert reply.push(" five") == " five"
