"""`ai-mixer models`: list the packaged models."""

from ai_mixer.cli.commands.parsing import print_line


def models() -> None:
    """List the packaged models, the default first, with the licences of their weights."""
    from ai_mixer.inference import pretrained

    names = pretrained.list_models()
    if not names:
        print_line("no packaged models: use --model with the id or the folder of a run")
    for index, name in enumerate(names):
        print_line(
            f"{name:22} {pretrained.display_name(name)}{'  (default)' if index == 0 else ''}"
        )
        about = pretrained.model_summary(name)
        if about:
            print_line(f"  {about}")
        print_line(f"  Licence of the weights: {pretrained.licence(name).describe()}")
