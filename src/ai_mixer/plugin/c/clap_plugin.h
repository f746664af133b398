/* The plug-in as CLAP. */
#ifndef AI_MIXER_CLAP_H
#define AI_MIXER_CLAP_H

#include <clap/ext/audio-ports.h>
#include <clap/ext/latency.h>

#include "plugin.h"

/* Two extensions of CLAP that DPF's headers leave out. */
typedef struct {
    clap_id id;
    char name[CLAP_NAME_SIZE];
    uint32_t input_port_count, output_port_count;
    bool has_main_input;
    uint32_t main_input_channel_count;
    const char *main_input_port_type;
    bool has_main_output;
    uint32_t main_output_channel_count;
    const char *main_output_port_type;
} ports_config;

typedef struct {
    uint32_t(CLAP_ABI *count)(const clap_plugin_t *);
    bool(CLAP_ABI *get)(const clap_plugin_t *, uint32_t index, ports_config *);
    bool(CLAP_ABI *select)(const clap_plugin_t *, clap_id);
} ports_config_extension;

typedef struct {
    uint32_t(CLAP_ABI *get)(const clap_plugin_t *);
} tail_extension;

typedef struct {
    clap_plugin_t clap;
    plugin *plugin;
    double rate;
    bool active;
    int32_t config;
} instance;

static inline instance *self_of(const clap_plugin_t *clap) { return clap->plugin_data; }

static inline plugin_channels channels_of(const clap_plugin_t *clap) {
    return plugin_configs[self_of(clap)->config];
}

extern const clap_plugin_audio_ports_t clap_audio_ports;
extern const clap_plugin_latency_t clap_latency;
extern const ports_config_extension clap_ports_config;
extern const tail_extension clap_tail;

#endif
