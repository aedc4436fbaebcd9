// YAML by the system's libyaml, which is loaded when it is first needed.

#ifndef CYAML_H
#define CYAML_H

#include <stddef.h>

struct sw_yaml;

// What comes next in a stream (yaml.h, yaml_event_type_t); SW_YAML_OTHER is what has no content.
enum {
    SW_YAML_ERROR = -1,
    SW_YAML_END = 0,
    SW_YAML_DOCUMENT,
    SW_YAML_SCALAR,
    SW_YAML_SEQUENCE,
    SW_YAML_SEQUENCE_END,
    SW_YAML_MAPPING,
    SW_YAML_MAPPING_END,
    SW_YAML_ALIAS,
    SW_YAML_OTHER,
};

// Loads libyaml-0.so.2, once. Returns NULL, or why it cannot be loaded (dlerror(3)). Nothing below
// may be called before it returned NULL.
const char *sw_yaml_load(void);

// A reader of a stream of UTF-8, which must stay where it is until the reader is freed; NULL without
// memory.
struct sw_yaml *sw_yaml_make(const void *bytes, size_t count);

// Reads what comes next. After SW_YAML_ERROR or SW_YAML_END nothing may be read.
int sw_yaml_next(struct sw_yaml *reader);

// Of the last: the bytes of a scalar, and whether it stands without quotes and tag. They are the
// reader's, until the next.
const char *sw_yaml_text(const struct sw_yaml *reader, size_t *count);
int sw_yaml_is_plain(const struct sw_yaml *reader);
// Whether it has an anchor, which an alias can name.
int sw_yaml_is_anchored(const struct sw_yaml *reader);

// Of an error: the problem in libyaml's words, never NULL, and the line, from 1 on.
const char *sw_yaml_problem(const struct sw_yaml *reader, size_t *line);

void sw_yaml_free(struct sw_yaml *reader);

#endif
