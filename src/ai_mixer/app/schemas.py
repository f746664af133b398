"""Bodies of requests, and the answers of the interface, for validation and OpenAPI."""

from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from ai_mixer.app.engine import BUSES, CONSOLE_NAMES, ENGINE_NAMES, STRIP, console_entry
from ai_mixer.app.limits import EXPORT_FORMATS
from ai_mixer.core.track import MAX_TRACKS, ROLES
from ai_mixer.mastering.delivery import TARGETS_LUFS
from ai_mixer.mixing.limits import CEILING_LIMITS_DB, TARGET_LIMITS_LUFS
from ai_mixer.mixing.mix_options import STYLES

AUDIBLE = "audible"
"""Target of an export with the level of the page: console and limiter, nothing else."""

Lufs = Annotated[float, Field(ge=TARGET_LIMITS_LUFS[0], le=TARGET_LIMITS_LUFS[1])]


class Body(BaseModel):
    """Unknown fields are errors, and nothing is converted: `false` is not the number 0."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Predict(Body):
    """What a model is asked for. locked: knob → value in its unit, which stays."""

    console: str
    model: Annotated[str, Field(max_length=500)] | None = None
    style: Literal[tuple(STYLES)] | None = None  # type: ignore[valid-type]
    locked: Any = {}
    reference: bool = False


class Export(Body):
    """A file to write. settings: knob → value in its unit; missing knobs are neutral.

    target: "audible" for the level of the page, null for the loudness of the song, a name or LUFS.
    daw: also presets of the plug-in and DAW projects, as a zip file.
    """

    console: str
    settings: Any = {}
    format: Literal[EXPORT_FORMATS] = "wav"  # type: ignore[valid-type]
    target: Lufs | Literal[AUDIBLE, *TARGETS_LUFS] | None = AUDIBLE  # type: ignore[valid-type]
    ceiling_db: Annotated[float, Field(ge=CEILING_LIMITS_DB[0], le=CEILING_LIMITS_DB[1])] = -1.0
    about: Annotated[str, Field(max_length=200)] = ""
    daw: bool = False


def _knobs(console: str, **fields: Any) -> type[Body]:
    """Values of the knobs of a console within their limits, neutral by default."""
    knobs: dict[str, Any] = {
        knob["name"]: (Annotated[float, Field(ge=knob["low"], le=knob["high"])], knob["neutral"])
        for knob in console_entry(console)
    }
    return create_model(f"{console.capitalize()}Knobs", __base__=Body, **fields, **knobs)


def _for_every_console(body: type[Body], field: str) -> Any:
    """One model per console, whose knobs and their limits it knows; chosen by `console`."""
    models = []
    for name in CONSOLE_NAMES:
        values = _knobs(name)
        fields: dict[str, Any] = {"console": (Literal[name], ...), field: (values, values())}
        models.append(create_model(f"{name.capitalize()}{body.__name__}", __base__=body, **fields))
    return Annotated[reduce(or_, models), Field(discriminator="console")]


PredictBody = _for_every_console(Predict, "locked")
ExportBody = _for_every_console(Export, "settings")
EngineName = Literal[ENGINE_NAMES]  # type: ignore[valid-type]
TrackName = Annotated[str, Field(min_length=1, max_length=200)]
TrackNames = Annotated[list[TrackName], Field(max_length=MAX_TRACKS)]
Role = Literal[ROLES]  # type: ignore[valid-type]
StripKnobs = _knobs(STRIP, name=(TrackName, ...), role=(Role | None, None))
_BUSES: dict[str, Any] = {bus: (own := _knobs(bus), own()) for bus in BUSES}
BusKnobs = create_model("BusKnobs", __base__=Body, **_BUSES)
MasterKnobs = _knobs("mastering")


class TrackSettings(Body):
    """Settings of the console `studio`: of tracks by their names, of buses and master.

    Missing tracks and knobs are neutral.
    """

    tracks: Annotated[list[StripKnobs], Field(max_length=MAX_TRACKS)] = []  # type: ignore[valid-type]
    buses: BusKnobs = BusKnobs()  # type: ignore[valid-type]
    master: MasterKnobs = MasterKnobs()  # type: ignore[valid-type]


class TrackPredictBody(Body):
    """What a model of several tracks is asked for. model: null for equal loudness.

    roles: by the name of a track. leads: tracks in front. muted: tracks that are left out.
    """

    model: Annotated[str, Field(max_length=500)] | None = None
    roles: Annotated[dict[TrackName, Role | None], Field(max_length=MAX_TRACKS)] = {}
    leads: TrackNames = []
    muted: TrackNames = []
    reference: bool = False


class TrackExportBody(Body):
    """A mix of several tracks to write. muted: tracks that are left out.

    target: "audible" for the level of the page, null for −14 LUFS, a name or LUFS. stems, daw: also
    the processed tracks, and DAW projects; a zip file each.
    """

    settings: TrackSettings = TrackSettings()
    muted: TrackNames = []
    format: Literal[EXPORT_FORMATS] = "wav"  # type: ignore[valid-type]
    target: Lufs | Literal[AUDIBLE, *TARGETS_LUFS] | None = AUDIBLE  # type: ignore[valid-type]
    ceiling_db: Annotated[float, Field(ge=CEILING_LIMITS_DB[0], le=CEILING_LIMITS_DB[1])] = -1.0
    stems: bool = False
    daw: bool = False


class Problem(BaseModel):
    """An error: one line."""

    error: str


class JobAnswer(BaseModel):
    """A job. progress: 0–1."""

    id: str
    kind: str
    song: str
    arguments: dict[str, Any]
    state: str
    progress: float
    message: str
    result: dict[str, Any]
    error: str
    created_s: float


class SongAnswer(BaseModel):
    """A song. state: new, ready or failed; further fields once it is decoded."""

    model_config = ConfigDict(extra="allow")

    id: str
    name: str
    state: str
    created_s: float


class TrackAnswer(BaseModel):
    """An uploaded track: the name that it has in the song."""

    name: str


class Upload(BaseModel):
    """An uploaded song and the job that decodes it."""

    song: SongAnswer
    job: JobAnswer
