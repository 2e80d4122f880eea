// For struct ucred and sched_getaffinity.
#define _GNU_SOURCE

#include "CPlatform.h"

#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

int sluice_poll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

static int control(int poll, int operation, int descriptor, uint32_t events, uint64_t key) {
    struct epoll_event event = {.events = events, .data = {.u64 = key}};
    return epoll_ctl(poll, operation, descriptor, &event);
}

int sluice_poll_add(int poll, int descriptor, uint32_t events, uint64_t key) {
    return control(poll, EPOLL_CTL_ADD, descriptor, events, key);
}

int sluice_poll_change(int poll, int descriptor, uint32_t events, uint64_t key) {
    return control(poll, EPOLL_CTL_MOD, descriptor, events, key);
}

// The kernel's structure is packed, which Swift does not import reliably.
enum { MOST_EVENTS = 256 };

int sluice_poll_wait(int poll, struct sluice_ready *ready, int capacity, int timeout) {
    struct epoll_event events[MOST_EVENTS];
    int count = epoll_wait(poll, events, capacity < MOST_EVENTS ? capacity : MOST_EVENTS, timeout);
    if (count < 0) return errno == EINTR ? 0 : -1;
    for (int i = 0; i < count; i++) {
        ready[i].key = events[i].data.u64;
        ready[i].events = events[i].events;
    }
    return count;
}

int sluice_wakeup_create(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

void sluice_wakeup_signal(int descriptor) {
    uint64_t one = 1;
    while (write(descriptor, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

int sluice_alarm_create(void) { return timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC); }

void sluice_alarm_set(int descriptor, uint64_t nanoseconds) {
    // Zero would switch it off.
    if (nanoseconds == 0) nanoseconds = 1;
    struct itimerspec when = {
        .it_value = {.tv_sec = (time_t)(nanoseconds / 1000000000), .tv_nsec = (long)(nanoseconds % 1000000000)}};
    timerfd_settime(descriptor, TFD_TIMER_ABSTIME, &when, NULL);
}

_Static_assert(sizeof(struct sluice_piece) == sizeof(struct iovec), "the same layout");
_Static_assert(offsetof(struct sluice_piece, count) == offsetof(struct iovec, iov_len), "the same layout");

long sluice_socket_gather(int socket, const struct sluice_piece *pieces, size_t count) {
    struct msghdr message = {.msg_iov = (struct iovec *)pieces, .msg_iovlen = count};
    ssize_t sent;
    do {
        sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent;
}

static _Thread_local void *current_loop;

void *sluice_current_loop(void) { return current_loop; }

void sluice_set_current_loop(void *loop) { current_loop = loop; }

// Room for a few, so that a peer that sends several is noticed and they can be closed.
enum { MOST_DESCRIPTORS = 8 };

long sluice_socket_send(int socket, const void *bytes, size_t count, int descriptor) {
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } control;
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    memset(&control, 0, sizeof control);
    if (descriptor >= 0) {
        message.msg_control = control.space;
        message.msg_controllen = sizeof control.space;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
    }
    ssize_t sent;
    do {
        sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent;
}

long sluice_socket_receive(int socket, void *bytes, size_t capacity, int *descriptor) {
    struct iovec part = {.iov_base = bytes, .iov_len = capacity};
    union {
        char space[CMSG_SPACE(MOST_DESCRIPTORS * sizeof(int))];
        struct cmsghdr aligned;
    } control;
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    *descriptor = -1;
    ssize_t received;
    do {
        received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    } while (received < 0 && errno == EINTR);
    if (received < 0) return -1;
    int too_many = (message.msg_flags & MSG_CTRUNC) != 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int one;
            memcpy(&one, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
            if (*descriptor < 0 && !too_many) {
                *descriptor = one;
            } else {
                close(one);
                too_many = 1;
            }
        }
    }
    if (!too_many) return received;
    if (*descriptor >= 0) close(*descriptor);
    *descriptor = -1;
    errno = EPROTO;
    return -1;
}

int sluice_socket_peer_user(int socket, uint32_t *user) {
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return -1;
    *user = peer.uid;
    return 0;
}

int sluice_processor_count(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 0;
    return CPU_COUNT(&set);
}

int sluice_lower_priority(int only_idle) {
    // As in linux/sched/types.h; the C library has neither the type nor the call. Source: sched_setattr(2).
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t slice, deadline, period;
    } wanted = {.size = sizeof wanted, .policy = only_idle ? SCHED_IDLE : SCHED_OTHER, .nice = 19, .slice = 10 * 1000 * 1000};
    // Sandboxes often know this older call only. On Linux it is about the calling thread alone.
    int older = setpriority(PRIO_PROCESS, 0, 19);
    return syscall(SYS_sched_setattr, 0, &wanted, 0) == 0 ? 0 : older;
}

ssize_t sluice_send(int socket, const void *bytes, size_t count, int flags) {
    return syscall(SYS_sendto, socket, bytes, count, flags, NULL, 0);
}

ssize_t sluice_receive(int socket, void *bytes, size_t count, int flags) {
    return syscall(SYS_recvfrom, socket, bytes, count, flags, NULL, NULL);
}

void sluice_trim_memory(void) { malloc_trim(0); }

size_t sluice_block_size(void *block) { return malloc_usable_size(block); }
