r"""Build from Python: what the commands do, with rows that a program has in its hands (docs/python.md).

from builder.api import build, open_release, reselect

rows = [{"problem": "What is 2 + 3?", "solution": "2 + 3 = 5. The answer is \\boxed{5}."}]
release = build(rows=rows, target="smollm2-135m-instruct", output="releases/mine", candidates=4)
release.scan("default").select("stage", "completion").collect()

`build` and `reselect` run `python -m builder.build` and `builder.reselect`, each in a process of its own: they may be
called from a notebook, from a thread, beside a running event loop, and from a script without a `__main__` guard.
"""

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack

from builder.errors import InputError, MindTheGapError
from builder.machine.called import call
from builder.machine.cli import meant
from builder.machine.relay import Relay
from builder.release.open import Release, open_release

if TYPE_CHECKING:
    from builder.config import Target
    from builder.verification.protocol import VerifierPlugin
    from builder.verification.verifier import Verifier

__all__ = ["BuildOptions", "InputError", "MindTheGapError", "Release", "build", "open_release", "reselect", "verifier"]

Name = str | Path
Row = Mapping[str, Any]
Say = Callable[[str], None]


class BuildOptions(TypedDict, total=False):
    """The flags of `python -m builder.build --help`, by their names with underscores; one without a value is True."""

    plain_prompt: Name
    guided_prompt: Name | Sequence[Name]
    problem_field: str
    solution_field: str
    answer_field: str
    id_field: str
    origin_field: str
    metadata_fields: Sequence[str]
    config: str
    split: str
    source_revision: str
    limit: int
    seed: int
    shard: str
    drop_unverifiable: bool
    drop_contradicted: bool
    near_duplicates: float
    decontaminate: Name | Sequence[Name]
    sampling: Literal["fixed", "adaptive"]
    candidates: int
    temperature: float
    top_p: float
    max_tokens: int
    retell: Literal["unsolved", "all"]
    rules: Literal["default", "paper"]
    accept_answers: Literal["boxed", "stated", "trailing"]
    allow_contradictions: bool
    allow_false_steps: bool
    allow_echoes: bool
    allow_repetition: bool
    allow_talk: bool
    allow_unreached: bool
    allow_unsupported: bool
    allow_unfounded: bool
    allow_unused: bool
    allow_mentions: bool
    max_copy_rate: float | Literal["off"]
    max_hint_reliance: float
    verifier_deadline: float
    engine: Literal["auto", "vllm", "transformers"]
    engine_url: str | Sequence[str]
    trust_engine: bool
    concurrency: int
    engine_patience: float
    no_entropies: bool
    score_candidates: Literal["none", "logprobs", "entropies"]
    candidates_without_tokens: bool
    ray: str
    give_up_rows: int
    fresh: bool


def build(
    *,
    target: "Name | Target",
    output: Name,
    rows: Iterable[Row] | None = None,
    source: Name | Sequence[Name] | None = None,
    verifier: "str | type[VerifierPlugin]" = "math",
    say: Say | None = None,
    **options: Unpack[BuildOptions],
) -> Release:
    """Build D′, go on with a build that was stopped, or find it finished.

    Everything is as the command line has it: the same settings, checks and files, the same release. An interrupt
    (Ctrl-C, a notebook's stop button) ends the build; the same call goes on.

    Args:
        target: a shipped target, a YAML file, a model folder or `ORG/MODEL`, or a `builder.config.Target`.
        output: where the release appears, with its working directory beside it.
        rows: mappings from field to value, as lines of a JSON Lines file would have them. They are written to the
            tool's cache as such a file, `rows.jsonl`, and known by its sha256, the source `rows:SHA256`: the same rows
            go on with the same build, and other rows are another one.
        source: what else `--source` takes; either rows or a source is given.
        verifier: as `--verifier`; or a class, which must stand in a module that can be imported.
        say: is given each line that the command prints; by default they are printed, progress in one line.
        options: the command's flags, see `BuildOptions`.

    Raises:
        MindTheGapError: of the class that the command ends with (`builder.errors`); `InputError` if anything that was
            given is wrong.
        KeyboardInterrupt: everything finished is kept.
    """
    if (rows is None) == (source is None):
        raise InputError("build: give rows or source, one of them")
    for name in options.keys() - BuildOptions.__annotations__.keys():
        raise InputError(f"build: unknown option {name}{meant(name, BuildOptions.__annotations__)}")
    with tempfile.TemporaryDirectory(prefix="mind-the-gap-") as folder:
        given = {
            "target": _target(target, Path(folder)),
            "output": output,
            "source": source if rows is None else _stored(rows),
            "verifier": _plugin(verifier),
        }
        call("builder.build", _arguments({**given, **options}), say or Relay())
    return open_release(str(output))


