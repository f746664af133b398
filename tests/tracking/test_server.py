"""Runs that a server keeps, for many machines."""

import pytest

from ai_mixer.tracking import Store
from ai_mixer.tracking.orphans import find_cleanup_candidates
from ai_mixer.tracking.rewrite_artifact_uris import rewrite_artifact_uris
from ai_mixer.tracking.ui import serve

ADDRESS = "http://127.0.0.1:5999"


@pytest.fixture
def served(tmp_path):
    (tmp_path / "server").write_text(f"{ADDRESS}\n")
    return Store(tmp_path)


def test_a_text_file_names_the_server(served):
    assert served.uri == ADDRESS
    assert served.exists
    assert served.client.tracking_uri == ADDRESS
    assert not served.database.exists()


@pytest.mark.parametrize("mend", [rewrite_artifact_uris, find_cleanup_candidates, serve])
def test_its_database_is_not_ours(served, mend):
    with pytest.raises(ValueError, match=ADDRESS):
        mend(served)
    assert not served.database.exists()
