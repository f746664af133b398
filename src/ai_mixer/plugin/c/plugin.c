/* A plug-in without its format: an engine, its parameters, and a bypass with the same latency. */
#include "plugin.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FADE_S 0.01 /* of the bypass */

const plugin_channels plugin_configs[CHANNEL_CONFIGS] = {{2, 2}, {1, 1}, {1, 2}};
const char *const plugin_config_names[CHANNEL_CONFIGS] = {"Stereo", "Mono", "Mono to stereo"};

struct plugin {
    ai_mixer_engine *engine;
    double rate;
    plugin_channels channels;
    int32_t latency, delay_at;
    float *delay; /* [inputs, latency + PRIVATE_BLOCK], input for the bypass */
    float effect, fade; /* share of the effect in the output, and its change per sample */
    bool bypassed;
    atomic_bool taken;       /* `shown` has values that the engine has not */
    _Atomic double shown[]; /* [parameters] */
};

int32_t plugin_parameter_count(void) { return ai_mixer_knob_count() + 1; }

int32_t plugin_bypass(void) { return ai_mixer_knob_count(); }

uint32_t plugin_name_id(const char *name) {
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (const char *c = name; *c; c++) hash = (hash ^ (uint8_t)*c) * 16777619u;
    return hash & 0x7fffffffu; /* hosts reserve the others */
}

uint32_t plugin_parameter_id(int32_t parameter) {
    return plugin_name_id(ai_mixer_plugin.labels[parameter].name);
}

int32_t plugin_parameter_index(uint32_t id) {
    for (int32_t k = 0; k < plugin_parameter_count(); k++)
        if (plugin_parameter_id(k) == id) return k;
    return -1;
}

double plugin_neutral(int32_t parameter) {
    return parameter == plugin_bypass() ? 0.0 : ai_mixer_knob_info(parameter)->neutral;
}

static double clamp(double value, double low, double high) {
    return value < low ? low : value > high ? high : value;
}

double plugin_position(int32_t parameter, double value) {
    if (parameter == plugin_bypass()) return value >= 0.5;
    return clamp(ai_mixer_knob_position(parameter, value), 0.0, 1.0);
}

double plugin_value(int32_t parameter, double position) {
    if (parameter == plugin_bypass()) return position >= 0.5;
    const ai_mixer_knob *knob = ai_mixer_knob_info(parameter);
    return clamp(ai_mixer_knob_value(parameter, clamp(position, 0.0, 1.0)), knob->min, knob->max);
}

/* In range, and exactly neutral where a host rounded the neutral value to float. */
static double accepted(int32_t parameter, double value) {
    double neutral = plugin_neutral(parameter);
    if (parameter == plugin_bypass()) return value >= 0.5;
    const ai_mixer_knob *knob = ai_mixer_knob_info(parameter);
    return (float)value == (float)neutral ? neutral : clamp(value, knob->min, knob->max);
}

plugin *plugin_create(void) {
    int32_t count = plugin_parameter_count();
    plugin *p = calloc(1, sizeof *p + count * sizeof p->shown[0]);
    for (int32_t k = 0; p && k < count; k++) plugin_show(p, k, plugin_neutral(k));
    return p;
}

void plugin_destroy(plugin *p) {
    if (!p) return;
    ai_mixer_destroy(p->engine);
    free(p->delay);
    free(p);
}

bool plugin_prepared(const plugin *p) { return p->engine != NULL; }

int32_t plugin_latency(const plugin *p) { return p->latency; }

static int32_t delay_size(const plugin *p) { return p->latency + PRIVATE_BLOCK; }

