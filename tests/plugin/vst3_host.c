/* A bare VST3 host: vst3_host LIBRARY < COMMANDS, see host.h. Numbers are positions 0-1. */
typedef struct v3_event_handler v3_event_handler; /* the headers use the names of C++ */
typedef struct v3_timer_handler v3_timer_handler;
typedef struct v3_unit_info v3_unit_info;
typedef struct v3_program_list_info v3_program_list_info;

#include <travesty/audio_processor.h>
#include <travesty/bstream.h>
#include <travesty/component.h>
#include <travesty/edit_controller.h>
#include <travesty/factory.h>
#include <travesty/unit.h>

#include "host.h"

typedef struct {
    struct v3_component **component;
    struct v3_audio_processor **processor;
    struct v3_edit_controller **controller;
    struct v3_unit_information **units;
} object;

static struct v3_plugin_factory_2 **factory;
static object plugin;

static object create(void) {
    object o;
    struct v3_class_info_2 info;
    void *units;
    if ((*factory)->get_class_info_2(factory, 0, &info) != V3_OK ||
        (*factory)->create_instance(factory, info.class_id, v3_component_iid,
                                    (void **)&o.component) != V3_OK)
        fail("cannot create");
    (*o.component)->initialize(o.component, NULL);
    (*o.component)->query_interface(o.component, v3_audio_processor_iid, (void **)&o.processor);
    (*o.component)->query_interface(o.component, v3_edit_controller_iid, (void **)&o.controller);
    (*o.controller)->query_interface(o.controller, v3_unit_information_iid, &units);
    o.units = units;
    return o;
}

static void destroy(object o) {
    (*o.component)->terminate(o.component);
    (*o.units)->unref(o.units);
    (*o.controller)->unref(o.controller);
    (*o.processor)->unref(o.processor);
    if ((*o.component)->unref(o.component) != 0) fail("the object remains");
}

static void host_open(void *entry, const char *path) {
    (void)path;
    struct v3_class_info_2 info;
    factory = ((void *(V3_API *)(void))entry)();
    (*factory)->get_class_info_2(factory, 0, &info);
    plugin = create();
    printf("%s|%s|%s\n", info.name, info.sub_categories, info.version);
}

static void host_close(void) { destroy(plugin); }

static bool host_channels(int config) {
    v3_speaker_arrangement mono = V3_SPEAKER_M, stereo = V3_SPEAKER_L | V3_SPEAKER_R;
    return (*plugin.processor)->set_bus_arrangements(plugin.processor, config ? &mono : &stereo, 1,
                                                     config == 1 ? &mono : &stereo, 1) == V3_TRUE;
}

static bool start(object o, double rate, long block) {
    struct v3_process_setup setup = {V3_REALTIME, V3_SAMPLE_32, (int32_t)block, rate};
    return (*o.processor)->setup_processing(o.processor, &setup) == V3_OK &&
           (*o.component)->set_active(o.component, true) == V3_OK &&
           (*o.processor)->set_processing(o.processor, true) == V3_OK;
}

static bool host_start(double rate, long block) { return start(plugin, rate, block); }

static void stop(object o) {
    (*o.processor)->set_processing(o.processor, false);
    (*o.component)->set_active(o.component, false);
}

static void host_stop(void) { stop(plugin); }

/* A queue per event: a plug-in must take several of one parameter. */
typedef struct {
    const struct v3_param_value_queue *functions;
    host_event *event;
} queue;

static v3_result V3_API no_query(void *self, const v3_tuid id, void **found) {
    (void)self, (void)id;
    *found = NULL;
    return V3_NO_INTERFACE;
}
static uint32_t V3_API one(void *self) {
    (void)self;
    return 1;
}
static v3_param_id V3_API param_id(void *self) { return ((queue *)self)->event->id; }
static int32_t V3_API point_count(void *self) {
    (void)self;
    return 1;
}
static v3_result V3_API get_point(void *self, int32_t index, int32_t *time, double *value) {
    (void)index;
    *time = (int32_t)((queue *)self)->event->time;
    *value = ((queue *)self)->event->number;
    return V3_OK;
}
static const struct v3_param_value_queue queue_functions = {.query_interface = no_query,
                                                            .ref = one,
                                                            .unref = one,
                                                            .get_param_id = param_id,
                                                            .get_point_count = point_count,
                                                            .get_point = get_point};
static int32_t V3_API param_count(void *self) {
    (void)self;
    return (int32_t)event_count;
}
static struct v3_param_value_queue **V3_API param_data(void *self, int32_t index) {
    (void)self;
    static queue queues[MAX_EVENTS];
    queues[index] = (queue){&queue_functions, &events[index]};
    return (struct v3_param_value_queue **)&queues[index].functions;
}
static const struct v3_param_changes changes_functions = {.query_interface = no_query,
                                                          .ref = one,
                                                          .unref = one,
                                                          .get_param_count = param_count,
                                                          .get_param_data = param_data};

