// Gain of a sine through a module, in dB, and its gain reductions: node reductions.mjs MODULE KNOB=VALUE …
import fs from "node:fs";

const [, , path, ...settings] = process.argv;
const engine = new WebAssembly.Instance(new WebAssembly.Module(fs.readFileSync(path)), {}).exports;
engine._initialize();
const [rate, block] = [44100, 128], mixer = engine.ai_mixer_create(rate, block, 1);
for (const setting of settings) engine.ai_mixer_set_knob(mixer, ...setting.split("=").map(Number));
const samples = engine.malloc(4 * block), rows = engine.malloc(4), out = engine.malloc(20);
new Uint32Array(engine.memory.buffer, rows, 1).set([samples]);
let peak = 0;
for (let start = 0; start < 2 * rate; start += block) {
  const view = new Float32Array(engine.memory.buffer, samples, block);
  for (let n = 0; n < block; n++) view[n] = 0.9 * Math.sin((2 * Math.PI * 1000 * (start + n)) / rate);
  engine.ai_mixer_process(mixer, rows, rows, block);
  if (start > 1.9 * rate) peak = Math.max(peak, ...view.map(Math.abs));
  if (start < 1.5 * rate) engine.ai_mixer_reductions(mixer, out); // forget the start
}
engine.ai_mixer_reductions(mixer, out);
const reductions = [...new Float32Array(engine.memory.buffer, out, 5)];
console.log(JSON.stringify({ gain: 20 * Math.log10(peak / 0.9), reductions }));
