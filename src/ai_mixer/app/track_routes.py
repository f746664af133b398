"""Songs of several tracks over HTTP: upload, import, predict, export, listen."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import FastAPI, Path, Query, Request
from fastapi.responses import FileResponse, Response

from ai_mixer.app.errors import AppError
from ai_mixer.app.jobs import JobQueue
from ai_mixer.app.library import SOURCE, Library, safe_name
from ai_mixer.app.requests import FILE_BODY, Binary, FileName, SongId, content_length
from ai_mixer.app.schemas import (
    JobAnswer,
    SongAnswer,
    TrackAnswer,
    TrackExportBody,
    TrackPredictBody,
    Upload,
)
from ai_mixer.app.track_audio import MAX_SAMPLES, track_samples
from ai_mixer.core.track import MAX_TRACKS

MAX_START = 1 << 40


def add_tracks(app: FastAPI, library: Library, queue: JobQueue, models: set[str]) -> None:
    """Add the routes. models: names that a prediction may have."""

    def start(song: str, kind: str, **arguments: Any) -> JobAnswer:
        return JobAnswer(**asdict(queue.add(kind, song, **arguments)))

    @app.post("/api/track-songs", status_code=201)
    def create_song(
        name: Annotated[str, Query(max_length=255, description="Name of the song.")],
    ) -> SongAnswer:
        """Create a song of several tracks, which are uploaded next."""
        name = safe_name(f"{name}.x")[:-2]
        return SongAnswer(**library.create(name, tracks=[]))

    @app.post("/api/sample-tracks", status_code=201)
    def compose_tracks() -> Upload:
        """Compose a sample song of several tracks on this machine."""
        song = library.create("Sample song (tracks)", tracks=[])
        return Upload(song=SongAnswer(**song), job=start(song["id"], "demo tracks"))

    @app.post("/api/songs/{song}/tracks", status_code=201, openapi_extra=FILE_BODY)
    async def upload_track(request: Request, song: SongId, name: FileName) -> TrackAnswer:
        """Upload a track: the body is the file."""
        library.files(song)
        if library.facts(song)["state"] != "new":
            raise AppError("the tracks of this song are imported: make a new song", 409)
        path = await library.upload(song, SOURCE, name, request.stream(), content_length(request))
        return TrackAnswer(name=path.name)

    @app.post("/api/songs/{song}/tracks/import", status_code=202)
    def import_tracks(song: SongId) -> Upload:
        """Decode and measure the uploaded tracks."""
        if not library.files(song):
            raise AppError("this song has no tracks: upload them first", 409)
        return Upload(song=SongAnswer(**library.facts(song)), job=start(song, "import tracks"))

    @app.post("/api/songs/{song}/tracks/predictions", status_code=202)
    def predict(song: SongId, wanted: TrackPredictBody) -> JobAnswer:
        """Ask a model of several tracks for settings. The result of the job has them."""
        library.files(song)
        if wanted.model is not None and wanted.model not in models:
            known = ", ".join(sorted(models)) or "none, only equal loudness"
            raise AppError(f"no model {wanted.model!r} of several tracks: there is {known}", 404)
        return start(song, "predict tracks", **wanted.model_dump())

    @app.post("/api/songs/{song}/tracks/exports", status_code=202)
    def export(song: SongId, wanted: TrackExportBody) -> JobAnswer:
        """Write a mix. The result of the job has the names of the files."""
        library.files(song)
        return start(song, "export tracks", **wanted.model_dump())

    @app.get("/api/songs/{song}/audio/tracks", response_class=Binary)
    def get_samples(
        song: SongId,
        start: Annotated[int, Query(ge=0, le=MAX_START, description="First sample.")],
        samples: Annotated[int, Query(ge=1, le=MAX_SAMPLES, description="Their number.")],
    ) -> Response:
        """Samples of all tracks that are not silent, float32: one track and channel after another.

        Silence follows the end of the song.
        """
        folder, tracks = library.track_folder(song), library.facts(song).get("tracks", [])
        files = [folder / f"{n}.wav" for n, track in enumerate(tracks) if not track["silent"]]
        return Binary(track_samples(files, start, samples))

    @app.get("/api/songs/{song}/audio/tracks/{number}")
    def get_track(song: SongId, number: Annotated[int, Path(ge=0, lt=MAX_TRACKS)]) -> FileResponse:
        """A decoded track, WAV of float32."""
        path = library.track_folder(song) / f"{number}.wav"
        if not path.is_file():
            raise AppError(f"this song has no track {number}", 404)
        return FileResponse(path, media_type="audio/wav")