bool plugin_prepare(plugin *p, double rate, plugin_channels channels) {
    bool same = p->engine && p->rate == rate && p->channels.inputs == channels.inputs &&
                p->channels.outputs == channels.outputs;
    if (!same) {
        ai_mixer_destroy(p->engine);
        free(p->delay);
        p->delay = NULL;
        p->engine = ai_mixer_create(rate, PRIVATE_BLOCK, channels.outputs);
        if (!p->engine) return false;
        p->rate = rate;
        p->channels = channels;
        p->latency = ai_mixer_latency(p->engine);
        p->delay = calloc((size_t)channels.inputs * delay_size(p), sizeof *p->delay);
        if (!p->delay) {
            ai_mixer_destroy(p->engine);
            p->engine = NULL;
            return false;
        }
        p->fade = (float)(1.0 / (FADE_S * rate));
    }
    atomic_store(&p->taken, true);
    plugin_begin(p);
    plugin_reset(p);
    return true;
}

void plugin_reset(plugin *p) {
    if (!p->engine) return;
    ai_mixer_reset(p->engine);
    memset(p->delay, 0, (size_t)p->channels.inputs * delay_size(p) * sizeof *p->delay);
    p->effect = p->bypassed ? 0.0f : 1.0f;
}

double plugin_get(const plugin *p, int32_t parameter) { return atomic_load(&p->shown[parameter]); }

void plugin_show(plugin *p, int32_t parameter, double value) {
    if (!isnan(value)) atomic_store(&p->shown[parameter], accepted(parameter, value));
}

static void apply(plugin *p, int32_t parameter) {
    double value = plugin_get(p, parameter);
    if (parameter == plugin_bypass())
        p->bypassed = value >= 0.5;
    else if (p->engine)
        ai_mixer_set_knob(p->engine, parameter, value);
}

void plugin_set(plugin *p, int32_t parameter, double value) {
    plugin_show(p, parameter, value);
    apply(p, parameter);
}

void plugin_take(plugin *p, const double *values) {
    for (int32_t k = 0; k < plugin_parameter_count(); k++) plugin_show(p, k, values[k]);
    atomic_store(&p->taken, true);
}

void plugin_begin(plugin *p) {
    if (atomic_exchange(&p->taken, false))
        for (int32_t k = 0; k < plugin_parameter_count(); k++) apply(p, k);
}

/* Replace a share of the output by the input of `latency` samples ago. */
static void blend_input(plugin *p, float *const *out, int32_t start, int32_t count) {
    int32_t size = delay_size(p), first = (p->delay_at - p->latency + size) % size;
    float effect = p->effect, target = p->bypassed ? 0.0f : 1.0f;
    for (int32_t i = 0; i < count; i++) {
        effect += effect < target ? fminf(p->fade, target - effect)
                                  : -fminf(p->fade, effect - target);
        for (int32_t c = 0; c < p->channels.outputs; c++) {
            const float *row = p->delay + (c < p->channels.inputs ? c : 0) * (int64_t)size;
            float dry = row[(first + i) % size], *sample = out[c] + start + i;
            *sample = effect == 0.0f ? dry : dry + effect * (*sample - dry);
        }
    }
    p->effect = effect;
}

static void process_block(plugin *p, const float *const *in, float *const *out, int32_t start,
                          int32_t count) {
    int32_t size = delay_size(p);
    const float *from[2] = {in[0] + start, in[p->channels.inputs - 1] + start};
    float *to[2] = {out[0] + start, out[p->channels.outputs - 1] + start};
    for (int32_t c = 0; c < p->channels.inputs; c++)
        for (int32_t i = 0; i < count; i++)
            p->delay[c * (int64_t)size + (p->delay_at + i) % size] = from[c][i];
    ai_mixer_process(p->engine, from, to, count);
    if (p->bypassed || p->effect < 1.0f) blend_input(p, out, start, count);
    p->delay_at = (p->delay_at + count) % size;
}

void plugin_process(plugin *p, const float *const *in, float *const *out, int32_t samples) {
    for (int32_t start = 0, count; start < samples; start += count) {
        count = samples - start < PRIVATE_BLOCK ? samples - start : PRIVATE_BLOCK;
        process_block(p, in, out, start, count);
    }
}
