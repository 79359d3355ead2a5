"""The schema of a release: the one place that names every column, its type, its unit and its meaning."""

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class Column:
    """One column of a release config.

    Attributes:
        name: of the column.
        type: of its values.
        meaning: printed in the dataset card.
        may_lack: whether releases of earlier versions of the tool lack it, and mean null.
    """

    name: str
    type: pa.DataType
    meaning: str
    may_lack: bool = False


_TEXT, _COUNT, _REAL = pa.string(), pa.int32(), pa.float64()
_TURNS = pa.list_(pa.struct([("role", _TEXT), ("content", _TEXT)]))
_TOKENS, _LOGPROBS = pa.list_(pa.int32()), pa.list_(pa.float32())

STAGES = ("self_alignment", "guided_alignment", "fallback")

_ORIGIN = Column("origin", _TEXT, "where the source says that it has the problem from; null if it does not say")
_KIND = Column("answer_kind", _TEXT, "what the problem asks for: a `value`, a `choice` among options, or a `proof`; "
               "`none` if there is no gold answer")  # fmt: skip
_EXPERT_VERDICT = Column("expert_verdict", _TEXT, "the verdict on the expert solution: `correct`, `incorrect`, "
                         "`no_answer`, `timeout` or `error`; null if the gold answer is unusable")  # fmt: skip
_EXCESS = Column("excess_surprisal", _REAL, "its excess surprisal, sum over tokens, nats; null if not measured")
_ENTROPIES = Column("policy_entropies", _LOGPROBS, "entropy of π at each of these tokens, nats; null if not measured")
_BOUND = Column("entropy_bound", _REAL, "how far the mean of these entropies may be off at most, nats a token")

_RATIO = Column("reuse_log_ratio", _REAL, "log r = log π(text) − log-prob under the `origin_revision` that drew it, "
                "sum over tokens, nats; null where the target drew it", may_lack=True)  # fmt: skip

_OVERLAP = Column("benchmark_overlap", _REAL, "largest share of a benchmark problem's words that this problem has, in "
                  "runs of 8; rows above a half are rejected; null if nothing was compared")  # fmt: skip

_JUDGED = Column("judged_by", _TEXT, "the model in whose opinion responses to this row are right or not; null where "
                 "they are verified", may_lack=True)  # fmt: skip

_METADATA = Column("metadata", _TEXT, "what else the source says of the row for its verifier, a JSON object; null if "
                   "nothing", may_lack=True)  # fmt: skip

_EXPERT_INDEX = Column("expert_index", _COUNT, "which of several solutions that the source gives for the row is the "
                       "expert's here, from 0: the first correct one, else the first; null if it gives one alone",
                       may_lack=True)  # fmt: skip

