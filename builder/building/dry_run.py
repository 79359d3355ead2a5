"""`--dry-run`: what a build would do, without generating anything."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from builder.building.prepare import prepare
from builder.building.workspace import Workspace
from builder.config import Settings
from builder.policy.chat import Chat
from builder.policy.models import Model

if TYPE_CHECKING:
    from rich.console import Console


def dry_run(settings: Settings, model: Model, output: Path, console: "Console") -> int:
    """Print the resolved settings, the first prompts, the rows and an estimate of tokens; returns how many rows."""
    import polars as pl
    import yaml

    chat = Chat(model.path, settings.target)
    with TemporaryDirectory() as scratch:
        workspace = Workspace(Path(scratch))
        prepare(settings, chat, workspace)
        rows, rejected = pl.scan_parquet(workspace.rows_file), pl.scan_parquet(workspace.rejected_file)
        examples = rows.head(1).collect().to_dicts()
        facts = rows.select(pl.len(), pl.col("verifiable").sum(), pl.col("expert_tokens").mean()).collect()
        verdicts = rows.drop_nulls("expert_verdict").group_by("expert_verdict").len().sort("expert_verdict")
        experts = dict(verdicts.collect().iter_rows())
        by_reason = dict(rejected.group_by("reason").len().sort("len", "reason").collect().iter_rows())
    ((total, sampled, mean_tokens),) = facts.iter_rows()

    def show(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    show(yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False, allow_unicode=True))
    for first in examples:
        plain = chat.plain_prompt(first["problem"])
        (guided,) = chat.guided_prompts([first["problem"]], [first["expert_solution"]])
        for name, prompt in (("plain", plain), *(("guided", prompt) for prompt in guided)):
            show(f"--- first {name} prompt, {len(prompt)} tokens ---\n{chat.prompt_text(prompt)}")
        show("---")
    show(f"rows to build     {total:,} ({sampled:,} sampled, {total - sampled:,} unverifiable)")
    if experts:
        show("expert solutions  " + ", ".join(f"{n:,} {verdict}" for verdict, n in experts.items()))
    reasons = ", ".join(f"{reason} {n:,}" for reason, n in by_reason.items())
    show(f"rows rejected     {sum(by_reason.values()):,}" + (f" ({reasons})" if reasons else ""))
    per_phase = sampled * settings.sampling.candidates
    # What a completion costs is not known before one is drawn; the expert's length is the best guess there is.
    typical = int(mean_tokens or 0)
    show(
        f"tokens, estimate  {per_phase * typical:,} if every problem is solved at once, {2 * per_phase * typical:,} if "
        f"every one is retold ({settings.sampling.candidates} candidates a phase, each as long as the expert's "
        f"solution, {typical} tokens; at most {settings.sampling.max_tokens} each)"
    )
    show(f"release           {output}")
    return total
