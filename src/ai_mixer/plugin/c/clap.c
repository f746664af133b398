/* The plug-in as CLAP. A parameter that is linear in the unit that people see has this unit; another
 * is a position 0-1 on its scale, so that a host's slider and automation follow the scale. */
#include <clap/entry.h>
#include <clap/plugin-factory.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clap_plugin.h"

/* ---- parameters ---- */

static bool in_units(int32_t parameter) {
    const ai_mixer_knob *knob = ai_mixer_knob_info(parameter); /* NULL: bypass */
    plugin_display display = ai_mixer_plugin.labels[parameter].display;
    return !knob || knob->scale == (display == SHOW_DECIBELS ? AI_MIXER_LOG : AI_MIXER_LINEAR);
}

double clap_number(int32_t parameter, double value) {
    return in_units(parameter) ? plugin_displayed(parameter, value)
                               : plugin_position(parameter, value);
}

static double from_clap(int32_t parameter, double number) {
    return in_units(parameter) ? plugin_from_displayed(parameter, number)
                               : plugin_value(parameter, number);
}

static uint32_t count_parameters(const clap_plugin_t *clap) {
    return plugin_parameter_count() + clap_listen_count(self_of(clap));
}

static bool get_info(const clap_plugin_t *clap, uint32_t index, clap_param_info_t *info) {
    uint32_t own = plugin_parameter_count();
    if (index >= count_parameters(clap)) return false;
    if (index >= own) {
        clap_listen_info(self_of(clap), index - own, info);
        return true;
    }
    const plugin_label *label = &ai_mixer_plugin.labels[index];
    const ai_mixer_knob *knob = ai_mixer_knob_info(index);
    memset(info, 0, sizeof *info);
    info->id = plugin_parameter_id(index);
    info->flags = CLAP_PARAM_IS_AUTOMATABLE;
    if (!knob) info->flags |= CLAP_PARAM_IS_STEPPED | CLAP_PARAM_IS_BYPASS;
    snprintf(info->name, sizeof info->name, "%s", label->title);
    snprintf(info->module, sizeof info->module, "%s", label->group);
    info->min_value = clap_number(index, knob ? knob->min : 0.0);
    info->max_value = clap_number(index, knob ? knob->max : 1.0);
    info->default_value = clap_number(index, plugin_neutral(index));
    return true;
}

static bool get_value(const clap_plugin_t *clap, clap_id id, double *number) {
    const instance *self = self_of(clap);
    int32_t parameter = plugin_parameter_index(id), other = clap_listen_index(self, id);
    if (parameter < 0 && other < 0) return false;
    *number = parameter < 0 ? clap_listen_get(self, other)
                            : clap_number(parameter, plugin_get(self->plugin, parameter));
    return true;
}

static bool value_to_text(const clap_plugin_t *clap, clap_id id, double number, char *text,
                          uint32_t size) {
    const instance *self = self_of(clap);
    char written[TEXT_BYTES];
    int32_t parameter = plugin_parameter_index(id), other = clap_listen_index(self, id);
    if ((parameter < 0 && other < 0) || size == 0) return false;
    if (parameter >= 0) plugin_to_text(parameter, from_clap(parameter, number), written);
    snprintf(text, size, "%s",
             parameter < 0 ? clap_listen_text(self, other, number) : written);
    return true;
}

static bool text_to_value(const clap_plugin_t *clap, clap_id id, const char *text,
                          double *number) {
    const instance *self = self_of(clap);
    double value;
    int32_t parameter = plugin_parameter_index(id), other = clap_listen_index(self, id);
    for (int32_t v = 0; other >= 0 && v < LISTEN_STATUS_COUNT; v++)
        if (!strcmp(text, clap_listen_text(self, other, v))) {
            *number = v;
            return true;
        }
    if (parameter < 0 || !plugin_from_text(parameter, text, &value)) return false;
    *number = clap_number(parameter, value);
    return true;
}

static void take_event(instance *self, const clap_event_header_t *event) {
    if (event->space_id != CLAP_CORE_EVENT_SPACE_ID || event->type != CLAP_EVENT_PARAM_VALUE)
        return;
    const clap_event_param_value_t *change = (const void *)event;
    int32_t parameter = plugin_parameter_index(change->param_id);
    int32_t other = parameter < 0 ? clap_listen_index(self, change->param_id) : -1;
    if (parameter >= 0) plugin_set(self->plugin, parameter, from_clap(parameter, change->value));
    if (other >= 0) clap_listen_set(self, other, change->value);
}

static void flush(const clap_plugin_t *clap, const clap_input_events_t *in,
                  const clap_output_events_t *out) {
    for (uint32_t i = 0; in && i < in->size(in); i++) take_event(self_of(clap), in->get(in, i));
    clap_listen_send(self_of(clap), out);
}

static const clap_plugin_params_t params = {count_parameters, get_info,      get_value,
                                            value_to_text,    text_to_value, flush};

static const void *get_extension(const clap_plugin_t *clap, const char *id) {
    (void)clap;
    if (!strcmp(id, CLAP_EXT_PARAMS)) return &params;
    if (!strcmp(id, CLAP_EXT_STATE)) return &clap_state;
    if (!strcmp(id, CLAP_EXT_AUDIO_PORTS)) return &clap_audio_ports;
    if (!strcmp(id, CLAP_EXT_LATENCY)) return &clap_latency;
    if (!strcmp(id, "clap.audio-ports-config")) return &clap_ports_config;
    if (!strcmp(id, "clap.tail")) return &clap_tail;
    return NULL;
}

