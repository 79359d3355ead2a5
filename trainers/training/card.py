"""The card of a trained model: what it was made from and how, how to ask it, and what was measured of it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from builder import __version__
from builder.config import Target
from builder.hub import HUB_ID
from builder.machine.atomic import write_atomically
from builder.machine.validation import validated
from builder.method.prompts import turns
from trainers.losses import LOSSES
from trainers.training.card_results import eval_results, evaluation, table
from trainers.training.runlog import BEST, RUN, STEPS, read_steps

CARD = "README.md"

DATA = {
    "full": "all of D′: the model's own correct solutions, retold ones, and the expert's where it had neither",
    "self_alignment": "the model's own correct solutions only",
    "self_and_expert": "the model's own correct solutions, and the expert's for all other problems",
    "expert": "the expert's solution for every problem (D, the baseline)",
    "text": "prompts and completions as they stand",
}

_QUESTION = "What is 12 * 12?"


def write_card(folder: Path, name: str | None = None, results: dict[str, Any] | None = None) -> None:
    """Write a run's README.md from what its directory holds.

    Args:
        folder: of the run.
        name: of the model; None for that of the card which is there.
        results: of an evaluation, as `results.json` has them; None if there is none.
    """
    card = folder / CARD
    name = name or card.read_text(encoding="utf-8").split("\n# ", 1)[1].partition("\n")[0]
    run = json.loads((folder / RUN).read_text(encoding="utf-8"))
    curves = next((file.name for file in sorted(folder.glob("curves.*"))), None)
    write_atomically(card, model_card(name, run, read_steps(folder / STEPS), results, curves))


def model_card(
    name: str,
    run: dict[str, Any],
    lines: Sequence[dict[str, Any]],
    results: dict[str, Any] | None = None,
    curves: str | None = None,
) -> str:
    """The content of README.md.

    Args:
        name: of the model.
        run: content of its `run.json`.
        lines: what was logged so far, as `steps.jsonl` has it.
        results: of an evaluation, as `results.json` has them.
        curves: a picture of them, beside the card.
    """
    from huggingface_hub import ModelCardData

    target = validated(Target, run["target"], "run.json: target")
    parts = run.get("mixture") or [run]
    datasets = [part["dataset"].partition("@")[0] for part in parts]
    front = ModelCardData(
        license=None if target.license == "unknown" else target.license,
        base_model=run["model"] if on_hub(run["model"]) else None,
        datasets=[dataset for dataset in datasets if on_hub(dataset)] or None,
        library_name="peft" if _adapter_alone(run) else "transformers",
        pipeline_tag="text-generation",
        tags=["mind-the-gap", run["loss"].replace("_", "-")],
        **(eval_results(name, results) if results else {}),
    )
    asked = [{"role": "user", "content": _QUESTION}]  # other text has prompts of its own
    asked = asked if parts[0]["data"] == "text" else turns(target, "plain", problem=_QUESTION)
    messages = json.dumps(asked, indent=4, ensure_ascii=False)
    return f"""---
{front.to_yaml()}
---

# {name}

{_linked(run["model"])} fine-tuned with the loss `{run["loss"]}` on {_data(parts, run["dataset_revision"])}.

## Ask it

It was trained on conversations like this one, and ends its turn with `{target.end_of_turn}`, where generation stops:

```python
from transformers import pipeline

messages = {messages}
print(pipeline("text-generation", "{name}")(messages, max_new_tokens=512)[0]["generated_text"][-1]["content"])
```

## How it was trained

{table(("setting", ""), _settings(run, lines))}

Nats a token, over completion tokens; losses of different kinds do not compare, the plain negative log-likelihood does:

{table(("", "first", "last"), _figures(lines))}

[`run.json`](run.json) has every setting and the revisions, [`steps.jsonl`](steps.jsonl) one line a step:
`python -m trainers.plot DIR --output DIR/curves.png` draws the curves. Trained by Mind the Gap {__version__}
(`python -m trainers.train --loss {run["loss"]}`).
{f"{chr(10)}![Curves]({curves}){chr(10)}" if curves else ""}
## How many problems it solves

