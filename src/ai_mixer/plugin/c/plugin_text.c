/* Values as text for people, and states as text: a line per parameter, in its unit.
 *
 *     ai_mixer 1 classic
 *     low_eq 3
 *     bypass 0
 */
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

#define STATE_VERSION 1
#define LINE_BYTES 256
#define NUMBER_BYTES 48

void plugin_print_number(char *text, size_t bytes, const char *format, int digits, double value) {
    const char *point = localeconv()->decimal_point;
    snprintf(text, bytes, format, digits, value);
    char *found = *point ? strstr(text, point) : NULL;
    if (!found || !strcmp(point, ".")) return;
    *found = '.';
    memmove(found + 1, found + strlen(point), strlen(found + strlen(point)) + 1);
}

/* A point or a comma may be the decimal separator. */
bool plugin_read_number(const char *text, double *value, const char **end) {
    char number[NUMBER_BYTES] = "";
    const char *point = localeconv()->decimal_point, *c = text + strspn(text, " \t");
    size_t length = 0;
    for (const char *start = c; *c && length + strlen(point) < sizeof number - 1; c++) {
        bool exponent = (*c == 'e' || *c == 'E') && c > start &&
                        (strchr("+-", c[1]) ? c[1] && c[2] >= '0' && c[2] <= '9'
                                            : c[1] >= '0' && c[1] <= '9');
        if (*c == '.' || *c == ',') {
            strcpy(number + length, point);
            length += strlen(point);
        } else if ((*c >= '0' && *c <= '9') || exponent ||
                   ((*c == '+' || *c == '-') && (c == start || strchr("eE", c[-1])))) {
            number[length++] = *c;
        } else {
            break;
        }
    }
    char *stop;
    number[length] = 0;
    *value = strtod(number, &stop);
    *end = c;
    return stop != number && !*stop && isfinite(*value);
}

double plugin_displayed(int32_t parameter, double value) {
    switch (ai_mixer_plugin.labels[parameter].display) {
    case SHOW_DECIBELS: return 20.0 * log10(value);
    case SHOW_PERCENT: return 100.0 * value;
    default: return value;
    }
}

double plugin_from_displayed(int32_t parameter, double displayed) {
    switch (ai_mixer_plugin.labels[parameter].display) {
    case SHOW_DECIBELS: return pow(10.0, displayed / 20.0);
    case SHOW_PERCENT: return displayed / 100.0;
    default: return displayed;
    }
}

void plugin_to_text(int32_t parameter, double value, char text[TEXT_BYTES]) {
    if (parameter == plugin_bypass()) {
        strcpy(text, value >= 0.5 ? "On" : "Off");
        return;
    }
    const char *unit = ai_mixer_knob_info(parameter)->unit;
    plugin_display display = ai_mixer_plugin.labels[parameter].display;
    if (display != SHOW_UNIT) unit = display == SHOW_DECIBELS ? "dB" : "%";
    value = plugin_displayed(parameter, value);
    double size = fabs(value);
    int coarse = display == SHOW_PERCENT || !strncmp(unit, "dB", 2);
    int digits = size >= 100.0 ? 0 : size >= 10.0 || coarse ? 1 : 2;
    if (size < 0.5 * pow(10.0, -digits)) value = 0.0; /* no -0.0 */
    char number[NUMBER_BYTES];
    plugin_print_number(number, sizeof number, "%.*f", digits, value);
    snprintf(text, TEXT_BYTES, "%s%s%.12s", number, *unit == ':' ? "" : " ", unit);
}

bool plugin_from_text(int32_t parameter, const char *text, double *value) {
    const char *end;
    if (parameter == plugin_bypass()) {
        bool on = !strcmp(text, "On") || !strcmp(text, "on") || !strcmp(text, "1");
        *value = on;
        return on || !strcmp(text, "Off") || !strcmp(text, "off") || !strcmp(text, "0");
    }
    if (!plugin_read_number(text, value, &end)) return false;
    end += strspn(end, " ");
    if (*end == 'k' || *end == 'K') *value *= 1000.0; /* kHz */
    *value = plugin_from_displayed(parameter, *value);
    return true;
}

size_t plugin_save(const plugin *p, char *state, size_t bytes) {
    size_t length = (size_t)snprintf(state, bytes, "ai_mixer %d %s\n", STATE_VERSION,
                                     ai_mixer_console());
    for (int32_t k = 0; k < plugin_parameter_count() && length < bytes; k++) {
        char number[NUMBER_BYTES];
        plugin_print_number(number, sizeof number, "%.*g", 17, plugin_get(p, k));
        length += (size_t)snprintf(state + length, bytes - length, "%s %s\n",
                                   ai_mixer_plugin.labels[k].name, number);
    }
    return length < bytes ? length : 0;
}

static int32_t named(const char *name, size_t length) {
    for (int32_t k = 0; k < plugin_parameter_count(); k++) {
        const char *own = ai_mixer_plugin.labels[k].name;
        if (strlen(own) == length && !memcmp(own, name, length)) return k;
    }
    return -1;
}

/* One line "name number"; unknown names are allowed, they are of another version. */
static bool read_line(const char *line, double *values) {
    const char *end, *space = strchr(line, ' ');
    double value;
    if (!space || !plugin_read_number(space + 1, &value, &end) || *end) return false;
    int32_t k = named(line, space - line);
    if (k >= 0) values[k] = value;
    return true;
}

bool plugin_read_state(const char *state, size_t bytes, double *values) {
    char line[LINE_BYTES], header[LINE_BYTES];
    bool valid = true, first = true;
    snprintf(header, sizeof header, "ai_mixer %d %s", STATE_VERSION, ai_mixer_console());
    while (valid && bytes > 0) {
        const char *end = memchr(state, '\n', bytes);
        size_t length = end ? (size_t)(end - state) : bytes;
        valid = end && length < sizeof line && !memchr(state, 0, length);
        if (!valid) break;
        memcpy(line, state, length);
        line[length] = 0;
        valid = first ? !strcmp(line, header) : read_line(line, values);
        first = false;
        state += length + 1;
        bytes -= length + 1;
    }
    return valid && !first;
}

bool plugin_load(plugin *p, const char *state, size_t bytes) {
    double *values = calloc(plugin_parameter_count(), sizeof *values);
    for (int32_t k = 0; values && k < plugin_parameter_count(); k++) values[k] = plugin_neutral(k);
    bool valid = values && plugin_read_state(state, bytes, values);
    if (valid) plugin_take(p, values);
    free(values);
    return valid;
}
