"""Which errors are a user's mistake, and their one line."""

import re
import sqlite3
from collections.abc import Sequence
from types import TracebackType

from hydra.errors import HydraException, InstantiationException
from lightning_fabric.utilities.exceptions import MisconfigurationException
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError  # type: ignore[import-untyped]

from ai_mixer.config.argument_validation import describe_call_error
from ai_mixer.config.override_errors import explain_hydra_error
from ai_mixer.utils.disk_errors import disk_full_path, exception_chain

USER_ERRORS = (
    ValueError,
    OSError,
    HydraException,
    OmegaConfBaseException,
    YAMLError,
    MisconfigurationException,
)
DEBUG_HINT = " (--debug, or DEBUG=1 with make, says where)"
DATALOADER_WORKER_ERROR = re.compile(r"Caught \w+ in DataLoader worker")


def one_line_message(error: Exception, config_name: str, overrides: Sequence[str]) -> str | None:
    """What to tell the user of stage `page`, started with `words`; None if it is a bug of ours."""
    full = disk_full_path(error)
    if full is not None:
        return (
            f"no space left on the disk: could not write {full or 'a file'}; free some, then give "
            "the same command again, or make train ckpt_path=last where a training had begun"
        )
    for database in (one for one in exception_chain(error) if isinstance(one, sqlite3.Error)):
        return f"the runs' database (mlflow.db): {database}{DEBUG_HINT}"
    cause: BaseException = error
    while isinstance(cause, InstantiationException) and cause.__cause__ is not None:
        unfit = describe_call_error(cause)
        if unfit is not None:
            return unfit
        cause = cause.__cause__
    if not isinstance(cause, USER_ERRORS):
        return None
    if isinstance(cause, HydraException):
        return explain_hydra_error(cause, config_name, overrides)
    clear = isinstance(cause, OmegaConfBaseException) or _raised_in_package(cause)
    return _text(cause) + ("" if clear else DEBUG_HINT)


def _text(error: BaseException) -> str:
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        file = error.filename2 or error.filename
        text = f"{file}: {error.strerror}" if file else error.strerror
    if isinstance(error, OmegaConfBaseException) and error.full_key:
        text = f"{error.full_key}: {str(error).splitlines()[0]}"
    if DATALOADER_WORKER_ERROR.match(text):  # torch hands on the worker's whole traceback
        text = text.strip().splitlines()[-1].partition(": ")[2]
    return " ".join(text.split())


def _raised_in_package(error: BaseException) -> bool:
    """Raised by our own code, whose messages need no traceback to be understood."""
    if DATALOADER_WORKER_ERROR.match(str(error)):
        return True
    trace: TracebackType | None = error.__traceback__
    name = ""
    while trace is not None:
        name, trace = trace.tb_frame.f_globals.get("__name__", ""), trace.tb_next
    return name == "__main__" or name.partition(".")[0] == __name__.partition(".")[0]
