// libcurl (libcurl(3)), from the library that is loaded at first use.
//
// Its options and answers go through variadic functions, which Swift cannot call
// (curl_easy_setopt(3), curl_easy_getinfo(3)): one typed function for each kind of argument.

#ifndef CCURL_H
#define CCURL_H

#include <curl/curl.h>

// Loads libcurl.so.4, else libcurl-gnutls.so.4, and starts it, once (curl_global_init(3)). Returns
// NULL, or why that cannot be. Nothing below may be called before it returned NULL.
const char *sw_curl_load(void);

CURL *sw_curl_start(void);
void sw_curl_free(CURL *easy);
CURLcode sw_curl_set_long(CURL *easy, CURLoption option, long value);
CURLcode sw_curl_set_pointer(CURL *easy, CURLoption option, const void *value);
CURLcode sw_curl_set_callback(CURL *easy, CURLoption option, curl_write_callback value);
// Forbids all protocols but HTTP and HTTPS.
CURLcode sw_curl_set_protocols(CURL *easy);
long sw_curl_get_long(CURL *easy, CURLINFO info);
// The text is the handle's; NULL where there is none.
const char *sw_curl_get_string(CURL *easy, CURLINFO info);
void *sw_curl_get_private(CURL *easy);
// libcurl's words for a result; never freed.
const char *sw_curl_words(CURLcode code);
// The seconds since 1970 of an HTTP date, in any of its three forms; -1 for none (curl_getdate(3)).
time_t sw_curl_date(const char *text);

struct curl_slist *sw_curl_append(struct curl_slist *list, const char *text);
void sw_curl_free_list(struct curl_slist *list);

CURLM *sw_curl_multi_start(void);
void sw_curl_multi_free(CURLM *multi);
CURLMcode sw_curl_multi_set_long(CURLM *multi, CURLMoption option, long value);
CURLMcode sw_curl_multi_add(CURLM *multi, CURL *easy);
CURLMcode sw_curl_multi_remove(CURLM *multi, CURL *easy);
CURLMcode sw_curl_multi_perform(CURLM *multi);
// Waits until there is something to do, at most so long, also where nothing is under way.
CURLMcode sw_curl_multi_wait(CURLM *multi, int timeout_ms);
// The next transfer that has ended, and how; NULL when there is none (curl_multi_info_read(3)).
CURL *sw_curl_multi_ended(CURLM *multi, CURLcode *result);

#endif
