/* The C interface over the compiled entries: memory, blocks of any size, knobs in units. */
#include "ai_mixer_engine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

struct ai_mixer_engine {
    int32_t block_size, channels, latency;
    int64_t size;
    double *memory;    /* [size] */
    double *positions; /* [knobs] */
    float *input;      /* [channels * block_size] */
    float *output;
};

int32_t ai_mixer_api_version(void) { return AI_MIXER_API_VERSION; }

const char *ai_mixer_console(void) { return ai_mixer_console_name; }

const char *ai_mixer_status_text(ai_mixer_status status) {
    switch (status) {
    case AI_MIXER_OK: return "ok";
    case AI_MIXER_BAD_SAMPLE_RATE: return "sample_rate must be a whole number of 8000-192000 Hz";
    case AI_MIXER_BAD_BLOCK_SIZE: return "block_size must be 1-65536 samples";
    case AI_MIXER_BAD_CHANNELS: return "channels must be 1 or 2";
    case AI_MIXER_OUT_OF_MEMORY: return "not enough memory";
    case AI_MIXER_NO_SUCH_KNOB: return "there is no knob of this index";
    case AI_MIXER_NOT_A_NUMBER: return "the value of a knob must be a number, not NaN";
    }
    return "unknown status";
}

int32_t ai_mixer_knob_count(void) { return ai_mixer_knobs_count; }

const ai_mixer_knob *ai_mixer_knob_info(int32_t knob) {
    return knob >= 0 && knob < ai_mixer_knobs_count ? &ai_mixer_knobs[knob] : NULL;
}

double ai_mixer_knob_position(int32_t knob, double value) {
    int64_t result;
    void *exception;
    double position = NAN;
    if (ai_mixer_knob_info(knob))
        ai_mixer_kernel_knob_position(&result, &exception, knob, value, &position);
    return position;
}

double ai_mixer_knob_value(int32_t knob, double position) {
    int64_t result;
    void *exception;
    double value = NAN;
    if (ai_mixer_knob_info(knob))
        ai_mixer_kernel_knob_value(&result, &exception, knob, position, &value);
    return value;
}

ai_mixer_status ai_mixer_check(double sample_rate, int32_t block_size, int32_t channels) {
    if (!(sample_rate >= AI_MIXER_MIN_SAMPLE_RATE && sample_rate <= AI_MIXER_MAX_SAMPLE_RATE &&
          sample_rate == floor(sample_rate)))
        return AI_MIXER_BAD_SAMPLE_RATE;
    if (block_size < 1 || block_size > AI_MIXER_MAX_BLOCK_SIZE) return AI_MIXER_BAD_BLOCK_SIZE;
    if (channels < 1 || channels > 2) return AI_MIXER_BAD_CHANNELS;
    return AI_MIXER_OK;
}

static void *zeros(int64_t count, size_t size) { return calloc(count > 0 ? count : 1, size); }

/* Compute the responses of the console's rooms, in memory that only this function needs, and write
 * the initial state to the memory of an engine. 0 if memory is short. */
static int init(ai_mixer_engine *e, double rate, const int64_t *taps, const int64_t *sizes) {
    int64_t result, channels = e->channels;
    void *exception;
    float *responses = zeros(sizes[RESPONSES], sizeof *responses);
    double *work = zeros(sizes[WORK], sizeof *work);
    int done = responses && work &&
               !ai_mixer_kernel_respond(&result, &exception, rate, channels, ai_mixer_spectra,
                                        taps, sizes, responses, work) &&
               !ai_mixer_kernel_init(&result, &exception, rate, e->block_size, channels, taps,
                                     sizes, responses, e->memory);
    free(responses);
    free(work);
    return done;
}