DEFAULT = (
    Column("id", _TEXT, "unique id of the source row; further rows of one problem end in `#2`, `#3`"),
    Column("source", _TEXT, "source the row comes from"),
    _ORIGIN,
    Column("problem", _TEXT, "the problem, without instructions"),
    Column("answer", _TEXT, "gold answer; null if the source has none"),
    _KIND,
    _METADATA,
    _JUDGED,
    _OVERLAP,
    Column("prompt", _TURNS, "plain prompt as chat turns; apply the target's chat template"),
    Column("completion", _TURNS, "the kept response as one assistant turn"),
    Column("stage", _TEXT, "`self_alignment`, `guided_alignment` or `fallback`: who wrote the completion"),
    Column("fallback_reason", _TEXT, "why the expert's text stayed: `no_acceptable_candidate`, "
           "`unverifiable`, `no_room`; in a selection, `not_chosen`; in a release whose texts were judged again, "
           "`needs_engine`; null unless `fallback`"),
    Column("self_sampled", _COUNT, "candidates drawn from the plain prompt; adaptive sampling stops at the first that "
           "may be kept"),
    Column("self_correct", _COUNT, "of those, complete and correct"),
    Column("guided_sampled", _COUNT, "candidates drawn with the expert solution in the prompt; adaptive sampling stops "
           "at the first that may be kept"),
    Column("guided_correct", _COUNT, "of those, complete and correct, kept or not"),
    Column("selected_index", _COUNT, "index of the kept candidate within its phase; null for `fallback`"),
    Column("origin_revision", _TEXT, "revision of the earlier checkpoint that drew this row's own candidates, in a "
           "release that was realigned; null where the target drew them", may_lack=True),
    _RATIO,
    Column("finish_reason", _TEXT, "how the kept candidate ended (always `stop`); null for `fallback`"),
    Column("answer_form", _TEXT, "how the completion states its answer: `boxed`, `hash`, `stated` or `trailing`; "
           "null if it states none"),
    Column("completion_tokens", _COUNT, "tokens of the completion, end-of-turn token included"),
    Column("policy_logprob", _REAL, "log π(completion | plain prompt), sum over tokens, nats"),
    Column("policy_logprob_per_token", _REAL, "the same, mean over tokens, nats"),
    Column("excess_surprisal", _REAL, "Σ (−log π(y_t) − H_t) over the completion, H_t the entropy of π at that place, "
           "nats: 0 in expectation for what the policy itself writes, positive for text that is foreign to it; null if "
           "not measured"),
    Column("excess_surprisal_per_token", _REAL, "the same, mean over tokens, nats"),
    Column("expert_solution", _TEXT, "the source's own solution"),
    _EXPERT_INDEX,
    _EXPERT_VERDICT,
    Column("expert_false_steps", _COUNT, "numeric equations in the expert solution that do not hold"),
    Column("expert_tokens", _COUNT, "tokens of the expert solution, end-of-turn token included"),
    Column("expert_logprob", _REAL, "log π(expert solution | plain prompt), sum over tokens, nats"),
    Column("expert_logprob_per_token", _REAL, "the same, mean over tokens, nats"),
    Column("expert_excess_surprisal", _REAL, "excess surprisal of the expert solution, sum over tokens, nats"),
    Column("expert_excess_surprisal_per_token", _REAL, "the same, mean over tokens, nats"),
    Column("entropy_bound", _REAL, "how far the mean entropy of these texts may be off at most, nats a token: 0 where "
           "the engine gives entropies exactly, else see docs/report.md"),
    Column("hint_reliance", _REAL, "how much likelier the expert's solution in the prompt made a retelling: behavior "
           "minus policy log-prob, mean over tokens, nats; null unless `guided_alignment`"),
    Column("copy_rate", _REAL, "share of the completion's word 8-grams found in the expert solution"),
)  # fmt: skip

TOKENS = (
    Column("id", _TEXT, "id of the row in `default`"),
    Column("prompt_ids", _TOKENS, "token ids of the plain prompt, chat template applied"),
    Column("completion_ids", _TOKENS, "token ids of the completion; the last one is the end-of-turn token"),
    Column("policy_logprobs", _LOGPROBS, "log π of each completion token given the plain prompt, nats"),
    Column("policy_entropies", _LOGPROBS, "entropy of π at each completion token given the plain prompt, nats; null if "
           "not measured"),
    Column("behavior_logprobs", _LOGPROBS, "log-prob of each completion token under the distribution that "
           "drew it, nats: that of `origin_revision`, where there is one; null where it is unknown (`fallback`; "
           "below top_p 1, in a selection or realigned, some that stopped at another token than the one taught)"),
)  # fmt: skip

