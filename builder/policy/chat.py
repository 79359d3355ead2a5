"""The chat template, applied once and by us: text in, token ids out, and back."""

import hashlib
import re
from collections.abc import Sequence
from itertools import accumulate, pairwise
from pathlib import Path

from jinja2 import TemplateError

from builder.config import Target
from builder.errors import InputError
from builder.method.prompts import templates, turns
from builder.policy.detokenize import decoder


class Chat:
    """The target's tokenizer and template.

    Loads `tokenizer.json` as it stands, without torch: every step process holds one of these.

    Raises:
        InputError: the tokenizer does not know one of the target's stop tokens, or has no chat template.
    """

    def __init__(self, model_dir: Path, target: Target) -> None:
        from transformers import PreTrainedTokenizerFast

        self.target = target
        self._tokenizer = PreTrainedTokenizerFast.from_pretrained(model_dir)
        if not self._tokenizer.chat_template:
            raise InputError(f"target {target.name}: model {target.model} has no chat template")
        self._backend = self._tokenizer.backend_tokenizer
        self._backend.no_truncation()  # some files ask for it
        self._backend.no_padding()
        self._decode = decoder(self._backend)
        vocabulary = self._tokenizer.get_vocab()
        if unknown := [token for token in target.stop_tokens if token not in vocabulary]:
            raise InputError(f"target {target.name}: stop_tokens {unknown} are not in the vocabulary")
        self.highest_id: int = max(vocabulary.values())
        self.end_of_turn_id: int = vocabulary[target.end_of_turn]
        self.stop_ids: tuple[int, ...] = tuple(vocabulary[token] for token in target.stop_tokens)
        added = self._tokenizer.added_tokens_decoder
        self._control_ids = {token_id for token_id, token in added.items() if token.special}
        self._control = re.compile("|".join(re.escape(added[i].content) for i in sorted(self._control_ids)) or r"(?!)")

    def messages(self, problem: str) -> list[dict[str, str]]:
        """The plain conversation: what training sees, as role and content."""
        return turns(self.target, "plain", problem=problem)

    def plain_prompt(self, problem: str) -> list[int]:
        """Token ids of the plain prompt, up to where the assistant's turn begins."""
        return self.encode(self.messages(problem))

    @property
    def guided(self) -> int:
        """How many guided prompts there are."""
        return len(templates(self.target, "guided"))

    def guided_prompt(self, problem: str, solution: str, number: int = 0) -> list[int]:
        """Token ids of the digest-and-retell prompt, with the expert solution in it; of several, which one, from 0."""
        return self.encode(turns(self.target, "guided", problem=problem, solution=solution, number=number))

    def encode(self, messages: list[dict[str, str]]) -> list[int]:
        """Token ids of a conversation as role and content, up to where the assistant's turn begins."""
        return self.ids([self.rendered(messages)])[0]

    def completion(self, text: str) -> list[int]:
        """Token ids of a given completion, the end-of-turn token included."""
        return self.completions([text])[0]

    def plain_prompts(self, problems: Sequence[str]) -> list[list[int]]:
        """`plain_prompt` of many, on all cores."""
        return self.ids([self.rendered(self.messages(problem)) for problem in problems])

    def guided_prompts(self, problems: Sequence[str], solutions: Sequence[str]) -> list[tuple[list[int], ...]]:
        """`guided_prompt` of many, on all cores: of each pair as many as there are."""
        pairs = list(zip(problems, solutions, strict=True))
        each = [
            self.ids([self.rendered(turns(self.target, "guided", problem=p, solution=s, number=n)) for p, s in pairs])
            for n in range(self.guided)
        ]
        return list(zip(*each, strict=True))

    def completions(self, texts: Sequence[str]) -> list[list[int]]:
        """`completion` of many, on all cores."""
        return [[*ids, self.end_of_turn_id] for ids in self.ids(texts)]

    def text(self, completion_ids: list[int]) -> str:
        """The text of a completion, without the token that ended it."""
        if completion_ids and completion_ids[-1] in self.stop_ids:
            completion_ids = completion_ids[:-1]
        return self._decode(completion_ids)

    def parts(self, text: str, completion_ids: list[int]) -> list[str] | None:
        """The part of a text that each token of it is, the one that ended it left out.

        Returns:
            Parts that join to the text, empty where several tokens are one character; None where these are not the
            tokens that the tokenizer makes of it, or it drops a character: which is which is not known then.
        """
        (encoding,) = self._backend.encode_batch([text], add_special_tokens=False)
        ends = [0, *accumulate((end for _, end in encoding.offsets), max)]
        if encoding.ids != completion_ids[:-1] or ends[-1] != len(text):
            return None
        return [text[start:end] for start, end in pairwise(ends)]

    def prompt_text(self, prompt_ids: list[int]) -> str:
        """The text of a prompt, control tokens shown."""
        return self._decode(prompt_ids)

    def has_control_token(self, completion_ids: list[int]) -> bool:
        """Whether a control token stands anywhere but at the end: such text is not what its tokens are."""
        return not self._control_ids.isdisjoint(completion_ids[:-1])

    def control_token_in(self, text: str) -> str | None:
        """The first control token spelled out in a text, which the tokenizer would read as the token itself."""
        found = self._control.search(text)
        return found.group() if found else None

    def hashes(self) -> dict[str, str]:
        """sha256 of the tokenizer and of the chat template, for the manifest."""
        serialized = self._backend.to_str()
        return {
            "tokenizer": hashlib.sha256(serialized.encode()).hexdigest(),
            "chat_template": hashlib.sha256(self._tokenizer.chat_template.encode()).hexdigest(),
        }

    def rendered(self, messages: list[dict[str, str]]) -> str:
        """A conversation as the template writes it, up to where the assistant's turn begins.

        Raises:
            InputError: the template takes no such conversation.
        """
        try:
            return self._tokenizer.apply_chat_template(
                messages, add_generation_prompt=True, tokenize=False, **self.target.template_kwargs
            )
        except TemplateError as error:
            raise InputError(f"the chat template of {self.target.name} refuses it: {error}") from None

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of texts as they stand, on all cores."""
        # Without special tokens: the template has written the BOS already.
        encoded = self._backend.encode_batch_fast(list(texts), add_special_tokens=False)
        return [encoding.ids for encoding in encoded]
