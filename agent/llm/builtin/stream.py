"""The built-in LLM as the framework's `llm.LLM`, streaming its reply."""

from __future__ import annotations

import json
import re
from typing import Any

from livekit.agents import llm, utils
from livekit.agents.types import (
    DEFAULT_API_CONNECT_OPTIONS,
    NOT_GIVEN,
    APIConnectOptions,
    NotGivenOr,
)

from agent import phrases
from agent.languages import SOURCE_LANGUAGE, phrases_in
from agent.llm.builtin.conversation import Conversation
from agent.llm.builtin.understanding import Reply, understand
from agent.tools import Toolbox

_NOT_UNDERSTOOD = (
    phrases.DID_NOT_CATCH,
    phrases.DID_NOT_UNDERSTAND,
    phrases.HOW_CAN_I_HELP,
    phrases.CANNOT_DO,
    phrases.NO_LLM,
    phrases.TOOL_FAILED,
)
"""How replies begin that answer nothing."""

_SENTENCE_END = re.compile(r"(?<=[.?!]) ")


class BuiltinLLM(llm.LLM[Any]):
    """Understands spoken requests by rules and answers from the tools of `toolbox`.

    Answers without an effect are computed inside its stream, so they may be prepared before the
    caller's turn is confirmed. Those with an effect are emitted as tool calls, which the
    framework runs only once it is. One per room; use it from the room's event loop only.
    """

    def __init__(self, toolbox: Toolbox) -> None:
        super().__init__()
        self._toolbox = toolbox

    @property
    def model(self) -> str:
        return "builtin"

    @property
    def provider(self) -> str:
        return "local"

    def chat(
        self,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        parallel_tool_calls: NotGivenOr[bool] = NOT_GIVEN,
        tool_choice: NotGivenOr[llm.ToolChoice] = NOT_GIVEN,
        extra_kwargs: NotGivenOr[dict[str, Any]] = NOT_GIVEN,
    ) -> llm.LLMStream:
        callable_tools = [] if tool_choice == "none" else tools or []
        return _BuiltinStream(
            self,
            toolbox=self._toolbox,
            chat_ctx=chat_ctx,
            tools=callable_tools,
            conn_options=conn_options,
        )


class _BuiltinStream(llm.LLMStream):
    def __init__(
        self,
        builtin: BuiltinLLM,
        *,
        toolbox: Toolbox,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool],
        conn_options: APIConnectOptions,
    ) -> None:
        super().__init__(builtin, chat_ctx=chat_ctx, tools=tools, conn_options=conn_options)
        self._toolbox = toolbox

    async def _run(self) -> None:
        reply = await self._reply()
        chunk_id = utils.shortuuid("builtin_")
        if reply.text:
            for piece in _pieces(reply.text):
                self._send(chunk_id, llm.ChoiceDelta(role="assistant", content=piece))
        if reply.calls:
            calls = [
                llm.FunctionToolCall(
                    name=match.tool.name,
                    arguments=json.dumps(match.arguments),
                    call_id=utils.shortuuid("call_"),
                )
                for match in reply.calls
            ]
            self._send(chunk_id, llm.ChoiceDelta(role="assistant", tool_calls=calls))
        prompt_words = sum(
            len((message.text_content or "").split()) for message in self._chat_ctx.messages()
        )
        reply_words = len(reply.text.split()) + len(reply.calls)
        self._event_ch.send_nowait(
            llm.ChatChunk(
                id=chunk_id,
                usage=llm.CompletionUsage(
                    prompt_tokens=prompt_words,
                    completion_tokens=reply_words,
                    total_tokens=prompt_words + reply_words,
                ),
            )
        )

    async def _reply(self) -> Reply:
        """Reply in English; where the agent speaks another language, say so in place of not
        understanding."""
        reply = await self._english_reply()
        language = self._toolbox.state.language()
        if language == SOURCE_LANGUAGE or reply.calls:
            return reply
        if reply.text.startswith(_NOT_UNDERSTOOD):
            return Reply(phrases_in(language).builtin_only)
        return reply

    async def _english_reply(self) -> Reply:
        conversation = Conversation.from_chat(self._chat_ctx)
        if conversation.results:
            return Reply(" ".join(conversation.results))
        if conversation.failed:
            return Reply(phrases.TOOL_FAILED)
        if conversation.request is None:
            return Reply(phrases.HOW_CAN_I_HELP)
        reply = await understand(conversation, self._toolbox)
        offered = {tool.id for tool in self._tools}
        if any(match.tool.name not in offered for match in reply.calls):
            return Reply(phrases.CANNOT_DO)
        return reply

    def _send(self, chunk_id: str, delta: llm.ChoiceDelta) -> None:
        self._event_ch.send_nowait(llm.ChatChunk(id=chunk_id, delta=delta))


def _pieces(text: str) -> list[str]:
    """Split the reply into sentences, each with the space that follows it."""
    sentences = _SENTENCE_END.split(text)
    return [f"{sentence} " for sentence in sentences[:-1]] + sentences[-1:]
