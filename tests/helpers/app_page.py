"""The page of the application in a browser: what a visitor does, and what is heard."""

import base64
import json
import time

import numpy as np

from helpers.app import TOKEN
from helpers.browser import PATIENCE_S

RENDER = """
const [song, console_, knobs, rate, samples, done] = arguments;
(async () => {
  const bytes = async (path) => (await fetch(path)).arrayBuffer();
  const context = new OfflineAudioContext(2, samples, rate);
  await context.audioWorklet.addModule("/worklet.js");
  const files = { wasm: await bytes(`/${console_}.wasm`),
                  rooms: await bytes(`/api/consoles/${console_}/rooms`) };
  const buffer = await context.decodeAudioData(await bytes(`/api/songs/${song}/audio/source`));
  const node = new AudioWorkletNode(context, "desk", { numberOfInputs: 2, channelCount: 2,
    outputChannelCount: [2], channelCountMode: "explicit",
    processorOptions: { files, knobs, channels: buffer.numberOfChannels } });
  const latency = await new Promise((resolve) => {
    node.port.onmessage = ({ data }) => data.latency !== undefined && resolve(data.latency); });
  const source = new AudioBufferSourceNode(context, { buffer });
  source.connect(node).connect(context.destination);
  source.start();
  const out = await context.startRendering();
  const text = (c) => { const bytes = new Uint8Array(out.getChannelData(c).buffer);
    let s = ""; for (let i = 0; i < bytes.length; i += 8192)
      s += String.fromCharCode(...bytes.subarray(i, i + 8192)); return btoa(s); };
  done([latency, text(0), text(1)]);
})().catch((error) => done(String(error)));
"""
RENDER_TRACKS = """
const [song, parts, audible, gains, rate, samples, moved, withRough, done] = arguments;
(async () => {
  const bytes = async (path) => (await fetch(path)).arrayBuffer();
  const context = new OfflineAudioContext(2, samples, rate);
  await context.audioWorklet.addModule("/worklet.js");
  const engines = {};
  for (const name of ["strip", "reverb", "delay", "mastering"])
    engines[name] = { wasm: await bytes(`/${name}.wasm`),
                      rooms: await bytes(`/api/consoles/${name}/rooms`) };
  const facts = await (await fetch(`/api/songs/${song}`)).json();
  const trackChannels = facts.tracks.map((track) => track.silent ? 0 : track.channels);
  const node = new AudioWorkletNode(context, "desk", { numberOfInputs: 2,
    channelCount: 2, outputChannelCount: [2], channelCountMode: "explicit",
    processorOptions: { channels: 2, studio: { engines, gains }, parts, audible, trackChannels } });
  let latency, planned;
  const told = new Promise((resolve) => (planned = resolve));
  node.port.onmessage = ({ data }) => {
    if (data.latency !== undefined) latency = data.latency;
    if (data.supply) planned();
  };
  const size = 2 ** Math.round(Math.log2(0.7 * rate));
  for (let number = 0; number * size < samples; number++) {
    const part = `tracks?start=${number * size}&samples=${size}`;
    const data = await bytes(`/api/songs/${song}/audio/${part}`);
    let row = 0;
    const tracks = trackChannels.map((count) =>
      Array.from({ length: count }, () => new Float32Array(data, 4 * size * row++, size)));
    node.port.postMessage({ kind: "piece", piece: { number, tracks } });
  }
  const transport = { frame: 0, at: 0, from: 0, to: samples, repeat: false, ...moved };
  node.port.postMessage({ kind: "transport", transport });
  await told;
  if (withRough) {
    const buffer = await context.decodeAudioData(await bytes(`/api/songs/${song}/audio/source`));
    const loop = { loop: transport.repeat, loopStart: transport.from / rate,
                   loopEnd: transport.to / rate };
    const source = new AudioBufferSourceNode(context, { buffer, ...loop });
    source.connect(node);
    source.start(transport.frame / rate, transport.at / rate);
    node.port.postMessage(
      { kind: "listen", version: "rough", gains: { rough: 1, mix: 1, reference: 1 } });
  }
  node.connect(context.destination);
  const out = await context.startRendering();
  const text = (c) => { const bytes = new Uint8Array(out.getChannelData(c).buffer);
    let s = ""; for (let i = 0; i < bytes.length; i += 8192)
      s += String.fromCharCode(...bytes.subarray(i, i + 8192)); return btoa(s); };
  done([latency, text(0), text(1)]);
})().catch((error) => done(String(error)));
"""


