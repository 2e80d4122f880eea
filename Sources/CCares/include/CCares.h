// A small, flat face of c-ares: raw questions out, raw answers back, driven by one thread.
//
// It hides what differs between c-ares 1.18 and 1.34 (constants that became an enum, renamed types) and the sockets,
// so that Swift sees one opaque channel. Answers are parsed in Swift, where an index out of bounds cannot pass.

#ifndef SLUICE_CCARES_H
#define SLUICE_CCARES_H

#include <stddef.h>

// How a question ended.
enum sluice_dns_status {
    // There is an answer, with at least one record.
    SLUICE_DNS_ANSWER,
    // The name exists, but no such record.
    SLUICE_DNS_NO_DATA,
    SLUICE_DNS_NOT_FOUND,
    SLUICE_DNS_SERVER_FAILURE,
    SLUICE_DNS_REFUSED,
    SLUICE_DNS_TIMEOUT,
    SLUICE_DNS_MALFORMED,
    // The name, or a configured server, cannot be what it should.
    SLUICE_DNS_BAD_INPUT,
    SLUICE_DNS_UNREACHABLE,
    // The channel was closed.
    SLUICE_DNS_CANCELLED,
    // Out of memory or of descriptors.
    SLUICE_DNS_NO_RESOURCES,
};
typedef enum sluice_dns_status sluice_dns_status;

// A set of servers and the questions under way. One thread at a time.
typedef struct sluice_dns_channel sluice_dns_channel;

// Called exactly once per question, possibly before `sluice_dns_ask` returns. `bytes` is the whole message, valid
// during the call; NULL unless the status is SLUICE_DNS_ANSWER.
typedef void (*sluice_dns_callback)(void *context, sluice_dns_status status, const unsigned char *bytes, size_t count);

// Opens a channel. `system_file`: where the system says its servers and search list, as in resolv.conf(5). `servers`:
// "host:port,[v6]:port,..."; NULL: those of the system. `timeout_ms`: for the first try at each server, longer for the
// next ones. Returns SLUICE_DNS_ANSWER, or why not.
sluice_dns_status sluice_dns_open(sluice_dns_channel **channel, const char *system_file, const char *servers,
                                  int timeout_ms, int tries);

// Ends all questions with SLUICE_DNS_CANCELLED and frees the channel.
void sluice_dns_close(sluice_dns_channel *channel);

// Asks for records of `type` (RFC 1035, section 3.2.2) of the absolute name `name`.
void sluice_dns_ask(sluice_dns_channel *channel, const char *name, int type, sluice_dns_callback callback,
                    void *context);

// Waits until a server answers, a try times out or `wake` is signalled, and handles what happened: callbacks are made
// from here.
void sluice_dns_step(sluice_dns_channel *channel, int wake);

// The system's search list: how many dots make a name absolute, and the domains to try.
int sluice_dns_dots(const sluice_dns_channel *channel);
int sluice_dns_domain_count(const sluice_dns_channel *channel);
const char *sluice_dns_domain(const sluice_dns_channel *channel, int index);

// Whether the process can open a socket at this moment: 0, or why not (errno). c-ares itself does not tell a lack of
// descriptors from a server that cannot be reached.
int sluice_dns_shortage(void);

// A descriptor that ends a wait: opened, signalled from any thread, closed. -1 when there is none to be had.
int sluice_dns_wake_open(void);
void sluice_dns_wake_signal(int wake);
void sluice_dns_wake_close(int wake);

#endif
