// How loud it is that plays: root mean square and held peak of each channel, in dB of full scale.
// A sine that just fits has a peak of 0 and a root mean square of −3.

const METER_S = 0.4; // like the momentary loudness of EBU R 128, without its filter
const HOLD_S = 1.5;
const METER_FLOOR_DB = -60;
const SILENT = [0, 1].map(() => ({ rmsDb: -Infinity, peakDb: -Infinity }));

const decibels = (amplitude) => 20 * Math.log10(amplitude);

class Meter {
  /** Put between what plays and the loudspeakers: connect to `input`. */
  constructor(ctx) {
    this.ctx = ctx;
    this.input = new GainNode(ctx, { channelCount: 2, channelCountMode: "explicit" });
    this.input.connect(ctx.destination);
    const splitter = new ChannelSplitterNode(ctx, { numberOfOutputs: 2 });
    this.input.connect(splitter);
    const fftSize = Math.min(32768, 2 ** Math.round(Math.log2(METER_S * ctx.sampleRate)));
    this.channels = [0, 1].map((channel) => {
      const analyser = new AnalyserNode(ctx, { fftSize });
      splitter.connect(analyser, channel);
      return { analyser, samples: new Float32Array(fftSize), held: 0, heldAt: -HOLD_S };
    });
    this.readAt = ctx.currentTime;
  }

  /** {rmsDb, peakDb} of left and right; to be asked at least every 0.3 s. */
  read() {
    const now = this.ctx.currentTime;
    const fresh = Math.ceil((now - this.readAt) * this.ctx.sampleRate) + 128; // since last time
    this.readAt = now;
    return this.channels.map((channel) => {
      const { analyser, samples } = channel;
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, x) => sum + x * x, 0) / samples.length;
      const peak = samples.subarray(-fresh).reduce((top, x) => Math.max(top, Math.abs(x)), 0);
      if (peak >= channel.held || now > channel.heldAt + HOLD_S)
        Object.assign(channel, { held: peak, heldAt: now });
      return { rmsDb: decibels(Math.sqrt(power)), peakDb: decibels(channel.held) };
    });
  }
}
