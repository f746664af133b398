// Requests to the server, and the progress of its jobs.

import type { Info, Job, Session, Song } from "./types.ts";

const FINISHED = ["done", "failed", "cancelled"];

/** An error whose message may be shown as it is. */
export class Refused extends Error {}

async function request(path: string, options: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Refused("The server does not answer: is `ai-mixer app` still running?");
  }
  if (!response.ok) {
    const body = await response.json().catch(() => null);
    throw new Refused(body?.error ?? `The server answered ${response.status}.`);
  }
  return response;
}

const json = async (path: string, options?: RequestInit) => (await request(path, options)).json();
const send = (method: string, body: unknown): RequestInit => ({
  method,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

export const getInfo = (): Promise<Info> => json("/api/info");
export const listSongs = (): Promise<Song[]> => json("/api/songs");
export const getSong = (id: string): Promise<Song> => json(`/api/songs/${id}`);
export const removeSong = (id: string) => request(`/api/songs/${id}`, { method: "DELETE" });
type Started = Promise<{ song: Song; job: Job }>;
export const composeSample = (): Started => json("/api/sample", { method: "POST" });
export const composeTracks = (): Started => json("/api/sample-tracks", { method: "POST" });
export const createTrackSong = (name: string): Promise<Song> =>
  json(`/api/track-songs?name=${encodeURIComponent(name)}`, { method: "POST" });
export const importTracks = (id: string): Started => json(`/api/songs/${id}/tracks/import`, { method: "POST" });
export const predictTracks = (id: string, body: object): Promise<Job> => json(`/api/songs/${id}/tracks/predictions`, send("POST", body));
export const exportTracks = (id: string, body: object): Promise<Job> => json(`/api/songs/${id}/tracks/exports`, send("POST", body));
export const getSession = (id: string): Promise<Partial<Session>> => json(`/api/songs/${id}/session`);
export const saveSession = (id: string, session: Session) => request(`/api/songs/${id}/session`, send("PUT", session));
export const predict = (id: string, body: object): Promise<Job> => json(`/api/songs/${id}/predictions`, send("POST", body));
export const exportMix = (id: string, body: object): Promise<Job> => json(`/api/songs/${id}/exports`, send("POST", body));
export const cancelJob = (id: string): Promise<Job> => json(`/api/jobs/${id}/cancel`, { method: "POST" });
export const exportPath = (song: string, id: string, name: string) =>
  `/api/songs/${song}/exports/${id}/${encodeURIComponent(name)}`;

export async function getBytes(path: string): Promise<ArrayBuffer> {
  return (await request(path)).arrayBuffer();
}

/** Upload a file, with its progress 0–1; fetch has none for uploads. */
export function upload<Answer = { song: Song; job: Job }>(
  path: string,
  file: File,
  progress: (share: number) => void,
  stop?: AbortSignal,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sender = new XMLHttpRequest();
    sender.open("POST", `${path}?name=${encodeURIComponent(file.name)}`);
    sender.responseType = "json";
    stop?.addEventListener("abort", () => sender.abort());
    sender.onabort = () => reject(new Refused("Cancelled."));
    sender.upload.onprogress = ({ loaded, total }) => progress(loaded / total);
    sender.onerror = () => reject(new Refused("The upload stopped: is `ai-mixer app` still running?"));
    sender.onload = () => {
      if (sender.status < 300) resolve(sender.response);
      else reject(new Refused(sender.response?.error ?? `The server answered ${sender.status}.`));
    };
    sender.send(file);
  });
}

type Listener = (job: Job) => void;
const waiting = new Map<string, Listener>();

/** Whether the engine is being compiled, once per installation, and how far it is. */
export const engine = { state: "ready", progress: 1 };

/** Follow the events of the server; `online` is called when the connection is lost or back. */
export function followEvents(online: (on: boolean) => void, prepared: () => void): void {
  const source = new EventSource("/api/events");
  source.addEventListener("engine", ({ data }) => {
    Object.assign(engine, JSON.parse(data));
    prepared();
  });
  source.addEventListener("job", ({ data }) => settle(JSON.parse(data)));
  source.onopen = async () => {
    online(true);
    for (const id of [...waiting.keys()]) settle(await json(`/api/jobs/${id}`));
  };
  source.onerror = () => online(false);
}

const settle = (job: Job) => waiting.get(job.id)?.(job);

/** Wait for a job; its result, or Refused. progress: called with each change. */
export async function finished(job: Job, progress: Listener): Promise<Record<string, any>> {
  const last = await new Promise<Job>((resolve) => {
    const listen = (changed: Job) => {
      progress(changed);
      if (!FINISHED.includes(changed.state)) return;
      waiting.delete(job.id);
      resolve(changed);
    };
    waiting.set(job.id, listen);
    listen(job);
    void json(`/api/jobs/${job.id}`).then(settle, () => undefined); // it may have finished before
  });
  if (last.state === "cancelled") throw new Refused("Cancelled.");
  if (last.state === "failed") throw new Refused(last.error);
  return last.result;
}
