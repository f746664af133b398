/* VST3: buses, state and processing. */
#include <stdlib.h>

#include "vst3.h"

FUNKNOWN(component)
FUNKNOWN(processor)

#define MAX_QUEUES 256 /* of changed parameters in one block */

static v3_result V3_API initialize(void *self, struct v3_funknown **context) {
    (void)self, (void)context;
    return V3_OK;
}

static v3_result V3_API terminate(void *self) {
    (void)self;
    return V3_OK;
}

static v3_result V3_API get_controller_class_id(void *self, v3_tuid id) {
    (void)self, (void)id;
    return V3_NOT_IMPLEMENTED; /* the component is the controller */
}

static v3_result V3_API set_io_mode(void *self, int32_t mode) {
    (void)self, (void)mode;
    return V3_NOT_IMPLEMENTED;
}

static int32_t V3_API get_bus_count(void *self, int32_t media, int32_t direction) {
    (void)self;
    return media == V3_AUDIO && (direction == V3_INPUT || direction == V3_OUTPUT);
}

static v3_result V3_API get_bus_info(void *self, int32_t media, int32_t direction, int32_t bus,
                                     struct v3_bus_info *info) {
    if (!get_bus_count(self, media, direction) || bus != 0) return V3_INVALID_ARG;
    plugin_channels channels = SELF(component, self)->channels;
    memset(info, 0, sizeof *info);
    info->media_type = media;
    info->direction = direction;
    info->channel_count = direction == V3_INPUT ? channels.inputs : channels.outputs;
    vst3_text(info->bus_name, 128, direction == V3_INPUT ? "Input" : "Output");
    info->bus_type = V3_MAIN;
    info->flags = V3_DEFAULT_ACTIVE;
    return V3_OK;
}

static v3_result V3_API get_routing_info(void *self, struct v3_routing_info *input,
                                         struct v3_routing_info *output) {
    (void)self, (void)input, (void)output;
    return V3_NOT_IMPLEMENTED;
}

static v3_result V3_API activate_bus(void *self, int32_t media, int32_t direction, int32_t bus,
                                     v3_bool active) {
    (void)active;
    return get_bus_count(self, media, direction) && bus == 0 ? V3_OK : V3_INVALID_ARG;
}

static v3_result prepare(vst3 *self) {
    return plugin_prepare(self->plugin, self->rate, self->channels) ? V3_OK : V3_INTERNAL_ERR;
}

static v3_result V3_API set_active(void *self, v3_bool active) {
    return active ? prepare(SELF(component, self)) : V3_OK;
}

v3_result vst3_load(vst3 *self, struct v3_bstream **stream) {
    char *state = stream ? malloc(STATE_BYTES) : NULL;
    int32_t length = 0, got = 1;
    while (state && length < STATE_BYTES) {
        got = 0;
        if ((*stream)->read(stream, state + length, STATE_BYTES - length, &got) != V3_OK) got = 0;
        if (got <= 0 || got > STATE_BYTES - length) break;
        length += got;
    }
    bool loaded = state && got == 0 && plugin_load(self->plugin, state, (size_t)length);
    free(state);
    return loaded ? V3_OK : V3_FALSE;
}

static v3_result V3_API set_state(void *self, struct v3_bstream **stream) {
    return vst3_load(SELF(component, self), stream);
}

static v3_result V3_API get_state(void *self, struct v3_bstream **stream) {
    char *state = stream ? malloc(STATE_BYTES) : NULL;
    int32_t written = 0;
    size_t length = state ? plugin_save(SELF(component, self)->plugin, state, STATE_BYTES) : 0;
    bool saved = length && (*stream)->write(stream, state, (int32_t)length, &written) == V3_OK;
    free(state);
    return saved && written == (int32_t)length ? V3_OK : V3_FALSE;
}

static v3_speaker_arrangement speakers(int32_t channels) {
    return channels == 1 ? V3_SPEAKER_M : V3_SPEAKER_L | V3_SPEAKER_R;
}

static v3_result V3_API set_bus_arrangements(void *self, v3_speaker_arrangement *inputs,
                                             int32_t input_count, v3_speaker_arrangement *outputs,
                                             int32_t output_count) {
    if (input_count != 1 || output_count != 1) return V3_FALSE;
    for (int32_t i = 0; i < CHANNEL_CONFIGS; i++) {
        if (inputs[0] != speakers(plugin_configs[i].inputs) ||
            outputs[0] != speakers(plugin_configs[i].outputs))
            continue;
        SELF(processor, self)->channels = plugin_configs[i];
        return V3_TRUE;
    }
    return V3_FALSE;
}

static v3_result V3_API get_bus_arrangement(void *self, int32_t direction, int32_t bus,
                                            v3_speaker_arrangement *arrangement) {
    plugin_channels channels = SELF(processor, self)->channels;
    if (bus != 0) return V3_INVALID_ARG;
    *arrangement = speakers(direction == V3_INPUT ? channels.inputs : channels.outputs);
    return V3_OK;
}

static v3_result V3_API can_process_sample_size(void *self, int32_t size) {
    (void)self;
    return size == V3_SAMPLE_32 ? V3_OK : V3_NOT_IMPLEMENTED;
}

static uint32_t V3_API get_latency_samples(void *self) {
    return plugin_latency(SELF(processor, self)->plugin);
}

