// System calls whose types or macros Swift cannot import: readiness of sockets, descriptors over a Unix socket, who is at
// its other end, which processors this process may use, what a thread stands back for, and memory given back to the system.

#ifndef SLUICE_CPLATFORM_H
#define SLUICE_CPLATFORM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// What a descriptor is ready for, or is to be watched for; the kernel's numbers (EPOLLIN, OUT, ERR, HUP, RDHUP, ET).
static const uint32_t SLUICE_READABLE = 0x001, SLUICE_WRITABLE = 0x004, SLUICE_BROKEN = 0x008, SLUICE_HUNG_UP = 0x010,
                      SLUICE_PEER_ENDED = 0x2000, SLUICE_EDGE = 0x80000000;

// A descriptor that is ready, by the key it was added with.
struct sluice_ready {
    uint64_t key;
    uint32_t events;
};

// All return a descriptor or 0, or -1 with errno. The two that are waited for are close-on-exec, as is the poll itself.
int sluice_poll_create(void);
int sluice_poll_add(int poll, int descriptor, uint32_t events, uint64_t key);
int sluice_poll_change(int poll, int descriptor, uint32_t events, uint64_t key);

// Waits for at most `timeout` milliseconds, -1: for ever; a signal ends it early with 0.
int sluice_poll_wait(int poll, struct sluice_ready *ready, int capacity, int timeout);

// Something that another thread makes ready.
int sluice_wakeup_create(void);
void sluice_wakeup_signal(int descriptor);

// Something that becomes ready at a time of the monotonic clock, in nanoseconds.
int sluice_alarm_create(void);
void sluice_alarm_set(int descriptor, uint64_t nanoseconds);

// Bytes to be sent; laid out as the system's struct iovec.
struct sluice_piece {
    const void *start;
    size_t count;
};

// Sends several pieces with one call and without a signal; never waits. Returns how many bytes went, or -1 with errno.
long sluice_socket_gather(int socket, const struct sluice_piece *pieces, size_t count);

// The loop that the calling thread runs, as it said itself; NULL: none.
void *sluice_current_loop(void);
void sluice_set_current_loop(void *loop);

// Sends bytes, at least one, and one descriptor with them (-1: none).
//
// Returns how many bytes went out, or -1 with errno.
long sluice_socket_send(int socket, const void *bytes, size_t count, int descriptor);

// Receives bytes, and in `descriptor` the one that came with them, close-on-exec, or -1.
//
// More than one descriptor at once is an error (EPROTO), and none of them stays open.
long sluice_socket_receive(int socket, void *bytes, size_t capacity, int *descriptor);

// The user that the other end of a Unix socket belonged to when it connected; returns 0, or -1 with errno.
int sluice_socket_peer_user(int socket, uint32_t *user);

// As send and recv, which are points where a thread can be cancelled and pay for that twice in each call: 2 % of what a
// request costs. No thread here is ever cancelled.
ssize_t sluice_send(int socket, const void *bytes, size_t count, int flags);
ssize_t sluice_receive(int socket, void *bytes, size_t count, int flags);

// How many processors the scheduler may put this process on; 0: not known.
int sluice_processor_count(void);

// Lets all other threads go first, from now on and for every thread that this one starts; there is no way back.
//
// Nice 19, and a slice of 10 ms, which is longer than that of usual threads, so that the scheduler takes it away as soon as
// one of them wakes (Linux 6.12 and newer; older kernels let it run on for a few milliseconds). Much longer slices would
// mean seconds without a turn on a machine that is never idle. `only_idle`: SCHED_IDLE instead, which any other thread that
// wakes takes the processor from at once. Returns 0, or -1 with errno.
int sluice_lower_priority(int only_idle);

// Gives free memory of the allocator back to the system.
void sluice_trim_memory(void);

// How many bytes a block of the allocator has, which may be more than it was asked for.
size_t sluice_block_size(void *block);

#endif