def reselect(
    release: Release | Name,
    *,
    policy: str,
    output: Name,
    keep: int | None = None,
    with_expert: bool = False,
    pass_rate: tuple[float, float] | None = None,
    fresh: bool = False,
    say: Say | None = None,
) -> Release:
    """Keep other candidates of a finished release, without an engine; the arguments are `builder.reselect`'s flags.

    Raises:
        MindTheGapError: as `build`.
    """
    name = release.name if isinstance(release, Release) else str(release)
    flags = {"policy": policy, "output": output, "keep": keep, "with_expert": with_expert, "pass_rate": pass_rate}
    call("builder.reselect", [name, *_arguments({**flags, "fresh": fresh})], say or Relay())
    return open_release(str(output))


def verifier(
    name: "str | type[VerifierPlugin]" = "math", *, deadline: float | None = None, workers: int | None = None
) -> "Verifier":
    r"""What judges responses, in worker processes that can be killed; use it in a `with` block.

    with verifier() as judge:
        judge.verdicts([(r"\frac{1}{2}", r"So it is \boxed{0.5}.")])  # ["correct"]

    A script that uses it needs the usual `if __name__ == "__main__":` guard; a notebook does not.

    Args:
        name: as `--verifier`; or a class, which must stand in a module that can be imported.
        deadline: seconds for one verdict; None for as many as `--verifier-deadline` has for it.
        workers: processes; None for one for each CPU, 8 at most.

    Raises:
        InputError: there is no such verifier.
        EngineError: worker processes do not start on this machine.
    """
    from builder.verification.plugged import verifier_named
    from builder.verification.registry import deadline_of
    from builder.verification.verifier import Verifier

    plugin = verifier_named(_plugin(name))
    return Verifier(workers, deadline_of(deadline, plugin), plugin)


def _stored(rows: Iterable[Row]) -> str:
    from builder.sources.stored import store

    return store(rows)


def _target(target: "Name | Target", folder: Path) -> Name:
    """How the command line names a target; one that has no name there becomes a file."""
    if isinstance(target, str | Path):
        return target
    from builder.policy.derive import as_yaml

    file = folder / "target.yaml"
    file.write_text(as_yaml(target), encoding="utf-8")
    return file


def _plugin(verifier: "str | type[VerifierPlugin]") -> str:
    """How the command line names a verifier."""
    if isinstance(verifier, str):
        return verifier
    if not isinstance(verifier, type):
        raise InputError(f"verifier: give a name or a class, not {type(verifier).__name__}")
    if verifier.__module__ == "__main__" or "." in verifier.__qualname__:
        raise InputError(
            f"verifier {verifier.__qualname__}: worker processes import it, so it must stand at the top of a module, "
            "such as a file beside this program (in a notebook: a cell that begins with %%writefile NAME.py)"
        )
    return f"{verifier.__module__}:{verifier.__qualname__}"


def _arguments(flags: Mapping[str, object]) -> list[str]:
    """Flags by their names with underscores, as a command line."""
    written: list[str] = []
    for name, value in flags.items():
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            written.append(flag)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            written += [flag, *map(str, value)]
        elif value is not None and value is not False:
            written.append(f"{flag}={value}")
    return written
