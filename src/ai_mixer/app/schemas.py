"""Bodies of requests, and the answers of the interface, for validation and OpenAPI."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ai_mixer.app.engine import CONSOLE_NAMES
from ai_mixer.app.limits import EXPORT_FORMATS
from ai_mixer.mixing.limits import CEILING_LIMITS_DB, TARGET_LIMITS_LUFS

MAX_KNOBS = 200

ConsoleName = Literal["classic", "mastering"]
assert ConsoleName.__args__ == CONSOLE_NAMES  # type: ignore[attr-defined]
Value = Annotated[float, Field(allow_inf_nan=False)]
Values = Annotated[dict[Annotated[str, Field(max_length=60)], Value], Field(max_length=MAX_KNOBS)]
Lufs = Annotated[float, Field(ge=TARGET_LIMITS_LUFS[0], le=TARGET_LIMITS_LUFS[1])]


class Body(BaseModel):
    """Unknown fields are errors."""

    model_config = ConfigDict(extra="forbid")


class Predict(Body):
    """What a model is asked for. locked: knob → value in its unit, which stays."""

    console: ConsoleName = "classic"
    model: Annotated[str, Field(max_length=60)] | None = None
    style: Annotated[str, Field(max_length=60)] | None = None
    locked: Values = {}
    reference: bool = False


class Export(Body):
    """A file to write. settings: knob → value in its unit; missing knobs are neutral.

    target: "as heard" for the level of the page, null for the loudness of the song, a name or LUFS.
    """

    console: ConsoleName = "classic"
    settings: Values = {}
    format: Literal[EXPORT_FORMATS] = "wav"  # type: ignore[valid-type]
    target: Lufs | Literal["as heard", "streaming", "broadcast", "mastering"] | None = "as heard"
    ceiling_db: Annotated[float, Field(ge=CEILING_LIMITS_DB[0], le=CEILING_LIMITS_DB[1])] = -1.0
    about: Annotated[str, Field(max_length=200)] = ""


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
