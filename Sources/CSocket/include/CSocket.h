// System calls whose types or macros Swift cannot import: descriptors over a Unix socket, who is at its other end,
// which processors this process may use, what a thread stands back for, and memory given back to the system.

#ifndef SLUICE_CSOCKET_H
#define SLUICE_CSOCKET_H

#include <stddef.h>
#include <stdint.h>

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

// How many processors the scheduler may put this process on; 0: not known.
int sluice_processor_count(void);

// Lets all other threads go first, from now on and for every thread that this one starts; there is no way back.
//
// Nice 19, and a slice of 10 ms, which is longer than that of usual threads, so that the scheduler takes it away as soon as
// one of them wakes (Linux 6.12 and newer; older kernels let it run on for a few milliseconds). Much longer slices would
// mean seconds without a turn on a machine that is never idle. Returns 0, or -1 with errno.
int sluice_lower_priority(void);

// Gives free memory of the allocator back to the system.
void sluice_trim_memory(void);

#endif
