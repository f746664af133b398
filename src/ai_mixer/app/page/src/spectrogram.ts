// Spectrogram: levels in bands of equal width in octaves, one column per 1/800 of a song.

const COLUMNS = 800, BANDS = 96, SIZE = 4096, LOW_HZ = 40, HIGH_HZ = 16_000, RANGE_DB = 70;

/** levels: 0–255, columns one after another, low bands first. */
export interface Spectrogram {
  levels: Uint8Array;
  columns: number;
}

/** In-place Fourier transform of SIZE complex numbers (Cooley and Tukey 1965). */
function transform(re: Float32Array, im: Float32Array): void {
  for (let i = 1, j = 0; i < SIZE; i++) {
    let bit = SIZE >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) [re[i], re[j], im[i], im[j]] = [re[j], re[i], im[j], im[i]];
  }
  for (let length = 2; length <= SIZE; length *= 2) {
    const half = length / 2, angle = (-2 * Math.PI) / length;
    for (let k = 0; k < half; k++) {
      const c = Math.cos(angle * k), s = Math.sin(angle * k);
      for (let i = k; i < SIZE; i += length) {
        const j = i + half, x = re[j] * c - im[j] * s, y = re[j] * s + im[j] * c;
        [re[j], im[j]] = [re[i] - x, im[i] - y];
        re[i] += x;
        im[i] += y;
      }
    }
  }
}

/** Collects the columns of a song that is given block by block. */
export class Columns {
  private readonly window = Float32Array.from({ length: SIZE }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / SIZE));
  private readonly history = new Float32Array(SIZE);
  private readonly db = new Float32Array(COLUMNS * BANDS).fill(-300);
  private readonly edges: number[];
  private done = 0;
  private column = 0;

  constructor(rate: number, private readonly samples: number) {
    const high = Math.min(HIGH_HZ, rate / 2);
    this.edges = Array.from({ length: BANDS + 1 }, (_, i) => ((LOW_HZ * (high / LOW_HZ) ** (i / BANDS)) * SIZE) / rate);
  }

  push(audio: Float32Array[], count: number): void {
    for (let i = 0; i < count; i++) {
      let sum = 0;
      for (const row of audio) sum += row[i];
      this.history[this.done % SIZE] = sum / audio.length;
      this.done += 1;
      if (this.column < COLUMNS && this.done >= ((this.column + 0.5) * this.samples) / COLUMNS + SIZE / 2) this.add();
    }
  }

  read(): Spectrogram {
    while (this.column < COLUMNS) this.add();
    const top = this.db.reduce((a, b) => Math.max(a, b), -200);
    const levels = Uint8Array.from(this.db, (db) => 255 * Math.min(1, Math.max(0, 1 + (db - top) / RANGE_DB)));
    return { levels, columns: COLUMNS };
  }

  private add(): void {
    const re = new Float32Array(SIZE), im = new Float32Array(SIZE);
    for (let i = 0; i < SIZE; i++) re[i] = this.history[(this.done + i) % SIZE] * this.window[i];
    transform(re, im);
    for (let band = 0; band < BANDS; band++) {
      const from = Math.floor(this.edges[band]), to = Math.max(from + 1, Math.ceil(this.edges[band + 1]));
      let power = 0;
      for (let bin = from; bin < Math.min(to, SIZE / 2); bin++) power += re[bin] ** 2 + im[bin] ** 2;
      // Music falls by about 3 dB per octave, which is what the width of the bands adds.
      const share = Math.min(1, this.edges[band + 1] - this.edges[band]);
      this.db[this.column * BANDS + band] = 10 * Math.log10(power * share + 1e-20);
    }
    this.column += 1;
  }
}
