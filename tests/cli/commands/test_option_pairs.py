"""Every pair of options of `mix`, `master`, `enhance` and `match` is obeyed or refused.

A pair is obeyed if what the command passes on shows both; it is refused by one line that names one
of them. Nothing is rendered.
"""

import itertools

import pytest
from tests.cli.commands.test_numbers import OPTIONS  # of all commands, found by import

from ai_mixer.mixing import audio_mixer, enhance, match, paths
from ai_mixer.mixing.preset import save_preset, single_section_preset
from ai_mixer.plugin import daw_files, track_project
from helpers.parameters import first_fast

SAMPLES = {
    "--output": "out/", "--reference": "ref.wav", "--match": "tone,width",
    "--model": "ast_regressor",
    "--amount": "eq=0.5", "--only": "eq,width,gain", "--style": "vocal", "--target": "-15",
    "--ceiling": "-2.5", "--preset": "saved.json", "--save-preset": "mine.json", "--adaptive": None,
    "--strict": None, "--force": None, "--intensity": "high", "--limiter": "5", "--album": "keep",
    "--delivery": None, "--console": "mastering", "--tracks": None, "--role": "two.wav=bass",
    "--lead": "two.wav", "--pan": "two.wav=0.5", "--mute": "two.wav", "--stems": "stems",
    "--daw": None, "--start": "two.wav=1.5",
}  # fmt: skip


def sample(command, flag, other):
    if flag == "--set":
        mastering = command == "master" or "--console" in (flag, other)
        return f"{'high_shelf_gain' if mastering else 'low_eq'}=+1.25dB"
    return SAMPLES[flag]


def seen(call, flag):
    """Whether the arguments of a call show an option."""
    return seen_of_tracks(call, flag) if "roles" in call else seen_of_songs(call, flag)


def seen_of_tracks(call, flag):
    return {
        "--tracks": lambda: True,
        "--daw": lambda: call.daw,
        "--output": lambda: call.folder.name == "out",
        "--reference": lambda: call.reference.name == "ref.wav",
        "--model": lambda: call.model == "ast_regressor",
        "--target": lambda: call.target_lufs == -15,
        "--ceiling": lambda: call.ceiling_db == -2.5,
        "--role": lambda: call.roles == {"two.wav": "bass"},
        "--lead": lambda: call.leads == ["two.wav"],
        "--pan": lambda: call.pans == {"two.wav": 0.5},
        "--mute": lambda: call.muted == ["two.wav"],
        "--stems": lambda: call.stems.name == "stems",
        "--start": lambda: call.starts_s == {"two.wav": 1.5},
        "--amount": lambda: "eq" in call.mix_options.group_amounts,
        "--only": lambda: "width" in call.mix_options.only_groups,
        "--set": lambda: 1.25 in call.mix_options.fixed_settings.values(),
        "--strict": lambda: call.strict,
        "--force": lambda: call.force,
    }[flag]()


def seen_of_songs(call, flag):
    options, preset = call.mix_options, call.get("preset")
    of_preset = preset is not None
    settings = preset.settings if of_preset else options.fixed_settings
    return {
        "--output": lambda: call.output.audio.parent.name == "out",
        "--reference": lambda: [p.name for p in call.reference] == ["ref.wav"],
        "--match": lambda: set(options.aspects) == {"tone", "width"},
        "--model": lambda: call.model == "ast_regressor",
        "--amount": lambda: options.group_amounts == {"eq": 0.5},
        "--only": lambda: list(options.only_groups) == ["eq", "width", "gain"],
        "--set": lambda: 1.25 in settings.values(),
        "--style": lambda: options.style == "vocal",
        "--target": lambda: (preset if of_preset else call).target_lufs == -15,
        "--ceiling": lambda: (preset if of_preset else call).ceiling_db == -2.5,
        "--preset": lambda: of_preset,
        "--save-preset": lambda: call.saved,
        "--adaptive": lambda: call.adaptive,
        "--daw": lambda: call.daw,
        "--strict": lambda: options.strict,
        "--force": lambda: call.force,
        "--intensity": lambda: options.intensity == 1.6,
        "--limiter": lambda: (preset if of_preset else call).max_reduction_db == 5,
        "--album": lambda: call.target_lufs is not None,
        "--delivery": lambda: call.delivery_set,
        "--console": lambda: call.console_name == "mastering",
    }[flag]()


class Call(dict):
    __getattr__ = dict.__getitem__


class Stop(ValueError):
    """Raised in place of the work."""


@pytest.mark.slow
@pytest.mark.parametrize("command", first_fast(["mix", "master", "enhance", "match"]))
def test_every_pair_of_options_is_obeyed_or_refused(ai_mixer, song, monkeypatch, command):
    monkeypatch.chdir(song.parent)
    for name in ("ref.wav", "two.wav"):
        (song.parent / name).write_bytes(song.read_bytes())
    save_preset(single_section_preset({}), song.parent / "saved.json")
    calls, checked_for_daw = record_calls(monkeypatch)
    flags = sorted({o.flag for o in OPTIONS if o.command == command and o.flag.startswith("--")})
    assert len(flags) >= 7, flags
    refused = []
    for pair in itertools.combinations(flags, 2):
        calls.clear()
        checked_for_daw.clear()
        arguments = [song.name]
        if command == "match" or {"--album", "--tracks"} & {*pair}:
            arguments.append("two.wav")
        for flag, other in (pair, pair[::-1]):
            value = sample(command, flag, other)
            arguments += [flag] if value is None else [flag, value]
        done = ai_mixer(command, *arguments)
        if not calls:
            assert done.code == 1, (pair, done.err)
            line = done.err.splitlines()[-1]
            assert line.startswith("error: "), (pair, line)
            assert any(flag in line for flag in pair), (pair, line)
            refused.append(pair)
        else:
            for flag in pair:
                assert seen(calls[-1], flag), (command, pair, flag, calls[-1])
    assert len(refused) < len(flags) * (len(flags) - 1) / 3, refused  # two thirds of all pairs


def noting(function, log):
    """The function, which also adds to a list."""

    def call(*arguments, **given):
        log.append(function)
        return function(*arguments, **given)

    return call


def record_calls(monkeypatch):
    """Replace the work of all commands by a record of its arguments."""
    calls, checked_for_daw = [], []
    for module, name in ((daw_files, "check_daw"), (track_project, "project_paths")):
        monkeypatch.setattr(module, name, noting(getattr(module, name), checked_for_daw))

    def recorder(first):
        def record(*arguments, **given):
            self = arguments[0] if first else None
            output = next((a for a in arguments if isinstance(a, paths.ResultFiles)), None)
            model = given.get("model") or getattr(self, "model", None)
            given["daw"] = bool(checked_for_daw)
            own = {"output": output, "folder": arguments[-1], "model": model, "saved": True}
            calls.append(Call(given | own))
            raise Stop("recorded")

        return record

    monkeypatch.setattr(audio_mixer.AudioMixer, "mix_file", recorder(True))
    monkeypatch.setattr(audio_mixer.AudioMixer, "master", recorder(True))
    monkeypatch.setattr(audio_mixer.AudioMixer, "mix_tracks", recorder(True))
    monkeypatch.setattr(enhance, "enhance", recorder(False))
    monkeypatch.setattr(match, "match", recorder(True))
    return calls, checked_for_daw