static void host_process(float **in, float **out, long samples) {
    const struct v3_param_changes *changes = &changes_functions;
    struct v3_audio_bus_buffers from = {.num_channels = in_channels, .channel_buffers_32 = in};
    struct v3_audio_bus_buffers to = {.num_channels = out_channels, .channel_buffers_32 = out};
    struct v3_process_data data = {.symbolic_sample_size = V3_SAMPLE_32,
                                   .nframes = (int32_t)samples,
                                   .num_input_buses = 1,
                                   .num_output_buses = 1,
                                   .inputs = &from,
                                   .outputs = &to,
                                   .input_params = (struct v3_param_changes **)&changes};
    if ((*plugin.processor)->process(plugin.processor, &data) != V3_OK) fail("process failed");
}

static void host_reset(void) {
    (*plugin.processor)->set_processing(plugin.processor, false);
    (*plugin.processor)->set_processing(plugin.processor, true);
}

typedef struct {
    const struct v3_bstream *functions;
    FILE *file;
} stream;

static v3_result V3_API stream_read(void *self, void *data, int32_t size, int32_t *done) {
    *done = (int32_t)fread(data, 1, size > 5 ? 5 : size, ((stream *)self)->file);
    return V3_OK;
}
static v3_result V3_API stream_write(void *self, void *data, int32_t size, int32_t *done) {
    *done = (int32_t)fwrite(data, 1, size, ((stream *)self)->file);
    return V3_OK;
}
static const struct v3_bstream stream_functions = {.query_interface = no_query,
                                                   .ref = one,
                                                   .unref = one,
                                                   .read = stream_read,
                                                   .write = stream_write};

static void host_save(FILE *file) {
    stream to = {&stream_functions, file};
    if ((*plugin.component)->get_state(plugin.component, (struct v3_bstream **)&to) != V3_OK)
        fail("save failed");
}

static bool host_load(FILE *file) {
    stream from = {&stream_functions, file};
    return (*plugin.component)->set_state(plugin.component, (struct v3_bstream **)&from) == V3_OK;
}

static bool host_text(uint32_t id, double number, char text[256]) {
    v3_str_128 wide;
    if ((*plugin.controller)->get_parameter_string_for_value(plugin.controller, id, number, wide) !=
        V3_OK)
        return false;
    int i = 0;
    for (; wide[i]; i++) text[i] = (char)wide[i];
    text[i] = 0;
    return true;
}

static bool host_value(uint32_t id, const char *text, double *number) {
    int16_t wide[256];
    size_t i = 0;
    for (; text[i]; i++) wide[i] = text[i];
    wide[i] = 0;
    return (*plugin.controller)->get_parameter_value_for_string(plugin.controller, id, wide,
                                                                number) == V3_OK;
}

static double host_get(uint32_t id) {
    return (*plugin.controller)->get_parameter_normalised(plugin.controller, id);
}

static void host_reopen(long times) {
    for (long i = 0; i < times; i++) {
        object other = create();
        if (i % 100 == 0) { /* an engine takes 50 ms */
            if (!start(other, 8000, 64)) fail("cannot activate");
            stop(other);
        }
        destroy(other);
    }
}

static void host_list(void) {
    struct v3_edit_controller **c = plugin.controller;
    struct v3_bus_info in, out;
    (*plugin.component)->get_bus_info(plugin.component, V3_AUDIO, V3_INPUT, 0, &in);
    (*plugin.component)->get_bus_info(plugin.component, V3_AUDIO, V3_OUTPUT, 0, &out);
    printf("latency %u\n", (*plugin.processor)->get_latency_samples(plugin.processor));
    printf("ports %d %d\n", in.channel_count, out.channel_count);
    for (int32_t i = 0; i < (*c)->get_parameter_count(c); i++) {
        struct v3_param_info info;
        v3_unit_info unit;
        char title[128], group[128];
        if ((*c)->get_parameter_info(c, i, &info) != V3_OK ||
            (*plugin.units)->get_unit_info(plugin.units, info.unit_id, &unit) != V3_OK)
            fail("no parameter");
        for (int k = 0; k < 128; k++) title[k] = (char)info.title[k], group[k] = (char)unit.name[k];
        printf("parameter %u|%s|%s|0|1|%.17g|%d\n", info.param_id, title,
               info.unit_id ? group : "", info.default_normalised_value, info.flags);
    }
}

static bool host_command(const char *line) {
    (void)line;
    return false;
}

int main(int count, char **arguments) { return run(count, arguments, "GetPluginFactory"); }