/* Allocate all memory of an engine and write its initial state. 0 if memory is short. */
static int start(ai_mixer_engine *e, double rate) {
    int64_t result, sizes[SIZES], block = (int64_t)e->channels * e->block_size;
    void *exception;
    int64_t *taps = zeros(ai_mixer_steps_count, sizeof *taps);
    int done = taps &&
               !ai_mixer_kernel_plan_responses(&result, &exception, rate, e->channels, taps,
                                               sizes) &&
               !ai_mixer_kernel_plan_memory(&result, &exception, rate, e->block_size, e->channels,
                                            taps, sizes);
    if (done) {
        e->size = sizes[MEMORY];
        e->memory = zeros(e->size, sizeof *e->memory);
        e->positions = zeros(ai_mixer_knobs_count, sizeof *e->positions);
        e->input = zeros(block, sizeof *e->input);
        e->output = zeros(block, sizeof *e->output);
        done = e->memory && e->positions && e->input && e->output && init(e, rate, taps, sizes);
    }
    free(taps);
    return done;
}

ai_mixer_engine *ai_mixer_create(double sample_rate, int32_t block_size, int32_t channels) {
    if (ai_mixer_check(sample_rate, block_size, channels) != AI_MIXER_OK) return NULL;
    ai_mixer_engine *e = zeros(1, sizeof *e);
    if (!e) return NULL;
    e->block_size = block_size;
    e->channels = channels;
    if (!start(e, sample_rate)) {
        ai_mixer_destroy(e);
        return NULL;
    }
    for (int32_t k = 0; k < ai_mixer_knobs_count; k++)
        ai_mixer_set_knob(e, k, ai_mixer_knobs[k].neutral);
    int64_t result, latency = 0;
    void *exception;
    ai_mixer_kernel_delay(&result, &exception, e->memory, e->size, &latency);
    e->latency = (int32_t)latency;
    return e;
}

ai_mixer_status ai_mixer_set_knob(ai_mixer_engine *e, int32_t knob, double value) {
    const ai_mixer_knob *info = ai_mixer_knob_info(knob);
    if (!info) return AI_MIXER_NO_SUCH_KNOB;
    if (isnan(value)) return AI_MIXER_NOT_A_NUMBER;
    double inside = value < info->min ? info->min : value > info->max ? info->max : value;
    double position = ai_mixer_knob_position(knob, inside);
    e->positions[knob] = position < 0.0 ? 0.0 : position > 1.0 ? 1.0 : position;
    return AI_MIXER_OK;
}

static void process_block(ai_mixer_engine *e, const float *const *in, float *const *out,
                          int32_t start, int32_t count) {
    int64_t result;
    void *exception;
    size_t bytes = count * sizeof(float);
    for (int32_t c = 0; c < e->channels; c++)
        memcpy(e->input + (int64_t)c * count, in[c] + start, bytes);
    if (ai_mixer_kernel_run(&result, &exception, e->memory, e->size, e->channels, e->input,
                            e->output, e->positions, count))
        memset(e->output, 0, e->channels * bytes);
    for (int32_t c = 0; c < e->channels; c++)
        memcpy(out[c] + start, e->output + (int64_t)c * count, bytes);
}

void ai_mixer_process(ai_mixer_engine *e, const float *const *in, float *const *out,
                      int32_t samples) {
    for (int32_t start = 0, count; start < samples; start += count) {
        count = samples - start < e->block_size ? samples - start : e->block_size;
        process_block(e, in, out, start, count);
    }
}

int32_t ai_mixer_latency(const ai_mixer_engine *e) { return e->latency; }

void ai_mixer_reset(ai_mixer_engine *e) {
    int64_t result;
    void *exception;
    ai_mixer_kernel_reset(&result, &exception, e->memory, e->size);
}

void ai_mixer_destroy(ai_mixer_engine *e) {
    if (!e) return;
    free(e->memory);
    free(e->positions);
    free(e->input);
    free(e->output);
    free(e);
}

/* numba calls this for `reshape`; arrays of the kernels are contiguous. 1: possible as a view. */
int numba_attempt_nocopy_reshape(int64_t ndim, const int64_t *dims, const int64_t *strides,
                                 int64_t new_ndim, const int64_t *new_dims, int64_t *new_strides,
                                 int64_t item_size, int is_fortran) {
    int64_t step = item_size;
    if (is_fortran) return 0;
    for (int64_t i = ndim; i-- > 0; step *= dims[i])
        if (dims[i] != 1 && strides[i] != step) return 0;
    step = item_size;
    for (int64_t i = new_ndim; i-- > 0; step *= new_dims[i]) new_strides[i] = step;
    return 1;
}
