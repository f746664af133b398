// Processor time of the page's audio callback: node callback.mjs WORKLET FOLDER WHAT SECONDS
// WHAT: a console, or a number of tracks. FOLDER: has NAME.wasm and NAME.rooms of each engine.
// Prints the median and the 99.9th percentile as shares of a block of 128 samples.
import fs from "node:fs";

const [, , worklet, folder, what, seconds] = process.argv;
const bytes = (path) => new Uint8Array(fs.readFileSync(path)).buffer;
const files = (name) => ({ wasm: bytes(`${folder}/${name}.wasm`), rooms: bytes(`${folder}/${name}.rooms`) });
const port = { postMessage() {} };
let Desk;
Object.assign(globalThis, {
  sampleRate: 48000,
  currentFrame: 0,
  AudioWorkletProcessor: class {
    port = port;
  },
  registerProcessor: (name, processor) => (Desk = processor),
});
await import(worklet);

/** A function that draws values of all knobs of a console. */
function drawing(name) {
  const x = new WebAssembly.Instance(new WebAssembly.Module(files(name).wasm), {}).exports;
  x._initialize();
  const count = x.ai_mixer_knob_count();
  return () => Array.from({ length: count }, (_, knob) => x.ai_mixer_knob_value(knob, Math.random()));
}

const tracks = Number(what) || 0, names = tracks ? ["strip", "reverb", "delay", "mastering"] : [what];
const draw = Object.fromEntries(names.map((name) => [name, drawing(name)]));
const strip = () => [...draw.strip(), 0.3, 0.2]; // with the sends
const audible = Array(tracks).fill(true);
const studio = () => ({ ...audible.map(strip), reverb: draw.reverb(), delay: draw.delay(), master: draw.mastering() });
const options = tracks
  ? {
      studio: { engines: Object.fromEntries(names.map((name) => [name, files(name)])), gains: audible.map(() => 0.5) },
      parts: studio(),
      audible,
      trackChannels: audible.map(() => 2),
    }
  : { files: files(what), knobs: draw[what]() };
const desk = new Desk({ processorOptions: { ...options, channels: 2 } });
await new Promise((resolve) => setTimeout(resolve, 1000)); // the browser compiles what `desk` has warmed up
const turned = () => // all knobs of a file, those of one track
  tracks ? { kind: "parts", parts: { 0: strip() }, audible } : { kind: "knobs", knobs: draw[what]() };
const rows = () => [new Float32Array(128), new Float32Array(128)];
const inputs = [rows(), rows()], outputs = [rows()], times = [], size = 2 ** 15;
const noise = () => Float32Array.from({ length: size }, () => Math.random() - 0.5);
const give = (number) => port.onmessage({ data: { kind: "piece", piece: { number, tracks: audible.map(() => [noise(), noise()]) } } });
if (tracks) {
  for (let number = 0; number < 3; number++) give(number);
  port.onmessage({ data: { kind: "transport", transport: { frame: 0, at: 0, from: 1000, to: 3 * size - 1000, repeat: true } } });
}
for (let block = 0; block < (seconds * 48000) / 128; block++) {
  globalThis.currentFrame = 128 * block;
  for (const row of inputs.flat()) for (let n = 0; n < 128; n++) row[n] = Math.random() - 0.5;
  if (block % 8 === 0) port.onmessage({ data: turned() });
  const start = process.cpuUsage();
  desk.process(inputs, outputs);
  const { user, system } = process.cpuUsage(start);
  times.push((user + system) / 1e6 / (128 / 48000));
}
times.sort((a, b) => a - b);
const at = (share) => times[Math.floor(share * (times.length - 1))];
console.log(JSON.stringify({ median: at(0.5), highest: at(0.999) }));
