"""The server: songs, jobs and events over HTTP, and the files of the page."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import Body, FastAPI, Path, Query, Request
from fastapi.responses import FileResponse, Response, StreamingResponse

from ai_mixer.app.access import Access, Guard
from ai_mixer.app.catalog import describe_app
from ai_mixer.app.engine import room_spectra
from ai_mixer.app.error_handlers import add_errors
from ai_mixer.app.errors import AppError
from ai_mixer.app.events import Broadcaster
from ai_mixer.app.jobs import Job, JobQueue, Runner
from ai_mixer.app.library import REFERENCE, SOURCE, Library, safe_name
from ai_mixer.app.limits import Limits
from ai_mixer.app.requests import FILE_BODY, Binary, FileName, JobId, SongId, content_length
from ai_mixer.app.run_songs import RunSong, add_songs
from ai_mixer.app.schemas import (
    EngineName,
    ExportBody,
    JobAnswer,
    PredictBody,
    Problem,
    SongAnswer,
    Upload,
)
from ai_mixer.app.track_routes import add_tracks
from ai_mixer.app.warm_up import WarmUp
from ai_mixer.core.version import __version__

STATIC = FilePath(__file__).parent / "static"
MEDIA_TYPES = {
    **{".wasm": "application/wasm", ".js": "text/javascript", ".svg": "image/svg+xml"},
    **{".html": "text/html", ".css": "text/css"},
}
PROBLEM: dict[str, Any] = {
    "description": "An error, in one line",
    "content": {"application/json": {"schema": Problem.model_json_schema()}},
}


class EventStream(StreamingResponse):
    """Server-sent events."""

    media_type = "text/event-stream"


def create_app(
    home: FilePath,
    access: Access,
    runner: Runner,
    limits: Limits | None = None,
    models: Mapping[str, FilePath] | None = None,
    songs: Sequence[RunSong] = (),
    warm_up: WarmUp | None = None,
) -> FastAPI:
    """The application. home: folder of songs and jobs. runner: runs the jobs.

    models: title → folder of models beside the packaged ones, which come before them. songs: to
    begin with. warm_up: compiles what mixes need.
    """
    limits = limits or Limits()
    info = describe_app(limits, models or {})
    library, events = Library(home, limits), Broadcaster()

    def changed(job: Job) -> None:
        events.publish("job", asdict(job))

    queue = JobQueue(home / "jobs", runner, changed, limits.queued_jobs)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        library.clean({job.song for job in queue.list_jobs() if job.state == "queued"})
        for job in add_songs(library, list(songs)):
            queue.add(job.kind, job.song, **job.arguments)
        queue.start()
        if warm_up:
            warm_up.start(events.publish)
        yield
        events.close()
        if warm_up:
            warm_up.close()
        queue.close()

    app = FastAPI(
        title="ai_mixer",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,  # they would load scripts from the network
        redoc_url=None,
        openapi_url="/api/openapi.json",
        responses=dict.fromkeys((400, 401, 403, 404, 409, 413, 421, 422, 503, 507), PROBLEM),
    )
    app.state.library, app.state.queue, app.state.events = library, queue, events
    _add_songs(app, library, queue)
    _add_jobs(app, library, queue, {model["name"] for model in info["models"]})
    _add_events(app, queue, events, warm_up)
    add_tracks(app, library, queue, {model["name"] for model in info["tracks"]["models"]})
    _add_files(app, library, info)
    add_errors(app, home)
    app.add_middleware(Guard, access=access)
    return app


def _add_songs(app: FastAPI, library: Library, queue: JobQueue) -> None:
    def start(song: str, kind: str, **arguments: Any) -> Upload:
        job = queue.add(kind, song, **arguments)
        return Upload(song=SongAnswer(**library.facts(song)), job=JobAnswer(**asdict(job)))

    @app.get("/api/songs")
    def list_songs() -> list[SongAnswer]:
        """All songs, the last one first."""
        return [SongAnswer(**facts) for facts in library.list_songs()]

    @app.post("/api/songs", status_code=201, openapi_extra=FILE_BODY)
    async def upload_song(request: Request, name: FileName) -> Upload:
        """Upload a song: the body is the file."""
        song = library.create(safe_name(name))["id"]
        try:
            await library.upload(song, SOURCE, name, request.stream(), content_length(request))
            return start(song, "import")
        except BaseException:
            library.remove(song)
            raise

    @app.post("/api/sample", status_code=201)
    def compose_song() -> Upload:
        """Compose a sample song on this machine."""
        return start(library.create("Sample song")["id"], "demo")

    @app.get("/api/songs/{song}")
    def get_song(song: SongId) -> SongAnswer:
        """One song."""
        return SongAnswer(**library.facts(song))

    @app.delete("/api/songs/{song}", status_code=204)
    def remove_song(song: SongId) -> None:
        """Remove a song and everything made of it."""
        library.folder(song)
        queue.cancel_song(song)
        library.remove(song)

    @app.post("/api/songs/{song}/reference", status_code=201, openapi_extra=FILE_BODY)
    async def upload_reference(request: Request, song: SongId, name: FileName) -> Upload:
        """Upload a song whose sound the mix approaches: the body is the file."""
        library.folder(song)
        await library.upload(song, REFERENCE, name, request.stream(), content_length(request))
        return start(song, "import", which=REFERENCE)

    @app.get("/api/songs/{song}/session")
    def get_session(song: SongId) -> Response:
        """What the page saved of its work on a song."""
        return Response(library.session(song), media_type="application/json")

    @app.put("/api/songs/{song}/session", status_code=204)
    def save_session(song: SongId, session: Annotated[dict[str, Any], Body()]) -> None:
        """Save the page's work on a song: versions, knobs, notes."""
        library.save_session(song, session)


