// Samples of several tracks in the audio thread: pieces of the song, which arrive ahead of their time.

const AHEAD = 4; // pieces that are asked for before they are played
const HELD = 12; // pieces in memory
const PIECE_S = 0.7;

/** Length of a piece in samples, a power of 2. */
export const pieceSamples = (rate: number) => 2 ** Math.round(Math.log2(PIECE_S * rate));

/** Sample `at` of the song is played at a frame of the context, and what follows until `to`; then
 * again from `from` on if it repeats. All in samples. */
export interface Transport {
  frame: number;
  at: number;
  from: number;
  to: number;
  repeat: boolean;
}

/** A piece, by its number from the start of the song: channels of each track. */
export interface Piece {
  number: number;
  tracks: Float32Array[][];
}

/** What the feed has, and what it needs next. */
export interface Supply {
  held: number[];
  missing: number[];
}

/** Sample of the song at a frame; −1 before the start and after the end. */
function sampleAt({ frame, at, from, to, repeat }: Transport, now: number): number {
  const passed = at + now - frame;
  if (now < frame) return -1;
  if (passed < to) return passed;
  return repeat ? from + ((passed - to) % (to - from)) : -1;
}

/** Numbers of the pieces that are played from a sample on, at most `count`. */
export function piecesFrom({ from, to, repeat }: Transport, sample: number, size: number, count: number): number[] {
  const found: number[] = [];
  for (let turn = 0, at = sample; turn < count; turn++) {
    const number = Math.floor(at / size);
    if (!found.includes(number)) found.push(number);
    at = (number + 1) * size;
    if (at >= to && !repeat) break;
    if (at >= to) at = from;
  }
  return found;
}

export class TrackFeed {
  private readonly pieces = new Map<number, Float32Array[][]>();
  private transport: Transport | null = null;
  private last = -1; // piece that was played last
  private readonly rows: Float32Array[][];

  /** channels: of each track, 0 for a silent one. ask: told what is needed when that changes. */
  constructor(channels: number[], private readonly size: number, private readonly block: number, private readonly ask: (supply: Supply) => void) {
    this.rows = channels.map((count) => Array.from({ length: count }, () => new Float32Array(block)));
  }

  move(transport: Transport | null): void {
    this.transport = transport;
    this.last = -1;
    if (transport) this.plan(transport.at);
  }

  add({ number, tracks }: Piece): void {
    this.pieces.delete(number);
    this.pieces.set(number, tracks);
    const oldest = this.pieces.keys().next().value!;
    if (this.pieces.size > HELD) this.pieces.delete(oldest);
  }

  /** The next block of all tracks; silent where a piece has not arrived. */
  read(frame: number): Float32Array[][] {
    for (let done = 0; done < this.block; ) done += this.copy(frame + done, done);
    return this.rows;
  }

  /** Copy samples from a frame on to a place in the block; returns how many. */
  private copy(frame: number, to: number): number {
    const { transport, size } = this, left = this.block - to;
    const sample = transport ? sampleAt(transport, frame) : -1;
    if (sample < 0) {
      const count = transport && frame < transport.frame ? Math.min(left, transport.frame - frame) : left;
      this.clear(to, count);
      return count;
    }
    const number = Math.floor(sample / size), offset = sample - number * size;
    const count = Math.min(left, size - offset, transport!.to - sample), piece = this.pieces.get(number);
    if (number !== this.last) this.plan(sample);
    this.last = number;
    if (!piece) {
      this.clear(to, count);
      return count;
    }
    for (let n = 0; n < this.rows.length; n++)
      for (let c = 0; c < this.rows[n].length; c++) {
        const row = this.rows[n][c], from = piece[n][c]; // no allocation: this is the audio thread
        for (let i = 0; i < count; i++) row[to + i] = from[offset + i];
      }
    return count;
  }

  private clear(to: number, count: number): void {
    for (const rows of this.rows) for (const row of rows) row.fill(0, to, to + count);
  }

  private plan(sample: number): void {
    const needed = piecesFrom(this.transport!, sample, this.size, AHEAD);
    for (const number of needed) {
      const piece = this.pieces.get(number);
      if (piece) this.add({ number, tracks: piece }); // not the next one to be removed
    }
    this.ask({ held: [...this.pieces.keys()], missing: needed.filter((number) => !this.pieces.has(number)) });
  }
}
