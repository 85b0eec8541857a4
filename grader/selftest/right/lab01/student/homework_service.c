/* homework_service - a heartbeat: a line in a log every 15 seconds
 *
 * Usage: ./homework_service [--interval SECONDS] [--log FILE]
 *
 * Try:   ./homework_service --interval 1 --log beats & tail -F beats
 *            `mv beats old`: it writes to old, until `kill -HUP $!`
 *        strace ./homework_service --interval 2 --log beats
 *            it waits in one call, and each beat is one write
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <getopt.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static double interval = 15; /* seconds from beat to beat */
static const char *path = "/tmp/homework_service.log";
static int file = -1;    /* the log, open for appending */
static sigset_t signals; /* what wait_until() waits for */

/* Keeps them pending until wait_until() takes them: sigprocmask(2). */
static volatile sig_atomic_t came; /* set by the handler, inside ppoll only */

static void on_signal(int number)
{
    if (came != SIGTERM && came != SIGINT)
        came = number;
}

static void block_signals(void)
{
    sigemptyset(&signals);
    const int ours[] = {SIGTERM, SIGINT, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        sigaddset(&signals, ours[i]);
        sigaction(ours[i], &action, NULL);
    }
    sigprocmask(SIG_BLOCK, &signals, NULL);
}

/* Sends systemd a message: a datagram to the socket NOTIFY_SOCKET, if that is
 * set. A '@' at the start of the name stands for a 0 byte: sd_notify(3). */
static void notify(const char *message)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (name == NULL || (name[0] != '@' && name[0] != '/'))
        return;
    size_t length = strlen(name);
    if (length >= sizeof to.sun_path)
        return;
    memcpy(to.sun_path, name, length);
    if (name[0] == '@')
        to.sun_path[0] = '\0';
    int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s == -1)
        return;
    /* no process listens? then it is not heard, and that is all */
    (void)sendto(s, message, strlen(message), MSG_NOSIGNAL,
                 (struct sockaddr *)&to,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
    close(s);
}

/* Returns the seconds from one WATCHDOG=1 to the next: half of WATCHDOG_USEC;
 * INFINITY if no process, or another one, has to send it. */
static double watchdog_interval(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    if (usec == NULL)
        return INFINITY;
    if (pid != NULL && strtol(pid, NULL, 10) != (long)getpid())
        return INFINITY;
    double seconds = (double)strtoull(usec, NULL, 10) / 1e6;
    if (seconds > 0)
        return seconds / 2;
    return INFINITY;
}

/* Opens the log for appending: open(2). Returns the descriptor, or -1. */
static int open_log(void)
{
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    return -1; /* without a solution */
}

/* Opens the log by its name again; if that fails, it keeps the old one. */
static void reopen_log(void)
{
    int old = file, fresh = open_log();
    if (fresh == -1) {
        warn("keeping the old log: %s", path);
        return;
    }
    file = fresh;
    close(old);
}

/* Appends a line with the date, by one write(2). When there is no room, that
 * writes a part or fails: then it says why, and takes the part back. */
static void beat(void)
{
    char line[200];
    time_t t = time(NULL);
    struct tm tm;
    localtime_r(&t, &tm);
    size_t n = strftime(line, sizeof line,
                        "Service heartbeat: %a %b %e %I:%M:%S %p %Z %Y\n", &tm);
    ssize_t done = write(file, line, n);
    if (done == (ssize_t)n)
        return;
    ssize_t rest = done;
    if (done != -1)
        rest = write(file, line + done, n - (size_t)done);
    if (rest == -1)
        warn("%s", path);
    else
        done += rest;
    /* after an appending write the offset is the end of our part */
    if (done > 0 && done < (ssize_t)n &&
        ftruncate(file, lseek(file, 0, SEEK_CUR) - done) == -1)
        warn("cannot take back half a line: %s", path);
}

/* The seconds of CLOCK_MONOTONIC, which goes on when the time is set. */
static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Waits until `moment` on that clock or for one of the signals, in one call:
 * sigtimedwait(2), for what is left of the time. Returns the signal, or -1. */
static int wait_until(double moment)
{
    sigset_t none;
    sigemptyset(&none);
    while (!came) {
        double left = moment - now(); /* one look in any case */
        if (left < 0)
            left = 0;
        struct timespec rest = {.tv_sec = (time_t)left};
        rest.tv_nsec = (long)((left - (double)rest.tv_sec) * 1e9);
        if (ppoll(NULL, 0, &rest, &none) == 0 && now() >= moment)
            return -1;
    }
    int signal = came;
    came = 0;
    return signal;
}

/* Returns the seconds in `text`; anything else is a usage error: strtod(3). */
static double number(const char *text)
{
    char *end;
    double value = strtod(text, &end);
    if (*end || text[strspn(text, "0123456789.")] || value < 1e-3 ||
        value > 1e6)
        errx(2, "'%s' is not a number from 0.001 to 1000000", text);
    return value;
}

int main(int argc, char **argv)
{
    static const struct option table[] = {{"interval", 1, NULL, 'i'},
                                          {"log", 1, NULL, 'l'},
                                          {"help", 0, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    for (int o; (o = getopt_long(argc, argv, "", table, NULL)) != -1;)
        switch (o) {
        case 'i': interval = number(optarg); break;
        case 'l': path = optarg; break;
        case 'h': return puts("--interval SECONDS (15), --log FILE") == EOF;
        default: return 2;
        }
    if (optind < argc)
        errx(2, "'%s' is not an option: see --help", argv[optind]);

    block_signals(); /* before others can know that we run */
    file = open_log();
    if (file == -1)
        err(1, "%s", path);
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("My custom service has started.\n");
    notify("READY=1\nSTATUS=Beating");

    double ping = watchdog_interval(), next_beat = now();
    double next_ping = next_beat + ping;
    for (int signal = -1; signal != SIGTERM && signal != SIGINT;) {
        if (signal == SIGHUP)
            reopen_log();
        if (now() >= next_beat) {
            beat();
            next_beat += interval;
        }
        if (now() >= next_ping) {
            notify("WATCHDOG=1");
            next_ping = now() + ping;
        }
        signal = wait_until(next_beat < next_ping ? next_beat : next_ping);
    }
    notify("STOPPING=1");
    return 0;
}
