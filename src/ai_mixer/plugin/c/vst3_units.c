/* VST3: groups of parameters ("units"), without programs. */
#include "vst3.h"

FUNKNOWN(units)

static int32_t V3_API get_unit_count(void *self) {
    (void)self;
    int32_t count = 1;
    while (ai_mixer_plugin.groups[count - 1]) count++;
    return count;
}

static v3_result V3_API get_unit_info(void *self, int32_t index, v3_unit_info *info) {
    if (index < 0 || index >= get_unit_count(self)) return V3_INVALID_ARG;
    memset(info, 0, sizeof *info);
    info->id = index;
    info->parent_unit_id = index ? 0 : -1;
    vst3_text(info->name, 128, index ? ai_mixer_plugin.groups[index - 1] : "Root");
    info->program_list_id = -1;
    return V3_OK;
}

static int32_t V3_API none(void *self) {
    (void)self;
    return 0;
}

static v3_result V3_API no_list(void *self, int32_t list, v3_program_list_info *info) {
    (void)self, (void)list, (void)info;
    return V3_INVALID_ARG;
}

static v3_result V3_API no_name(void *self, int32_t list, int32_t program, v3_str_128 name) {
    (void)self, (void)list, (void)program, (void)name;
    return V3_INVALID_ARG;
}

static v3_result V3_API no_info(void *self, int32_t list, int32_t program, const char *attribute,
                                v3_str_128 value) {
    (void)self, (void)list, (void)program, (void)attribute, (void)value;
    return V3_INVALID_ARG;
}

static v3_result V3_API no_pitches(void *self, int32_t list, int32_t program) {
    (void)self, (void)list, (void)program;
    return V3_FALSE;
}

static v3_result V3_API no_pitch(void *self, int32_t list, int32_t program, int16_t pitch,
                                 v3_str_128 name) {
    (void)self, (void)list, (void)program, (void)pitch, (void)name;
    return V3_INVALID_ARG;
}

static v3_result V3_API select_unit(void *self, int32_t unit) {
    (void)self, (void)unit;
    return V3_OK;
}

static v3_result V3_API no_unit(void *self, int32_t type, int32_t direction, int32_t bus,
                                int32_t channel, int32_t *unit) {
    (void)self, (void)type, (void)direction, (void)bus, (void)channel, (void)unit;
    return V3_FALSE;
}

static v3_result V3_API no_data(void *self, int32_t list, int32_t program,
                                struct v3_bstream **data) {
    (void)self, (void)list, (void)program, (void)data;
    return V3_NOT_IMPLEMENTED;
}

const struct v3_unit_information vst3_units = {.query_interface = units_query,
                                               .ref = units_ref,
                                               .unref = units_unref,
                                               .get_unit_count = get_unit_count,
                                               .get_unit_info = get_unit_info,
                                               .get_program_list_count = none,
                                               .get_program_list_info = no_list,
                                               .get_program_name = no_name,
                                               .get_program_info = no_info,
                                               .has_program_pitch_names = no_pitches,
                                               .get_program_pitch_name = no_pitch,
                                               .get_selected_unit = none,
                                               .select_unit = select_unit,
                                               .get_unit_by_bus = no_unit,
                                               .set_unit_program_data = no_data};
