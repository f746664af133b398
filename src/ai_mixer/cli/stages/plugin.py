"""Plug-ins: consoles as VST3, CLAP and LV2, for this machine or for others."""

from pathlib import Path

from omegaconf import DictConfig

from ai_mixer.cli.stage import stage


@stage("plugin")
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.plugin [plugins=[classic]] [os=windows] [install=true]`."""
    from ai_mixer.plugin.bundles import PluginBuild, build_plugins, install, targets_of

    targets, folder = targets_of(cfg.os), Path(cfg.output_dir)
    build = PluginBuild(list(cfg.plugins), Path(cfg.dpf).expanduser(), folder / "cache")
    if cfg.install and cfg.os != "linux":
        raise ValueError(f"install=true copies plug-ins for Linux, os={cfg.os} are for another")
    for built in build_plugins(build, targets, folder):
        print(built)
        if cfg.install:
            print(*install(built, Path.home()), sep="\n")


if __name__ == "__main__":
    main()
