#define CURL_DISABLE_TYPECHECK
#include "CCurl.h"

#include <CLoad.h>
#include <dlfcn.h>
#include <poll.h>

#define FUNCTIONS(X)                                                                               \
    X(curl_global_init)                                                                            \
    X(curl_easy_init)                                                                              \
    X(curl_easy_cleanup)                                                                           \
    X(curl_easy_setopt)                                                                            \
    X(curl_easy_getinfo)                                                                           \
    X(curl_easy_strerror)                                                                          \
    X(curl_getdate)                                                                                \
    X(curl_slist_append)                                                                           \
    X(curl_slist_free_all)                                                                         \
    X(curl_multi_init)                                                                             \
    X(curl_multi_cleanup)                                                                          \
    X(curl_multi_setopt)                                                                           \
    X(curl_multi_add_handle)                                                                       \
    X(curl_multi_remove_handle)                                                                    \
    X(curl_multi_perform)                                                                          \
    X(curl_multi_wait)                                                                             \
    X(curl_multi_info_read)

// Headers may replace variadic functions by macros of the same name.
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

static struct {
    FUNCTIONS(SW_POINTER)
    // Since 7.66, with the parameters of curl_multi_wait: waits also where there is no descriptor.
    __typeof__(&curl_multi_wait) poll;
} curl;

static const char *const names[] = {FUNCTIONS(SW_NAME) NULL};

static const char *start(void *handle)
{
    curl.poll = (__typeof__(&curl_multi_wait))dlsym(handle, "curl_multi_poll");
    CURLcode code = curl.curl_global_init(CURL_GLOBAL_DEFAULT);
    return code == CURLE_OK ? NULL : curl.curl_easy_strerror(code);
}

static struct sw_library library = {.sonames = {"libcurl.so.4", "libcurl-gnutls.so.4"},
                                    .table = &curl,
                                    .names = names,
                                    .start = start};

const char *sw_curl_load(void) { return sw_load(&library); }

CURL *sw_curl_start(void)
{
    return curl.curl_easy_init();
}

void sw_curl_free(CURL *easy)
{
    curl.curl_easy_cleanup(easy);
}

CURLcode sw_curl_set_long(CURL *easy, CURLoption option, long value)
{
    return curl.curl_easy_setopt(easy, option, value);
}

CURLcode sw_curl_set_pointer(CURL *easy, CURLoption option, const void *value)
{
    return curl.curl_easy_setopt(easy, option, value);
}

CURLcode sw_curl_set_callback(CURL *easy, CURLoption option, curl_write_callback value)
{
    return curl.curl_easy_setopt(easy, option, value);
}

CURLcode sw_curl_set_protocols(CURL *easy)
{
    // CURLOPT_PROTOCOLS by its number (curl.h): newer headers warn of it, older ones have no other,
    // and every libcurl.so.4 takes it.
    return curl.curl_easy_setopt(easy, (CURLoption)(CURLOPTTYPE_LONG + 181),
                                 (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
}

long sw_curl_get_long(CURL *easy, CURLINFO info)
{
    long value = 0;
    curl.curl_easy_getinfo(easy, info, &value);
    return value;
}

const char *sw_curl_get_string(CURL *easy, CURLINFO info)
{
    const char *value = NULL;
    curl.curl_easy_getinfo(easy, info, &value);
    return value;
}

void *sw_curl_get_private(CURL *easy)
{
    void *value = NULL;
    curl.curl_easy_getinfo(easy, CURLINFO_PRIVATE, &value);
    return value;
}

const char *sw_curl_words(CURLcode code)
{
    return curl.curl_easy_strerror(code);
}

time_t sw_curl_date(const char *text)
{
    return curl.curl_getdate(text, NULL);
}

struct curl_slist *sw_curl_append(struct curl_slist *list, const char *text)
{
    return curl.curl_slist_append(list, text);
}

void sw_curl_free_list(struct curl_slist *list)
{
    curl.curl_slist_free_all(list);
}

CURLM *sw_curl_multi_start(void)
{
    return curl.curl_multi_init();
}

void sw_curl_multi_free(CURLM *multi)
{
    curl.curl_multi_cleanup(multi);
}

CURLMcode sw_curl_multi_set_long(CURLM *multi, CURLMoption option, long value)
{
    return curl.curl_multi_setopt(multi, option, value);
}

CURLMcode sw_curl_multi_add(CURLM *multi, CURL *easy)
{
    return curl.curl_multi_add_handle(multi, easy);
}

CURLMcode sw_curl_multi_remove(CURLM *multi, CURL *easy)
{
    return curl.curl_multi_remove_handle(multi, easy);
}

CURLMcode sw_curl_multi_perform(CURLM *multi)
{
    int running;
    return curl.curl_multi_perform(multi, &running);
}

CURLMcode sw_curl_multi_wait(CURLM *multi, int timeout_ms)
{
    int count = 0;
    if (curl.poll)
        return curl.poll(multi, NULL, 0, timeout_ms, &count);
    CURLMcode code = curl.curl_multi_wait(multi, NULL, 0, timeout_ms, &count);
    // Without a descriptor it returns at once (curl_multi_wait(3)).
    if (code == CURLM_OK && count == 0)
        poll(NULL, 0, timeout_ms < 10 ? timeout_ms : 10);
    return code;
}

CURL *sw_curl_multi_ended(CURLM *multi, CURLcode *result)
{
    int left;
    for (CURLMsg *message; (message = curl.curl_multi_info_read(multi, &left));)
        if (message->msg == CURLMSG_DONE) {
            *result = message->data.result;
            return message->easy_handle;
        }
    return NULL;
}
