"""A server with one model, `wise`, whose opinion a test makes up."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from scripts.standins.loopback import Exchange, Loopback

RUBRIC = "Correct is what names a city of the notes."


class Judge(Loopback):
    """Answers as `reply` says of a request: with status, text and finish reason."""

    def __init__(self, reply: Callable[[dict[str, Any]], tuple[int, str, str]]) -> None:
        super().__init__()
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self._reply = reply

    def serve(self, exchange: Exchange) -> None:
        """Models, and completions."""
        if exchange.path == "/v1/models":
            exchange.answer(200, json.dumps({"data": [{"id": "wise"}]}).encode())
            return
        body = json.loads(exchange.body())
        self.asked.append(body)
        self.keys.append(exchange.headers.get("authorization"))
        status, text, ended = self._reply(body)
        choice = {"message": {"role": "assistant", "content": text}, "finish_reason": ended}
        exchange.answer(status, json.dumps({"choices": [choice]}).encode())


def response_in(body: dict[str, Any]) -> str:
    """The response that a judge is asked about."""
    return re.search(r"Response:\n-+ \w+ -+\n(.*?)\n---", body["messages"][1]["content"], re.DOTALL)[1]


def told(body: dict[str, Any]) -> str:
    """The code that it is told."""
    return re.findall(r"Verdict (\w+): correct", body["messages"][1]["content"])[-1]


def judge_file(folder: Path, url: str, **other: object) -> str:
    """Writes the judge's file; as `--verifier` names it."""
    file = folder / "judge.yaml"
    file.write_text(yaml.safe_dump({"url": f"{url}/v1", "model": "wise", "rubric": RUBRIC} | other))
    return f"judge:{file}"
