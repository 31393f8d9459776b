// OpenSSL, and as functions those of its macros that Swift cannot see.
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

static inline long copenssl_require_tls12(SSL_CTX *context) {
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
}

// An end of the stream without close_notify is read as an end: bodies have their own framing, so nothing can be cut off
// unseen (RFC 9112, section 9.8), and common clients end that way.
static inline void copenssl_set_server_options(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
}

// Writes are repeated from a buffer that may have moved; buffers of idle connections are given back.
static inline void copenssl_set_stream_modes(SSL_CTX *context) {
    SSL_CTX_set_mode(
        context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
}

static inline void copenssl_set_client_options(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
}

// Says which server is meant (RFC 6066, section 3). The cast takes a const away that OpenSSL does not use.
static inline long copenssl_name_server(SSL *session, const char *name) {
    return SSL_set_tlsext_host_name(session, (char *)name);
}

// Sessions live in tickets, which the client keeps: no table here that a flood could fill.
// A record with its header in one read, and whatever is behind it.
static inline void copenssl_read_ahead(SSL_CTX *context) {
    SSL_CTX_set_read_ahead(context, 1);
}

static inline void copenssl_keep_no_sessions(SSL_CTX *context) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}
