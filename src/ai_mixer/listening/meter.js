// Level meter: root mean square and held peak of each channel, in dB of full scale. A full-scale sine
// has a peak of 0 dB and a root mean square of −3 dB.

const RMS_WINDOW_S = 0.4; // as in EBU R 128 momentary loudness, but unfiltered
const PEAK_HOLD_S = 1.5;
const METER_FLOOR_DB = -60;
const SILENT_LEVELS = [0, 1].map(() => ({ rmsDb: -Infinity, peakDb: -Infinity }));

const toDb = (amplitude) => 20 * Math.log10(amplitude);

class Meter {
  /** Connect audio to `input`, which is connected to the destination of the context. */
  constructor(ctx) {
    this.ctx = ctx;
    this.input = new GainNode(ctx, { channelCount: 2, channelCountMode: "explicit" });
    this.input.connect(ctx.destination);
    const splitter = new ChannelSplitterNode(ctx, { numberOfOutputs: 2 });
    this.input.connect(splitter);
    const fftSize = Math.min(32768, 2 ** Math.round(Math.log2(RMS_WINDOW_S * ctx.sampleRate)));
    this.channels = [0, 1].map((channel) => {
      const analyser = new AnalyserNode(ctx, { fftSize });
      splitter.connect(analyser, channel);
      return { analyser, samples: new Float32Array(fftSize), peakHold: 0, peakHoldTime: -PEAK_HOLD_S };
    });
    this.lastReadTime = ctx.currentTime;
  }

  /** {rmsDb, peakDb} of left and right; to be called at least every 0.3 s. */
  read() {
    const now = this.ctx.currentTime;
    const unread = Math.ceil((now - this.lastReadTime) * this.ctx.sampleRate) + 128; // samples
    this.lastReadTime = now;
    return this.channels.map((channel) => {
      const { analyser, samples } = channel;
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, x) => sum + x * x, 0) / samples.length;
      const peak = samples.subarray(-unread).reduce((top, x) => Math.max(top, Math.abs(x)), 0);
      if (peak >= channel.peakHold || now > channel.peakHoldTime + PEAK_HOLD_S)
        Object.assign(channel, { peakHold: peak, peakHoldTime: now });
      return { rmsDb: toDb(Math.sqrt(power)), peakDb: toDb(channel.peakHold) };
    });
  }
}
