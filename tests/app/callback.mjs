// Processor time of the page's audio callback: node callback.mjs WORKLET MODULE ROOMS SECONDS
// Prints the median and the 99.9th percentile as shares of a block of 128 samples.
import fs from "node:fs";

const [, , worklet, module, roomsPath, seconds] = process.argv;
const bytes = (path) => new Uint8Array(fs.readFileSync(path)).buffer;
const port = { postMessage() {} };
let Desk;
Object.assign(globalThis, {
  sampleRate: 48000,
  AudioWorkletProcessor: class {
    port = port;
  },
  registerProcessor: (name, processor) => (Desk = processor),
});
await import(worklet);
const files = { wasm: bytes(module), rooms: bytes(roomsPath) };
const x = new WebAssembly.Instance(new WebAssembly.Module(files.wasm), {}).exports;
x._initialize();
const count = x.ai_mixer_knob_count();
const draw = () => Array.from({ length: count }, (_, knob) => x.ai_mixer_knob_value(knob, Math.random()));
const desk = new Desk({ processorOptions: { files, knobs: draw(), channels: 2 } });
const rows = () => [new Float32Array(128), new Float32Array(128)];
const inputs = [rows(), rows()], outputs = [rows()], times = [];
for (let block = 0; block < (seconds * 48000) / 128; block++) {
  for (const row of inputs.flat()) for (let n = 0; n < 128; n++) row[n] = Math.random() - 0.5;
  if (block % 8 === 0) port.onmessage({ data: { kind: "knobs", knobs: draw() } }); // all move
  const start = process.cpuUsage();
  desk.process(inputs, outputs);
  const { user, system } = process.cpuUsage(start);
  times.push((user + system) / 1e6 / (128 / 48000));
}
times.sort((a, b) => a - b);
const at = (share) => times[Math.floor(share * (times.length - 1))];
console.log(JSON.stringify({ median: at(0.5), highest: at(0.999) }));
