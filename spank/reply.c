// The helper's answer. Pure: bytes in, records out. The bytes come from a process of the user, so
// nothing in them is believed before it is checked.

#include "slipway.h"

#include <stdlib.h>
#include <string.h>

static const char magic[] = {'S', 'L', 'I', 'P', 'W', 'A', 'Y', '1'};

enum slipway_state slipway_reply_add(struct slipway_reply *reply, const char *bytes,
                                     size_t length)
{
    if (length > SLIPWAY_REPLY_LIMIT - reply->length)
        return SLIPWAY_GARBAGE;
    if (reply->length + length > reply->capacity) {
        size_t capacity = reply->capacity ? reply->capacity * 2 : 16384;
        while (capacity < reply->length + length)
            capacity *= 2;
        char *larger = realloc(reply->bytes, capacity);
        if (!larger)
            return SLIPWAY_GARBAGE;
        reply->bytes = larger;
        reply->capacity = capacity;
    }
    memcpy(reply->bytes + reply->length, bytes, length);
    reply->length += length;

    size_t known = reply->length < sizeof magic ? reply->length : sizeof magic;
    if (memcmp(reply->bytes, magic, known) != 0)
        return SLIPWAY_GARBAGE;
    // The last record is ".\0" and nothing follows it. A text that ends in a full stop does not
    // look like it, because a NUL stands before the record's letter.
    if (reply->length >= sizeof magic + 2 && reply->bytes[reply->length - 2] == '.' &&
        reply->bytes[reply->length - 1] == '\0' &&
        (reply->length == sizeof magic + 2 || reply->bytes[reply->length - 3] == '\0'))
        return SLIPWAY_COMPLETE;
    return SLIPWAY_INCOMPLETE;
}

char slipway_reply_next(const struct slipway_reply *reply, size_t *at, const char **text)
{
    size_t start = *at < sizeof magic ? sizeof magic : *at;
    if (start >= reply->length)
        return '\0';
    const char *end = memchr(reply->bytes + start, '\0', reply->length - start);
    if (!end || end == reply->bytes + start)
        return '\0';
    *at = (size_t)(end - reply->bytes) + 1;
    *text = reply->bytes + start + 1;
    return reply->bytes[start];
}

const char *slipway_reply_last(const struct slipway_reply *reply, char letter)
{
    const char *found = NULL, *text;
    size_t at = 0;
    for (char next; (next = slipway_reply_next(reply, &at, &text)) != '\0';)
        if (next == letter)
            found = text;
    return found;
}

void slipway_reply_free(struct slipway_reply *reply)
{
    free(reply->bytes);
    memset(reply, 0, sizeof *reply);
}

void slipway_clean(char *to, size_t size, const char *text)
{
    size_t used = 0;
    for (; *text && used + 1 < size; text++) {
        unsigned char c = (unsigned char)*text;
        to[used++] = c < 0x20 || c == 0x7f ? ' ' : (char)c;
    }
    to[used] = '\0';
}
