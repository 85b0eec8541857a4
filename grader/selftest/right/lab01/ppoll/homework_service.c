/* Handlers that set flags, let through in ppoll alone; the log is a stdio stream, kept by lines. What a
 * full disk has torn it completes later. Beats count up from the start. */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stop, reopen;
static char rest[256]; /* of a line that is not in the log yet */
static const char *name = "/tmp/homework_service.log";

static void on_signal(int s)
{
    if (s == SIGHUP)
        reopen = 1;
    else
        stop = 1;
}

static int64_t ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int sock = -1;
static struct sockaddr_un peer = {.sun_family = AF_UNIX};
static socklen_t peer_length;

static void tell(const char *what)
{
    if (sock >= 0)
        (void)!sendto(sock, what, strlen(what), MSG_NOSIGNAL, (void *)&peer, peer_length);
}

static void put(FILE *log)
{
    while (*rest) {
        ssize_t n = write(fileno(log), rest, strlen(rest));
        if (n == -1) {
            perror(name);
            return;
        }
        memmove(rest, rest + n, strlen(rest + n) + 1);
    }
}

int main(int argc, char **argv)
{
    double seconds = 15;
    struct option o[] = {{"interval", required_argument, 0, 'i'}, {"log", required_argument, 0, 'l'}, {0, 0, 0, 0}};
    int c;
    while ((c = getopt_long(argc, argv, "", o, NULL)) != -1) {
        char *end = NULL;
        if (c == 'l')
            name = optarg;
        else if (c == 'i')
            seconds = strtod(optarg, &end);
        else
            return 2;
        if (c == 'i' && (end == optarg || *end || !(seconds > 0.0001 && seconds < 1e8))) {
            fprintf(stderr, "bad interval %s\n", optarg);
            return 2;
        }
    }
    struct sigaction sa = {.sa_handler = on_signal};
    sigset_t blocked, before;
    sigemptyset(&blocked);
    int all[] = {SIGINT, SIGTERM, SIGHUP};
    for (int i = 0; i < 3; i++)
        sigaddset(&blocked, all[i]);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    for (int i = 0; i < 3; i++) {
        sigaction(all[i], &sa, NULL);
        sigdelset(&before, all[i]);
    }
    FILE *log = fopen(name, "ae");
    if (!log) {
        fprintf(stderr, "cannot open %s: %s\n", name, strerror(errno));
        return 1;
    }
    const char *path = getenv("NOTIFY_SOCKET");
    if (path && strlen(path) < sizeof peer.sun_path) {
        memcpy(peer.sun_path, path, strlen(path));
        if (peer.sun_path[0] == '@')
            peer.sun_path[0] = 0;
        peer_length = (socklen_t)(sizeof(sa_family_t) + strlen(path));
        sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    }
    setvbuf(stdout, NULL, _IONBF, 0);
    printf("My custom service has started.\n");
    tell("STATUS=up and running\nREADY=1\n");
    int64_t step = (int64_t)(seconds * 1e9), start = ns(), ping = INT64_MAX, every = 0;
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    if (usec && (!pid || strtol(pid, NULL, 10) == (long)getpid())) {
        every = strtoll(usec, NULL, 10) * 1000 / 2;
        ping = start;
    }
    for (int64_t k = 0; !stop;) {
        if (reopen) {
            reopen = 0;
            FILE *again = fopen(name, "ae");
            if (again) {
                fclose(log);
                log = again;
            } else {
                perror(name);
            }
        }
        if (ns() >= ping) {
            tell("WATCHDOG=1");
            ping = ns() + every;
        }
        int64_t due = start + k * step;
        if (ns() >= due) {
            time_t t = time(NULL);
            char text[100];
            strftime(text, sizeof text, "%a %b %e %I:%M:%S %p %Z %Y", localtime(&t));
            if (!*rest)
                snprintf(rest, sizeof rest, "Service heartbeat: %s\n", text);
            put(log);
            k++;
            continue;
        }
        int64_t left = (due < ping ? due : ping) - ns();
        struct timespec ts = {left < 0 ? 0 : left / 1000000000, left < 0 ? 0 : left % 1000000000};
        ppoll(NULL, 0, &ts, &before);
    }
    tell("STOPPING=1");
    return EXIT_SUCCESS;
}
