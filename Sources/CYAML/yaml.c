#include "CYAML.h"

#include <CLoad.h>
#include <stdlib.h>
#include <yaml.h>

#define FUNCTIONS(X)                                                                               \
    X(yaml_parser_initialize)                                                                      \
    X(yaml_parser_delete)                                                                          \
    X(yaml_parser_set_input_string)                                                                \
    X(yaml_parser_set_encoding)                                                                    \
    X(yaml_parser_parse)                                                                           \
    X(yaml_event_delete)

static struct {
    FUNCTIONS(SW_POINTER)
} yaml;

static const char *const names[] = {FUNCTIONS(SW_NAME) NULL};

static struct sw_library library = {
    .sonames = {"libyaml-0.so.2"}, .table = &yaml, .names = names};

struct sw_yaml {
    yaml_parser_t parser;
    // One that is deleted, or never was, is all zeros (yaml_event_delete).
    yaml_event_t event;
};

const char *sw_yaml_load(void) { return sw_load(&library); }

struct sw_yaml *sw_yaml_make(const void *bytes, size_t count)
{
    struct sw_yaml *reader = calloc(1, sizeof *reader);
    if (!reader || !yaml.yaml_parser_initialize(&reader->parser)) {
        free(reader);
        return NULL;
    }
    yaml.yaml_parser_set_input_string(&reader->parser, bytes, count);
    yaml.yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
    return reader;
}

int sw_yaml_next(struct sw_yaml *reader)
{
    yaml.yaml_event_delete(&reader->event);
    if (!yaml.yaml_parser_parse(&reader->parser, &reader->event))
        return SW_YAML_ERROR;
    switch (reader->event.type) {
    case YAML_STREAM_END_EVENT:
        return SW_YAML_END;
    case YAML_DOCUMENT_START_EVENT:
        return SW_YAML_DOCUMENT;
    case YAML_SCALAR_EVENT:
        return SW_YAML_SCALAR;
    case YAML_SEQUENCE_START_EVENT:
        return SW_YAML_SEQUENCE;
    case YAML_SEQUENCE_END_EVENT:
        return SW_YAML_SEQUENCE_END;
    case YAML_MAPPING_START_EVENT:
        return SW_YAML_MAPPING;
    case YAML_MAPPING_END_EVENT:
        return SW_YAML_MAPPING_END;
    case YAML_ALIAS_EVENT:
        return SW_YAML_ALIAS;
    default:
        return SW_YAML_OTHER;
    }
}

const char *sw_yaml_text(const struct sw_yaml *reader, size_t *count)
{
    *count = reader->event.data.scalar.length;
    return (const char *)reader->event.data.scalar.value;
}

int sw_yaml_is_plain(const struct sw_yaml *reader)
{
    return reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE
           && !reader->event.data.scalar.tag;
}

int sw_yaml_is_anchored(const struct sw_yaml *reader)
{
    const yaml_event_t *event = &reader->event;
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor != NULL;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor != NULL;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor != NULL;
    default:
        return 0;
    }
}

const char *sw_yaml_problem(const struct sw_yaml *reader, size_t *line)
{
    *line = reader->parser.problem_mark.line + 1;
    return reader->parser.problem ? reader->parser.problem : "no memory";
}

void sw_yaml_free(struct sw_yaml *reader)
{
    yaml.yaml_event_delete(&reader->event);
    yaml.yaml_parser_delete(&reader->parser);
    free(reader);
}
