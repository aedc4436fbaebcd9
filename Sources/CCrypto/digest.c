#include "CCrypto.h"

#include <CLoad.h>
#include <openssl/evp.h>

#define FUNCTIONS(X)                                                                               \
    X(EVP_MD_CTX_new)                                                                              \
    X(EVP_MD_CTX_free)                                                                             \
    X(EVP_get_digestbyname)                                                                        \
    X(EVP_DigestInit_ex)                                                                           \
    X(EVP_DigestUpdate)                                                                            \
    X(EVP_DigestFinal_ex)

static struct {
    FUNCTIONS(SW_POINTER)
} crypto;

static const char *const names[] = {FUNCTIONS(SW_NAME) NULL};

static struct sw_library library = {
    .sonames = {"libcrypto.so.3", "libcrypto.so.1.1"}, .table = &crypto, .names = names};

const char *sw_crypto_load(void) { return sw_load(&library); }

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