static v3_result V3_API setup_processing(void *self, struct v3_process_setup *setup) {
    if (setup->symbolic_sample_size != V3_SAMPLE_32) return V3_INVALID_ARG;
    SELF(processor, self)->rate = setup->sample_rate;
    return prepare(SELF(processor, self)); /* hosts ask for the latency before set_active */
}

static v3_result V3_API set_processing(void *self, v3_bool processing) {
    if (processing) plugin_reset(SELF(processor, self)->plugin);
    return V3_OK;
}

static uint32_t V3_API get_tail_samples(void *self) {
    return (uint32_t)(TAIL_S * SELF(processor, self)->rate);
}

/* Changed parameters of a block, each with its points in order. */
typedef struct {
    struct v3_param_value_queue **queues[MAX_QUEUES];
    int32_t next[MAX_QUEUES], points[MAX_QUEUES], parameters[MAX_QUEUES], count;
} changes;

static void collect(changes *all, struct v3_param_changes **host) {
    all->count = 0;
    int32_t count = host ? (*host)->get_param_count(host) : 0;
    for (int32_t i = 0; i < count && all->count < MAX_QUEUES; i++) {
        struct v3_param_value_queue **queue = (*host)->get_param_data(host, i);
        int32_t parameter = queue ? plugin_parameter_index((*queue)->get_param_id(queue)) : -1;
        if (parameter < 0) continue;
        int32_t row = all->count++;
        all->queues[row] = queue;
        all->next[row] = 0;
        all->points[row] = (*queue)->get_point_count(queue);
        all->parameters[row] = parameter;
    }
}

/* Apply the points up to the end of the grid cell of `start`; returns the next cell with one. */
static int32_t apply(plugin *p, changes *all, int32_t start, int32_t samples) {
    int32_t end = samples;
    for (int32_t row = 0; row < all->count; row++) {
        struct v3_param_value_queue **queue = all->queues[row];
        for (; all->next[row] < all->points[row]; all->next[row]++) {
            int32_t time = 0, parameter = all->parameters[row];
            double position = 0.0;
            if ((*queue)->get_point(queue, all->next[row], &time, &position) != V3_OK) continue;
            int32_t cell = time < 0 ? 0 : time / EVENT_GRID * EVENT_GRID;
            if (cell > start && start < samples) {
                end = cell < end ? cell : end;
                break;
            }
            if (position == position) plugin_set(p, parameter, plugin_value(parameter, position));
        }
    }
    return end;
}

static bool has_audio(const vst3 *self, const struct v3_process_data *data) {
    return plugin_prepared(self->plugin) && data->num_input_buses > 0 &&
           data->num_output_buses > 0 && data->inputs && data->outputs &&
           data->symbolic_sample_size == V3_SAMPLE_32 &&
           data->inputs[0].num_channels >= self->channels.inputs &&
           data->outputs[0].num_channels >= self->channels.outputs &&
           data->inputs[0].channel_buffers_32 && data->outputs[0].channel_buffers_32;
}

/* Silence, where a host gives other channels than agreed. */
static void clear_outputs(struct v3_process_data *data) {
    for (int32_t bus = 0; data->outputs && bus < data->num_output_buses; bus++) {
        struct v3_audio_bus_buffers *out = &data->outputs[bus];
        if (data->symbolic_sample_size != V3_SAMPLE_32 || !out->channel_buffers_32) continue;
        for (int32_t c = 0; c < out->num_channels; c++)
            memset(out->channel_buffers_32[c], 0, sizeof(float) * (size_t)data->nframes);
    }
}

static v3_result V3_API process(void *interface, struct v3_process_data *data) {
    vst3 *self = SELF(processor, interface);
    changes all;
    int32_t samples = has_audio(self, data) && data->nframes > 0 ? data->nframes : 0;
    if (samples == 0 && data->nframes > 0) clear_outputs(data);
    plugin_begin(self->plugin);
    collect(&all, data->input_params);
    for (int32_t start = 0, end; start < samples; start = end) {
        end = apply(self->plugin, &all, start, samples);
        float **in = data->inputs[0].channel_buffers_32, **out = data->outputs[0].channel_buffers_32;
        const float *from[2] = {in[0] + start, in[self->channels.inputs - 1] + start};
        float *to[2] = {out[0] + start, out[self->channels.outputs - 1] + start};
        plugin_process(self->plugin, from, to, end - start);
    }
    apply(self->plugin, &all, samples, samples); /* points behind the block, or without audio */
    if (samples) data->outputs[0].channel_silence_bitset = 0;
    return V3_OK;
}

const struct v3_component vst3_component = {.query_interface = component_query,
                                            .ref = component_ref,
                                            .unref = component_unref,
                                            .initialize = initialize,
                                            .terminate = terminate,
                                            .get_controller_class_id = get_controller_class_id,
                                            .set_io_mode = set_io_mode,
                                            .get_bus_count = get_bus_count,
                                            .get_bus_info = get_bus_info,
                                            .get_routing_info = get_routing_info,
                                            .activate_bus = activate_bus,
                                            .set_active = set_active,
                                            .set_state = set_state,
                                            .get_state = get_state};

const struct v3_audio_processor vst3_processor = {
    .query_interface = processor_query,
    .ref = processor_ref,
    .unref = processor_unref,
    .set_bus_arrangements = set_bus_arrangements,
    .get_bus_arrangement = get_bus_arrangement,
    .can_process_sample_size = can_process_sample_size,
    .get_latency_samples = get_latency_samples,
    .setup_processing = setup_processing,
    .set_processing = set_processing,
    .process = process,
    .get_tail_samples = get_tail_samples};
