"""`ai-mixer listen`."""

from ai_mixer.app.plugin_service import PluginService
from helpers.listen import running, short_home


def test_second_service_is_refused_in_one_line(ai_mixer, monkeypatch):
    with short_home() as home:
        monkeypatch.setenv("HOME", str(home))
        with running(PluginService(home)) as service:
            done = ai_mixer("listen")
        assert done.code == 1
        assert done.err == f"error: ai-mixer listen runs already, at {service.path}\n"