class Page:
    """What a visitor does."""

    def __init__(self, driver, address):
        self.driver, self.address = driver, address
        driver.get(f"{address}/?token={TOKEN}")

    def evaluate(self, expression):
        return self.driver.execute_script(f"return {expression}")

    def wait(self, condition, seconds=PATIENCE_S):
        """Wait until a condition is true; checked every 10 ms in the page."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:  # in pieces: the driver's connection has a timeout
            if self.driver.execute_async_script(
                f"""const done = arguments[0], end = performance.now() + 2000;
                (function check() {{
                  if ({condition}) done(true);
                  else if (performance.now() > end) done(false);
                  else setTimeout(check, 10);
                }})()"""
            ):
                return
        raise AssertionError(f"{condition}: {self.evaluate('document.body.innerText')}")

    def text(self, name):
        return self.evaluate(f"document.getElementById('{name}').textContent")

    def click(self, selector):
        self.driver.find_element("css selector", selector).click()

    def key(self, key, selector="body"):
        self.driver.find_element("css selector", selector).send_keys(key)

    def fetch(self, path):
        """JSON or bytes of the server, with the page's cookie."""
        data = self.driver.execute_async_script(
            """const [path, done] = arguments;
            fetch(path).then((r) => r.arrayBuffer()).then((b) => { let s = "";
              const bytes = new Uint8Array(b); for (let i = 0; i < bytes.length; i += 8192)
                s += String.fromCharCode(...bytes.subarray(i, i + 8192)); done(btoa(s)); })""",
            path,
        )
        return base64.b64decode(data)

    def upload(self, *paths):
        """Upload a song, or several tracks of one."""
        self.driver.find_element("id", "file").send_keys("\n".join(map(str, paths)))
        self.wait("document.body.dataset.state === 'ready'")
        self.wait("document.getElementById('ask-status').textContent.startsWith('Done')")

    @property
    def song(self):
        return self.evaluate("location.hash.split('=')[1]")

    def session(self):
        return json.loads(self.fetch(f"/api/songs/{self.song}/session"))

    def errors(self):
        return [entry for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]

    def open(self):
        """Open the song that was opened last."""
        self.click("#recent .entry")
        self.wait("document.body.dataset.state === 'ready'")

    def value(self, knob):
        """Value of a knob as the page shows it."""
        return self.evaluate(
            f"document.getElementById('knob-{knob}').getAttribute('aria-valuetext')"
        )

    def fader(self, number):
        """Level of a track as the page shows it."""
        return self.evaluate(
            f"document.getElementById('fader_db-{number}').getAttribute('aria-valuetext')"
        )

    def render(self, console, settings, rate, samples):
        """What is heard, [2, samples], from the page's own audio thread, without its delay."""
        latency, *channels = self.driver.execute_async_script(
            RENDER, self.song, console, list(settings), rate, samples + 2048
        )
        heard = np.stack([np.frombuffer(base64.b64decode(text), np.float32) for text in channels])
        return heard[:, latency : latency + samples]

    def render_tracks(self, rate, samples, rough=False, **transport):
        """As `render`, of several tracks with the settings that the page has saved.

        rough: their sum instead. transport: from where they are played, in samples.
        """
        session, info = self.session(), json.loads(self.fetch("/api/info"))
        facts = json.loads(self.fetch(f"/api/songs/{self.song}"))
        parts = {}
        for name, desk in session["desks"].items():
            console = {"master": "mastering"}.get(name, "strip" if name.isdigit() else name)
            knobs = info["consoles"][console]["knobs"]
            parts[name] = [desk["settings"][knob["name"]] for knob in knobs]
        solo = any(track["solo"] for track in session["tracks"])
        audible = [not t["muted"] and (not solo or t["solo"]) for t in session["tracks"]]
        gains = [track["gain"] for track in facts["tracks"]]
        latency, *channels = self.driver.execute_async_script(
            RENDER_TRACKS, self.song, parts, audible, gains, rate, samples + 2048, transport, rough
        )
        output = np.stack([np.frombuffer(base64.b64decode(text), np.float32) for text in channels])
        return output[:, latency : latency + samples]
