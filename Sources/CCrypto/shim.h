// libcrypto's message digests (EVP_DigestInit(3)).
#include <openssl/evp.h>
