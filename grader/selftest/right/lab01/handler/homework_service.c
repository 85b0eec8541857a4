/* All in signal handlers: SIGTERM ends the process in its handler, SIGALRM beats; main only pauses. Every
 * call in them is async-signal-safe but localtime and strftime, which nothing else here calls. */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static char *file = "/tmp/homework_service.log";
static int fd, to = -1;
static double interval = 15, left = 0, ping = 0, ping_left = 0, tick;
static struct sockaddr_un address;
static socklen_t size;

static void send_state(const char *state)
{
    if (to != -1)
        sendto(to, state, strlen(state), 0, (struct sockaddr *)&address, size);
}

static void complain(const char *why)
{
    char text[300];
    int n = snprintf(text, sizeof text, "%s: %s\n", file, why);
    if (write(2, text, (size_t)n) < 0)
        _exit(1);
}

static void over(int s)
{
    (void)s;
    send_state("STOPPING=1");
    _exit(0);
}

static void hup(int s)
{
    (void)s;
    int new = open(file, O_WRONLY | O_APPEND | O_CREAT, 0644);
    if (new == -1) {
        complain(strerror(errno));
    } else {
        close(fd);
        fd = new;
    }
}

static void alarmed(int s)
{
    (void)s;
    left -= tick;
    ping_left -= tick;
    if (ping > 0 && ping_left < tick / 2) {
        send_state("WATCHDOG=1");
        ping_left += ping;
    }
    if (left >= tick / 2)
        return;
    left += interval;
    time_t t = time(NULL);
    char line[100];
    size_t n = strftime(line, 100, "Service heartbeat: %a %b %e %I:%M:%S %p %Z %Y\n", localtime(&t));
    struct stat st;
    fstat(fd, &st);
    ssize_t w = 0;
    for (size_t k = 0; k < n && w != -1; k += (size_t)w)
        w = write(fd, line + k, n - k);
    if (w == -1) {
        complain(strerror(errno));
        if (ftruncate(fd, st.st_size) == -1)
            complain("torn");
    }
}

int main(int argc, char **argv)
{
    static struct option options[] = {{"log", 1, 0, 'l'}, {"interval", 1, 0, 'i'}, {0}};
    int c;
    char *e;
    while ((c = getopt_long(argc, argv, "", options, 0)) != -1)
        switch (c) {
        case 'l':
            file = optarg;
            break;
        case 'i':
            interval = strtod(optarg, &e);
            if (e == optarg || *e || !(interval >= 0.01) || interval > 1e6)
                errx(2, "interval: %s", optarg);
            break;
        default:
            return 2;
        }
    fd = open(file, O_WRONLY | O_APPEND | O_CREAT, 0644);
    if (fd == -1)
        err(1, "%s", file);
    struct sigaction a = {.sa_flags = SA_RESTART};
    sigfillset(&a.sa_mask); /* one handler at a time */
    a.sa_handler = over;
    sigaction(SIGTERM, &a, 0);
    sigaction(SIGINT, &a, 0);
    a.sa_handler = hup;
    sigaction(SIGHUP, &a, 0);
    a.sa_handler = alarmed;
    sigaction(SIGALRM, &a, 0);
    char *name = getenv("NOTIFY_SOCKET");
    if (name && strlen(name) < sizeof address.sun_path) {
        address.sun_family = AF_UNIX;
        snprintf(address.sun_path, sizeof address.sun_path, "%s", name);
        size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
        if (*name == '@')
            *address.sun_path = 0;
        to = socket(AF_UNIX, SOCK_DGRAM, 0);
    }
    char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    if (usec && (!pid || atol(pid) == getpid()))
        ping = atof(usec) / 2e6;
    tick = interval;
    if (ping > 0) /* the clock ticks for both */
        tick = ping / 2 < interval ? ping / 2 : interval / 2;
    puts("My custom service has started.");
    fflush(stdout);
    send_state("READY=1\nSTATUS=ticking");
    left = tick;
    ping_left = tick;
    struct itimerval timer = {.it_value = {0, 1}};
    timer.it_interval.tv_sec = (time_t)tick;
    timer.it_interval.tv_usec = (suseconds_t)((tick - (double)(time_t)tick) * 1e6);
    setitimer(ITIMER_REAL, &timer, 0);
    for (;;)
        pause();
}
