"""`ai-mixer listen`: the service that the plug-ins ask for settings."""

import sys
from pathlib import Path

import typer


def listen() -> None:
    """Answer the plug-ins' Listen in a DAW with settings, until ctrl+C."""
    if sys.platform == "win32":
        raise ValueError("ai-mixer listen needs Unix sockets: plug-ins for Windows do not listen")
    from ai_mixer.app.plugin_service import PluginService

    with PluginService(Path.home(), report=typer.echo) as service:
        typer.echo("Plug-ins in a DAW can listen now. Stop with ctrl+C.")
        service.serve_forever()
