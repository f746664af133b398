/* A console of ai_mixer for live audio: mono or stereo, any whole sample rate of 8000-192000 Hz.
 *
 * Functions of one engine must not run at the same time; different engines are independent.
 * ai_mixer_process, ai_mixer_set_knob and ai_mixer_reset allocate no memory, take no lock and raise
 * no exception, so they may be called from an audio thread.
 */
#ifndef AI_MIXER_ENGINE_H
#define AI_MIXER_ENGINE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(AI_MIXER_PRIVATE) /* inside of another library, e.g. a plug-in */
#define AI_MIXER_API
#elif defined(_WIN32) && defined(AI_MIXER_BUILD_SHARED)
#define AI_MIXER_API __declspec(dllexport)
#elif defined(_WIN32)
#define AI_MIXER_API
#else
#define AI_MIXER_API __attribute__((visibility("default")))
#endif

/* Version of this interface; a change that breaks callers increases it. */
#define AI_MIXER_API_VERSION 1

#define AI_MIXER_MIN_SAMPLE_RATE 8000.0
#define AI_MIXER_MAX_SAMPLE_RATE 192000.0
#define AI_MIXER_MAX_BLOCK_SIZE 65536

typedef struct ai_mixer_engine ai_mixer_engine;

typedef enum {
    AI_MIXER_OK = 0,
    AI_MIXER_BAD_SAMPLE_RATE = 1, /* not a whole number of 8000-192000 Hz */
    AI_MIXER_BAD_BLOCK_SIZE = 2,  /* not 1-65536 */
    AI_MIXER_BAD_CHANNELS = 3,    /* not 1 or 2 */
    AI_MIXER_OUT_OF_MEMORY = 4,
    AI_MIXER_NO_SUCH_KNOB = 5,
    AI_MIXER_NOT_A_NUMBER = 6
} ai_mixer_status;

typedef enum {
    AI_MIXER_LINEAR = 0,
    AI_MIXER_LOG = 1,  /* position linear in log(value) */
    AI_MIXER_SLOPE = 2 /* position linear in 1 - 1 / value */
} ai_mixer_scale;

/* A knob. min, max and neutral are in `unit`; at `neutral` its effect changes nothing. */
typedef struct {
    const char *name;
    const char *unit;
    double min;
    double max;
    double neutral;
    ai_mixer_scale scale;
} ai_mixer_knob;

/* AI_MIXER_API_VERSION of the library. */
AI_MIXER_API int32_t ai_mixer_api_version(void);

/* Name of the console, e.g. "classic". */
AI_MIXER_API const char *ai_mixer_console(void);

/* One line in English for a status. */
AI_MIXER_API const char *ai_mixer_status_text(ai_mixer_status status);

AI_MIXER_API int32_t ai_mixer_knob_count(void);

/* The knob of an index from 0; NULL if there is none. */
AI_MIXER_API const ai_mixer_knob *ai_mixer_knob_info(int32_t knob);

/* Position of a value of a knob on its scale, 0-1 within its range; and back. NaN for no knob. */
AI_MIXER_API double ai_mixer_knob_position(int32_t knob, double value);
AI_MIXER_API double ai_mixer_knob_value(int32_t knob, double position);

/* Why ai_mixer_create would refuse these arguments; AI_MIXER_OK if it would not. */
AI_MIXER_API ai_mixer_status ai_mixer_check(double sample_rate, int32_t block_size,
                                            int32_t channels);

/* An engine with neutral knobs; NULL if the arguments are refused (ai_mixer_check) or memory is
 * short. block_size: number of samples that are processed together; calls may have any number.
 * Takes up to 0.2 s: not for an audio thread. */
AI_MIXER_API ai_mixer_engine *ai_mixer_create(double sample_rate, int32_t block_size,
                                              int32_t channels);

/* Set a knob to a value in its unit, from the next sample on. Before the first sample it applies at
 * once, later within 70 ms. Values outside of the range, also infinite ones, are set to its end.
 * AI_MIXER_NO_SUCH_KNOB and AI_MIXER_NOT_A_NUMBER change nothing. */
AI_MIXER_API ai_mixer_status ai_mixer_set_knob(ai_mixer_engine *engine, int32_t knob, double value);

/* Process any number of samples, full scale 1: in[channel][n] to out[channel][n], delayed by
 * ai_mixer_latency. in and out may be the same. NaN and samples beyond +-1e10
 * count as 0. */
AI_MIXER_API void ai_mixer_process(ai_mixer_engine *engine, const float *const *in,
                                   float *const *out, int32_t samples);

/* Delay of the output in samples. */
AI_MIXER_API int32_t ai_mixer_latency(const ai_mixer_engine *engine);

/* Start again with silence, as after ai_mixer_create; knobs keep their values and apply at once. */
AI_MIXER_API void ai_mixer_reset(ai_mixer_engine *engine);

/* Free an engine; NULL is allowed. */
AI_MIXER_API void ai_mixer_destroy(ai_mixer_engine *engine);

#ifdef __cplusplus
}
#endif
#endif
