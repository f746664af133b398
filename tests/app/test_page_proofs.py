"""Longer proofs of the page: switching, several pages, a lost server, accessibility, speed."""

import io
import json
import os
from pathlib import Path

import pytest
import soundfile
import torch

from ai_mixer.mixing.measurements import measure
from helpers.app import InlineRunner
from helpers.app_page import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]
MAX_FIRST_PAINT_MS = 1000
SWITCH = """
const [song, done] = arguments;
(async () => {
  const bytes = async (path) => (await fetch(path)).arrayBuffer();
  const rate = 44100, context = new OfflineAudioContext(2, rate, rate);
  await context.audioWorklet.addModule("/worklet.js");
  const files = { wasm: await bytes("/classic.wasm"),
                  rooms: await bytes("/api/consoles/classic/rooms") };
  const info = await (await fetch("/api/info")).json();
  const knobs = info.consoles.classic.knobs.map((knob) => knob.neutral);
  const node = new AudioWorkletNode(context, "desk", { numberOfInputs: 2, channelCount: 2,
    outputChannelCount: [2], channelCountMode: "explicit",
    processorOptions: { files, knobs, channels: 2 } });
  const listen = (version) => node.port.postMessage(
    { kind: "listen", version, gains: { rough: 1, mix: 1, reference: 1 } });
  const buffer = await context.decodeAudioData(await bytes(`/api/songs/${song}/audio/source`));
  const source = new AudioBufferSourceNode(context, { buffer });
  source.connect(node).connect(context.destination);
  source.start();
  context.suspend(0.25).then(() => { listen("rough"); setTimeout(() => context.resume(), 50); });
  context.suspend(0.5).then(() => { listen("mix"); setTimeout(() => context.resume(), 50); });
  const out = await context.startRendering();
  const x = buffer.getChannelData(0), y = out.getChannelData(0);
  const latency = 316;
  let worst = 0;
  for (let i = latency; i < y.length; i++) worst = Math.max(worst, Math.abs(y[i] - x[i - latency]));
  done(worst);
})().catch((error) => done(String(error)));
"""


def test_versions_are_in_step_to_the_sample_while_they_are_switched(page, wav):
    page.upload(wav)
    worst = page.driver.execute_async_script(SWITCH, page.song)
    assert worst < 1e-5  # neutral knobs: rough and mix are the same, also during the crossfade


def test_names_can_be_hidden_and_a_vote_is_noted(page, wav):
    page.upload(wav)
    page.key("n")
    shown = "[...document.querySelectorAll('[data-version]:not([hidden])')]"
    names = page.evaluate(f"{shown}.map((each) => each.innerText.trim())")
    assert [name[-1] for name in names] == ["A", "B"]
    assert page.evaluate("document.body.dataset.audible") == "hidden"
    page.key("2")
    page.key("v")
    notes = page.evaluate("document.getElementById('notes').value")
    assert notes in {
        "Without names: Mix rather than Rough.",
        "Without names: Rough rather than Mix.",
    }
    page.wait("document.getElementById('vote').hidden")


def test_undo_amount_lock_and_the_mastering_console(page, wav):
    page.upload(wav)
    page.key("\ue014", "#knob-reverb")
    turned = page.value("reverb")
    page.driver.execute_script(
        "const s = document.getElementById('amount'); s.value = 0;"
        "s.dispatchEvent(new Event('input'))"
    )
    assert page.value("reverb") == turned  # locked by turning it
    assert page.value("mid_eq") == "0.0 dB"
    page.click("#undo")
    page.click("#undo")
    assert page.value("reverb") == "0 %"
    page.click("#redo")
    assert page.value("reverb") == turned
    page.click("[data-console=mastering]")
    page.wait("document.getElementById('knob-band4_q')")
    page.click("#ask")
    page.wait("document.querySelectorAll('#history .entry').length === 2")
    assert page.errors() == []


def test_two_pages_show_their_own_songs(page, wav, browser):
    page.upload(wav)
    first = browser.current_window_handle
    browser.switch_to.new_window("tab")
    try:
        other = Page(browser, page.address)
        other.wait("document.querySelectorAll('#recent .entry').length === 1")
        other.upload(wav)
        assert other.song != page.song or browser.current_window_handle != first
        other.key("\ue014", "#knob-reverb")
        other.key("k")
        assert other.evaluate("document.querySelectorAll('#history .entry').length") == 2
    finally:
        browser.get("about:blank")
        browser.close()
        browser.switch_to.window(first)
    assert page.evaluate("document.querySelectorAll('#history .entry').length") == 1


def test_a_server_that_is_gone_is_said_and_found_again(page, wav, serve, home):
    page.upload(wav)
    port = int(page.address.rpartition(":")[2])
    serve.stop()
    page.wait("!document.getElementById('offline').hidden")
    page.key("\ue014", "#knob-reverb")
    page.wait("document.getElementById('message').textContent.includes('not saved')")
    serve(InlineRunner(home), port=port)
    page.wait("document.getElementById('offline').hidden")
    page.key("\ue014", "#knob-reverb")
    page.wait("document.getElementById('play-label').textContent === 'Play'")
    page.driver.execute_script("document.getElementById('ask').click()")
    page.wait("document.querySelectorAll('#history .entry').length === 2")


