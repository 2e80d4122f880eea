#include "CCares.h"

// Newer versions mark the functions used here as deprecated in favour of ones that 1.18 lacks.
#define CARES_NO_DEPRECATED
#include <ares.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

struct sluice_dns_channel {
    ares_channel ares;
    // What c-ares waits for. `polled` is the copy that one step works on, since handling an event changes `wanted`;
    // it has room for one more, the wake descriptor.
    struct pollfd *wanted;
    struct pollfd *polled;
    nfds_t count;
    nfds_t capacity;
    // The search list.
    struct ares_options saved;
};

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void init_library(void) { ares_library_init(ARES_LIB_INIT_ALL); }

static sluice_dns_status status_of(int code) {
    switch (code) {
    case ARES_SUCCESS: return SLUICE_DNS_ANSWER;
    case ARES_ENODATA: return SLUICE_DNS_NO_DATA;
    case ARES_ENOTFOUND: return SLUICE_DNS_NOT_FOUND;
    case ARES_ETIMEOUT: return SLUICE_DNS_TIMEOUT;
    case ARES_EREFUSED: return SLUICE_DNS_REFUSED;
    case ARES_ECONNREFUSED: return SLUICE_DNS_UNREACHABLE;
    case ARES_EBADRESP: return SLUICE_DNS_MALFORMED;
    case ARES_EBADQUERY:
    case ARES_EBADNAME:
    case ARES_EBADSTR: return SLUICE_DNS_BAD_INPUT;
    case ARES_ECANCELLED:
    case ARES_EDESTRUCTION: return SLUICE_DNS_CANCELLED;
    case ARES_ENOMEM:
    case ARES_EFILE: return SLUICE_DNS_NO_RESOURCES;
    default: return SLUICE_DNS_SERVER_FAILURE;
    }
}

// MARK: Sockets

static int make_room(sluice_dns_channel *channel) {
    if (channel->count < channel->capacity) return 1;
    nfds_t capacity = channel->capacity * 2 + 8;
    struct pollfd *wanted = realloc(channel->wanted, capacity * sizeof(struct pollfd));
    if (wanted) channel->wanted = wanted;
    struct pollfd *polled = realloc(channel->polled, (capacity + 1) * sizeof(struct pollfd));
    if (polled) channel->polled = polled;
    if (!wanted || !polled) return 0;
    channel->capacity = capacity;
    return 1;
}

// c-ares says what it waits for on a socket; nothing at all: the socket goes.
static void on_socket_state(void *data, ares_socket_t fd, int readable, int writable) {
    sluice_dns_channel *channel = data;
    nfds_t i = 0;
    while (i < channel->count && channel->wanted[i].fd != fd) i += 1;
    if (!readable && !writable) {
        if (i < channel->count) channel->wanted[i] = channel->wanted[--channel->count];
        return;
    }
    // Without memory the socket is not watched, and its questions time out.
    if (i == channel->count) {
        if (!make_room(channel)) return;
        channel->count += 1;
    }
    channel->wanted[i].fd = fd;
    channel->wanted[i].events = (short)((readable ? POLLIN : 0) | (writable ? POLLOUT : 0));
    channel->wanted[i].revents = 0;
}

