/* A bare CLAP host: clap_host PLUGIN.clap < COMMANDS, see host.h. */
#include <clap/entry.h>
#include <clap/ext/audio-ports.h>
#include <clap/ext/latency.h>
#include <clap/ext/params.h>
#include <clap/ext/state.h>
#include <clap/plugin-factory.h>

#include "host.h"

typedef struct {
    void *count, *get;
    bool(CLAP_ABI *select)(const clap_plugin_t *, clap_id);
} ports_config;

static const clap_plugin_entry_t *library;
static const clap_plugin_factory_t *factory;
static const clap_plugin_t *plugin;
static const clap_plugin_params_t *params;

static const void *no_extension(const clap_host_t *host, const char *id) {
    (void)host, (void)id;
    return NULL; /* a host need not have any: DPF 1.6 crashes here */
}
static void nothing(const clap_host_t *host) { (void)host; }
static const clap_host_t host = {
    CLAP_VERSION_INIT, NULL, "bare", "", "", "1", no_extension, nothing, nothing, nothing};

static const clap_plugin_t *create(void) {
    const clap_plugin_descriptor_t *described = factory->get_plugin_descriptor(factory, 0);
    const clap_plugin_t *created = factory->create_plugin(factory, &host, described->id);
    if (!created || !created->init(created)) fail("cannot create");
    return created;
}

static void host_open(void *entry, const char *path) {
    library = entry;
    if (!library->init(path)) fail("no entry");
    factory = library->get_factory(CLAP_PLUGIN_FACTORY_ID);
    plugin = create();
    params = plugin->get_extension(plugin, CLAP_EXT_PARAMS);
    printf("%s|%s|%s\n", plugin->desc->id, plugin->desc->name, plugin->desc->version);
}

static void host_close(void) {
    plugin->destroy(plugin);
    library->deinit();
}

static bool host_channels(int config) {
    const ports_config *configs = plugin->get_extension(plugin, "clap.audio-ports-config");
    return configs->select(plugin, (clap_id)config);
}

static bool host_start(double rate, long block) {
    return plugin->activate(plugin, rate, 1, (uint32_t)block) && plugin->start_processing(plugin);
}

static void host_stop(void) {
    plugin->stop_processing(plugin);
    plugin->deactivate(plugin);
}

static uint32_t count_events(const clap_input_events_t *list) {
    (void)list;
    return event_count;
}

static const clap_event_header_t *get_event(const clap_input_events_t *list, uint32_t index) {
    (void)list;
    static clap_event_param_value_t event;
    event = (clap_event_param_value_t){
        .header = {sizeof event, (uint32_t)events[index].time, CLAP_CORE_EVENT_SPACE_ID,
                   CLAP_EVENT_PARAM_VALUE, 0},
        .param_id = events[index].id, .note_id = -1, .port_index = -1, .channel = -1, .key = -1,
        .value = events[index].number};
    return &event.header;
}

static bool push(const clap_output_events_t *list, const clap_event_header_t *event) {
    (void)list, (void)event;
    return true;
}

static void host_process(float **in, float **out, long samples) {
    clap_audio_buffer_t from = {in, NULL, in_channels, 0, 0}, to = {out, NULL, out_channels, 0, 0};
    clap_input_events_t in_events = {NULL, count_events, get_event};
    clap_output_events_t out_events = {NULL, push};
    clap_process_t block = {at, samples, NULL, &from, &to, 1, 1, &in_events, &out_events};
    if (plugin->process(plugin, &block) == CLAP_PROCESS_ERROR) fail("process failed");
}

static void host_reset(void) { plugin->reset(plugin); }

static int64_t write_state(const clap_ostream_t *stream, const void *data, uint64_t size) {
    return (int64_t)fwrite(data, 1, size > 7 ? 7 : size, stream->ctx); /* short writes */
}

static int64_t read_state(const clap_istream_t *stream, void *data, uint64_t size) {
    return (int64_t)fread(data, 1, size > 5 ? 5 : size, stream->ctx);
}

static void host_save(FILE *file) {
    const clap_plugin_state_t *state = plugin->get_extension(plugin, CLAP_EXT_STATE);
    clap_ostream_t stream = {file, write_state};
    if (!state->save(plugin, &stream)) fail("save failed");
}

static bool host_load(FILE *file) {
    const clap_plugin_state_t *state = plugin->get_extension(plugin, CLAP_EXT_STATE);
    clap_istream_t stream = {file, read_state};
    return state->load(plugin, &stream);
}

static bool host_text(uint32_t id, double number, char text[256]) {
    return params->value_to_text(plugin, id, number, text, 256);
}

static bool host_value(uint32_t id, const char *text, double *number) {
    return params->text_to_value(plugin, id, text, number);
}

static double host_get(uint32_t id) {
    double number;
    if (!params->get_value(plugin, id, &number)) fail("no such parameter");
    return number;
}

static void host_reopen(long times) {
    for (long i = 0; i < times; i++) {
        const clap_plugin_t *other = create();
        if (i % 100 == 0) { /* an engine takes 50 ms */
            if (!other->activate(other, 8000, 1, 64)) fail("cannot activate");
            other->start_processing(other);
            other->stop_processing(other);
            other->deactivate(other);
        }
        other->destroy(other);
    }
}

static void host_list(void) {
    const clap_plugin_latency_t *latency = plugin->get_extension(plugin, CLAP_EXT_LATENCY);
    const clap_plugin_audio_ports_t *ports = plugin->get_extension(plugin, CLAP_EXT_AUDIO_PORTS);
    clap_audio_port_info_t in, out;
    ports->get(plugin, 0, true, &in);
    ports->get(plugin, 0, false, &out);
    printf("latency %u\nports %u %u\n", latency->get(plugin), in.channel_count, out.channel_count);
    for (uint32_t i = 0; i < params->count(plugin); i++) {
        clap_param_info_t info;
        if (!params->get_info(plugin, i, &info)) fail("no parameter");
        printf("parameter %u|%s|%s|%.17g|%.17g|%.17g|%u\n", info.id, info.name, info.module,
               info.min_value, info.max_value, info.default_value, info.flags);
    }
}

int main(int count, char **arguments) { return run(count, arguments, "clap_entry"); }