{evaluation(results)}

## Limits

How likely the model finds given text is not how many problems it solves. Only final answers of the training text were
checked, not every step that leads there.
"""


def _data(parts: Sequence[dict[str, Any]], revision: str | None) -> str:
    """What it was trained on, each dataset at its version."""
    said = []
    for part in parts:
        name, _, version = part["dataset"].partition("@")
        share = f"{part['share']:.1%} " if part.get("share") else ""
        said.append(f"{share}{_linked(name, 'datasets/', version or revision)}:\n{DATA[part['data']]}")
    return "; and on ".join(said)


def _settings(run: dict[str, Any], lines: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    arguments, heeded = run["arguments"], LOSSES[run["loss"]].options
    options = [
        f"{name} {value}" for name, value in run["options"].items() if name in heeded and value not in (None, False)
    ]
    steps = max((line["step"] for line in lines), default=0)
    return [
        ("base model", f"{_shown(run['model'])}{_at(run['model_revision'])}"),
        ("data", f"`{run['data']}` of {_shown(run['dataset'])}{_at(run['dataset_revision'])}"),
        ("rows", f"{run['rows']:,}, of them {run['held_out']:,} held out; {run['rows_truncated']:,} truncated"),
        ("optimizer steps", f"{steps:,} of {run['batch_size']} rows{_kept(lines)}"),
        ("learning rate", f"{arguments['learning_rate']:g}, {arguments['lr_scheduler_type']}"),
        ("options of the loss", ", ".join(options) or "none"),
        ("weights", f"{run['dtype']}{', computed in bf16' if arguments['bf16'] else ''}"),
        *_adapter(run.get("lora")),
        ("seed", str(arguments["seed"])),
    ]


def _kept(lines: Sequence[dict[str, Any]]) -> str:
    best = [line[BEST] for line in lines if BEST in line]
    return f"; kept is the model of step {best[-1]:,}, the best on held-out rows" if best else ""


def _adapter(lora: dict[str, Any] | None) -> list[tuple[str, ...]]:
    """The adapter, if there is one, and where its weights are."""
    if not lora:
        return []
    where = "saved alone" if lora["save"] == "adapter" else "added to the weights; by itself in `adapter/`"
    modules, quantized = ", ".join(lora["target_modules"]), ", beside weights in 4 bits" if lora["load_in_4bit"] else ""
    said = f"rank {lora['rank']}, alpha {lora['alpha']:g}, dropout {lora['dropout']:g} on {modules}{quantized}; {where}"
    return [("adapter (LoRA)", said)]


def _adapter_alone(run: dict[str, Any]) -> bool:
    return (run.get("lora") or {}).get("save") == "adapter"


def _figures(lines: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    named = (("loss", "loss"), ("negative log-likelihood", "nll"), ("the same, held-out rows", "eval_nll"))
    rows = []
    for label, key in named:
        if values := [line[key] for line in lines if key in line]:
            rows.append((label, f"{values[0]:.4f}", f"{values[-1]:.4f}"))
    return rows


def on_hub(name: str) -> bool:
    """Whether a name means a repository on the Hub, not something on this machine."""
    return HUB_ID.fullmatch(name) is not None and not Path(name).exists()


def _shown(name: str) -> str:
    """As others may read it: the name alone of what is on this machine."""
    return name if on_hub(name.partition("@")[0]) else Path(name).name


def _at(revision: str | None) -> str:
    return f" at `{revision}`" if revision else ""


def _linked(name: str, kind: str = "", version: str | None = None) -> str:
    if not on_hub(name):
        return _shown(name)
    at, tree = (f"@{version}", f"/tree/{version}") if version else ("", "")
    return f"[{name}{at}](https://huggingface.co/{kind}{name}{tree})"
