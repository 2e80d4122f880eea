// The upstream of the `bodies` row: swallows uploads and serves downloads at almost no cost of its own, so that the
// proxy in front stays the slowest part.
//
//   GET /BYTES   answers with that many bytes, by sendfile from memory (no copy on this side)
//   POST /       reads the whole body (discarded inside the kernel) and answers 13 bytes
//
// One thread, epoll, level-triggered. It serves the proxies of this bench on loopback and nobody else: anything that
// it does not expect closes the connection, which the load generator counts as an error.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
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
#include <unistd.h>

enum { max_head = 16384, max_body = 64 << 20, max_events = 256 };

typedef struct {
    int fd;
    size_t used;            // bytes of `head` that are filled
    size_t discard;         // bytes of the request body still to come
    int upload;             // the 13 bytes are owed once `discard` is 0
    size_t answer_at, answer_end;
    off_t body_at, body_end;
    char head[max_head + 1];
    char answer[256];
} connection;

static int poll_fd, memory_fd;

static void watch(connection *c, unsigned events, int op) {
    struct epoll_event e = {.events = events, .data.ptr = c};
    epoll_ctl(poll_fd, op, c->fd, &e);
}

static void drop(connection *c) {
    close(c->fd);
    free(c);
}

static void answer(connection *c, size_t bytes, const char *text) {
    c->answer_at = 0;
    c->answer_end = (size_t)snprintf(c->answer, sizeof c->answer,
        "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %zu\r\n\r\n%s", bytes, text);
}

// Whether something is left to send: 1 yes, 0 no, -1 the connection is gone.
static int flush(connection *c) {
    while (c->answer_at < c->answer_end) {
        int more = c->body_at < c->body_end ? MSG_MORE : 0;
        ssize_t n = send(c->fd, c->answer + c->answer_at, c->answer_end - c->answer_at, MSG_NOSIGNAL | more);
        if (n < 0) return errno == EAGAIN ? 1 : -1;
        c->answer_at += (size_t)n;
    }
    while (c->body_at < c->body_end) {
        ssize_t n = sendfile(c->fd, memory_fd, &c->body_at, (size_t)(c->body_end - c->body_at));
        if (n < 0) return errno == EAGAIN ? 1 : -1;
        if (n == 0) return -1;
    }
    return 0;
}

// Reads one head from the buffer: 1 done, 0 more bytes needed, -1 not for this program.
static int begin(connection *c) {
    c->head[c->used] = 0;
    char *end = strstr(c->head, "\r\n\r\n");
    if (!end) return c->used < max_head ? 0 : -1;
    size_t head = (size_t)(end - c->head) + 4, rest = c->used - head;
    end[2] = 0;
    if (!strncmp(c->head, "GET /", 5)) {
        size_t bytes = strtoul(c->head + 5, NULL, 10);
        if (bytes > max_body) return -1;
        answer(c, bytes, "");
        c->body_at = 0;
        c->body_end = (off_t)bytes;
    } else {
        char *field = strcasestr(c->head, "\r\ncontent-length:");
        if (strncmp(c->head, "POST ", 5) || !field) return -1;
        size_t bytes = strtoul(field + 17, NULL, 10), here = bytes < rest ? bytes : rest;
        c->discard = bytes - here;
        head += here;
        rest -= here;
        c->upload = 1;
    }
    memmove(c->head, c->head + head, rest);
    c->used = rest;
    return 1;
}

// Everything that can be done without waiting; the result is whether the connection lives on.
static int step(connection *c) {
    for (;;) {
        int pending = flush(c);
        if (pending) {
            if (pending > 0) watch(c, EPOLLOUT, EPOLL_CTL_MOD);
            return pending > 0;
        }
        while (c->discard) {
            // MSG_TRUNC on TCP throws the bytes away without copying them out.
            ssize_t n = recv(c->fd, NULL, c->discard, MSG_TRUNC);
            if (n < 0 && errno == EAGAIN) return watch(c, EPOLLIN, EPOLL_CTL_MOD), 1;
            if (n <= 0) return 0;
            c->discard -= (size_t)n;
        }
        if (c->upload) {
            c->upload = 0;
            answer(c, 13, "hello, world\n");
            continue;
        }
        int begun = c->used ? begin(c) : 0;
        if (begun < 0) return 0;
        if (begun) continue;
        ssize_t n = recv(c->fd, c->head + c->used, max_head - c->used, 0);
        if (n < 0 && errno == EAGAIN) return watch(c, EPOLLIN, EPOLL_CTL_MOD), 1;
        if (n <= 0) return 0;
        c->used += (size_t)n;
    }
}

static void accept_all(int listener) {
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        connection *c = calloc(1, sizeof *c);
        if (!c) { close(fd); return; }
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        c->fd = fd;
        watch(c, EPOLLIN, EPOLL_CTL_ADD);
    }
}

int main(int count, char **arguments) {
    if (count != 2) return fputs("usage: sink PORT\n", stderr), 2;
    signal(SIGPIPE, SIG_IGN);  // sendfile has no MSG_NOSIGNAL
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arguments[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) return perror("sink"), 1;

    memory_fd = memfd_create("body", MFD_CLOEXEC);
    if (memory_fd < 0 || ftruncate(memory_fd, max_body)) return perror("sink"), 1;

    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[max_events], e = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener, &e);
    for (;;) {
        int n = epoll_wait(poll_fd, events, max_events, -1);
        for (int i = 0; i < n; i++) {
            connection *c = events[i].data.ptr;
            if (!c) accept_all(listener);
            else if (!step(c)) drop(c);
        }
    }
}
