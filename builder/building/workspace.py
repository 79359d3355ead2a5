"""The working directory of a build, beside its release: settings, prepared rows, journal and logs.

`DIR.work` belongs to the release `DIR`. It is what makes a build resumable; once the release is written, it may be
deleted by hand (a later change of settings then needs no `--fresh`).
"""

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from builder.config import Comparable, Frozen, Settings, setting_differences
from builder.errors import InputError, MindTheGapError
from builder.machine.atomic import Replacement, write_atomically
from builder.machine.flags import Flag
from builder.release.tiers import Change, change, of_samples, of_texts

if TYPE_CHECKING:
    from builder.journal.journal import Progress


class Runtime(Frozen):
    """How this session runs the build; none of it changes D′.

    Attributes:
        model_dir: the target's tokenizer (and weights).
        engine_urls: base URLs of the engine's servers.
        engine_model: the name that the servers know the target by.
        send_seed: whether the engine takes a seed for each request (the CPU build of vLLM does not).
        tells_load: whether its servers say how busy they are.
    """

    model_dir: str
    engine_urls: list[str]
    engine_model: str
    send_seed: bool
    tells_load: bool = False
    concurrency: Annotated[
        int | None,
        Flag(
            "sequences in flight, in a build for each step (default: as many as the servers have places for, by their "
            "/metrics; 256 a server that has none)",
            "N",
        ),
    ] = Field(None, ge=1)
    patience: Annotated[
        float,
        Flag(
            "seconds to wait for an engine that is away before stopping (default: %(default)s)", "S", "engine-patience"
        ),
    ] = 60.0
    ray: Annotated[
        str | None,
        Flag(
            "run the pipeline on the Ray cluster that this machine is a node of: HOST:PORT of its head, or auto "
            "(docs/clusters.md)",
            "ADDRESS",
        ),
    ] = None
    give_up_rows: Annotated[
        int,
        Flag(
            "finish without up to N rows that the engine refuses (HTTP 400); they go to config rejected, with what it "
            "said (default: %(default)s)",
            "N",
        ),
    ] = 0


