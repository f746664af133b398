// True peak after ITU-R BS.1770-4, annex 2: four values per sample, between the samples.

const PHASES = 4;
const TAPS = 32;

/** Windowed sinc, one row per phase; longer than the 12 taps of the standard, for high frequencies. */
const FILTERS = Array.from({ length: PHASES - 1 }, (_, index) => {
  const phase = index + 1; // phase 0 are the samples
  const row = Float64Array.from({ length: TAPS }, (_, tap) => {
    const t = tap - (TAPS / 2 - 1) - phase / PHASES;
    const window = 0.5 + 0.5 * Math.cos((Math.PI * t) / (TAPS / 2));
    return (t === 0 ? 1 : Math.sin(Math.PI * t) / (Math.PI * t)) * window;
  });
  const sum = row.reduce((total, value) => total + value, 0);
  return row.map((value) => value / sum);
});

export class TruePeak {
  private history = new Float32Array(TAPS - 1);
  private joined = new Float32Array(0);

  /** Largest absolute value between the samples of a block. */
  push(block: Float32Array): number {
    const size = TAPS - 1 + block.length;
    if (this.joined.length !== size) this.joined = new Float32Array(size);
    this.joined.set(this.history);
    this.joined.set(block, TAPS - 1);
    let peak = 0;
    for (const x of block) peak = Math.max(peak, Math.abs(x));
    for (const row of FILTERS)
      for (let i = 0; i < block.length; i++) {
        let y = 0;
        for (let k = 0; k < TAPS; k++) y += row[k] * this.joined[i + k];
        peak = Math.max(peak, Math.abs(y));
      }
    this.history.set(this.joined.subarray(block.length));
    return peak;
  }
}
