// libcrypto's message digests (EVP_DigestInit(3)), from the library that is loaded at first use.

#ifndef CCRYPTO_H
#define CCRYPTO_H

#include <stddef.h>

// Loads libcrypto.so.3, else .so.1.1, once. Returns NULL, or why it cannot be loaded (dlerror(3)).
// Nothing below may be called before it returned NULL.
const char *sw_crypto_load(void);

typedef struct evp_md_ctx_st sw_digest;

// Starts a digest by OpenSSL's name of the algorithm; NULL where libcrypto does not have it.
sw_digest *sw_digest_start(const char *algorithm);

// As EVP_DigestUpdate: 1, or 0 for a failure.
int sw_digest_update(sw_digest *digest, const void *bytes, size_t count);

// As EVP_DigestFinal_ex: 1, or 0 for a failure; `hash` takes as many bytes as the algorithm makes.
int sw_digest_finish(sw_digest *digest, unsigned char *hash);

void sw_digest_free(sw_digest *digest);

#endif
