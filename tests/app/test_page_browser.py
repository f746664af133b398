"""The page in a real browser: upload, mix, turn a knob, export, reload."""

import base64
import io
import json

import numpy as np
import pytest
import soundfile

from helpers.app import TOKEN, InlineRunner
from helpers.browser import start_browser
from helpers.measures import residual_db

pytestmark = pytest.mark.browser

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


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    driver = start_browser(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()


class Page:
    """What a visitor does."""

    def __init__(self, driver, address):
        self.driver, self.address = driver, address
        driver.get(f"{address}/?token={TOKEN}")

    def evaluate(self, expression):
        return self.driver.execute_script(f"return {expression}")

    def wait(self, condition, seconds=40):
        met = self.driver.execute_async_script(
            f"""const done = arguments[0], end = performance.now() + {seconds * 1000};
            (function check() {{
              if ({condition}) done(true);
              else if (performance.now() > end) done(false);
              else setTimeout(check, 10);
            }})()"""
        )
        assert met, f"{condition}: {self.evaluate('document.body.innerText')}"

    def text(self, name):
        return self.evaluate(f"document.getElementById('{name}').textContent")

    def click(self, selector):
        self.driver.find_element("css selector", selector).click()

    def key(self, key, selector="body"):
        self.driver.find_element("css selector", selector).send_keys(key)

    def fetch(self, path):
        """JSON or bytes of the server, with the page's cookie."""
        self.driver.set_script_timeout(60)
        data = self.driver.execute_async_script(
            """const [path, done] = arguments;
            fetch(path).then((r) => r.arrayBuffer()).then((b) => { let s = "";
              const bytes = new Uint8Array(b); for (let i = 0; i < bytes.length; i += 8192)
                s += String.fromCharCode(...bytes.subarray(i, i + 8192)); done(btoa(s)); })""",
            path,
        )
        return base64.b64decode(data)

    def upload(self, path):
        self.driver.find_element("id", "file").send_keys(str(path))
        self.wait("document.body.dataset.state === 'ready'")
        self.wait("document.getElementById('ask-status').textContent.startsWith('Done')")

    @property
    def song(self):
        return self.evaluate("location.hash.split('=')[1]")

    def session(self):
        return json.loads(self.fetch(f"/api/songs/{self.song}/session"))

    def errors(self):
        return [entry for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.fixture
def page(browser, serve, home, packaged_models):
    browser.get("about:blank")
    browser.get_log("browser")
    browser.delete_all_cookies()
    page = Page(browser, serve(InlineRunner(home)))
    page.wait("!document.getElementById('start').hidden")
    yield page
    browser.get("about:blank")  # its connections would delay the end of the server


@pytest.fixture
def wav(tmp_path, wav_bytes):
    path = tmp_path / "My song.wav"
    path.write_bytes(wav_bytes)
    return path


def test_a_visitor_mixes_turns_a_knob_exports_and_finds_it_again(page, wav):
    page.upload(wav)
    assert page.text("title") == "My song.wav"
    assert page.evaluate("document.querySelectorAll('#history .entry').length") == 1

    page.key(" ")
    page.wait("document.getElementById('play-label').textContent === 'Pause'")
    page.wait("document.querySelector('#meters dd').textContent.includes('LUFS')")
    page.key("1")
    assert page.evaluate("document.body.dataset.audible") == "rough"
    page.key("2")
    page.key(" ")
    assert page.text("play-label") == "Play"

    before = page.evaluate("document.getElementById('knob-low_eq').getAttribute('aria-valuetext')")
    for _ in range(30):
        page.key("\ue014", "#knob-low_eq")  # arrow to the right
    after = page.evaluate("document.getElementById('knob-low_eq').getAttribute('aria-valuetext')")
    assert after != before
    assert page.evaluate("!document.getElementById('undo').disabled")
    page.wait("document.getElementById('match-text').textContent.includes('loud')")

    page.click("#export")
    page.wait("document.querySelectorAll('#exports a').length === 2")
    path = page.evaluate("document.querySelector('#exports a').getAttribute('href')")
    exported, rate = soundfile.read(io.BytesIO(page.fetch(path)), dtype="float32")
    session = page.session()
    settings = session["desks"]["classic"]["settings"]
    assert session["desks"]["classic"]["locked"] == ["low_eq"]
    latency, *channels = page.driver.execute_async_script(
        RENDER, page.song, "classic", list(settings.values()), rate, len(exported) + 2048
    )
    heard = np.stack([np.frombuffer(base64.b64decode(text), np.float32) for text in channels])
    assert residual_db(heard[:, latency:][:, : len(exported)], exported.T) < -90

    page.driver.refresh()
    page.wait("document.body.dataset.state === 'ready'")
    reloaded = page.evaluate(
        "document.getElementById('knob-low_eq').getAttribute('aria-valuetext')"
    )
    assert reloaded == after
    assert page.evaluate("document.querySelectorAll('#history .entry').length") == 1
    assert page.errors() == []
