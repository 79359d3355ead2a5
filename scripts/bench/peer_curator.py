"""Runs in an environment with bespokelabs-curator: peer_curator.py PROMPTS.json URL CONCURRENCY

Replaces the prompts in the file by one response each. Used by scripts.bench.peers.
"""

import importlib.util
import json
import os
import sys
from pathlib import Path

os.environ |= {"CURATOR_DISABLE_CACHE": "1", "TELEMETRY_ENABLED": "false", "HOSTED_CURATOR_VIEWER": "0"}
os.environ["CURATOR_CACHE_DIR"] = "."
# It counts tokens with tiktoken, whose file litellm brings along: nothing is downloaded.
_LITELLM = Path(importlib.util.find_spec("litellm").origin).parent
os.environ["TIKTOKEN_CACHE_DIR"] = str(_LITELLM / "litellm_core_utils" / "tokenizers")

from bespokelabs import curator  # noqa: E402


class Draw(curator.LLM):
    """One candidate of one prompt."""

    def prompt(self, row: dict) -> str:
        """The prompt as it is."""
        return row["prompt"]

    def parse(self, row: dict, response: str) -> dict:
        """The response, with its number: curator does not keep the order."""
        return {"number": row["number"], "response": response}


def main() -> None:
    """Ask, and write the answers in the order of the prompts."""
    file, url, concurrency = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    rows = [{"number": number, "prompt": prompt} for number, prompt in enumerate(json.loads(file.read_text()))]
    draw = Draw(
        model_name="instant",
        backend="openai",
        backend_params={
            "base_url": f"{url}/v1",
            "api_key": "none",
            "max_concurrent_requests": concurrency,
            "max_requests_per_minute": 10**9,
            "max_tokens_per_minute": 10**12,
        },
    )
    made = draw(rows)
    made = getattr(made, "dataset", made)
    file.write_text(json.dumps([row["response"] for row in sorted(made, key=lambda row: row["number"])]))


if __name__ == "__main__":
    main()
