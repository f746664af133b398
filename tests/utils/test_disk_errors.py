"""Tests of the detection of a full disk."""

import errno
import sqlite3

import pytest

from ai_mixer.utils.disk_errors import disk_full_path, reraise_disk_full


def no_space(*names):
    return OSError(errno.ENOSPC, "No space left on device", *names)


def caught(call):
    try:
        call()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def chained(*errors):
    """The last error, raised while the earlier ones were handled."""

    def call(rest):
        if len(rest) == 1:
            raise rest[0]
        try:
            call(rest[:-1])
        except Exception:
            raise rest[-1]  # noqa: B904  # an error during clean-up: context, not cause

    return caught(lambda: call(errors))


@pytest.mark.parametrize(
    ("error", "file"),
    [
        (no_space("/a/b"), "/a/b"),
        (OSError(errno.EDQUOT, "quota", "/a/b"), "/a/b"),
        (no_space("/from", None, "/to"), "/to"),
        (no_space(), ""),
        (sqlite3.OperationalError("database or disk is full"), "the runs' database"),
        (OSError(errno.ENOENT, "gone", "/a/b"), None),
        (sqlite3.OperationalError("database is locked"), None),
        (RuntimeError("full"), None),
        (None, None),
    ],
)
def test_path_of_a_full_disk_error(error, file):
    assert disk_full_path(error) == file


def test_the_first_error_of_a_chain_gives_the_path():
    """Clean-up writes files too and fails for the same reason."""
    ckpt = no_space("last.ckpt")
    database = sqlite3.OperationalError("database or disk is full")
    assert disk_full_path(chained(ckpt, database)) == "last.ckpt"
    assert disk_full_path(chained(ckpt, no_space(), RuntimeError("zip"))) == "last.ckpt"
    assert disk_full_path(chained(RuntimeError("bug"), ValueError("x"))) is None


def test_reraise_disk_full_names_the_file():
    """A zip writer hides the original error."""

    def save():
        with reraise_disk_full("/runs/last.ckpt"):
            raise chained(no_space(), RuntimeError("unexpected pos 576 vs 534"))

    error = caught(save)
    assert (error.errno, error.filename) == (errno.ENOSPC, "/runs/last.ckpt")
    assert disk_full_path(error) == "/runs/last.ckpt"


def test_reraise_disk_full_keeps_other_errors():
    with pytest.raises(ZeroDivisionError), reraise_disk_full("/runs/last.ckpt"):
        1 / 0  # noqa: B018
    with reraise_disk_full("/runs/last.ckpt"):
        pass
