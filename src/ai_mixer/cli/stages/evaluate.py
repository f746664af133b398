"""Evaluate: is a run's model better than doing nothing, on songs it never saw?

Protocols K (knob skill) and A (distance to the finished version), per condition, beside the
baselines. Every excerpt is drawn once and heard by every system under every condition.
"""

from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig

from ai_mixer.cli.stage import stage
from ai_mixer.evaluation.baselines.model import Guest, Model
from ai_mixer.evaluation.baselines.registry import CHEAP, choose, take_part
from ai_mixer.evaluation.conditions import ALL, conditions_for
from ai_mixer.evaluation.evaluator import judged
from ai_mixer.evaluation.results import Evaluation, evaluation_of
from ai_mixer.evaluation.speed import table_speed
from ai_mixer.inference.predictor import Mixer, load_model
from ai_mixer.metrics.scores import scores
from ai_mixer.metrics.speech import speech_measures, speech_scores
from ai_mixer.tracking import Store, find_run
from ai_mixer.tracking.post_run_metrics import add_metrics
from ai_mixer.training.builders import asked_run, held_out
from ai_mixer.training.export import load_checkpoint, run_of_checkpoint
from ai_mixer.utils.markdown import to_markdown


def evaluate(
    mixer: Mixer,
    *,
    data: DictConfig | None = None,
    split: str = "test",
    excerpts_per_song: int = 4,
    excerpt: float | str | None = None,
    condition: str = "all",
    systems: str | Sequence[str] = CHEAP,
    champion: Mixer | None = None,
    examples: int = 480,
    fitted_excerpts: int = 8,
    speech: bool = False,
    seed: int = 0,
) -> Evaluation:
    """Judge a model on the songs of a split. Twice gives the same numbers.

    data: a composed data config, None for the songs of the run itself. excerpt: seconds, or "full"
    for whole songs; None for the run's own length. systems: whom to compare with (see
    `baselines.menu`; "all"); champion: another run's model, judged on the same excerpts.
    examples: training excerpts that ridge and trees learn from; fitted_excerpts: on how many
    excerpts the costly `fitted` is asked; speech: PESQ and STOI as well. ValueError in one line for
    what does not fit.
    """
    names = choose(systems)
    if speech:
        speech_measures()  # what is missing is said now, not after the regressions
    length = {} if excerpt is None else {"excerpt_s": excerpt}
    loader = {"held_out_per_song": excerpts_per_song, "seed": seed, **length}
    dataset = held_out(mixer.config, mixer.console, data, "reference", **loader).dataset(split)
    conditions = conditions_for(condition, dataset.songs, dataset.excerpt_s)
    rivals, missing = take_part(names, mixer, examples=examples, fitted_excerpts=fitted_excerpts)
    if champion is not None:
        rivals["champion"] = Guest(Model(champion), mixer)
    asked, title = {**rivals, "model": Model(mixer)}, f"evaluating on {split} songs"
    said = (scores, speech_scores) if speech else (scores,)
    records, skipped = judged(asked, conditions, mixer.console, dataset, title, said)
    return evaluation_of(records, skipped, missing)


OPTIONS = (
    *("split", "excerpts_per_song", "excerpt", "systems"),
    *("examples", "fitted_excerpts", "speech", "seed"),
)


@stage("evaluate", keys={"condition": "conditions"})
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.evaluate [name=value …]`."""
    run, mixer = _open(cfg, "run")
    rival = None if cfg.champion is None else _open(cfg, "champion")[1]
    options = {name: cfg[name] for name in OPTIONS}
    options |= {"data": cfg.get("data"), "condition": cfg.conditions, "champion": rival}
    tables = evaluate(mixer, **options)
    name = songs_name(cfg, mixer)
    folder = run / "eval" / name
    tables.write(folder)
    print(tables.markdown())
    if cfg.speed:
        speed = table_speed(mixer)
        speed.to_csv(folder / "speed.csv")
        print(f"## Speed\n{to_markdown(speed, digits=3)}")
    figures = tables.figures(f"eval/{name}/")
    add_metrics(mixer.card.get("run"), run, figures, Store(cfg.paths.mlruns))
    print(folder / "tables.md")


def _open(cfg: DictConfig, key: str) -> tuple[Path, Mixer]:
    """The run's folder and its mixer; of a checkpoint, the one that was saved there."""
    which = asked_run(cfg, key)
    if which.endswith(".ckpt"):
        mixer = load_checkpoint(Path(which), cfg.trusted)
        return run_of_checkpoint(Path(which)), mixer
    run = find_run(which, cfg.paths.mlruns)
    return run, load_model(run, cfg.trusted)


def songs_name(cfg: DictConfig, mixer: Mixer) -> str:
    """The folder of these tables: data and split, and what differs from the usual evaluation."""
    parts = [(cfg.get("data") or mixer.config.data).name, cfg.split]
    parts += [] if cfg.excerpt is None else [str(cfg.excerpt)]
    parts += [] if cfg.conditions == ALL else [cfg.conditions]
    which = asked_run(cfg)
    parts += [Path(which).stem] if which.endswith(".ckpt") else []
    return "-".join(parts)


if __name__ == "__main__":
    main()
