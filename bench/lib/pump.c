// The load of the `bodies` row: as many large bodies through a proxy as it takes, at almost no cost of its own.
//
//   pump PORT CONNECTIONS SECONDS down|up BYTES
//
// Downloads are discarded inside the kernel and uploads sent by sendfile, neither is copied on this side. (wrk reads 8
// KiB at a time and became the slowest part before any proxy did.) Each connection sends one request after the other;
// what is under way when the time is over does not count. Anything but a 200 with a Content-Length ends the program
// with an error. The summary is one line of JSON, as from report.lua.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { max_head = 8192, max_connections = 1024 };

typedef struct {
    int fd;
    size_t request_at;      // bytes of the request head that are sent
    off_t body_at;          // bytes of the upload that are sent
    size_t used;            // bytes of the answer's head so far
    int reading_body;
    size_t discard;         // bytes of the answer's body still to come
    unsigned watched;
    char head[max_head + 1];
} connection;

static int poll_fd, memory_fd;
static char request[256];
static size_t request_bytes, upload_bytes;
static unsigned long done;

static void fail(const char *why) {
    fprintf(stderr, "pump: %s\n", why);
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void watch(connection *c, unsigned events) {
    if (c->watched == events) return;
    struct epoll_event e = {.events = events, .data.ptr = c};
    epoll_ctl(poll_fd, c->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd, &e);
    c->watched = events;
}

// Whether the request is out as a whole.
static int send_request(connection *c) {
    while (c->request_at < request_bytes) {
        ssize_t n = send(c->fd, request + c->request_at, request_bytes - c->request_at,
                         MSG_NOSIGNAL | (upload_bytes ? MSG_MORE : 0));
        if (n < 0 && errno == EAGAIN) return 0;
        if (n < 0) fail("the proxy closed the connection");
        c->request_at += (size_t)n;
    }
    while ((size_t)c->body_at < upload_bytes) {
        ssize_t n = sendfile(c->fd, memory_fd, &c->body_at, upload_bytes - (size_t)c->body_at);
        if (n < 0 && errno == EAGAIN) return 0;
        if (n <= 0) fail("the proxy closed the connection during an upload");
    }
    return 1;
}

// Looks for the end of the answer's head in what has been read.
static void read_head(connection *c) {
    c->head[c->used] = 0;
    char *end = strstr(c->head, "\r\n\r\n");
    if (!end) {
        if (c->used == max_head) fail("the head of the answer is too large");
        return;
    }
    char *field = strcasestr(c->head, "\r\ncontent-length:");
    if (strncmp(c->head, "HTTP/1.1 200", 12) || !field || field > end) {
        end[0] = 0;
        fprintf(stderr, "%s\n", c->head);
        fail("not an answer with 200 and a length");
    }
    size_t length = strtoul(field + 17, NULL, 10), here = c->used - (size_t)(end + 4 - c->head);
    if (here > length) fail("more bytes than the answer's length");
    c->discard = length - here;
    c->reading_body = 1;
}

// Everything that can be done without waiting.
static void step(connection *c) {
    for (;;) {
        if (!send_request(c)) return watch(c, EPOLLOUT);
        if (!c->reading_body) {
            ssize_t n = recv(c->fd, c->head + c->used, max_head - c->used, 0);
            if (n < 0 && errno == EAGAIN) return watch(c, EPOLLIN);
            if (n <= 0) fail("the proxy closed the connection instead of an answer");
            c->used += (size_t)n;
            read_head(c);
        } else if (c->discard) {
            // MSG_TRUNC on TCP throws the bytes away without copying them out.
            ssize_t n = recv(c->fd, NULL, c->discard, MSG_TRUNC);
            if (n < 0 && errno == EAGAIN) return watch(c, EPOLLIN);
            if (n <= 0) fail("the proxy closed the connection during a download");
            c->discard -= (size_t)n;
        } else {
            done++;
            c->request_at = c->used = 0;
            c->body_at = 0;
            c->reading_body = 0;
        }
    }
}

static void start(connection *c, int port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address)) fail("cannot connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    // Connected in blocking mode, for brevity; from here on nothing waits.
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
}

int main(int count, char **arguments) {
    if (count != 6) return fputs("usage: pump PORT CONNECTIONS SECONDS down|up BYTES\n", stderr), 2;
    int port = atoi(arguments[1]), connections = atoi(arguments[2]), up = !strcmp(arguments[4], "up");
    double seconds = atof(arguments[3]);
    size_t bytes = strtoul(arguments[5], NULL, 10);
    if (connections < 1 || connections > max_connections) fail("1 to 1024 connections");
    signal(SIGPIPE, SIG_IGN);

    upload_bytes = up ? bytes : 0;
    request_bytes = (size_t)(up
        ? snprintf(request, sizeof request, "POST / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                   "Content-Type: application/octet-stream\r\nContent-Length: %zu\r\n\r\n", port, bytes)
        : snprintf(request, sizeof request, "GET /%zu HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", bytes, port));
    memory_fd = memfd_create("body", MFD_CLOEXEC);
    if (memory_fd < 0 || ftruncate(memory_fd, (off_t)bytes)) fail("no memory file");

    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    connection *all = calloc((size_t)connections, sizeof *all);
    if (!all) fail("no memory");
    double begin = now();
    for (int i = 0; i < connections; i++) {
        start(&all[i], port);
        step(&all[i]);
    }
    struct epoll_event events[max_connections];
    double end = begin;
    while ((end = now()) < begin + seconds) {
        int n = epoll_wait(poll_fd, events, max_connections, 100);
        for (int i = 0; i < n; i++) step(events[i].data.ptr);
    }
    printf("@JSON {\"requests\": %lu, \"microseconds\": %.0f, \"errors\": 0}\n", done, (end - begin) * 1e6);
    return 0;
}
