"""`ai-mixer models`: what there is to choose from."""

from ai_mixer.cli.words import say


def models() -> None:
    """List the packaged models, the champion first."""
    from ai_mixer import packaged

    found = packaged.names()
    if not found:
        say("no model is packaged with this ai_mixer; --model takes a run's id or a folder")
    for place, name in enumerate(found):
        say(f"{name:22} {packaged.display_name(name)}{'  (champion)' if place == 0 else ''}")
        about = packaged.about(name)
        if about:
            say(f"  {about}")