def _add_jobs(app: FastAPI, library: Library, queue: JobQueue, models: set[str]) -> None:
    def answer(job: Job) -> JobAnswer:
        return JobAnswer(**asdict(job))

    @app.post("/api/songs/{song}/predictions", status_code=202)
    def predict(song: SongId, wanted: PredictBody) -> JobAnswer:
        """Ask a model for settings. The result of the job has them."""
        library.check_one_file(song)
        if wanted.model is not None and wanted.model not in models:
            raise AppError(f"no model {wanted.model!r}: there is {', '.join(sorted(models))}", 404)
        locked = wanted.locked.model_dump(exclude_unset=True)
        return answer(queue.add("predict", song, **{**wanted.model_dump(), "locked": locked}))

    @app.post("/api/songs/{song}/exports", status_code=202)
    def export(song: SongId, wanted: ExportBody) -> JobAnswer:
        """Write a mix. The result of the job has the names of the files."""
        library.check_one_file(song)
        return answer(queue.add("export", song, **wanted.model_dump()))

    @app.get("/api/jobs")
    def list_jobs(song: Annotated[str, Query(max_length=64)] = "") -> list[JobAnswer]:
        """All jobs in order of arrival, or those of a song."""
        return [answer(job) for job in queue.list_jobs() if not song or job.song == song]

    @app.get("/api/jobs/{job}")
    def get_job(job: JobId) -> JobAnswer:
        """One job."""
        return answer(queue.get(job))

    @app.post("/api/jobs/{job}/cancel")
    def cancel_job(job: JobId) -> JobAnswer:
        """Cancel a job that waits or runs."""
        return answer(queue.cancel(job))


def _add_events(app: FastAPI, queue: JobQueue, events: Broadcaster, warm_up: WarmUp | None) -> None:
    @app.get("/api/events", response_class=EventStream)
    async def subscribe() -> StreamingResponse:
        """Server-sent events: `job` with each change of a job, `engine` while it is prepared."""
        unfinished = [job for job in queue.list_jobs() if job.state in {"queued", "running"}]
        first: list[tuple[str, Any]] = [
            ("hello", __version__),
            *(("job", asdict(job)) for job in unfinished),
        ]
        if warm_up:
            first.append(("engine", warm_up.describe()))
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return EventStream(events.subscribe(first), headers=headers)


def _add_files(app: FastAPI, library: Library, info: dict[str, Any]) -> None:
    @app.get("/api/info")
    def get_info() -> dict[str, Any]:
        """Consoles, models, styles, limits."""
        return info

    @app.get("/api/consoles/{console}/rooms", response_class=Binary)
    def get_rooms(console: EngineName) -> Response:
        """Spectra of the rooms of a console for the engine, float32."""
        return Binary(room_spectra(console))

    @app.get("/api/songs/{song}/audio/{kind}", response_class=Binary)
    def get_audio(song: SongId, kind: Annotated[str, Path(pattern="^(source|reference)$")]) -> Any:
        """Decoded audio, WAV of float32."""
        return FileResponse(library.audio(song, kind), media_type="audio/wav")

    @app.get("/api/songs/{song}/exports/{export}/{name}", response_class=Binary)
    def get_export(song: SongId, export: JobId, name: Annotated[str, Path(max_length=255)]) -> Any:
        """A file of an export, as a download."""
        return FileResponse(library.export(song, export, name), filename=name)

    def add_page(path: str, file: FilePath) -> Callable[[], Response]:
        @app.get(path, include_in_schema=False, name=file.name)
        def page() -> Response:
            media_type = MEDIA_TYPES.get(file.suffix)
            return FileResponse(file, media_type=media_type, headers={"cache-control": "no-cache"})

        return page

    for file in sorted(file for file in STATIC.iterdir() if file.suffix in MEDIA_TYPES):
        add_page("/" if file.name == "index.html" else f"/{file.name}", file)