/* ---- processing ---- */

static bool init(const clap_plugin_t *clap) {
    (void)clap;
    return true;
}

static void destroy(const clap_plugin_t *clap) {
    clap_listen_destroy(self_of(clap)); /* its worker reads the plug-in */
    plugin_destroy(self_of(clap)->plugin);
    free(self_of(clap));
}

static bool activate(const clap_plugin_t *clap, double rate, uint32_t min, uint32_t max) {
    (void)min, (void)max;
    instance *self = self_of(clap);
    self->active = plugin_prepare(self->plugin, rate, channels_of(clap)) &&
                   (!self->listener || listen_prepare(self->listener, rate,
                                                      channels_of(clap).inputs));
    self->rate = rate;
    return self->active;
}

static void deactivate(const clap_plugin_t *clap) { self_of(clap)->active = false; }

static bool start_processing(const clap_plugin_t *clap) { return self_of(clap)->active; }

static void stop_processing(const clap_plugin_t *clap) { (void)clap; }

static void reset(const clap_plugin_t *clap) { plugin_reset(self_of(clap)->plugin); }

static clap_process_status process(const clap_plugin_t *clap, const clap_process_t *block) {
    instance *self = self_of(clap);
    plugin_channels channels = channels_of(clap);
    const clap_input_events_t *events = block->in_events;
    uint32_t frames = block->frames_count, count = events ? events->size(events) : 0, event = 0;
    plugin_begin(self->plugin);
    if (!self->active || block->audio_inputs_count < 1 || block->audio_outputs_count < 1 ||
        (int32_t)block->audio_inputs[0].channel_count < channels.inputs ||
        (int32_t)block->audio_outputs[0].channel_count < channels.outputs ||
        !block->audio_inputs[0].data32 || !block->audio_outputs[0].data32)
        return CLAP_PROCESS_ERROR;
    float **in = block->audio_inputs[0].data32, **out = block->audio_outputs[0].data32;
    clap_listen_send(self, block->out_events);
    if (self->listener) listen_take(self->listener, (const float *const *)in, (int32_t)frames);
    for (uint32_t start = 0, end; start < frames || event < count; start = end) {
        end = frames;
        while (event < count) {
            const clap_event_header_t *next = events->get(events, event);
            uint32_t time = next->time / EVENT_GRID * EVENT_GRID;
            if (time > start && start < frames) {
                end = time < frames ? time : frames;
                break;
            }
            take_event(self, next);
            event++;
        }
        if (start >= frames) break;
        const float *from[2] = {in[0] + start, in[channels.inputs - 1] + start};
        float *to[2] = {out[0] + start, out[channels.outputs - 1] + start};
        plugin_process(self->plugin, from, to, (int32_t)(end - start));
    }
    block->audio_outputs[0].constant_mask = 0;
    return CLAP_PROCESS_TAIL;
}

static void on_main_thread(const clap_plugin_t *clap) {
    if (self_of(clap)->listener) listen_run(self_of(clap)->listener);
}

/* ---- factory ---- */

static clap_plugin_descriptor_t descriptor;

static uint32_t count_plugins(const clap_plugin_factory_t *factory) {
    (void)factory;
    return 1;
}

static const clap_plugin_descriptor_t *get_descriptor(const clap_plugin_factory_t *factory,
                                                      uint32_t index) {
    (void)factory;
    descriptor = (clap_plugin_descriptor_t){
        .clap_version = CLAP_VERSION_INIT,
        .id = ai_mixer_plugin.id,
        .name = ai_mixer_plugin.name,
        .vendor = "ai_mixer",
        .url = ai_mixer_plugin.url,
        .manual_url = ai_mixer_plugin.url,
        .support_url = ai_mixer_plugin.url,
        .version = ai_mixer_plugin.version,
        .description = ai_mixer_plugin.name,
        .features = (const char **)(uintptr_t)ai_mixer_plugin.clap_features,
    };
    return index == 0 ? &descriptor : NULL;
}

static const clap_plugin_t *create(const clap_plugin_factory_t *factory, const clap_host_t *host,
                                   const char *id) {
    if (strcmp(id, ai_mixer_plugin.id)) return NULL;
    instance *self = calloc(1, sizeof *self);
    if (!self) return NULL;
    self->host = host;
    if (!(self->plugin = plugin_create()) || !clap_listen_create(self)) {
        clap_listen_destroy(self);
        plugin_destroy(self->plugin);
        free(self);
        return NULL;
    }
    self->clap = (clap_plugin_t){get_descriptor(factory, 0),
                                 self,
                                 init,
                                 destroy,
                                 activate,
                                 deactivate,
                                 start_processing,
                                 stop_processing,
                                 reset,
                                 process,
                                 get_extension,
                                 on_main_thread};
    return &self->clap;
}

static const clap_plugin_factory_t factory = {count_plugins, get_descriptor, create};

static bool entry_init(const char *path) {
    (void)path;
    return true;
}

static void entry_deinit(void) {}

static const void *get_factory(const char *id) {
    return strcmp(id, CLAP_PLUGIN_FACTORY_ID) ? NULL : &factory;
}

CLAP_EXPORT const clap_plugin_entry_t clap_entry = {CLAP_VERSION_INIT, entry_init, entry_deinit,
                                                    get_factory};
