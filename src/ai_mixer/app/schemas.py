"""Bodies of requests, and the answers of the interface, for validation and OpenAPI."""

from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from ai_mixer.app.engine import CONSOLE_NAMES, console_entry
from ai_mixer.app.limits import EXPORT_FORMATS
from ai_mixer.mastering.delivery import TARGETS_LUFS
from ai_mixer.mixing.limits import CEILING_LIMITS_DB, TARGET_LIMITS_LUFS
from ai_mixer.mixing.mix_options import STYLES

AS_HEARD = "as heard"
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

    target: "as heard" for the level of the page, null for the loudness of the song, a name or LUFS.
    """

    console: str
    settings: Any = {}
    format: Literal[EXPORT_FORMATS] = "wav"  # type: ignore[valid-type]
    target: Lufs | Literal[AS_HEARD, *TARGETS_LUFS] | None = AS_HEARD  # type: ignore[valid-type]
    ceiling_db: Annotated[float, Field(ge=CEILING_LIMITS_DB[0], le=CEILING_LIMITS_DB[1])] = -1.0
    about: Annotated[str, Field(max_length=200)] = ""


def _for_every_console(body: type[Body], field: str) -> Any:
    """One model per console, whose knobs and their limits it knows; chosen by `console`."""
    models = []
    for name in CONSOLE_NAMES:
        knobs: dict[str, Any] = {
            knob["name"]: (
                Annotated[float, Field(ge=knob["low"], le=knob["high"])],
                knob["neutral"],
            )
            for knob in console_entry(name)
        }
        title = name.capitalize()
        values = create_model(f"{title}Knobs", __base__=Body, **knobs)
        fields: dict[str, Any] = {"console": (Literal[name], ...), field: (values, values())}
        models.append(create_model(f"{title}{body.__name__}", __base__=body, **fields))
    return Annotated[reduce(or_, models), Field(discriminator="console")]


PredictBody = _for_every_console(Predict, "locked")
ExportBody = _for_every_console(Export, "settings")
ConsoleName = Literal[CONSOLE_NAMES]  # type: ignore[valid-type]


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


class Upload(BaseModel):
    """An uploaded song and the job that decodes it."""

    song: SongAnswer
    job: JobAnswer