void sluice_dns_step(sluice_dns_channel *channel, int wake) {
    nfds_t count = channel->count;
    if (count > 0) memcpy(channel->polled, channel->wanted, count * sizeof(struct pollfd));
    channel->polled[count].fd = wake;
    channel->polled[count].events = POLLIN;
    channel->polled[count].revents = 0;

    struct timeval buffer;
    struct timeval *left = ares_timeout(channel->ares, NULL, &buffer);
    // One more millisecond: rounding down would wake this up early, again and again.
    int wait = left ? (int)(left->tv_sec * 1000 + left->tv_usec / 1000 + 1) : -1;
    int ready = poll(channel->polled, count + 1, wait);

    if (ready > 0 && channel->polled[count].revents) {
        uint64_t signals;
        ssize_t got = read(wake, &signals, sizeof signals);
        (void)got;
    }
    for (nfds_t i = 0; ready > 0 && i < count; i += 1) {
        short events = channel->polled[i].revents;
        if (!events) continue;
        int can_read = events & (POLLIN | POLLERR | POLLHUP | POLLNVAL);
        int can_write = events & (POLLOUT | POLLERR);
        ares_process_fd(channel->ares, can_read ? channel->polled[i].fd : ARES_SOCKET_BAD,
                        can_write ? channel->polled[i].fd : ARES_SOCKET_BAD);
    }
    // Times out what is late.
    ares_process_fd(channel->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

// MARK: Channel

sluice_dns_status sluice_dns_open(sluice_dns_channel **result, const char *system_file, const char *servers,
                                  int timeout_ms, int tries) {
    pthread_once(&library_once, init_library);
    *result = NULL;
    sluice_dns_channel *channel = calloc(1, sizeof *channel);
    if (!channel) return SLUICE_DNS_NO_RESOURCES;
    if (!make_room(channel)) {
        sluice_dns_close(channel);
        return SLUICE_DNS_NO_RESOURCES;
    }
    struct ares_options options;
    memset(&options, 0, sizeof options);
    options.timeout = timeout_ms;
    options.tries = tries;
    options.sock_state_cb = on_socket_state;
    options.sock_state_cb_data = channel;
    // c-ares copies it.
    options.resolvconf_path = (char *)system_file;
    int set = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB | ARES_OPT_RESOLVCONF;
    int code = ares_init_options(&channel->ares, &options, set);
    if (code != ARES_SUCCESS) channel->ares = NULL;
    if (code == ARES_SUCCESS && servers) code = ares_set_servers_ports_csv(channel->ares, servers);
    int mask = 0;
    if (code == ARES_SUCCESS) code = ares_save_options(channel->ares, &channel->saved, &mask);
    if (code != ARES_SUCCESS) {
        sluice_dns_close(channel);
        return status_of(code);
    }
    *result = channel;
    return SLUICE_DNS_ANSWER;
}

void sluice_dns_close(sluice_dns_channel *channel) {
    if (channel->ares) ares_destroy(channel->ares);
    ares_destroy_options(&channel->saved);
    free(channel->wanted);
    free(channel->polled);
    free(channel);
}

int sluice_dns_dots(const sluice_dns_channel *channel) { return channel->saved.ndots; }

int sluice_dns_domain_count(const sluice_dns_channel *channel) { return channel->saved.ndomains; }

const char *sluice_dns_domain(const sluice_dns_channel *channel, int index) {
    return index >= 0 && index < channel->saved.ndomains ? channel->saved.domains[index] : NULL;
}

// MARK: Questions

struct question {
    sluice_dns_callback callback;
    void *context;
};

static void on_answer(void *data, int code, int timeouts, unsigned char *bytes, int count) {
    (void)timeouts;
    struct question question = *(struct question *)data;
    free(data);
    int is_answer = code == ARES_SUCCESS && bytes && count > 0;
    sluice_dns_status status = code == ARES_SUCCESS && !is_answer ? SLUICE_DNS_MALFORMED : status_of(code);
    question.callback(question.context, status, is_answer ? bytes : NULL, is_answer ? (size_t)count : 0);
}

void sluice_dns_ask(sluice_dns_channel *channel, const char *name, int type, sluice_dns_callback callback,
                    void *context) {
    struct question *question = malloc(sizeof *question);
    if (!question) {
        callback(context, SLUICE_DNS_NO_RESOURCES, NULL, 0);
        return;
    }
    question->callback = callback;
    question->context = context;
    // Class 1: the Internet.
    ares_query(channel->ares, name, 1, type, on_answer, question);
}

int sluice_dns_shortage(void) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    close(fd);
    return 0;
}

// MARK: Waking up

int sluice_dns_wake_open(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

void sluice_dns_wake_signal(int wake) {
    uint64_t one = 1;
    ssize_t put = write(wake, &one, sizeof one);
    (void)put;
}

void sluice_dns_wake_close(int wake) { close(wake); }
