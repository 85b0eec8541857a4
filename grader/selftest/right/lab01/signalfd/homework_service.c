/* An event loop: signalfd for the signals, a timerfd for the beats, another for the watchdog. */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static const char *log_name = "/tmp/homework_service.log";

static void say(const char *state)
{
    const char *s = getenv("NOTIFY_SOCKET");
    struct sockaddr_un a;
    memset(&a, 0, sizeof a);
    a.sun_family = AF_UNIX;
    if (!s || (s[0] != '/' && s[0] != '@') || strlen(s) >= sizeof a.sun_path)
        return;
    strncpy(a.sun_path, s, sizeof a.sun_path - 1);
    if (s[0] == '@')
        a.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (connect(fd, (struct sockaddr *)&a, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(s))) == 0)
        send(fd, state, strlen(state), MSG_NOSIGNAL);
    close(fd);
}

static int timer(double first, double every)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    struct itimerspec t;
    t.it_value.tv_sec = (time_t)first;
    t.it_value.tv_nsec = (long)((first - (double)t.it_value.tv_sec) * 1e9);
    t.it_interval.tv_sec = (time_t)every;
    t.it_interval.tv_nsec = (long)((every - (double)t.it_interval.tv_sec) * 1e9);
    if (fd == -1 || timerfd_settime(fd, 0, &t, NULL) == -1)
        err(1, "timerfd");
    return fd;
}

static void add_line(int fd)
{
    char line[120] = "Service heartbeat: ";
    time_t t;
    time(&t);
    struct tm tm;
    localtime_r(&t, &tm);
    size_t n = strlen(line);
    n += strftime(line + n, sizeof line - n, "%a %b %e %I:%M:%S %p %Z %Y\n", &tm);
    off_t end = lseek(fd, 0, SEEK_END);
    ssize_t w = write(fd, line, n);
    if (w == (ssize_t)n || (w >= 0 && write(fd, line + w, n - (size_t)w) == (ssize_t)n - w))
        return;
    warn("%s", log_name);
    (void)!ftruncate(fd, end);
}

int main(int argc, char *argv[])
{
    double interval = 15;
    for (int i = 1; i < argc; i++) {
        char *end = "x";
        if (strcmp(argv[i], "--log") == 0 && argv[i + 1])
            log_name = argv[++i];
        else if (strcmp(argv[i], "--interval") == 0 && argv[i + 1]) {
            interval = strtod(argv[++i], &end);
            if (*end || end == argv[i] || !(interval > 0) || interval > 1e7)
                errx(2, "bad interval: %s", argv[i]);
        } else
            errx(2, "what is %s?", argv[i]);
    }
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, 0);
    int log = open(log_name, O_CREAT | O_APPEND | O_RDWR, 0600);
    if (log < 0)
        err(1, "open %s", log_name);
    if (write(STDOUT_FILENO, "My custom service has started.\n", 31) != 31)
        warn("stdout");
    struct pollfd p[3] = {{signalfd(-1, &set, SFD_CLOEXEC), POLLIN, 0}, {timer(1e-9, interval), POLLIN, 0}, {-1, POLLIN, 0}};
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    if (usec && (!pid || atoi(pid) == getpid()))
        p[2].fd = timer(atof(usec) / 2e6, atof(usec) / 2e6);
    say("READY=1");
    say("STATUS=fine");
    for (;;) {
        uint64_t times;
        struct signalfd_siginfo info;
        if (poll(p, 3, -1) == -1)
            continue;
        if (p[1].revents && read(p[1].fd, &times, sizeof times) > 0)
            add_line(log);
        if (p[2].revents && read(p[2].fd, &times, sizeof times) > 0)
            say("WATCHDOG=1");
        if (!p[0].revents || read(p[0].fd, &info, sizeof info) != sizeof info)
            continue;
        if (info.ssi_signo != SIGHUP)
            break;
        int fresh = open(log_name, O_CREAT | O_APPEND | O_RDWR, 0600);
        if (fresh < 0) {
            warn("%s", log_name);
            continue;
        }
        dup2(fresh, log);
        close(fresh);
    }
    say("STOPPING=1");
    exit(0);
}
