"""`ai-mixer models`: what there is to choose from."""

from ai_mixer.cli.commands.parsing import print_line


def models() -> None:
    """List the packaged models, the champion first."""
    from ai_mixer.inference import pretrained

    found = pretrained.list_models()
    if not found:
        print_line("no model is packaged with this ai_mixer; --model takes a run's id or a folder")
    for place, name in enumerate(found):
        print_line(
            f"{name:22} {pretrained.display_name(name)}{'  (champion)' if place == 0 else ''}"
        )
        about = pretrained.model_summary(name)
        if about:
            print_line(f"  {about}")
