"""Ask the policy: every sample of every problem, through the journal."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from builder.config import Sampling
from builder.engines.protocol import Completion, Engine, SamplingParams
from builder.errors import InputError
from builder.journal.draw import draw, sample_keys
from builder.journal.journal import Journal
from builder.method.selection import derive_seed
from builder.policy.chat import Chat
from trainers.evaluation.problems import Loaded, Prompt

PHASE = "evaluation"  # of the seeds: a benchmark's samples are independent of those of any build


@dataclass(frozen=True)
class Sample:
    """One response.

    Attributes:
        benchmark: its name.
        problem: what was asked; one of a benchmark is a `Problem`.
        index: number of the sample within its problem.
        text: the response, without the token that ended it.
        finish_reason: "stop", "length" if it was cut off, "no_room" if the prompt left no room for a response.
        tokens: token count, the one that ended it included.
        logprob: sum of log-probs under the distribution that drew it, nats.
    """

    benchmark: str
    problem: Prompt
    index: int
    text: str
    finish_reason: str
    tokens: int
    logprob: float


@dataclass(frozen=True)
class _Request:
    prompt: list[int]
    params: SamplingParams
    seeds: list[int]


class Sampler:
    """Draws the samples of problems from one policy.

    Args:
        chat: the target's template and tokenizer.
        journal: keeps what is finished.
        model_key: names the policy in the journal.
        sampling: how samples are drawn; its `candidates` are the samples a problem.
        seed: of all samples.
    """

    def __init__(self, chat: Chat, journal: Journal, model_key: str, sampling: Sampling, seed: int) -> None:
        self._chat, self._journal, self._model_key = chat, journal, model_key
        self._sampling, self._seed = sampling, seed

    def all_known(self, benchmarks: Sequence[Loaded]) -> bool:
        """Whether the journal holds every sample, so that no engine is needed.

        Raises:
            InputError: a problem spells out a control token.
        """
        asked = (self.keys(benchmark.name, problem) for benchmark in benchmarks for problem in benchmark.problems)
        return all(self._journal.get(key) is not None for _, keys in asked for key in keys)

    def keys(self, benchmark: str, problem: Prompt) -> tuple[list[int], list[bytes]]:
        """A problem's prompt, and the journal keys of its samples; none if it leaves no room for a response.

        Raises:
            InputError: the problem spells out a control token.
        """
        request = self._request(benchmark, problem)
        if request is None:
            return [], []
        return request.prompt, sample_keys(self._model_key, request.prompt, request.params, request.seeds)

    async def sample_all(
        self, engine: Engine, benchmarks: Sequence[Loaded], note: Callable[[list[Sample]], None]
    ) -> list[Sample]:
        """All samples, in the order of benchmarks and problems; `note` gets those of each problem as it is finished.

        Raises:
            EngineError: the engine is gone; what is finished is in the journal.
            InputError: a problem spells out a control token.
        """
        tasks = [
            asyncio.create_task(self._sample(engine, benchmark.name, problem))
            for benchmark in benchmarks
            for problem in benchmark.problems
        ]
        try:
            for finished in asyncio.as_completed(tasks):
                note(await finished)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return [sample for task in tasks for sample in task.result()]

    async def _sample(self, engine: Engine, benchmark: str, problem: Prompt) -> list[Sample]:
        request = self._request(benchmark, problem)
        if request is None:
            indices = range(self._sampling.candidates)
            return [Sample(benchmark, problem, index, "", "no_room", 0, 0.0) for index in indices]
        drawn = await draw(engine, self._journal, self._model_key, request.prompt, request.params, request.seeds)
        return [self._as_sample(benchmark, problem, index, c) for index, (_, c) in enumerate(drawn)]

    def _request(self, benchmark: str, problem: Prompt) -> _Request | None:
        """What the engine is asked; None if the prompt leaves no room for a response."""
        if token := self._chat.control_token_in(problem.text):
            raise InputError(f"{benchmark}, problem {problem.id} contains the control token {token}")
        prompt, sampling = self._chat.plain_prompt(problem.text), self._sampling
        room = min(sampling.max_tokens, self._chat.target.context_length - len(prompt))
        if room < 1:
            return None
        params = SamplingParams(sampling.temperature, sampling.top_p, room, self._chat.stop_ids)
        row_id = f"{benchmark}/{problem.id}"
        seeds = [derive_seed(self._seed, row_id, PHASE, index) for index in range(sampling.candidates)]
        return _Request(prompt, params, seeds)

    def _as_sample(self, benchmark: str, problem: Prompt, index: int, completion: Completion) -> Sample:
        return Sample(
            benchmark,
            problem,
            index,
            self._chat.text(completion.token_ids),
            completion.finish_reason,
            len(completion.token_ids),
            sum(completion.logprobs),
        )
