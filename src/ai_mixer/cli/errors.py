"""One-line messages for errors that a user can correct."""

import re
import sqlite3
from collections.abc import Sequence
from types import TracebackType

from hydra.errors import HydraException, InstantiationException
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from yaml import YAMLError  # type: ignore[import-untyped]

from ai_mixer.config.argument_validation import describe_call_error
from ai_mixer.config.override_errors import explain_hydra_error
from ai_mixer.config.stage_command import debug_hint, stage_command
from ai_mixer.utils.disk_errors import disk_full_path, exception_chain

USER_ERRORS = (
    ValueError,
    OSError,
    HydraException,
    OmegaConfBaseException,
    YAMLError,
)
DATALOADER_WORKER_ERROR = re.compile(r"Caught \w+ in DataLoader worker")


def one_line_message(error: Exception, config_name: str, overrides: Sequence[str]) -> str | None:
    """Message for the user of a stage started with these overrides; None for a bug."""
    full = disk_full_path(error)
    if full is not None:
        return (
            f"no space left on the disk: could not write {full or 'a file'}; free space and repeat "
            f"the command, or `{stage_command('train', ['ckpt_path=last'])}` if a training had "
            "started"
        )
    for database_error in (e for e in exception_chain(error) if isinstance(e, sqlite3.Error)):
        return f"database of runs (mlflow.db): {database_error}{debug_hint()}"
    cause: BaseException = error
    while isinstance(cause, InstantiationException) and cause.__cause__ is not None:
        message = describe_call_error(cause)
        if message is not None:
            return message
        cause = cause.__cause__
    if not isinstance(cause, USER_ERRORS) and not _is_misconfiguration(cause):
        return None
    if isinstance(cause, HydraException):
        return explain_hydra_error(cause, config_name, overrides)
    is_clear = isinstance(cause, OmegaConfBaseException) or _raised_in_package(cause)
    return _text(cause) + ("" if is_clear else debug_hint())


def _is_misconfiguration(error: BaseException) -> bool:
    """Whether Lightning reports unsuitable options, without importing it."""
    return any(kind.__name__ == "MisconfigurationException" for kind in type(error).__mro__)


def _text(error: BaseException) -> str:
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        file = error.filename2 or error.filename
        text = f"{file}: {error.strerror}" if file else error.strerror
    if isinstance(error, MissingMandatoryValue):
        return f"{error.full_key} has no value: give it with {error.full_key}=…"
    if isinstance(error, OmegaConfBaseException) and error.full_key:
        text = f"{error.full_key}: {str(error).splitlines()[0]}"
    if DATALOADER_WORKER_ERROR.match(text):  # torch includes the worker's whole traceback
        text = text.strip().splitlines()[-1].partition(": ")[2]
    return " ".join(text.split())


def _raised_in_package(error: BaseException) -> bool:
    """Whether this package raised the error: its messages are clear without a traceback."""
    if DATALOADER_WORKER_ERROR.match(str(error)):
        return True
    trace: TracebackType | None = error.__traceback__
    name = ""
    while trace is not None:
        name, trace = trace.tb_frame.f_globals.get("__name__", ""), trace.tb_next
    return name == "__main__" or name.partition(".")[0] == __name__.partition(".")[0]
