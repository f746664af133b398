/* Listen: the Unix socket of the service. It never waits more than 50 ms without looking whether it
 * is to stop.
 *
 * Request: lines "name value", an empty line, float32 samples [frames, channels] in the byte order
 * of the machine. Answer: "settings BYTES\n" and a state as text, or "refused BYTES\n" and why. */
#define _DEFAULT_SOURCE
#include "listen_state.h"

#if !defined(_WIN32)

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define POLL_MS 50
#define TIMEOUT_MS 120000 /* without any progress: the first answer loads a model */

#if !defined(MSG_NOSIGNAL)
#define MSG_NOSIGNAL 0 /* macOS has SO_NOSIGPIPE */
#endif

/* Wait until the socket can be read or written; false after TIMEOUT_MS, or if stopped. */
static bool ready(const listener *l, int fd, short event) {
    for (int waited = 0; waited < TIMEOUT_MS && !listen_stopped(l); waited += POLL_MS) {
        struct pollfd entry = {fd, event, 0};
        int result = poll(&entry, 1, POLL_MS);
        if (result > 0) return true;
        if (result < 0 && errno != EINTR) return false;
    }
    return false;
}

static int open_socket(const listener *l) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!l->path[0] || strlen(l->path) >= sizeof address.sun_path) return -1;
    strcpy(address.sun_path, l->path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0) return -1;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, O_NONBLOCK);
#if defined(SO_NOSIGPIPE)
    setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &(int){1}, sizeof(int));
#endif
    for (int waited = 0; waited < TIMEOUT_MS && !listen_stopped(l); waited += POLL_MS) {
        if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
        if (errno != EAGAIN && errno != EINTR) break;
        poll(NULL, 0, POLL_MS); /* many others wait for it, too */
    }
    close(fd);
    return -1;
}

static bool send_all(const listener *l, int fd, const void *data, size_t bytes) {
    const char *at = data;
    while (bytes > 0) {
        if (!ready(l, fd, POLLOUT)) return false;
        ssize_t sent = send(fd, at, bytes, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (sent <= 0) return false;
        at += sent;
        bytes -= (size_t)sent;
    }
    return true;
}

/* All that the service sends until it closes; false if that is too much. */
static bool receive(const listener *l, int fd, char *answer, size_t *length) {
    while (*length < STATE_BYTES - 1) {
        if (!ready(l, fd, POLLIN)) return false;
        ssize_t got = recv(fd, answer + *length, STATE_BYTES - 1 - *length, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (got < 0) return false;
        if (got == 0) break;
        *length += (size_t)got;
    }
    answer[*length] = 0;
    return *length < STATE_BYTES - 1;
}

/* Check the first line and remove it. */
static listen_status unwrap(char *answer, size_t *length) {
    char kind[16];
    unsigned long bytes;
    const char *end = strchr(answer, '\n');
    if (!end || sscanf(answer, "%15s %lu", kind, &bytes) != 2) return LISTEN_NO_ANSWER;
    size_t head = (size_t)(end + 1 - answer);
    if (bytes != *length - head) return LISTEN_NO_ANSWER; /* the service ended in between */
    if (!strcmp(kind, "refused")) return LISTEN_REFUSED;
    *length -= head;
    memmove(answer, end + 1, *length + 1);
    return strcmp(kind, "settings") ? LISTEN_NO_ANSWER : LISTEN_DONE;
}

listen_status listen_ask(const listener *l, const char *header, const float *audio, size_t count,
                         char answer[STATE_BYTES], size_t *length) {
    int fd = open_socket(l);
    if (fd < 0) return LISTEN_NO_SERVICE;
    bool sent = send_all(l, fd, header, strlen(header)) &&
                send_all(l, fd, audio, count * sizeof *audio);
    *length = 0;
    bool received = sent && receive(l, fd, answer, length);
    close(fd);
    return received ? unwrap(answer, length) : LISTEN_NO_ANSWER;
}

#endif