class Workspace:
    """Names and guards the files of a build's working directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.settings_file = root / "settings.json"
        self.runtime_file = root / "runtime.json"
        self.rows_file = root / "rows.parquet"
        self.rejected_file = root / "rejected.parquet"
        self.provenance_file = root / "provenance.json"
        self.journal_file = root / "journal.sqlite"
        self.engine_file = root / "engine.txt"  # of all sessions, one a line
        self.engine_check_file = root / "engine_check.txt"  # how each was recognised, one a line
        self.restored_file = root / "restored.json"  # what the journal began with, see `note_restored`
        self.probe_file = root / "probe.json"  # how the first session's attached engine scores a known text
        self.engine_log = root / "engine.log"
        self.pipeline_log = root / "pipeline.log"
        self.go_file = root / "go"  # from then on the pipeline runs
        self.drain_file = root / "drain"  # while it is there, steps send nothing new to the engine
        self.scratch = root / "scratch"

    @classmethod
    def of(cls, release: Path) -> "Workspace":
        """The working directory that belongs to a release directory."""
        return cls(release.with_name(release.name + ".work"))

    @contextmanager
    def locked(self, *, fresh: bool) -> Iterator[None]:
        """Create the directory and hold it against other builds.

        Args:
            fresh: delete what an earlier build left there, once the lock is held.

        Raises:
            InputError: another build holds it, or it cannot be written.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.root / "lock", os.O_CREAT | os.O_RDWR)
        except OSError as error:
            raise InputError(f"cannot write to {self.root}: {error.strerror}") from None
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(f"another build is using {self.root}; wait for it or stop it") from None
            if fresh:
                self._clear()
            yield
        finally:
            os.close(handle)

    def replacement(self, output: Path) -> Replacement:
        """How what is made here takes its place at `output`, where an earlier one may be."""
        return Replacement(output, self.root / "result")

    @property
    def interim(self) -> "Workspace":
        """Where interim releases are made, while the build itself may go on."""
        return Workspace(self.root / "interim")

    def settle(self, output: Path) -> None:
        """Complete the replacement that a kill cut short.

        Raises:
            InputError: another build is using the working directory.
        """
        if (replacement := self.replacement(output)).is_cut_short():
            with self.locked(fresh=False):
                replacement.settle()

    def claim(self, settings: Settings) -> Change:
        """Bind the directory to these settings; until samples were paid for, nothing binds it to earlier ones.

        What earlier settings leave of use stays: samples that are to be judged again, whose rows are prepared anew, or
        outcomes, too (`builder.release.tiers`).

        Returns:
            What follows from the difference to earlier settings.

        Raises:
            InputError: it holds samples of other settings; lists what differs.
        """
        changed = self._change_to(settings)
        if changed is Change.OTHER_SAMPLES:
            if self._has_samples():
                refuse_other_samples(settings, self._earlier(), self.root)
            self._clear()
        elif changed is Change.JUDGED_AGAIN:
            self.rows_file.unlink(missing_ok=True)  # first: a kill between the two leaves nothing half changed
        write_atomically(self.settings_file, settings.model_dump_json(indent=2))
        return changed

    def begun(self) -> dict | None:
        """The settings of what was begun here; None if nothing was."""
        return self._earlier() if self._has_samples() or self.rows_file.exists() else None

    def goes_on(self, settings: Settings, earlier: dict, output: Path) -> bool:
        """Whether there is something to do although there is a release of `earlier` settings.

        Raises:
            InputError: it has other samples, or they are not here to be judged again; lists what differs.
        """
        changed = change(earlier, settings.model_dump(mode="json"))
        if changed is Change.OTHER_SAMPLES:
            refuse_other_samples(settings, earlier, output)
        if changed is Change.JUDGED_AGAIN and not self.journal_file.exists():
            refuse_if_changed(settings, earlier, output)
        return changed in (Change.WRITTEN_ANEW, Change.JUDGED_AGAIN) and self.journal_file.exists()

    def _change_to(self, settings: Settings) -> Change:
        earlier = self._earlier()
        return change(earlier, settings.model_dump(mode="json")) if earlier else Change.NOTHING

    def _earlier(self) -> dict | None:
        """The settings that it was claimed with; None if it never was."""
        if not self.settings_file.exists():
            return None
        try:
            return json.loads(self.settings_file.read_text(encoding="utf-8"))
        except ValueError:
            raise InputError(f"{self.settings_file} is damaged; restore it, or start over with --fresh") from None

    def _has_samples(self) -> bool:
        """Whether an engine has answered anything here; a journal that cannot be read may hold anything."""
        from builder.journal.journal import Journal

        if not self.journal_file.exists():
            return False
        try:
            with Journal(self.journal_file) as journal:
                return journal.progress().since(self.restored()).paid
        except MindTheGapError:
            return True

    def _clear(self) -> None:
        for entry in self.root.iterdir():
            if entry.name != "lock":
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def prepared_rows(self) -> int | None:
        """How many rows are prepared; None if that is still to do, or to do again: rows follow from the settings."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return pq.read_metadata(self.rows_file).num_rows
        except (FileNotFoundError, pa.ArrowException):
            return None

    def settings(self) -> Settings:
        """The settings that the directory was claimed with."""
        return Settings.model_validate_json(self.settings_file.read_text())

    def note_engine(self, version: str, check: str) -> None:
        """Add the engine of this session to those that took part, with how it was recognised (`engines.attached`)."""
        for file, line in ((self.engine_file, version), (self.engine_check_file, check)):
            known = _lines(file)
            if line not in known:
                write_atomically(file, "\n".join([*known, line]))

    def note_restored(self, progress: "Progress") -> None:
        """Note what was put into the journal before this build asked for anything; only the first time counts."""
        if not self.restored_file.exists():
            write_atomically(self.restored_file, json.dumps(asdict(progress)))

    def restored(self) -> "Progress | None":
        """What another build has drawn and scored of that which the journal holds; None if it is all this one's."""
        from builder.journal.journal import Progress

        if not self.restored_file.exists():
            return None
        return Progress(**json.loads(self.restored_file.read_text(encoding="utf-8")))

    def forget_engines(self) -> None:
        """Forget engines from which nothing was drawn: another one may have been meant."""
        for file in (self.probe_file, self.engine_file, self.engine_check_file):
            file.unlink(missing_ok=True)

    def engines(self) -> list[str]:
        """Every engine that took part in any session, with its version; empty if there was nothing to ask one."""
        return _lines(self.engine_file)

    def engine_checks(self) -> list[str]:
        """The ways in which the engines of all sessions were recognised."""
        return _lines(self.engine_check_file)

    def runtime(self) -> Runtime:
        """How the current session runs."""
        return Runtime.model_validate_json(self.runtime_file.read_text())


def refuse_if_changed(settings: Comparable, earlier: dict, where: Path) -> None:
    """Check that an earlier run had the same settings.

    Raises:
        InputError: listing every setting that differs.
    """
    _refuse(settings.differences(earlier), where)


def refuse_other_samples(settings: Settings, earlier: dict, where: Path) -> None:
    """Check that an earlier build asked for the same samples.

    Raises:
        InputError: listing every setting that differs and belongs to them.
    """
    _refuse_parts(of_samples, settings, earlier, where)


def refuse_other_texts(settings: Settings, earlier: Settings, where: Path) -> None:
    """Check that an earlier build made the same texts of the same samples.

    Raises:
        InputError: listing every setting that differs and that texts follow from.
    """
    _refuse_parts(of_texts, settings, earlier.model_dump(mode="json"), where)


def _refuse_parts(part: Callable[[dict], dict], settings: Settings, earlier: dict, where: Path) -> None:
    _refuse(setting_differences(part(earlier), part(settings.model_dump(mode="json"))), where)


def _refuse(differences: list[str], where: Path) -> None:
    if differences:
        listing = "\n  ".join(differences)
        raise InputError(
            f"{where} was made with other settings:\n  {listing}\n"
            "choose another --output, restore the settings, or start over with --fresh"
        )


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []
