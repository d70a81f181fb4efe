"""A model behind the gateway, asked with the official openai client."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from typing import Any

import openai

from swarm_sdk import FailureClass, TaskFailed, TaskRun

BROKEN_STREAM_WAITS = (0.5, 2.0)  # seconds


class Model:
    """Asks one model. Endpoint and key come from OPENAI_BASE_URL and OPENAI_API_KEY, as the openai client has it.

    Each call names its task, so that the gateway charges the task's budget, and carries the attempt's trace. The client
    repeats what a restart of the gateway interrupts; a budget that is used up is not repeated, and parks the task.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._client = openai.OpenAI(max_retries=6, timeout=60.0)

    def ask(self, task: TaskRun, system: str, prompt: str) -> str:
        """The whole answer. Streamed, so that a cancelled task stops paying for words that nobody will read."""
        messages: list[Any] = [{"role": "system", "content": system + constraints(task.constraints)},
                               {"role": "user", "content": prompt}]
        for wait in BROKEN_STREAM_WAITS:
            try:
                return self._stream(task, messages)
            except openai.APIConnectionError:
                time.sleep(wait)  # the client repeats a call that did not begin; one that broke off is ours to repeat
        return self._stream(task, messages)

    def _stream(self, task: TaskRun, messages: list[Any]) -> str:
        parts: list[str] = []
        finished = False
        with self._client.chat.completions.create(
            model=self.name, messages=messages, stream=True, temperature=0, extra_headers=task.model_headers()
        ) as stream:
            for chunk in stream:
                task.check()
                for choice in chunk.choices:
                    parts.append(choice.delta.content or "")
                    finished = finished or choice.finish_reason is not None
        if not finished:
            raise TaskFailed("the model's answer broke off", failure_class=FailureClass.TRANSIENT)
        return "".join(parts)


def constraints(rules: Sequence[str]) -> str:
    """Golden rules as a section of the prompt."""
    if not rules:
        return ""
    return section("constraints", "Earlier attempts broke these rules. Obey every one.\n" +
                   "\n".join("- " + re.sub(r"\s+", " ", rule) for rule in rules))


def section(name: str, text: str, **attributes: str) -> str:
    """<name attribute="…">text</name>, on lines of its own."""
    head = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f"\n\n<{name}{head}>\n{text.strip()}\n</{name}>"


def code_block(answer: str) -> str:
    """The text of the answer's only code block."""
    found = re.findall(r"```[\w+-]*\n(.*?)```", answer, re.DOTALL)
    if len(found) != 1:
        raise TaskFailed(f"the model's answer holds {len(found)} code blocks, wanted one", log=answer)
    return found[0]


def json_value(answer: str) -> Any:
    """The JSON value that the answer consists of, with or without a code fence around it."""
    text = re.sub(r"^```\w*\n|```$", "", answer.strip()).strip()
    try:
        return json.loads(text)
    except ValueError as error:
        raise TaskFailed(f"the model's answer is not JSON: {error}", log=answer) from None
