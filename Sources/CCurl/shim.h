// libcurl, whose options and answers go through variadic functions that Swift cannot call
// (curl_easy_setopt(3), curl_easy_getinfo(3)): one typed function for each kind of argument.
#ifndef SLIPWAY_CCURL_H
#define SLIPWAY_CCURL_H

#include <curl/curl.h>

static inline CURLcode sw_curl_set_long(CURL *easy, CURLoption option, long value)
{
    return curl_easy_setopt(easy, option, value);
}
static inline CURLcode sw_curl_set_offset(CURL *easy, CURLoption option, curl_off_t value)
{
    return curl_easy_setopt(easy, option, value);
}
static inline CURLcode sw_curl_set_pointer(CURL *easy, CURLoption option, const void *value)
{
    return curl_easy_setopt(easy, option, value);
}
static inline CURLcode sw_curl_set_callback(CURL *easy, CURLoption option, curl_write_callback value)
{
    return curl_easy_setopt(easy, option, value);
}
static inline CURLMcode sw_curl_multi_set_long(CURLM *multi, CURLMoption option, long value)
{
    return curl_multi_setopt(multi, option, value);
}
static inline CURLcode sw_curl_get_long(CURL *easy, CURLINFO info, long *value)
{
    return curl_easy_getinfo(easy, info, value);
}
static inline CURLcode sw_curl_get_offset(CURL *easy, CURLINFO info, curl_off_t *value)
{
    return curl_easy_getinfo(easy, info, value);
}
static inline CURLcode sw_curl_get_string(CURL *easy, CURLINFO info, const char **value)
{
    return curl_easy_getinfo(easy, info, value);
}
static inline CURLcode sw_curl_get_pointer(CURL *easy, CURLINFO info, void **value)
{
    return curl_easy_getinfo(easy, info, value);
}

#endif
