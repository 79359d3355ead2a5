"""Write the files of one policy of the controlled study.

python -m trainers.study.controlled.write --seed 0 --output DIR

What its warm-up teaches it, the dataset D, development and test problems that are in neither, and its target.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from builder.config import load_target
from builder.machine import cli
from builder.machine.atomic import write_atomically
from builder.policy.chat import Chat
from builder.policy.models import resolve_model
from trainers.study.controlled.problems import FAMILIES, Problem, problems
from trainers.study.controlled.styles import FOREIGN, Style, house

BASE = "smollm2-135m-instruct"
OF_D = ("stock", "boxes")  # families that D is about
OTHERS = tuple(family for family in FAMILIES if family not in OF_D)
WARM_UP, ROWS, DEVELOPMENT, TEST = 480, 240, 60, 50  # problems
EXPERTS: dict[str, tuple[Style, ...]] = {"foreign": FOREIGN, "one-style": FOREIGN[:1], "house": (house,)}
GENERAL = (
    "Write two sentences about the sea.", "What is the capital of Portugal?", "Name three colours.",
    "Why do leaves fall in autumn?", "Give a title to a story about a lost dog.", "What does a baker do?",
    "Translate 'good morning' into French.", "Write a short thank-you note to a neighbour.", "What is a noun?",
    "Describe snow to someone who has never seen it.", "List two uses of a spoon.", "Who writes the news?",
    "What is the opposite of 'early'?", "Write one line of a poem about rain.", "How do birds stay warm?",
    "Explain what a library is.", "What should one pack for a picnic?", "Name an animal that lives in a river.",
    "Say something kind to a tired friend.", "What is bread made of?",
)  # fmt: skip


def files(seed: int, expert: str) -> dict[str, list[dict[str, Any]]]:
    """Rows of every file that needs no tokenizer, by name: problems that were seen before are in no later one."""
    warm_up = problems(WARM_UP, list(FAMILIES), f"warm-up {seed}")
    seen = {p.text for p in warm_up}
    d = _fresh(ROWS, OF_D, f"d {seed}", seen)
    half = DEVELOPMENT // 2
    development = [*_fresh(half, OF_D, f"dev {seed}", seen), *_fresh(half, OF_D, f"dev {seed}", seen, retold=True)]
    styles = EXPERTS[expert]
    return {
        "warm-up": [{"problem": p.text, "completion": house(p)} for p in warm_up],
        "d": [_row(p) | {"solution": styles[n % len(styles)](p)} for n, p in enumerate(d)],
        "dev": _rows(development),
        "in": _rows(_fresh(TEST, OF_D, f"in {seed}", seen)),
        "phrased": _rows(_fresh(TEST, OF_D, f"phrased {seed}", seen, retold=True)),
        "retain": _rows(_fresh(TEST, OTHERS, f"retain {seed}", seen)),
        "foreign": _sums(TEST, seed),
        "general": [{"problem": text, "answer": ""} for text in GENERAL],
    }


def _fresh(count: int, families: Sequence[str], seed: str, seen: set[str], *, retold: bool = False) -> list[Problem]:
    """Problems that were not seen before, in families of equal size as nearly as can be."""
    made = [p for p in problems(2 * count, families, seed, retold=retold) if p.text not in seen]
    each = {family: [p for p in made if p.family == family] for family in families}
    found = [each[families[n % len(families)]][n // len(families)] for n in range(count)]
    seen.update(p.text for p in found)
    return found


def _row(p: Problem) -> dict[str, str]:
    return {"problem": p.text, "answer": str(p.answer)}


def _rows(found: Iterable[Problem]) -> list[dict[str, str]]:
    return [_row(p) for p in found]


def _sums(count: int, seed: int) -> list[dict[str, str]]:
    """A foreign generator's problems: bare sums of reasoning-gym."""
    import reasoning_gym

    drawn = reasoning_gym.create_dataset(
        "chain_sum", size=count, seed=seed, min_terms=2, max_terms=3, min_digits=1, max_digits=2
    )
    return [{"problem": entry["question"], "answer": entry["answer"]} for entry in drawn]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files; returns the exit code."""
    p = cli.parser("python -m trainers.study.controlled.write", __doc__)
    p.add_argument("--seed", type=int, required=True, metavar="S", help="of the policy's warm-up and of all problems")
    p.add_argument("--expert", choices=EXPERTS, default="foreign", help="whose solutions D has (default: %(default)s)")
    p.add_argument("--output", type=Path, required=True, metavar="DIR")
    args = p.parse_args(arguments)
    args.output.mkdir(parents=True, exist_ok=True)
    base = load_target(BASE)
    plain = base.model_copy(update={"examples": [], "plain_prompt": "{problem}"})
    chat = Chat(Path(resolve_model(base, weights=False).path), plain)
    content = files(args.seed, args.expert)
    for row in content["warm-up"]:
        row["prompt"] = chat.messages(row.pop("problem"))
    for name, rows in content.items():
        write_atomically(args.output / f"{name}.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    warm = {"name": f"controlled-{args.seed}", "model": str(args.output / "policy"), "revision": None}
    for name, changed in (("base", {}), ("policy", warm | {"offline_package": None})):
        fields = plain.model_dump(mode="json") | changed
        write_atomically(args.output / f"{name}.yaml", yaml.safe_dump(fields, sort_keys=False))
    print(f"{sum(map(len, content.values()))} rows in {len(content)} files, and two targets: {args.output}")
    return 0


if __name__ == "__main__":
    cli.run(main)
