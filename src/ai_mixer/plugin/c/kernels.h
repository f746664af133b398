/* The compiled entries (plugin/entries.py) in numba's calling convention: result, exception, then
 * the arguments; the status is 0 unless the kernels have a bug. */
#ifndef AI_MIXER_KERNELS_H
#define AI_MIXER_KERNELS_H

#include <stdint.h>

#include "ai_mixer_engine.h"

enum { MEMORY, RESPONSES, WORK, SIZES };

int32_t ai_mixer_kernel_plan_responses(int64_t *result, void **exception, double sample_rate,
                                       int64_t channels, int64_t *taps, int64_t *sizes);
int32_t ai_mixer_kernel_respond(int64_t *result, void **exception, double sample_rate,
                                int64_t channels, const float *spectra, const int64_t *taps,
                                const int64_t *sizes, float *responses, double *work);
int32_t ai_mixer_kernel_plan_memory(int64_t *result, void **exception, double sample_rate,
                                    int64_t block_size, int64_t channels, const int64_t *taps,
                                    int64_t *sizes);
int32_t ai_mixer_kernel_init(int64_t *result, void **exception, double sample_rate,
                             int64_t block_size, int64_t channels, const int64_t *taps,
                             const int64_t *sizes, const float *responses, double *memory);
int32_t ai_mixer_kernel_reset(int64_t *result, void **exception, double *memory, int64_t size);
int32_t ai_mixer_kernel_run(int64_t *result, void **exception, double *memory, int64_t size,
                            int64_t channels, const float *audio, float *out,
                            const double *positions, int64_t samples);
int32_t ai_mixer_kernel_delay(int64_t *result, void **exception, double *memory, int64_t size,
                              int64_t *samples);
int32_t ai_mixer_kernel_knob_position(int64_t *result, void **exception, int64_t knob, double value,
                                      double *position);
int32_t ai_mixer_kernel_knob_value(int64_t *result, void **exception, int64_t knob, double position,
                                   double *value);

/* Constants of the console: an object file, and a generated C file. */
extern const float ai_mixer_spectra[];
extern const char ai_mixer_console_name[];
extern const ai_mixer_knob ai_mixer_knobs[];
extern const int32_t ai_mixer_knobs_count, ai_mixer_steps_count;

#endif
