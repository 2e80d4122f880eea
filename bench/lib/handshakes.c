/* The load of the row `tls`: opens connections, does a TLS 1.3 handshake and one request on each, and closes them.
 * Usage: handshakes PORT CONNECTIONS SECONDS full|resumed
 *
 * So many connections are under way at once. `resumed` begins with one full handshake, whose session all others go on
 * with. A handshake of the other kind, a status other than 200 or a broken connection is an error. Prints a line of JSON.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char REQUEST[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";

struct connection {
    int fd;
    SSL *ssl;
    int asked;
};

static SSL_CTX *context;
static SSL_SESSION *session; /* what later connections go on with */
static struct sockaddr_in server;
static int epoll, resumed;
static long done, errors;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int keep(SSL *ssl, SSL_SESSION *fresh) {
    (void)ssl;
    if (!resumed || session) return 0;
    session = SSL_SESSION_dup(fresh);
    return 0;
}

static void begin(struct connection *c) {
    c->asked = 0;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    /* Ends with a reset: the ports of closed connections must not run out. */
    struct linger linger = {1, 0};
    int one = 1;
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (struct sockaddr *)&server, sizeof server) && errno != EINPROGRESS) {
        perror("handshakes");
        exit(1);
    }
    c->ssl = SSL_new(context);
    SSL_set_fd(c->ssl, c->fd);
    SSL_set_connect_state(c->ssl);
    SSL_set_tlsext_host_name(c->ssl, "bench.test");
    if (session) {
        /* OpenSSL does not use a session of TLS 1.3 twice; servers do not mind. */
        SSL_SESSION *copy = SSL_SESSION_dup(session);
        SSL_set_session(c->ssl, copy);
        SSL_SESSION_free(copy);
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event);
}

/* Goes on with a connection: 0 while it is under way, 1 when it is over. */
static int go_on(struct connection *c, int expect_resumed) {
    char answer[4096];
    int result;
    ERR_clear_error();
    if (!c->asked) {
        /* Does the handshake first; it goes out with the last flight of that. */
        result = SSL_write(c->ssl, REQUEST, sizeof REQUEST - 1);
        if (result > 0) {
            c->asked = 1;
            if (SSL_session_reused(c->ssl) != expect_resumed || SSL_version(c->ssl) != TLS1_3_VERSION) {
                errors++;
                fprintf(stderr, "%s, resumed: %d\n", SSL_get_version(c->ssl), SSL_session_reused(c->ssl));
            }
        }
    }
    if (c->asked) {
        result = SSL_read(c->ssl, answer, sizeof answer);
        if (result > 0) {
            if (result < 12 || memcmp(answer, "HTTP/1.1 200", 12)) {
                errors++;
                fprintf(stderr, "answer: %.*s\n", result, answer);
            }
            done++;
            return 1;
        }
    }
    int why = SSL_get_error(c->ssl, result);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return 0;
    /* Not connected yet. */
    if (why == SSL_ERROR_SYSCALL && errno == ENOTCONN) return 0;
    errors++;
    fprintf(stderr, "error %d, %s\n", why, strerror(errno));
    ERR_print_errors_fp(stderr);
    return 1;
}

static void end(struct connection *c) {
    SSL_set_quiet_shutdown(c->ssl, 1);
    SSL_shutdown(c->ssl);
    SSL_free(c->ssl);
    close(c->fd);
}

/* Runs until `until`, or until one connection is over. */
static void run(struct connection *all, int count, double until, int once) {
    for (int i = 0; i < count; i++) begin(&all[i]);
    int expected = session != NULL;
    while (now() < until && errors < 10) {
        struct epoll_event events[256];
        int ready = epoll_wait(epoll, events, 256, 100);
        for (int i = 0; i < ready; i++) {
            struct connection *c = events[i].data.ptr;
            if (!go_on(c, expected)) continue;
            end(c);
            if (once) return;
            begin(c);
        }
    }
    for (int i = 0; i < count; i++) end(&all[i]);
}

int main(int count, char **words) {
    if (count != 5) return fprintf(stderr, "usage: handshakes PORT CONNECTIONS SECONDS full|resumed\n"), 64;
    int connections = atoi(words[2]);
    resumed = !strcmp(words[4], "resumed");
    server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[1]))};
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set1_groups_list(context, "X25519");
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, keep);
    epoll = epoll_create1(0);
    struct connection *all = calloc((size_t)connections, sizeof *all);
    if (!all) return 1;
    if (resumed) {
        run(all, 1, now() + 5, 1);
        if (!session) return fprintf(stderr, "handshakes: the server gave no session\n"), 1;
        done = 0;
    }
    double start = now();
    run(all, connections, start + atof(words[3]), 0);
    double elapsed = now() - start;
    printf("@JSON {\"requests\": %ld, \"microseconds\": %.0f, \"errors\": %ld}\n", done, elapsed * 1e6, errors);
    return 0;
}