def test_the_loudness_of_the_page_is_that_of_the_exported_file(page, wav):
    page.upload(wav)
    page.driver.execute_script(
        "const s = document.getElementById('knob-output_level'); s.value = 625;"  # +3 dB
        "s.dispatchEvent(new Event('input'))"
    )
    assert page.value("output_level") == "+3.0 dB"
    whole = "[...document.querySelectorAll('#meters dd')].slice(4).map((e) => e.textContent)"
    page.wait(f"{whole}[0].includes('LUFS')")
    shown = [float(text.split()[0].replace("−", "-")) for text in page.evaluate(whole)]
    page.click("#export")
    page.wait("document.querySelectorAll('#exports a').length === 2")
    path = page.evaluate("document.querySelector('#exports a').getAttribute('href')")
    exported, rate = soundfile.read(io.BytesIO(page.fetch(path)), dtype="float32")
    measured = measure([torch.from_numpy(exported.T.copy())], rate)
    assert shown[0] == pytest.approx(measured.loudness_lufs, abs=0.15)
    assert shown[1] == pytest.approx(measured.true_peak_db, abs=0.3)


def test_a_reference_is_compared_with_and_mixed_towards(page, wav, tmp_path):
    other = tmp_path / "other.wav"
    audio, rate = soundfile.read(wav)
    soundfile.write(other, 0.5 * audio[::-1], rate)
    page.upload(wav)
    assert page.evaluate("document.querySelectorAll('[data-version]')[2].disabled")
    page.driver.find_element("id", "reference-file").send_keys(str(other))
    page.wait("!document.querySelectorAll('[data-version]')[2].disabled")
    page.key("3")
    assert page.evaluate("document.body.dataset.audible") == "reference"
    page.click("#ask")
    page.wait("document.querySelectorAll('#history .entry').length === 2")
    assert "reference" in page.text("history")
    page.driver.refresh()
    page.wait("document.body.dataset.state === 'ready'")
    assert page.text("reference-text").startswith("other.wav")
    assert page.errors() == []


def test_a_session_of_an_earlier_page_is_opened(page, wav):
    page.upload(wav)
    desk = {"settings": {"reverb": 0.5}, "predicted": {}, "amount": 1, "amounts": {}, "locked": []}
    version = {"id": 1, "title": "Earlier", "console": "classic", "desk": desk}
    old = {"console": "classic", "desks": {"classic": desk}, "versions": [version], "notes": "a"}
    path = f"/api/songs/{page.song}/session"
    page.click("#home")
    page.wait("document.body.dataset.state === 'start'")
    page.driver.execute_async_script(
        "const [path, text, done] = arguments; fetch(path, { method: 'PUT', body: text,"
        "headers: { 'content-type': 'application/json' } }).then(done)",
        path,
        json.dumps(old),
    )
    page.open()
    assert page.value("reverb") == "50 %"
    page.key("\ue014", "#knob-reverb")
    page.click("#history .entry")
    assert page.value("reverb") == "50 %"
    assert "Reverb 50 %" in page.text("history")


def test_a_file_that_cannot_be_read_is_said_and_leaves_nothing(page, tmp_path):
    notes = tmp_path / "notes.wav"
    notes.write_text("no audio")
    page.driver.find_element("id", "file").send_keys(str(notes))
    page.wait("document.getElementById('message').textContent.includes('notes.wav')")
    page.wait("document.getElementById('progress').hidden")
    assert json.loads(page.fetch("/api/songs")) == []


AXE = os.environ.get("AXE_CORE")


@pytest.mark.skipif(not AXE, reason="AXE_CORE=path of axe.min.js (npm install axe-core)")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
@pytest.mark.parametrize("kind", ["start", "file", "tracks"])
def test_axe_finds_nothing_serious(page, wav, tracks, scheme, width, kind):
    if kind != "start":
        page.upload(*(tracks if kind == "tracks" else [wav]))
    page.driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
    page.driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    page.driver.execute_script(Path(AXE).read_text(encoding="utf-8"))
    found = page.driver.execute_async_script(
        "const done = arguments[0]; axe.run().then((r) => done(r.violations.map((v) => "
        "[v.impact, v.id, v.nodes.map((n) => n.target.join(' ')).join('; ')])))"
    )
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    serious = [violation for violation in found if violation[0] in {"serious", "critical"}]
    assert serious == [], json.dumps(serious, indent=1)


def test_the_page_is_painted_at_once_and_does_not_jump(page, wav):
    page.driver.get(page.address)
    page.wait("performance.getEntriesByName('first-contentful-paint').length")
    painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    page.wait("!document.getElementById('start').hidden")
    page.upload(wav)
    shift = page.driver.execute_async_script(
        """const done = arguments[0]; let sum = 0;
        new PerformanceObserver((list) => { for (const e of list.getEntries())
          if (!e.hadRecentInput) sum += e.value;
        }).observe({ type: "layout-shift", buffered: true });
        setTimeout(() => done(sum), 500);"""
    )
    print(f"first paint {painted:.0f} ms, layout shift {shift:.3f}")
    assert painted < MAX_FIRST_PAINT_MS
    assert shift < 0.1
