/* The engine of the page: that of plugin/c, with memory for the spectra of rooms (rooms.c) and the
 * gain reductions for its meters. layout.h has the indices of the engine's memory, from Python. */
#include "engine.c"
#include "layout.h"

enum { LIMITER, COMPRESSOR, FIRST_BAND, REDUCTIONS = FIRST_BAND + BANDS };

void ai_mixer_reductions(ai_mixer_engine *e, float *out);

/* Write gain reductions in dB, 0 or more, to out[REDUCTIONS]: the largest one of the limiter since
 * the last call, and those of the compressors now. */
void ai_mixer_reductions(ai_mixer_engine *e, float *out) {
    double *chain = e->memory + ENGINE_HEADER, *limiter = e->memory + (int64_t)e->memory[CHAIN_END];
    int64_t knobs = (int64_t)chain[CHAIN_KNOBS];
    int64_t work = knobs + MAX_ARGUMENTS + (int64_t)chain[CHAIN_CHANNELS] * (int64_t)chain[CHAIN_BLOCK];
    const double *state = limiter - work - (int64_t)chain[CHAIN_STATES];
    const double *step = chain + CHAIN_HEADER + KNOB_FIELDS * knobs;
    const double *end = step + (int64_t)chain[CHAIN_STEPS];
    for (int32_t k = 0; k < REDUCTIONS; k++) out[k] = 0.0f;
    out[LIMITER] = (float)limiter[LIMITER_REDUCTION];
    limiter[LIMITER_REDUCTION] = 0.0;
    while (step < end) {
        int64_t kind = (int64_t)step[STEP_KIND];
        if (kind == KIND_COMPRESS) out[COMPRESSOR] = (float)-state[COMPRESS_GAIN];
        if (kind == KIND_DYNAMICS) out[COMPRESSOR] = (float)-state[DYNAMICS_GAIN];
        for (int32_t band = 0; kind == KIND_BAND_DYNAMICS && band < BANDS; band++)
            out[FIRST_BAND + band] = (float)-state[BAND_GAINS + band];
        state += (int64_t)step[STEP_STATE];
        step += STEP_HEADER + 2 * (int64_t)step[STEP_ARGUMENTS] + (int64_t)step[STEP_CONSTANTS];
    }
}
