/* A bare CLAP host: clap_host PLUGIN.clap < COMMANDS, see host.h. */
#define _DEFAULT_SOURCE
#include <clap/entry.h>
#include <clap/ext/audio-ports.h>
#include <clap/ext/latency.h>
#include <clap/ext/params.h>
#include <clap/ext/state.h>
#include <clap/plugin-factory.h>

#include <stdatomic.h>
#include <time.h>

#include "host.h"

typedef struct {
    void *count, *get;
    bool(CLAP_ABI *select)(const clap_plugin_t *, clap_id);
} ports_config;

static const clap_plugin_entry_t *library;
static const clap_plugin_factory_t *factory;
static const clap_plugin_t *plugin;
static const clap_plugin_params_t *params;

enum { MAX_SENT = 4096 };
static char sent[MAX_SENT][80]; /* events of the plug-in as text */
static long sent_count, queue_left, queue_size = MAX_SENT;
static atomic_int callbacks, flushes; /* that the plug-in has requested */

static void request_flush(const clap_host_t *host) {
    (void)host;
    if (in_block) fail("request_flush on the audio thread");
    atomic_fetch_add(&flushes, 1);
}
static void request_callback(const clap_host_t *host) {
    (void)host;
    atomic_fetch_add(&callbacks, 1);
}
static void nothing(const clap_host_t *host) { (void)host; }

static const void *find_extension(const clap_host_t *host, const char *id) {
    static const clap_host_params_t host_params = {NULL, NULL, request_flush};
    (void)host; /* a host need not have any but this: DPF 1.6 crashes here */
    return strcmp(id, CLAP_EXT_PARAMS) ? NULL : &host_params;
}
static const clap_host_t host = {CLAP_VERSION_INIT, NULL, "bare", "", "", "1",
                                 find_extension, nothing, nothing, request_callback};

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
    (void)list;
    const clap_event_param_value_t *value = (const void *)event;
    const clap_event_param_gesture_t *gesture = (const void *)event;
    if (queue_left-- <= 0) return false;
    if (sent_count == MAX_SENT) fail("too many events");
    if (event->type == CLAP_EVENT_PARAM_VALUE)
        snprintf(sent[sent_count++], sizeof sent[0], "value %u %.17g%s", value->param_id,
                 value->value, event->flags & CLAP_EVENT_DONT_RECORD ? " unrecorded" : "");
    else
        snprintf(sent[sent_count++], sizeof sent[0], "%s %u",
                 event->type == CLAP_EVENT_PARAM_GESTURE_BEGIN ? "begin" : "end",
                 gesture->param_id);
    return true;
}

static void host_process(float **in, float **out, long samples) {
    clap_audio_buffer_t from = {in, NULL, in_channels, 0, 0}, to = {out, NULL, out_channels, 0, 0};
    clap_input_events_t in_events = {NULL, count_events, get_event};
    clap_output_events_t out_events = {NULL, push};
    queue_left = queue_size;
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

static void flush(void) {
    clap_input_events_t in_events = {NULL, count_events, get_event};
    clap_output_events_t out_events = {NULL, push};
    queue_left = queue_size;
    params->flush(plugin, &in_events, &out_events);
    event_count = 0;
}

static void pause_ms(long ms) {
    struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

/* 5 ms a turn. */
static void until(uint32_t id, double number, long ms) {
    for (; host_get(id) != number && ms > 0; ms -= 5) {
        if (atomic_exchange(&flushes, 0)) flush();
        pause_ms(5);
    }
    flush();
    puts(host_get(id) == number ? "reached" : "late");
}

static void print_threads(void) {
    char line[256];
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, "Threads:", 8)) printf("%ld\n", strtol(line + 8, NULL, 10));
    if (file) fclose(file);
}

static bool host_command(const char *line) {
    unsigned id;
    long n;
    double number;
    if (sscanf(line, "sleep %ld", &n) == 1) {
        pause_ms(n);
    } else if (sscanf(line, "queue %ld", &queue_size) == 1) {
    } else if (sscanf(line, "until %u %lf %ld", &id, &number, &n) == 3) {
        until(id, number, n);
    } else if (!strcmp(line, "main\n")) {
        if (atomic_exchange(&callbacks, 0)) plugin->on_main_thread(plugin);
    } else if (!strcmp(line, "thread\n")) {
        print_threads();
    } else if (!strcmp(line, "events\n")) {
        for (long i = 0; i < sent_count; i++) puts(sent[i]);
        sent_count = 0;
    } else {
        return false;
    }
    return true;
}

int main(int count, char **arguments) { return run(count, arguments, "clap_entry"); }
