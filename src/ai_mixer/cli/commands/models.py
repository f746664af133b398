"""`ai-mixer models`: list the packaged models, push a model to a folder or hub, and pull one."""

from pathlib import Path
from typing import Annotated

import typer

from ai_mixer.cli.commands import options
from ai_mixer.cli.commands.parsing import print_line

models = typer.Typer(help="List the packaged models; push a model to a folder or hub, pull one.")

Address = "a folder, or hf://owner/name for the Hugging Face Hub"


@models.callback(invoke_without_command=True)
def list_models(context: typer.Context) -> None:
    """List the packaged models, the default first, with the licences of their weights."""
    if context.invoked_subcommand is not None:
        return
    from ai_mixer.inference import pretrained

    names = [*pretrained.list_models(), *pretrained.list_track_models()]
    if not names:
        print_line("no packaged models: use --model with the id or the folder of a run")
    for name in names:
        print_line(f"{name:22} {pretrained.display_name(name)}{pretrained.default_note(name)}")
        about = pretrained.model_summary(name)
        if about:
            print_line(f"  {about}")
        print_line(f"  Licence of the weights: {pretrained.licence(name).describe()}")


@models.command()
def push(
    model: Annotated[str, typer.Argument(help="A packaged model, or the id or folder of a run.")],
    destination: Annotated[str, typer.Argument(help=f"Where to: {Address}.")],
    force: options.Force = False,
) -> None:
    """Write a model with its model card to a folder, or to a repository of the Hub."""
    from ai_mixer.inference import hub, pretrained
    from ai_mixer.tracking import find_run

    name = pretrained.normalise_name(model)
    is_packaged = name in [*pretrained.list_models(), *pretrained.list_track_models()]
    folder = pretrained.model_folder(name) if is_packaged else find_run(model)
    title = pretrained.display_name(name) if is_packaged else hub.run_title(folder)
    print_line(hub.push(folder, destination, title, force))


@models.command()
def pull(
    source: Annotated[str, typer.Argument(help=f"Where from: {Address} (name@revision).")],
    folder: Annotated[Path, typer.Argument(help="Folder for the model, used with --model.")],
    force: options.Force = False,
) -> None:
    """Copy a model from a folder or the Hub, with its digest checked."""
    from ai_mixer.inference import hub

    print_line(str(hub.pull(source, folder, force)))
