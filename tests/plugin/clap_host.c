/* A bare CLAP host for the tests: clap_host PLUGIN.clap < COMMANDS.
 *
 * Commands, one a line:
 *   channels CONFIG          choose a configuration of audio ports (inactive)
 *   start RATE BLOCK         activate and start processing
 *   stop                     stop processing and deactivate
 *   audio IN OUT CHANNELS    files of planar float32: where input comes from and output goes to
 *   event TIME ID NUMBER     change a parameter at a sample of the next block
 *   process SAMPLES          process a block
 *   reset
 *   save FILE, load FILE     state; load prints "loaded" or "refused"
 *   text ID NUMBER           print the text of a value
 *   value ID TEXT            print the value of a text, or "refused"
 *   get ID                   print the value of a parameter
 *   reopen TIMES             create and destroy so many instances
 *   memory                   print the largest resident memory so far in KiB (Linux)
 *   list                     print latency, ports, parameters
 */
#include <clap/entry.h>
#include <clap/ext/audio-ports.h>
#include <clap/ext/latency.h>
#include <clap/ext/params.h>
#include <clap/ext/state.h>
#include <clap/plugin-factory.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#include <sys/resource.h>
#endif

enum { MAX_EVENTS = 4096, MAX_CHANNELS = 2 };

typedef struct {
    void *count, *get;
    bool(CLAP_ABI *select)(const clap_plugin_t *, clap_id);
} ports_config;

static clap_event_param_value_t events[MAX_EVENTS];
static uint32_t event_count;
static float *input, *output;
static long frames, at;
static int in_channels = 2, out_channels = 2;
static FILE *output_file;

static const void *no_extension(const clap_host_t *host, const char *id) {
    (void)host, (void)id;
    return NULL; /* a host need not have any: DPF 1.6 crashes here */
}
static void nothing(const clap_host_t *host) { (void)host; }
static const clap_host_t host = {
    CLAP_VERSION_INIT, NULL, "bare", "", "", "1", no_extension, nothing, nothing, nothing};

static uint32_t count_events(const clap_input_events_t *list) {
    (void)list;
    return event_count;
}
static const clap_event_header_t *get_event(const clap_input_events_t *list, uint32_t index) {
    (void)list;
    return &events[index].header;
}
static bool push(const clap_output_events_t *list, const clap_event_header_t *event) {
    (void)list, (void)event;
    return true;
}
static int64_t write_state(const clap_ostream_t *stream, const void *data, uint64_t size) {
    return (int64_t)fwrite(data, 1, size > 7 ? 7 : size, stream->ctx); /* short writes */
}
static int64_t read_state(const clap_istream_t *stream, void *data, uint64_t size) {
    return (int64_t)fread(data, 1, size > 5 ? 5 : size, stream->ctx);
}

static void fail(const char *what) {
    fprintf(stderr, "host: %s\n", what);
    exit(2);
}

static const clap_plugin_entry_t *open_library(const char *path) {
#if defined(_WIN32)
    HMODULE library = LoadLibraryA(path);
    return library ? (void *)GetProcAddress(library, "clap_entry") : NULL;
#else
    void *library = dlopen(path, RTLD_NOW | RTLD_GLOBAL); /* the worst for equal symbols */
    if (!library) fail(dlerror());
    return dlsym(library, "clap_entry");
#endif
}

static void open_audio(const char *in, const char *out, int channels_in, int channels_out) {
    FILE *file = fopen(in, "rb");
    if (!file) fail("no input");
    fseek(file, 0, SEEK_END);
    in_channels = channels_in;
    out_channels = channels_out;
    frames = ftell(file) / (long)sizeof(float) / in_channels;
    rewind(file);
    input = malloc(sizeof(float) * (frames * in_channels + 1));
    output = malloc(sizeof(float) * (frames * out_channels + 1));
    if (fread(input, sizeof(float) * in_channels, frames, file) != (size_t)frames) fail("short");
    fclose(file);
    output_file = fopen(out, "wb");
    at = 0;
}

static void process(const clap_plugin_t *plugin, long samples) {
    float *in[MAX_CHANNELS], *out[MAX_CHANNELS];
    if (at + samples > frames) fail("not enough input");
    for (int c = 0; c < in_channels; c++) in[c] = input + c * frames + at;
    for (int c = 0; c < out_channels; c++) out[c] = output + c * frames + at;
    clap_audio_buffer_t from = {in, NULL, in_channels, 0, 0}, to = {out, NULL, out_channels, 0, 0};
    clap_input_events_t in_events = {NULL, count_events, get_event};
    clap_output_events_t out_events = {NULL, push};
    clap_process_t block = {at, samples, NULL, &from, &to, 1, 1, &in_events, &out_events};
    if (plugin->process(plugin, &block) == CLAP_PROCESS_ERROR) fail("process failed");
    event_count = 0;
    at += samples;
}

static void queue(long time, uint32_t id, double value) {
    if (event_count == MAX_EVENTS) fail("too many events");
    clap_event_param_value_t *event = &events[event_count++];
    memset(event, 0, sizeof *event);
    event->header.size = sizeof *event;
    event->header.type = CLAP_EVENT_PARAM_VALUE;
    event->header.time = (uint32_t)time;
    event->param_id = id;
    event->note_id = event->port_index = event->channel = event->key = -1;
    event->value = value;
}

