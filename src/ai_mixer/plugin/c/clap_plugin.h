/* The plug-in as CLAP. */
#ifndef AI_MIXER_CLAP_H
#define AI_MIXER_CLAP_H

#include <clap/ext/audio-ports.h>
#include <clap/ext/latency.h>
#include <clap/ext/params.h>
#include <clap/ext/state.h>

#include "listen.h"
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
    const clap_host_t *host;
    listener *listener;      /* NULL: this console does not listen */
    int32_t locks;           /* number of effects that can be locked */
    int32_t send_at;         /* next event of the last answer, 3 for each knob */
    bool *send;              /* [knobs] which the last answer has changed */
    double *values;          /* [knobs] of the last answer */
    double sent[2];          /* listen and status, as the host has them */
} instance;

/* Values as CLAP has them. */
double clap_number(int32_t parameter, double value);

/* Parameters behind those of plugin.h: locks, then listen and status. Their indices start at 0. */
bool clap_listen_create(instance *);
void clap_listen_destroy(instance *);
int32_t clap_listen_count(const instance *);
int32_t clap_listen_index(const instance *, clap_id id); /* -1: none */
void clap_listen_info(const instance *, int32_t index, clap_param_info_t *);
double clap_listen_get(const instance *, int32_t index);
void clap_listen_set(instance *, int32_t index, double value);
const char *clap_listen_text(const instance *, int32_t index, double value);
/* Apply an answer and tell the host. Audio thread, or flush. */
void clap_listen_send(instance *, const clap_output_events_t *);
/* Locks in a state: append them; take them. */
size_t clap_listen_save(const instance *, char *state, size_t length);
void clap_listen_load(instance *, const char *state, size_t length);

static inline instance *self_of(const clap_plugin_t *clap) { return clap->plugin_data; }

static inline plugin_channels channels_of(const clap_plugin_t *clap) {
    return plugin_configs[self_of(clap)->config];
}

extern const clap_plugin_audio_ports_t clap_audio_ports;
extern const clap_plugin_latency_t clap_latency;
extern const clap_plugin_state_t clap_state;
extern const ports_config_extension clap_ports_config;
extern const tail_extension clap_tail;

#endif
