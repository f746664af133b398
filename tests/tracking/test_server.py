"""Runs on an MLflow server."""

import pytest

from ai_mixer.tracking import Store
from ai_mixer.tracking.orphans import find_cleanup_candidates
from ai_mixer.tracking.rewrite_artifact_uris import rewrite_artifact_uris
from ai_mixer.tracking.ui import serve

ADDRESS = "http://127.0.0.1:5999"


@pytest.fixture
def server_store(tmp_path):
    (tmp_path / "server").write_text(f"{ADDRESS}\n")
    return Store(tmp_path)


def test_the_server_is_read_from_a_text_file(server_store):
    assert server_store.uri == ADDRESS
    assert server_store.exists
    assert server_store.client.tracking_uri == ADDRESS
    assert not server_store.database.exists()


@pytest.mark.parametrize("function", [rewrite_artifact_uris, find_cleanup_candidates, serve])
def test_functions_for_local_databases_are_errors_on_a_server(server_store, function):
    with pytest.raises(ValueError, match=ADDRESS):
        function(server_store)
    assert not server_store.database.exists()
