// `run_engine.c` for the module: node run_engine.mjs MODULE JOB INPUT OUTPUT [ROOMS]
// ROOMS: spectra of the reverbs, for a module of the page, which has none.
import fs from "fs";

const [, , modulePath, jobPath, inputPath, outputPath, roomsPath] = process.argv;
const module = new WebAssembly.Module(fs.readFileSync(modulePath));
const engine = new WebAssembly.Instance(module, {}).exports; // fails if the module has imports
engine._initialize();
if (roomsPath) {
  const rooms = fs.readFileSync(roomsPath);
  new Uint8Array(engine.memory.buffer, engine.ai_mixer_rooms(), rooms.length).set(rooms);
}
const [first, ...commands] = fs.readFileSync(jobPath, "utf8").trim().split("\n");
const [sampleRate, channels, blockSize] = first.split(" ").map(Number);
const input = new Float32Array(new Uint8Array(fs.readFileSync(inputPath)).buffer);
const output = new Float32Array(input.length);
const mixer = engine.ai_mixer_create(sampleRate, blockSize, channels);
if (!mixer) process.exit(3);
let done = 0;
const run = {
  k: (knob, value) => engine.ai_mixer_set_knob(mixer, knob, value),
  r: () => engine.ai_mixer_reset(mixer),
  p: (count) => {
    const samples = engine.malloc(4 * channels * count || 1);
    const rows = engine.malloc(4 * channels);
    const view = new Float32Array(engine.memory.buffer, samples, channels * count);
    const starts = Array.from({length: channels}, (_, c) => samples + 4 * c * count);
    new Uint32Array(engine.memory.buffer, rows, channels).set(starts);
    for (let n = 0; n < count; n++)
      for (let c = 0; c < channels; c++) view[c * count + n] = input[(done + n) * channels + c];
    engine.ai_mixer_process(mixer, rows, rows, count);
    for (let n = 0; n < count; n++)
      for (let c = 0; c < channels; c++) output[(done + n) * channels + c] = view[c * count + n];
    engine.free(samples);
    engine.free(rows);
    done += count;
  },
};
for (const line of commands) {
  const [name, ...numbers] = line.split(" ");
  run[name](...numbers.map(Number)); // Number("nan") and Number("inf") are NaN: not in jobs
}
console.log(engine.ai_mixer_latency(mixer));
engine.ai_mixer_destroy(mixer);
fs.writeFileSync(outputPath, new Uint8Array(output.buffer));
