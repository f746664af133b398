/* Several tracks of the page in one call: a strip per track, summed to the mix and the inputs of the
 * buses. The page has this in C because a third of the time was spent on copies and sums. */
#include "page_engine.c"

enum { STEREO = 2, SENDS = 2, SUMS = 1 + SENDS };

/* A gain that moves to its target by `step` per sample. */
typedef struct {
    float now, target, step;
} page_ramp;

/* gain: in front of the strip. fade: of mute and solo. */
typedef struct {
    ai_mixer_engine *strip;
    float gain;
    page_ramp fade, sends[SENDS];
} page_track;

/* fresh: before the first block, to which the targets of the gains apply at once. */
typedef struct {
    int32_t count, block, fresh;
    page_track *tracks; /* [count] */
    float *inputs;      /* [count, STEREO, block] */
    float *sums;        /* [SUMS, STEREO, block]: the mix, then the inputs of the buses */
} page_mixer;

page_mixer *ai_mixer_tracks_create(double rate, int32_t block, int32_t count, double fade_s,
                                   double send_s);
ai_mixer_engine *ai_mixer_tracks_strip(page_mixer *m, int32_t track);
float *ai_mixer_tracks_inputs(page_mixer *m);
float *ai_mixer_tracks_sums(page_mixer *m);
void ai_mixer_tracks_set_gain(page_mixer *m, int32_t track, float gain);
void ai_mixer_tracks_set_audible(page_mixer *m, int32_t track, int32_t audible);
void ai_mixer_tracks_set_send(page_mixer *m, int32_t track, int32_t send, float gain);
void ai_mixer_tracks_reset(page_mixer *m);
int32_t ai_mixer_tracks_process(page_mixer *m, const uint8_t *channels, int32_t samples);

/* NULL if memory is short, or for a rate, block size or count that is refused. */
page_mixer *ai_mixer_tracks_create(double rate, int32_t block, int32_t count, double fade_s,
                                   double send_s) {
    page_mixer *m = zeros(1, sizeof *m);
    if (!m) return NULL;
    *m = (page_mixer){count, block, 1, zeros(count, sizeof *m->tracks),
                      zeros((int64_t)count * STEREO * block, sizeof *m->inputs),
                      zeros((int64_t)SUMS * STEREO * block, sizeof *m->sums)};
    if (!m->tracks || !m->inputs || !m->sums) return NULL;
    for (int32_t n = 0; n < count; n++) {
        page_track *track = m->tracks + n;
        track->strip = ai_mixer_create(rate, block, STEREO);
        if (!track->strip) return NULL;
        track->fade.step = (float)(1.0 / (fade_s * rate));
        for (int32_t s = 0; s < SENDS; s++) track->sends[s].step = (float)(1.0 / (send_s * rate));
    }
    return m;
}

ai_mixer_engine *ai_mixer_tracks_strip(page_mixer *m, int32_t track) {
    return m->tracks[track].strip;
}

float *ai_mixer_tracks_inputs(page_mixer *m) { return m->inputs; }

float *ai_mixer_tracks_sums(page_mixer *m) { return m->sums; }

void ai_mixer_tracks_set_gain(page_mixer *m, int32_t track, float gain) {
    m->tracks[track].gain = gain;
}

void ai_mixer_tracks_set_audible(page_mixer *m, int32_t track, int32_t audible) {
    m->tracks[track].fade.target = audible ? 1.0f : 0.0f;
}

void ai_mixer_tracks_set_send(page_mixer *m, int32_t track, int32_t send, float gain) {
    m->tracks[track].sends[send].target = gain;
}

void ai_mixer_tracks_reset(page_mixer *m) {
    for (int32_t n = 0; n < m->count; n++) ai_mixer_reset(m->tracks[n].strip);
    m->fresh = 1;
}

static int is_silent(const page_ramp *gain) { return gain->now == 0.0f && gain->target == 0.0f; }

static float next(const page_ramp *gain, float now) {
    if (now < gain->target) return fminf(gain->target, now + gain->step);
    return fmaxf(gain->target, now - gain->step);
}

/* Multiply audio [STEREO, samples] with a gain in place. */
static void fade(page_ramp *gain, float *restrict audio, int32_t samples) {
    if (gain->now == 1.0f && gain->target == 1.0f) return;
    float now = gain->now;
    for (int32_t i = 0; i < samples; i++) {
        now = next(gain, now);
        audio[i] *= now;
        audio[samples + i] *= now;
    }
    gain->now = now;
}

/* Add audio [STEREO, samples] times a gain to a sum [STEREO, block]. */
static void add(page_ramp *gain, const float *restrict audio, float *restrict sum, int32_t block,
                int32_t samples) {
    float now = gain->now;
    if (now == gain->target) {
        for (int32_t c = 0; c < STEREO; c++)
            for (int32_t i = 0; i < samples; i++)
                sum[c * block + i] += now * audio[c * samples + i];
        return;
    }
    for (int32_t i = 0; i < samples; i++) {
        now = next(gain, now);
        sum[i] += now * audio[i];
        sum[block + i] += now * audio[samples + i];
    }
    gain->now = now;
}

/* Process a track with 1 or 2 channels of input to the output of its strip, [STEREO, samples]. */
static float *process_track(page_track *track, const float *in, int32_t block, int32_t channels,
                            int32_t samples) {
    int64_t result;
    void *exception;
    ai_mixer_engine *e = track->strip;
    float gain = track->gain;
    for (int32_t c = 0; c < STEREO; c++) {
        const float *restrict from = in + (c < channels ? c : 0) * (int64_t)block;
        float *restrict to = e->input + c * (int64_t)samples;
        for (int32_t i = 0; i < samples; i++) to[i] = gain * from[i];
    }
    if (ai_mixer_kernel_run(&result, &exception, e->memory, e->size, STEREO, e->input, e->output,
                            e->positions, samples))
        memset(e->output, 0, STEREO * samples * sizeof *e->output);
    return e->output;
}

/* Process up to `block` samples of the inputs to the sums. channels: of each input, 0 for none.
 * Returns which buses received something: bit 0 for the first one. */
int32_t ai_mixer_tracks_process(page_mixer *m, const uint8_t *channels, int32_t samples) {
    page_ramp whole = {1.0f, 1.0f, 0.0f};
    int64_t size = (int64_t)STEREO * m->block;
    int32_t received = 0;
    memset(m->sums, 0, SUMS * size * sizeof *m->sums);
    for (int32_t n = 0; n < m->count; n++) {
        page_track *track = m->tracks + n;
        if (m->fresh) {
            track->fade.now = track->fade.target;
            for (int32_t s = 0; s < SENDS; s++) track->sends[s].now = track->sends[s].target;
        }
        if (!channels[n] || is_silent(&track->fade)) continue;
        float *audio = process_track(track, m->inputs + n * size, m->block, channels[n], samples);
        fade(&track->fade, audio, samples);
        add(&whole, audio, m->sums, m->block, samples);
        for (int32_t s = 0; s < SENDS; s++) {
            if (is_silent(track->sends + s)) continue;
            add(track->sends + s, audio, m->sums + (1 + s) * size, m->block, samples);
            received |= 1 << s;
        }
    }
    m->fresh = 0;
    return received;
}
