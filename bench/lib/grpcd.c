/* The upstream of the row `grpc`: answers every call over HTTP/2 in cleartext with one message of 13 bytes and the
 * trailer `grpc-status: 0`. One thread; nghttp2 does the framing. Usage: grpcd PORT. Over HTTP/1.1 it says 200, so that
 * the bench sees that it is there.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 1 << 18 };
static const uint8_t MESSAGE[] = "\0\0\0\0\x0dhello, world\n";
enum { MESSAGE_BYTES = sizeof MESSAGE - 1 };

struct connection {
    int fd;
    nghttp2_session *session;
    uint8_t *pending; /* what the socket did not take */
    size_t size, capacity;
};

static int epoll;

static void end(struct connection *c) {
    close(c->fd);
    nghttp2_session_del(c->session);
    free(c->pending);
    free(c);
}

static ssize_t body(nghttp2_session *session, int32_t stream, uint8_t *buffer, size_t length, uint32_t *flags,
                    nghttp2_data_source *source, void *user) {
    static const nghttp2_nv trailer[] = {{(uint8_t *)"grpc-status", (uint8_t *)"0", 11, 1, 0}};
    (void)source, (void)user;
    if (length < MESSAGE_BYTES) return NGHTTP2_ERR_DEFERRED;
    memcpy(buffer, MESSAGE, MESSAGE_BYTES);
    *flags = NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    nghttp2_submit_trailer(session, stream, trailer, 1);
    return MESSAGE_BYTES;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
    static const nghttp2_nv head[] = {
        {(uint8_t *)":status", (uint8_t *)"200", 7, 3, 0},
        {(uint8_t *)"content-type", (uint8_t *)"application/grpc", 12, 16, 0},
    };
    (void)user;
    if (frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS) return 0;
    if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) return 0;
    nghttp2_data_provider provider = {.read_callback = body};
    return nghttp2_submit_response(session, frame->hd.stream_id, head, 2, &provider);
}

/* Sends all there is with as few calls as possible; false when the connection is broken. */
static int flush(struct connection *c) {
    for (;;) {
        const uint8_t *more;
        ssize_t count = 0;
        while (c->size < BUFFER && (count = nghttp2_session_mem_send(c->session, &more)) > 0) {
            if (c->size + (size_t)count > c->capacity) {
                c->capacity = c->size + (size_t)count + BUFFER;
                c->pending = realloc(c->pending, c->capacity);
                if (!c->pending) return 0;
            }
            memcpy(c->pending + c->size, more, (size_t)count);
            c->size += (size_t)count;
        }
        if (count < 0) return 0;
        if (!c->size) return 1;
        ssize_t sent = send(c->fd, c->pending, c->size, MSG_NOSIGNAL);
        if (sent < 0) return errno == EAGAIN;
        memmove(c->pending, c->pending + sent, c->size - (size_t)sent);
        c->size -= (size_t)sent;
    }
}

static int serve(struct connection *c) {
    static uint8_t buffer[BUFFER];
    for (;;) {
        ssize_t count = recv(c->fd, buffer, sizeof buffer, 0);
        if (count < 0 && errno == EAGAIN) break;
        if (count <= 0) return 0;
        if (count > 14 && !memcmp(buffer, "GET / HTTP/1.1", 14)) {
            static const char yes[] = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            (void)!write(c->fd, yes, sizeof yes - 1);
            return 0;
        }
        if (nghttp2_session_mem_recv(c->session, buffer, (size_t)count) != count) return 0;
        if (count < (ssize_t)sizeof buffer) break;
    }
    return flush(c) && (nghttp2_session_want_read(c->session) || nghttp2_session_want_write(c->session));
}

static void take(int listener, nghttp2_session_callbacks *callbacks) {
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct connection *c = calloc(1, sizeof *c);
        if (!c) exit(1);
        c->fd = fd;
        nghttp2_session_server_new(&c->session, callbacks, c);
        nghttp2_settings_entry settings = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 1000};
        nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, &settings, 1);
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

int main(int count, char **words) {
    if (count != 2) return fprintf(stderr, "usage: grpcd PORT\n"), 64;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) return perror("grpcd"), 1;
    nghttp2_session_callbacks *callbacks;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        struct epoll_event events[256];
        int ready = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            struct connection *c = events[i].data.ptr;
            if (!c) take(listener, callbacks);
            else if (!serve(c)) end(c);
        }
    }
}
