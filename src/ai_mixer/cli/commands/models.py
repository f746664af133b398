"""`ai-mixer models`: what there is to choose from."""

from ai_mixer.cli.commands.parsing import say


def models() -> None:
    """List the packaged models, the champion first."""
    from ai_mixer.inference import pretrained

    found = pretrained.names()
    if not found:
        say("no model is packaged with this ai_mixer; --model takes a run's id or a folder")
    for place, name in enumerate(found):
        say(f"{name:22} {pretrained.display_name(name)}{'  (champion)' if place == 0 else ''}")
        about = pretrained.about(name)
        if about:
            say(f"  {about}")
