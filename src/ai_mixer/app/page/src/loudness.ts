// Loudness after ITU-R BS.1770-4: K weighting, gated blocks of 400 ms, momentary and short-term.

const OFFSET = -0.691;
export const SILENCE = -70;

interface Biquad {
  b: [number, number, number];
  a: [number, number];
}

/** Both filters of the K weighting for a sample rate: those of the standard at 48 kHz. */
function kFilters(rate: number): Biquad[] {
  const shelf = 1681.974450955533, gain = 10 ** (3.999843853973347 / 20), q = 0.7071752369554196;
  let k = Math.tan((Math.PI * shelf) / rate);
  const vb = gain ** 0.4996667741545416;
  let n = 1 + k / q + k * k;
  const first: Biquad = {
    b: [(gain + (vb * k) / q + k * k) / n, (2 * (k * k - gain)) / n, (gain - (vb * k) / q + k * k) / n],
    a: [(2 * (k * k - 1)) / n, (1 - k / q + k * k) / n],
  };
  const cut = 38.13547087602444, cutQ = 0.5003270373238773;
  k = Math.tan((Math.PI * cut) / rate);
  n = 1 + k / cutQ + k * k;
  return [first, { b: [1, -2, 1], a: [(2 * (k * k - 1)) / n, (1 - k / cutQ + k * k) / n] }];
}

/** Powers of K-weighted steps of 100 ms. */
export class PowerMeter {
  private readonly filters: Biquad[];
  private readonly states: Float64Array[];
  private readonly step: number;
  private sum = 0;
  private count = 0;

  constructor(rate: number, channels: number) {
    this.filters = kFilters(rate);
    this.states = Array.from({ length: channels }, () => new Float64Array(4));
    this.step = Math.round(rate / 10);
  }

  /** Add samples; calls `done` with the mean square of each complete step, summed over channels. */
  push(audio: Float32Array[], samples: number, done: (power: number) => void): void {
    const [f, g] = this.filters;
    for (let start = 0; start < samples; ) {
      const count = Math.min(samples - start, this.step - this.count);
      for (let c = 0; c < this.states.length; c++) {
        const s = this.states[c], x = audio[c];
        let sum = 0;
        for (let i = start; i < start + count; i++) {
          const y = f.b[0] * x[i] + s[0];
          s[0] = f.b[1] * x[i] - f.a[0] * y + s[1];
          s[1] = f.b[2] * x[i] - f.a[1] * y;
          const z = g.b[0] * y + s[2];
          s[2] = g.b[1] * y - g.a[0] * z + s[3];
          s[3] = g.b[2] * y - g.a[1] * z;
          sum += z * z;
        }
        this.sum += sum;
      }
      this.count += count;
      start += count;
      if (this.count === this.step) {
        done(this.sum / this.step);
        this.sum = this.count = 0;
      }
    }
  }
}

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
export const toLufs = (power: number) => (power > 0 ? Math.max(SILENCE, OFFSET + 10 * Math.log10(power)) : SILENCE);

/** Integrated loudness of steps of 100 ms; SILENCE if nothing is above the gate. */
export function integrated(steps: number[]): number {
  const blocks: number[] = [];
  for (let i = 3; i < steps.length; i++) blocks.push((steps[i - 3] + steps[i - 2] + steps[i - 1] + steps[i]) / 4);
  if (!blocks.length && steps.length) blocks.push(mean(steps)); // shorter than a block
  const loud = blocks.filter((power) => toLufs(power) > SILENCE);
  if (!loud.length) return SILENCE;
  const gate = mean(loud) / 10;
  return toLufs(mean(loud.filter((power) => power > gate)));
}

/** Loudness of the last seconds of steps. */
export const recent = (steps: number[], count: number) => (steps.length ? toLufs(mean(steps.slice(-count))) : SILENCE);
