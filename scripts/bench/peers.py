"""The same rewriting as others would script it, for scripts.bench.ceiling.

python -m scripts.bench.peers asyncio|distilabel|curator PROBLEMS.jsonl URL OUT.parquet

Solve all problems with ten candidates, verify, retell those without a correct one, verify, keep a correct one.
"""

import asyncio
import json
import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import polars as pl

from builder.machine import cli
from builder.method.prompts import render, shipped
from builder.verification.verifier import Verifier
from scripts.standins.instant_engine import MODEL

CANDIDATES = 10
Generate = Callable[[list[str]], list[list[str]]]  # prompts -> candidates of each


def with_asyncio(url: str, concurrency: int, prompts: list[str]) -> list[list[str]]:
    """The OpenAI client and a semaphore."""
    from openai import AsyncOpenAI

    async def run() -> list[list[str]]:
        turn = asyncio.Semaphore(max(1, concurrency // CANDIDATES))

        async def ask(prompt: str) -> list[str]:
            async with turn:
                answer = await client.chat.completions.create(
                    model=MODEL, n=CANDIDATES, messages=[{"role": "user", "content": prompt}]
                )
            return [choice.message.content for choice in answer.choices]

        async with AsyncOpenAI(base_url=f"{url}/v1", api_key="none") as client:
            return await asyncio.gather(*map(ask, prompts))

    return asyncio.run(run())


def with_distilabel(url: str, concurrency: int, prompts: list[str]) -> list[list[str]]:
    """Its own TextGeneration with its own OpenAILLM."""
    from datasets import Dataset
    from distilabel.models import OpenAILLM
    from distilabel.pipeline import Pipeline
    from distilabel.steps.tasks import TextGeneration

    with tempfile.TemporaryDirectory() as scratch, Pipeline(name="peer", cache_dir=scratch) as pipeline:
        llm = OpenAILLM(model=MODEL, base_url=f"{url}/v1", api_key="none")
        batch = max(1, concurrency // CANDIDATES)
        TextGeneration(llm=llm, num_generations=CANDIDATES, group_generations=True, input_batch_size=batch)
        made = pipeline.run(
            dataset=Dataset.from_dict({"instruction": prompts}), dataset_batch_size=batch, use_cache=False
        )
        return made["default"]["train"]["generation"]


def with_curator(python: str, url: str, concurrency: int, prompts: list[str]) -> list[list[str]]:
    """bespokelabs-curator, which has an environment of its own; it asks for one candidate at a time."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "prompts.json"
        file.write_text(json.dumps([prompt for prompt in prompts for _ in range(CANDIDATES)]))
        command = [python, str(Path(__file__).with_name("peer_curator.py")), str(file), url, str(concurrency)]
        subprocess.run(command, cwd=scratch, check=True)
        texts = json.loads(file.read_text())
    return [texts[start : start + CANDIDATES] for start in range(0, len(texts), CANDIDATES)]


def rewrite(problems: list[dict[str, str]], generate: Generate, verifier: Verifier) -> list[dict[str, str]]:
    """Rows of D′: problem, kept text, stage."""
    golds = [problem["solution"].rpartition("#### ")[2] for problem in problems]

    def correct(prompts: list[str], indices: list[int]) -> dict[int, str]:
        candidates = dict(zip(indices, generate(prompts), strict=True))
        pairs = [(golds[i], text) for i in indices for text in candidates[i]]
        verdicts = iter(verifier.verdicts(pairs))
        right = {i: [text for text in candidates[i] if next(verdicts) == "correct"] for i in indices}
        return {i: texts[0] for i, texts in right.items() if texts}

    everything = list(range(len(problems)))
    solved = correct([render(shipped("plain"), problem=p["problem"]) for p in problems], everything)
    left = [i for i in everything if i not in solved]
    guided = [render(shipped("guided"), problem=problems[i]["problem"], solution=problems[i]["solution"]) for i in left]
    retold = correct(guided, left)
    rows = []
    for i, problem in enumerate(problems):
        stage = "self_alignment" if i in solved else "guided_alignment" if i in retold else "fallback"
        text = solved.get(i) or retold.get(i) or problem["solution"]
        rows.append({"problem": problem["problem"], "completion": text, "stage": stage})
    return rows


def main() -> None:
    """Rewrite the problems of a file."""
    p = cli.parser("python -m scripts.bench.peers", __doc__)
    p.add_argument("peer", choices=("asyncio", "distilabel", "curator"))
    p.add_argument("problems", type=Path)
    p.add_argument("url")
    p.add_argument("output", type=Path)
    p.add_argument("--concurrency", type=int, default=512)
    p.add_argument("--python", help="interpreter of curator's environment")
    args = p.parse_args()
    clients: dict[str, Generate] = {
        "asyncio": partial(with_asyncio, args.url, args.concurrency),
        "distilabel": partial(with_distilabel, args.url, args.concurrency),
        "curator": partial(with_curator, args.python, args.url, args.concurrency),
    }
    problems = [json.loads(line) for line in args.problems.read_text().splitlines()]
    with Verifier() as verifier:
        pl.DataFrame(rewrite(problems, clients[args.peer], verifier)).write_parquet(args.output)


if __name__ == "__main__":
    main()
