// The load of the row `streams`: many streams of HTTP/2 at a time, one of which hardly reads.
//
//   streams PORT CONNECTIONS STREAMS SECONDS LEAD SLOW SIZE
//
// Every connection has STREAMS requests under way all the time, for `/`. The first SLOW streams ask for SIZE bytes instead
// (`/SIZE`) and make room for 64 bytes of their window each 10 ms. Whatever is answered otherwise than by 200, or reset,
// ends the run. Only requests of the others that began behind the first LEAD seconds are counted. The summary is one line
// of JSON, in microseconds. Links with nghttp2.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { max_connections = 256, max_times = 1 << 24, max_slow = 1024 };

typedef struct {
    int fd;
    int wants_out;
    nghttp2_session *session;
    size_t used, sent;          // of `out`
    uint8_t out[1 << 16];
} connection;

typedef struct {
    double begun;
    int is_slow;
} request;

typedef struct { connection *c; int32_t id; } slow_stream;

static connection all[max_connections];
static slow_stream slow[max_slow];
static int poll_fd, slow_count, slow_wanted;
static unsigned long slow_bytes, timed;
static double *times, counts_from, ends_at;
static char authority[32], slow_path[32];

static void fail(const char *why) {
    fprintf(stderr, "streams: %s\n", why);
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static nghttp2_nv field(const char *name, const char *value) {
    return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE};
}

static void ask(connection *c, request *r) {
    r->begun = now();
    nghttp2_nv fields[] = {field(":method", "GET"), field(":scheme", "http"), field(":authority", authority),
                           field(":path", r->is_slow ? slow_path : "/")};
    int32_t id = nghttp2_submit_request(c->session, NULL, fields, 4, NULL, r);
    if (id < 0) fail("no stream");
    if (r->is_slow) slow[slow_count++] = (slow_stream){c, id};
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *user) {
    request *r = nghttp2_session_get_stream_user_data(session, id);
    if (!r) return 0;
    double t = now();
    if (code) fail("a stream was reset");
    if (r->is_slow) fail("the slow answer is over");
    if (r->begun >= counts_from && timed < max_times) times[timed++] = t - r->begun;
    if (t < ends_at) ask(user, r);
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_count,
                     const uint8_t *value, size_t value_count, uint8_t flags, void *user) {
    (void)session, (void)frame, (void)flags, (void)user;
    if (name_count == 7 && !memcmp(name, ":status", 7) && (value_count != 3 || memcmp(value, "200", 3)))
        fail("an answer other than 200");
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t count, void *user) {
    (void)flags, (void)data, (void)user;
    nghttp2_session_consume_connection(session, count);
    request *r = nghttp2_session_get_stream_user_data(session, id);
    if (r && r->is_slow) slow_bytes += count; else nghttp2_session_consume_stream(session, id, count);
    return 0;
}

static void open_session(connection *c) {
    nghttp2_session_callbacks *calls;
    nghttp2_option *options;
    if (nghttp2_session_callbacks_new(&calls) || nghttp2_option_new(&options)) fail("no memory");
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, on_close);
    nghttp2_session_callbacks_set_on_header_callback(calls, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, on_data);
    nghttp2_option_set_no_auto_window_update(options, 1);
    if (nghttp2_session_client_new2(&c->session, calls, c, options)) fail("no session");
    nghttp2_session_callbacks_del(calls);
    nghttp2_option_del(options);
    nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, NULL, 0);
    nghttp2_session_set_local_window_size(c->session, NGHTTP2_FLAG_NONE, 0, 1 << 24);
}

static void open_connection(connection *c, int port, int streams) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address)) fail("cannot connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &e);
    open_session(c);
    for (int i = 0; i < streams; i++) {
        request *r = calloc(1, sizeof *r);
        if (!r) fail("no memory");
        r->is_slow = slow_count < slow_wanted;
        ask(c, r);
    }
}

static void watch_output(connection *c, int wanted) {
    if (c->wants_out == wanted) return;
    c->wants_out = wanted;
    struct epoll_event e = {.events = EPOLLIN | (wanted ? EPOLLOUT : 0), .data.ptr = c};
    epoll_ctl(poll_fd, EPOLL_CTL_MOD, c->fd, &e);
}

static void send_all(connection *c) {
    for (;;) {
        // No frame is larger than this.
        while (c->used + 17000 < sizeof c->out) {
            const uint8_t *bytes;
            ssize_t n = nghttp2_session_mem_send(c->session, &bytes);
            if (n < 0) fail(nghttp2_strerror((int)n));
            if (!n) break;
            memcpy(c->out + c->used, bytes, (size_t)n);
            c->used += (size_t)n;
        }
        if (!c->used) return watch_output(c, 0);
        while (c->sent < c->used) {
            ssize_t n = send(c->fd, c->out + c->sent, c->used - c->sent, MSG_NOSIGNAL);
            if (n < 0 && errno == EAGAIN) return watch_output(c, 1);
            if (n <= 0) fail("the connection has ended");
            c->sent += (size_t)n;
        }
        c->used = c->sent = 0;
    }
}

static void receive(connection *c) {
    static uint8_t bytes[1 << 16];
    ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) fail("the connection was closed");
    ssize_t taken = nghttp2_session_mem_recv(c->session, bytes, (size_t)n);
    if (taken < 0) fail(nghttp2_strerror((int)taken));
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(double share) {
    return timed ? times[(unsigned long)((double)(timed - 1) * share)] * 1e6 : 0;
}

int main(int count, char **arguments) {
    if (count != 8) return fputs("usage: streams PORT CONNECTIONS STREAMS SECONDS LEAD SLOW SIZE\n", stderr), 2;
    int port = atoi(arguments[1]), connections = atoi(arguments[2]), streams = atoi(arguments[3]);
    double seconds = atof(arguments[4]), lead = atof(arguments[5]);
    slow_wanted = atoi(arguments[6]);
    if (connections < 1 || connections > max_connections || slow_wanted > max_slow) fail("too many");
    signal(SIGPIPE, SIG_IGN);
    snprintf(authority, sizeof authority, "127.0.0.1:%d", port);
    snprintf(slow_path, sizeof slow_path, "/%s", arguments[7]);
    times = malloc(max_times * sizeof *times);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    double begin = now();
    counts_from = begin + lead;
    ends_at = counts_from + seconds;
    for (int i = 0; i < connections; i++) open_connection(&all[i], port, streams), send_all(&all[i]);

    double next_sip = begin;
    for (double t = begin; t < ends_at; t = now()) {
        struct epoll_event ready[64];
        int n = epoll_wait(poll_fd, ready, 64, 5);
        for (int i = 0; i < n; i++) {
            connection *c = ready[i].data.ptr;
            if (ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(c);
            send_all(c);
        }
        if (t < next_sip) continue;
        next_sip = t + 0.01;
        for (int i = 0; i < slow_count; i++) {
            nghttp2_submit_window_update(slow[i].c->session, NGHTTP2_FLAG_NONE, slow[i].id, 64);
            send_all(slow[i].c);
        }
    }
    double elapsed = now() - counts_from;
    qsort(times, timed, sizeof *times, ascending);
    printf("@JSON {\"requests\": %lu, \"microseconds\": %.0f, \"p50\": %.1f, \"p99\": %.1f, \"p999\": %.1f, "
           "\"slow_bytes\": %lu, \"errors\": 0}\n",
           timed, elapsed * 1e6, quantile(0.5), quantile(0.99), quantile(0.999), slow_bytes);
    return 0;
}