CANDIDATES = (
    Column("id", _TEXT, "id of the source row"),
    Column("phase", _TEXT, "`self` (plain prompt) or `guided` (expert solution in the prompt)"),
    Column("index", _COUNT, "index of the sample within its phase"),
    Column("guided_prompt", _COUNT, "which of the guided prompts drew it, from 0; null for `self`",
           may_lack=True),
    Column("text", _TEXT, "the response, without the token that ended it"),
    Column("verdict", _TEXT, "`correct`, `incorrect`, `no_answer` (also where the answer's form does not count), "
           "`timeout` or `error`"),
    Column("answer_form", _TEXT, "how it states its answer: `boxed`, `hash`, `stated` or `trailing`; null if it has "
           "none"),
    Column("finish_reason", _TEXT, "`stop`, or `length` if it was cut off"),
    Column("tokens", _COUNT, "tokens of the response, the one that ended it included"),
    Column("logprob", _REAL, "log-prob under the distribution that drew it, sum over tokens, nats"),
    Column("rejected_reason", _TEXT, "why it may not be kept: `truncated`, `not_correct`, `control_token`, "
           "`contradicts_itself`, `false_step`, `echoes_prompt`, `repeats_itself`, `addresses_asker`, "
           "`unreached_answer`, `unused_result`, `unsupported_answer`, `mentions_reference`, `copies_reference`, "
           "`unfounded_number` or `relies_on_hint`; null if it may"),
    _RATIO,
    Column("policy_logprob", _REAL, "log π of the text as it would be kept, given the plain prompt, sum over tokens, "
           "nats; null if it may not be kept, or was not scored"),
    _EXCESS,
    _BOUND,
    Column("token_ids", _TOKENS, "token ids as they were drawn; null in a release `--candidates-without-tokens`"),
    Column("behavior_logprobs", _LOGPROBS, "log-prob of each under the distribution that drew it, nats; null in such a "
           "release"),
    Column("policy_logprobs", _LOGPROBS, "log π of each token given the plain prompt, nats, the last one being the "
           "end-of-turn token; null where they are the behavior log-probs (`self` of the target itself, temperature 1, "
           "top_p 1), and where `policy_logprob` is null"),
    _ENTROPIES,
)  # fmt: skip

EXPERT = (
    Column("id", _TEXT, "id of the source row; no rows in a release `--candidates-without-tokens`"),
    Column("token_ids", _TOKENS, "token ids of the source's own solution; the last one is the end-of-turn token"),
    Column("policy_logprobs", _LOGPROBS, "log π of each given the plain prompt, nats"),
    _ENTROPIES,
    _BOUND,
)

REJECTED = (
    Column("id", _TEXT, "unique id of the source row"),
    Column("source", _TEXT, "source the row comes from"),
    _ORIGIN,
    Column(
        "reason",
        _TEXT,
        "`overlong`, `no_gold`, `contradicted`, `contaminated`, `duplicate`, `near_duplicate`, `malformed`, "
        "`engine_refused` or, in a selection, `not_chosen`",
    ),
    Column("detail", _TEXT, "what exactly was wrong, and where"),
    Column("problem", _TEXT, "the problem, as far as it could be read"),
    Column("expert_solution", _TEXT, "the solution, as far as it could be read"),
)

# The rows that a build works on, in its working directory; not a config of a release.
PREPARED = (
    Column("row", pa.int64(), "zero-based position over all sources of the build"),
    Column("id", _TEXT, "unique id of the source row"),
    Column("source", _TEXT, "source the row comes from"),
    _ORIGIN,
    Column("problem", _TEXT, "the problem, without instructions"),
    Column("expert_solution", _TEXT, "the source's own solution"),
    _EXPERT_INDEX,
    Column("gold", _TEXT, "gold answer; empty if the source has none"),
    _KIND,
    _METADATA,
    Column("verifiable", pa.bool_(), "whether the verifier can judge responses to it"),
    _EXPERT_VERDICT,
    _OVERLAP,
    Column(
        "origin_revision",
        _TEXT,
        "the earlier checkpoint whose stored candidates are weighed first; null if there are none",
    ),
    Column("expert_tokens", pa.int64(), "tokens of the expert solution, end-of-turn token included"),
)

CONFIGS: dict[str, tuple[Column, ...]] = {
    "default": DEFAULT,
    "tokens": TOKENS,
    "candidates": CANDIDATES,
    "expert": EXPERT,
    "rejected": REJECTED,
}


def schema(columns: tuple[Column, ...]) -> pa.Schema:
    """The Arrow schema of a config; all columns are nullable, as Parquet readers expect."""
    return pa.schema([(column.name, column.type) for column in columns])
