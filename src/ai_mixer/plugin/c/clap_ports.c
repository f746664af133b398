/* CLAP: audio ports in three configurations, latency and tail. */
#include "clap_plugin.h"

#include <stdio.h>
#include <string.h>

static const char *port_type(int32_t channels) {
    return channels == 1 ? CLAP_PORT_MONO : CLAP_PORT_STEREO;
}

static uint32_t count_ports(const clap_plugin_t *clap, bool is_input) {
    (void)clap, (void)is_input;
    return 1;
}

static bool get_port(const clap_plugin_t *clap, uint32_t index, bool is_input,
                     clap_audio_port_info_t *info) {
    if (index > 0) return false;
    plugin_channels channels = channels_of(clap);
    int32_t count = is_input ? channels.inputs : channels.outputs;
    memset(info, 0, sizeof *info);
    snprintf(info->name, sizeof info->name, is_input ? "Input" : "Output");
    info->flags = CLAP_AUDIO_PORT_IS_MAIN;
    info->channel_count = count;
    info->port_type = port_type(count);
    info->in_place_pair = channels.inputs == channels.outputs ? 0 : CLAP_INVALID_ID;
    return true;
}

const clap_plugin_audio_ports_t clap_audio_ports = {count_ports, get_port};

static uint32_t count_configs(const clap_plugin_t *clap) {
    (void)clap;
    return CHANNEL_CONFIGS;
}

static bool get_config(const clap_plugin_t *clap, uint32_t index, ports_config *config) {
    (void)clap;
    if (index >= CHANNEL_CONFIGS) return false;
    plugin_channels channels = plugin_configs[index];
    *config = (ports_config){.id = index,
                             .input_port_count = 1,
                             .output_port_count = 1,
                             .has_main_input = true,
                             .main_input_channel_count = channels.inputs,
                             .main_input_port_type = port_type(channels.inputs),
                             .has_main_output = true,
                             .main_output_channel_count = channels.outputs,
                             .main_output_port_type = port_type(channels.outputs)};
    snprintf(config->name, sizeof config->name, "%s", plugin_config_names[index]);
    return true;
}

static bool select_config(const clap_plugin_t *clap, clap_id id) {
    if (id >= CHANNEL_CONFIGS || self_of(clap)->active) return false;
    self_of(clap)->config = id;
    return true;
}

const ports_config_extension clap_ports_config = {count_configs, get_config, select_config};

static uint32_t get_latency(const clap_plugin_t *clap) {
    return plugin_latency(self_of(clap)->plugin);
}

const clap_plugin_latency_t clap_latency = {get_latency};

static uint32_t get_tail(const clap_plugin_t *clap) {
    return (uint32_t)(TAIL_S * self_of(clap)->rate);
}

const tail_extension clap_tail = {get_tail};
