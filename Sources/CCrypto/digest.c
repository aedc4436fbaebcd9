#include "CCrypto.h"

#include <dlfcn.h>
#include <openssl/evp.h>
#include <pthread.h>

#define FUNCTIONS(X)                                                                               \
    X(EVP_MD_CTX_new)                                                                              \
    X(EVP_MD_CTX_free)                                                                             \
    X(EVP_get_digestbyname)                                                                        \
    X(EVP_DigestInit_ex)                                                                           \
    X(EVP_DigestUpdate)                                                                            \
    X(EVP_DigestFinal_ex)

static struct {
#define X(name) __typeof__(&name) name;
    FUNCTIONS(X)
#undef X
} crypto;

static const char *failure;

// The error's text is this thread's only (dlerror(3)), so it is copied.
static char failure_text[256];

static void fail(const char *text)
{
    size_t length = 0;
    for (; text && text[length] && length < sizeof failure_text - 1; length++)
        failure_text[length] = text[length];
    failure_text[length] = 0;
    failure = failure_text;
}

static void load(void)
{
    void *library = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        // Of two that are missing, the first is the one to install.
        fail(dlerror());
        library = dlopen("libcrypto.so.1.1", RTLD_NOW | RTLD_LOCAL);
        if (!library)
            return;
        failure = NULL;
    }
#define X(name)                                                                                    \
    if (!(crypto.name = (__typeof__(&name))dlsym(library, #name))) {                               \
        fail(dlerror());                                                                           \
        return;                                                                                    \
    }
    FUNCTIONS(X)
#undef X
}

const char *sw_crypto_load(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return failure;
}

sw_digest *sw_digest_start(const char *algorithm)
{
    const EVP_MD *method = crypto.EVP_get_digestbyname(algorithm);
    EVP_MD_CTX *context = method ? crypto.EVP_MD_CTX_new() : NULL;
    if (context && crypto.EVP_DigestInit_ex(context, method, NULL) != 1) {
        crypto.EVP_MD_CTX_free(context);
        return NULL;
    }
    return context;
}

int sw_digest_update(sw_digest *digest, const void *bytes, size_t count)
{
    return crypto.EVP_DigestUpdate(digest, bytes, count);
}

int sw_digest_finish(sw_digest *digest, unsigned char *hash)
{
    return crypto.EVP_DigestFinal_ex(digest, hash, NULL);
}

void sw_digest_free(sw_digest *digest)
{
    crypto.EVP_MD_CTX_free(digest);
}
