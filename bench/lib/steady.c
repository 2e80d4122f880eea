// The load of the rows `reload` and `scrape`: requests at an even rate, whatever becomes of the answers.
//
//   steady PORT CONNECTIONS SECONDS LEAD RATE
//
// Requests are due at ticks of 0.1 ms. One that finds no connection free waits for one, and its time runs from the tick
// at which it was due, so that a proxy which stops for a while is charged for all that would have come (h2load sends
// less then). What was due in the first LEAD seconds is left out of the times. An answer other than 200, one that does
// not come within 5 s, and a connection that ends are counted, not errors. The summary is one line of JSON, in
// microseconds.
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
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { max_answer = 4096, max_connections = 4096 };
static const double tick = 1e-4, patience = 5;

typedef struct {
    int fd;
    int busy;
    double due;             // of the request that it has
    size_t used;            // bytes of the answer so far
    char answer[max_answer + 1];
} connection;

static connection all[max_connections];
static int idle[max_connections];   // a ring, so that all of them are used
static unsigned first_idle, idle_count;
static int poll_fd, port, connections;
static char request[256];
static size_t request_bytes;
static double *due, *times;
static unsigned long due_count, sent, answered, failed, closed, timed, most_waiting;
static double begin, counts_from;

static void fail(const char *why) {
    fprintf(stderr, "steady: %s\n", why);
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void give_back(connection *c) {
    idle[(first_idle + idle_count++) % max_connections] = (int)(c - all);
}

static void start(connection *c) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address)) fail("cannot connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &e);
    c->busy = 0;
    c->used = 0;
}

// The connection is gone, and with it the request that it has.
static void replace(connection *c) {
    int was_busy = c->busy;
    closed++;
    if (was_busy) failed++, answered++;
    close(c->fd);
    start(c);
    // One that was idle is in the ring already.
    if (was_busy) give_back(c);
}

static void send_one(connection *c, double at) {
    c->busy = 1;
    c->due = at;
    c->used = 0;
    // A request is small enough for any socket's buffer; when it is not taken the connection has ended.
    if (send(c->fd, request, request_bytes, MSG_NOSIGNAL) != (ssize_t)request_bytes) replace(c);
}

static void send_due(void) {
    while (sent < due_count && idle_count && due[sent] <= now() - begin) {
        connection *c = &all[idle[first_idle]];
        first_idle = (first_idle + 1) % max_connections;
        idle_count--;
        send_one(c, due[sent++]);
    }
}

static void complete(connection *c, int is_good) {
    double elapsed = now() - begin - c->due;
    answered++;
    if (!is_good) failed++;
    if (is_good && c->due >= counts_from) times[timed++] = elapsed;
    c->busy = 0;
    give_back(c);
}

static void receive(connection *c) {
    ssize_t n = recv(c->fd, c->answer + c->used, max_answer - c->used, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0 || !c->busy) return replace(c);
    c->used += (size_t)n;
    c->answer[c->used] = 0;
    char *end = strstr(c->answer, "\r\n\r\n");
    if (!end) return c->used == max_answer ? fail("the head of the answer is too large") : (void)0;
    char *field = strcasestr(c->answer, "\r\ncontent-length:");
    if (!field || field > end) fail("an answer without a length");
    size_t whole = (size_t)(end + 4 - c->answer) + strtoul(field + 17, NULL, 10);
    if (whole > max_answer) fail("the answer is too large");
    if (c->used >= whole) complete(c, !strncmp(c->answer, "HTTP/1.1 200", 12));
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(double share) {
    return timed ? times[(unsigned long)((double)(timed - 1) * share)] * 1e6 : 0;
}

int main(int count, char **arguments) {
    if (count != 6) return fputs("usage: steady PORT CONNECTIONS SECONDS LEAD RATE\n", stderr), 2;
    port = atoi(arguments[1]);
    connections = atoi(arguments[2]);
    double seconds = atof(arguments[3]), rate = atof(arguments[5]);
    counts_from = atof(arguments[4]);
    if (connections < 1 || connections > max_connections) fail("1 to 4096 connections");
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1);
    request_bytes = (size_t)snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", port);

    due_count = (unsigned long)(rate * seconds);
    due = malloc(due_count * sizeof *due);
    times = malloc(due_count * sizeof *times);
    if (!due || !times) fail("no memory");
    for (unsigned long i = 0; i < due_count; i++) due[i] = (double)(long)((double)i / rate / tick) * tick;
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < connections; i++) start(&all[i]), give_back(&all[i]);

    begin = now();
    while (answered < due_count && now() - begin < seconds + patience) {
        send_due();
        double next = sent < due_count && idle_count ? due[sent] - (now() - begin) : tick;
        struct timespec wait = {.tv_nsec = next > tick ? (long)(tick * 1e9) : next > 0 ? (long)(next * 1e9) : 0};
        struct epoll_event events[256];
        int ready = epoll_pwait2(poll_fd, events, 256, &wait, NULL);
        for (int i = 0; i < ready; i++) receive(events[i].data.ptr);
        unsigned long should = (unsigned long)((now() - begin) * rate);
        if (should > due_count) should = due_count;
        if (should > sent && should - sent > most_waiting) most_waiting = should - sent;
    }
    double elapsed = now() - begin;
    failed += due_count - answered;
    qsort(times, timed, sizeof *times, ascending);
    printf("@JSON {\"requests\": %lu, \"timed\": %lu, \"failed\": %lu, \"closed\": %lu, \"waited\": %lu, "
           "\"seconds\": %.3f, \"p50\": %.0f, \"p99\": %.0f, \"p999\": %.0f, \"max\": %.0f}\n",
           due_count, timed, failed, closed, most_waiting, elapsed, quantile(0.5), quantile(0.99), quantile(0.999),
           quantile(1));
    return 0;
}
