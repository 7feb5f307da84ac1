"""The folder that a training run writes to: one process at a time, resumable, and finished exactly once."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout

from modeling.atomic_files import written_atomically
from modeling.classifier import bundle_files
from modeling.errors import ModelingError
from modeling.events import Event
from modeling.hashing import meta_hash

Outcome = TypeVar("Outcome", bound=Event)

LOCK_TIMEOUT = 10.0  # seconds; a program that was told to stop has let go of its folder by then
_NOT_WRITABLE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST})
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
# What torch and safetensors say instead of passing on the error of the operating system.
_FULL_WORDS = ("No space left", "os error 28", "unexpected pos", "inline_container")


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """`folder` holds the bundle, done.json and, until then, work/<request>; `request` hashes what was asked for."""

    folder: Path
    request: str

    @property
    def bundle(self) -> Path:
        """Where the bundle will be."""
        return self.folder / "bundle"

    @property
    def work(self) -> Path:
        """Where checkpoints are kept until the run is finished."""
        return self.folder / "work" / self.request

    @classmethod
    def of(cls, folder: Path, *identity: Any) -> RunDirectory:
        """Return the folder of the run that `identity` names: anything that JSON can write."""
        return cls(folder, meta_hash(identity))

    def finish(
        self, kind: type[Outcome], run: Callable[[], Outcome], verify: Callable[[Outcome], object] | None = None
    ) -> Outcome:
        """Return the outcome of `run`, or that of a run that ended here before, once `verify` has looked at it.

        Raises ModelingError when the folder holds the outcome of another request: nothing is ever overwritten. So it
        does when another process holds the folder, and when the disk fills up.
        """
        with self._locked():
            done = self._saved_outcome(kind)
            if done is None:
                done = run()
                self._save_outcome(done)
            elif verify:
                verify(done)
            return done

    def verify_bundle(self, _: Event) -> None:
        """Compare the bundle with what was written. Raises ModelingError."""
        bundle_files.verify(self.bundle)

    def _saved_outcome(self, kind: type[Outcome]) -> Outcome | None:
        try:
            saved = json.loads((self.folder / "done.json").read_text("utf-8"))
        except (FileNotFoundError, ValueError, RecursionError):
            return None
        # The key is as earlier versions wrote it: what they finished stays finished.
        if saved.get("order") != self.request:
            raise ModelingError("folder_of_other_run", folder=self.folder)
        return kind.model_validate(saved["done"])

    def _save_outcome(self, done: Event) -> None:
        """Keep the outcome and drop the checkpoints."""
        outcome = {"order": self.request, "done": done.model_dump(mode="json")}
        with written_atomically(self.folder / "done.json") as draft:
            draft.write_text(json.dumps(outcome, indent=2, ensure_ascii=False) + "\n", "utf-8")
        shutil.rmtree(self.folder / "work", ignore_errors=True)

    @contextmanager
    def _locked(self) -> Generator[None]:
        with full_disk_explained(self.folder), _lock(self.folder):
            self.work.mkdir(parents=True, exist_ok=True)
            yield


@contextmanager
def _lock(folder: Path) -> Generator[None]:
    """The lock is the kernel's (flock): it ends with the process, however that ends."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=LOCK_TIMEOUT, poll_interval=0.1)
    except Timeout:
        raise ModelingError("folder_in_use", folder=folder) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def full_disk_explained(folder: Path) -> Generator[None]:
    """Turn the errors of a disk that is full or cannot be written to into a sentence."""
    try:
        yield
    except Exception as error:
        if is_full(error):
            raise ModelingError("disk_full", folder=folder) from None
        if isinstance(error, OSError) and error.errno in _NOT_WRITABLE:
            raise ModelingError("folder_not_written", folder=folder, reason=error.strerror or str(error)) from None
        raise


def is_full(error: BaseException) -> bool:
    """Say whether an error means that the disk is full."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    return any(words in str(error) for words in _FULL_WORDS)
