/* The plug-in as LV2. Ports: audio in, audio out, latency, enabled, then the knobs in the units
 * that people see. A plug-in per channel configuration: the ports of LV2 are fixed. */
#include <lv2/lv2.h>

#include <math.h>
#include <stdlib.h>

#include "plugin.h"

typedef struct {
    plugin *plugin;
    plugin_channels channels;
    const float *in[2], *enabled, **knobs;
    float *out[2], *latency;
    float *last; /* [knobs] values that were set */
} instance;

static LV2_Descriptor descriptors[CHANNEL_CONFIGS];

static void cleanup(LV2_Handle handle) {
    instance *self = handle;
    plugin_destroy(self->plugin);
    free(self->knobs);
    free(self->last);
    free(self);
}

static LV2_Handle instantiate(const LV2_Descriptor *descriptor, double rate, const char *bundle,
                              const LV2_Feature *const *features) {
    (void)bundle, (void)features;
    instance *self = calloc(1, sizeof *self);
    if (!self) return NULL;
    int32_t knobs = ai_mixer_knob_count();
    self->channels = plugin_configs[descriptor - descriptors];
    self->plugin = plugin_create();
    self->knobs = calloc(knobs, sizeof *self->knobs);
    self->last = calloc(knobs, sizeof *self->last);
    if (!self->plugin || !self->knobs || !self->last ||
        !plugin_prepare(self->plugin, rate, self->channels)) {
        cleanup(self);
        return NULL;
    }
    for (int32_t k = 0; k < knobs; k++) self->last[k] = NAN;
    return self;
}

static void connect_port(LV2_Handle handle, uint32_t port, void *data) {
    instance *self = handle;
    uint32_t in = self->channels.inputs, out = self->channels.outputs;
    if (port < in)
        self->in[port] = data;
    else if ((port -= in) < out)
        self->out[port] = data;
    else if ((port -= out) == 0)
        self->latency = data;
    else if (port == 1)
        self->enabled = data;
    else if (port - 2 < (uint32_t)ai_mixer_knob_count())
        self->knobs[port - 2] = data;
}

static void activate(LV2_Handle handle) { plugin_reset(((instance *)handle)->plugin); }

static void run(LV2_Handle handle, uint32_t samples) {
    instance *self = handle;
    if (self->latency) *self->latency = (float)plugin_latency(self->plugin);
    if (self->enabled) plugin_set(self->plugin, plugin_bypass(), *self->enabled <= 0.0f);
    for (int32_t k = 0; k < ai_mixer_knob_count(); k++) {
        if (!self->knobs[k] || *self->knobs[k] == self->last[k]) continue;
        self->last[k] = *self->knobs[k];
        plugin_set(self->plugin, k, plugin_from_displayed(k, self->last[k]));
    }
    plugin_process(self->plugin, self->in, self->out, (int32_t)samples);
}

PLUGIN_EXPORT const LV2_Descriptor *lv2_descriptor(uint32_t index) {
    static char uris[CHANNEL_CONFIGS][256];
    static const char *const suffixes[CHANNEL_CONFIGS] = {"", ":mono", ":mono-to-stereo"};
    if (index >= CHANNEL_CONFIGS) return NULL;
    size_t length = 0;
    for (const char *c = ai_mixer_plugin.uri; *c && length < 200; c++) uris[index][length++] = *c;
    for (const char *c = suffixes[index]; *c; c++) uris[index][length++] = *c;
    descriptors[index] = (LV2_Descriptor){uris[index], instantiate, connect_port, activate,
                                          run,         NULL,        cleanup,      NULL};
    return &descriptors[index];
}
