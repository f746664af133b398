/* VST3: parameters as the host shows them. */
#include <string.h>

#include "vst3.h"

FUNKNOWN(controller)

static v3_result V3_API initialize(void *self, struct v3_funknown **context) {
    (void)self, (void)context;
    return V3_OK;
}

static v3_result V3_API terminate(void *self) {
    (void)self;
    return V3_OK;
}

static v3_result V3_API set_component_state(void *self, struct v3_bstream **stream) {
    return vst3_load(SELF(controller, self), stream);
}

static v3_result V3_API no_state(void *self, struct v3_bstream **stream) {
    (void)self, (void)stream;
    return V3_NOT_IMPLEMENTED; /* all state is that of the component */
}

static int32_t V3_API get_parameter_count(void *self) {
    (void)self;
    return plugin_parameter_count();
}

static int32_t group_of(int32_t parameter) { /* 0: none */
    const char *group = ai_mixer_plugin.labels[parameter].group;
    for (int32_t i = 0; ai_mixer_plugin.groups[i]; i++)
        if (!strcmp(ai_mixer_plugin.groups[i], group)) return i + 1;
    return 0;
}

static v3_result V3_API get_parameter_info(void *self, int32_t index,
                                           struct v3_param_info *info) {
    (void)self;
    if (index < 0 || index >= plugin_parameter_count()) return V3_INVALID_ARG;
    bool bypass = index == plugin_bypass();
    memset(info, 0, sizeof *info);
    info->param_id = plugin_parameter_id(index);
    vst3_text(info->title, 128, ai_mixer_plugin.labels[index].title);
    vst3_text(info->short_title, 128, ai_mixer_plugin.labels[index].title);
    info->step_count = bypass; /* texts of values have their unit, so `units` is empty */
    info->default_normalised_value = plugin_position(index, plugin_neutral(index));
    info->unit_id = group_of(index);
    info->flags = V3_PARAM_CAN_AUTOMATE | (bypass ? V3_PARAM_IS_BYPASS : 0);
    return V3_OK;
}

static v3_result V3_API string_for_value(void *self, v3_param_id id, double position,
                                         v3_str_128 out) {
    (void)self;
    char text[TEXT_BYTES];
    int32_t parameter = plugin_parameter_index(id);
    if (parameter < 0) return V3_INVALID_ARG;
    plugin_to_text(parameter, plugin_value(parameter, position), text);
    vst3_text(out, 128, text);
    return V3_OK;
}

static v3_result V3_API value_for_string(void *self, v3_param_id id, int16_t *input,
                                         double *position) {
    (void)self;
    char text[TEXT_BYTES];
    double value;
    size_t i = 0;
    for (; input[i] && i + 1 < sizeof text; i++)
        text[i] = input[i] > 0 && input[i] < 128 ? (char)input[i] : '?';
    text[i] = 0;
    int32_t parameter = plugin_parameter_index(id);
    if (parameter < 0 || !plugin_from_text(parameter, text, &value)) return V3_INVALID_ARG;
    *position = plugin_position(parameter, value);
    return V3_OK;
}

static double V3_API to_plain(void *self, v3_param_id id, double position) {
    (void)self;
    int32_t parameter = plugin_parameter_index(id);
    return parameter < 0 ? 0.0 : plugin_value(parameter, position);
}

static double V3_API to_position(void *self, v3_param_id id, double plain) {
    (void)self;
    int32_t parameter = plugin_parameter_index(id);
    return parameter < 0 ? 0.0 : plugin_position(parameter, plain);
}

static double V3_API get_position(void *self, v3_param_id id) {
    int32_t parameter = plugin_parameter_index(id);
    if (parameter < 0) return 0.0;
    return plugin_position(parameter, plugin_get(SELF(controller, self)->plugin, parameter));
}

static v3_result V3_API set_position(void *self, v3_param_id id, double position) {
    int32_t parameter = plugin_parameter_index(id);
    if (parameter < 0 || position != position) return V3_INVALID_ARG;
    plugin_show(SELF(controller, self)->plugin, parameter, plugin_value(parameter, position));
    return V3_OK;
}

static v3_result V3_API set_handler(void *self, struct v3_component_handler **handler) {
    (void)self, (void)handler;
    return V3_OK; /* nothing is edited without the host */
}

static struct v3_plugin_view **V3_API create_view(void *self, const char *name) {
    (void)self, (void)name;
    return NULL; /* the host shows its generic window */
}

const struct v3_edit_controller vst3_controller = {
    .query_interface = controller_query,
    .ref = controller_ref,
    .unref = controller_unref,
    .initialize = initialize,
    .terminate = terminate,
    .set_component_state = set_component_state,
    .set_state = no_state,
    .get_state = no_state,
    .get_parameter_count = get_parameter_count,
    .get_parameter_info = get_parameter_info,
    .get_parameter_string_for_value = string_for_value,
    .get_parameter_value_for_string = value_for_string,
    .normalised_parameter_to_plain = to_plain,
    .plain_parameter_to_normalised = to_position,
    .get_parameter_normalised = get_position,
    .set_parameter_normalised = set_position,
    .set_component_handler = set_handler,
    .create_view = create_view};