static void list(const clap_plugin_t *plugin) {
    const clap_plugin_params_t *params = plugin->get_extension(plugin, CLAP_EXT_PARAMS);
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

static void save(const clap_plugin_t *plugin, const char *path) {
    const clap_plugin_state_t *state = plugin->get_extension(plugin, CLAP_EXT_STATE);
    clap_ostream_t stream = {fopen(path, "wb"), write_state};
    if (!state->save(plugin, &stream)) fail("save failed");
    fclose(stream.ctx);
}

static void load(const clap_plugin_t *plugin, const char *path) {
    const clap_plugin_state_t *state = plugin->get_extension(plugin, CLAP_EXT_STATE);
    clap_istream_t stream = {fopen(path, "rb"), read_state};
    puts(state->load(plugin, &stream) ? "loaded" : "refused");
    fclose(stream.ctx);
}

static void convert(const clap_plugin_t *plugin, const char *line) {
    const clap_plugin_params_t *params = plugin->get_extension(plugin, CLAP_EXT_PARAMS);
    unsigned id;
    double number;
    char text[256];
    if (sscanf(line, "text %u %lf", &id, &number) == 2)
        puts(params->value_to_text(plugin, id, number, text, sizeof text) ? text : "refused");
    else if (sscanf(line, "value %u %255[^\n]", &id, text) == 2)
        if (params->text_to_value(plugin, id, text, &number)) printf("%.17g\n", number);
        else puts("refused");
    else if (sscanf(line, "get %u", &id) == 1 && params->get_value(plugin, id, &number))
        printf("%.17g\n", number);
    else
        fail(line);
}

static const clap_plugin_t *create(const clap_plugin_factory_t *factory) {
    const clap_plugin_descriptor_t *described = factory->get_plugin_descriptor(factory, 0);
    const clap_plugin_t *plugin = factory->create_plugin(factory, &host, described->id);
    if (!plugin || !plugin->init(plugin)) fail("cannot create");
    return plugin;
}

static long peak_memory(void) {
#if defined(_WIN32)
    return 0;
#else
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return used.ru_maxrss;
#endif
}

static void reopen(const clap_plugin_factory_t *factory, long times) {
    for (long i = 0; i < times; i++) {
        const clap_plugin_t *plugin = create(factory);
        if (i % 100 == 0) { /* an engine takes 50 ms */
            if (!plugin->activate(plugin, 8000, 1, 64)) fail("cannot activate");
            plugin->start_processing(plugin);
            plugin->stop_processing(plugin);
            plugin->deactivate(plugin);
        }
        plugin->destroy(plugin);
    }
}

int main(int count, char **arguments) {
    const clap_plugin_entry_t *entry = count == 2 ? open_library(arguments[1]) : NULL;
    if (!entry || !entry->init(arguments[1])) fail("no plug-in");
    const clap_plugin_factory_t *factory = entry->get_factory(CLAP_PLUGIN_FACTORY_ID);
    const clap_plugin_t *plugin = create(factory);
    printf("%s|%s|%s\n", plugin->desc->id, plugin->desc->name, plugin->desc->version);
    char line[4096], a[2048], b[2048];
    while (fgets(line, sizeof line, stdin)) {
        long n, m;
        unsigned id;
        double value;
        if (sscanf(line, "channels %ld", &n) == 1) {
            const ports_config *config = plugin->get_extension(plugin, "clap.audio-ports-config");
            if (!config->select(plugin, (clap_id)n)) fail("no such configuration");
        } else if (sscanf(line, "start %lf %ld", &value, &n) == 2) {
            if (!plugin->activate(plugin, value, 1, (uint32_t)n)) puts("not active");
            else plugin->start_processing(plugin);
        } else if (sscanf(line, "audio %2047s %2047s %ld %ld", a, b, &n, &m) == 4) {
            open_audio(a, b, (int)n, (int)m);
        } else if (sscanf(line, "event %ld %u %lf", &n, &id, &value) == 3) {
            queue(n, id, value);
        } else if (sscanf(line, "process %ld", &n) == 1) {
            process(plugin, n);
        } else if (sscanf(line, "save %2047s", a) == 1) {
            save(plugin, a);
        } else if (sscanf(line, "load %2047s", a) == 1) {
            load(plugin, a);
        } else if (sscanf(line, "reopen %ld", &n) == 1) {
            reopen(factory, n);
        } else if (!strcmp(line, "reset\n")) {
            plugin->reset(plugin);
        } else if (!strcmp(line, "stop\n")) {
            plugin->stop_processing(plugin);
            plugin->deactivate(plugin);
        } else if (!strcmp(line, "memory\n")) {
            printf("%ld\n", peak_memory());
        } else if (!strcmp(line, "list\n")) {
            list(plugin);
        } else {
            convert(plugin, line);
        }
        fflush(stdout);
    }
    plugin->destroy(plugin);
    entry->deinit();
    if (output_file) {
        for (int c = 0; c < out_channels; c++)
            fwrite(output + c * frames, sizeof(float), at, output_file);
        fclose(output_file);
    }
    free(input);
    free(output);
    return 0;
}
