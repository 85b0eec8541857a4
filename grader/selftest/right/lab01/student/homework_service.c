/* homework_service - a heartbeat: a line in a log every so often
 *
 * Usage: ./homework_service [--interval SECONDS] [--log FILE]
 *
 * Try:   ./homework_service --interval 0.5 --log beats & tail -F beats
 *            `mv beats old`: it goes on writing to the old file, until
 *            `kill -HUP` makes it open the name anew
 *        strace ./homework_service --interval 2 --log beats
 *            all day it sleeps in one call, and each beat is one write
 *        systemctl start homework.service   (with homework.service installed)
 *            returns when READY=1 has come, not before
 */
#define _GNU_SOURCE /* err.h, sigtimedwait */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* What the options ask for. */
static double interval = 15; /* seconds from beat to beat */
static const char *path = "/tmp/homework_service.log";

static int file = -1;    /* the log, open for appending */
static sigset_t signals; /* that we wait for: SIGTERM, SIGINT, SIGHUP */

/* ---- what systemd wants to hear ------------------------------------------ */

/* Sends a message to systemd, such as "READY=1": a datagram to the socket that
 * NOTIFY_SOCKET names; a name that begins with '@' has no file, and a zero byte
 * in its place. Without that variable nobody wants to hear: sd_notify(3). */
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
    /* nobody there? then we are not heard, and that is all */
    (void)sendto(s, message, strlen(message), MSG_NOSIGNAL,
                 (struct sockaddr *)&to,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
    close(s);
}

/* Returns the seconds after which systemd wants the next WATCHDOG=1: half of
 * what it waits for. Or INFINITY, if it does not wait, or not for this process:
 * WATCHDOG_USEC and WATCHDOG_PID in sd_watchdog_enabled(3). */
static double watchdog_interval(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    if (usec == NULL)
        return INFINITY;
    if (pid != NULL && strtol(pid, NULL, 10) != (long)getpid())
        return INFINITY;
    double seconds = (double)strtoull(usec, NULL, 10) / 1e6;
    return seconds > 0 ? seconds / 2 : INFINITY;
}

/* ---- the log ------------------------------------------------------------- */

/* Opens the log for appending; makes it if need be: O_APPEND in open(2).
 * Returns -1 if that fails. */
static int open_log(void)
{
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

/* Opens the log anew by its name; the old one stays if that fails. */
static void reopen_log(void)
{
    int old = file, fresh = open_log();
    if (fresh == -1) {
        warn("%s: keeping the old log", path);
        return;
    }
    file = fresh;
    close(old);
}

/* Appends a line with the date, by one write(2). When the disk is full that
 * may take a part of it: then the part is taken back, and we say so. */
static void beat(void)
{
    char line[200];
    time_t t = time(NULL);
    struct tm tm;
    localtime_r(&t, &tm);
    size_t n = strftime(line, sizeof line,
                        "Service heartbeat: %a %b %e %I:%M:%S %p %Z %Y\n", &tm);
    ssize_t done = write(file, line, n);
    if (done == -1) {
        warn("%s", path);
    } else if ((size_t)done < n) {
        /* after an appending write the offset is the end of our part */
        off_t end = lseek(file, 0, SEEK_CUR);
        if (end == -1 || ftruncate(file, end - done) == -1)
            warn("%s: cannot take back half a line", path);
        errno = ENOSPC;
        warn("%s", path);
    }
}

/* ---- waiting ------------------------------------------------------------- */

/* Returns the seconds of a clock that nobody sets: CLOCK_MONOTONIC. */
static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Set by the handler, which can run inside ppoll only. */
static volatile sig_atomic_t want_end, want_reopen;

static void on_signal(int number)
{
    if (number == SIGHUP)
        want_reopen = 1;
    else
        want_end = 1;
}

/* Blocks our signals for good; ppoll lets them in while it waits. */
static void catch_signals(void)
{
    const int ours[] = {SIGTERM, SIGINT, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigemptyset(&signals);
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        sigaddset(&signals, ours[i]);
        sigaction(ours[i], &action, NULL);
    }
    sigprocmask(SIG_BLOCK, &signals, NULL);
}

/* Waits until `moment` on that clock, or for a signal; returns the signal, or
 * 0 when it is time. The signals are blocked except inside ppoll(2), which
 * unblocks and waits in one step: none can slip in between. */
static int wait_until(double moment)
{
    sigset_t none;
    sigemptyset(&none);
    while (!want_end && !want_reopen) {
        double left = moment - now();
        if (left <= 0)
            left = 0; /* one look for signals all the same */
        struct timespec rest;
        rest.tv_sec = (time_t)left;
        rest.tv_nsec = (long)((left - (double)rest.tv_sec) * 1e9);
        int n = ppoll(NULL, 0, &rest, &none);
        if (n == 0 && now() >= moment)
            return 0;
    }
    if (want_end)
        return SIGTERM;
    want_reopen = 0;
    return SIGHUP;
}

/* ---- the command line ---------------------------------------------------- */

static void parse(int argc, char **argv)
{
    static const struct option options[] = {{"interval", 1, NULL, 'i'},
                                            {"log", 1, NULL, 'l'},
                                            {"help", 0, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        char *end;
        if (o == 'i') {
            interval = strtod(optarg, &end);
            if (*end != '\0' || optarg[strspn(optarg, "0123456789.")] != '\0' ||
                !(interval >= 0.001 && interval <= 86400))
                errx(2, "--interval: '%s' is not a number from 0.001 to 86400",
                     optarg);
        } else if (o == 'l') {
            path = optarg;
        } else if (o == 'h') {
            printf("Usage: %s [--interval SECONDS] [--log FILE]\n", argv[0]);
            exit(0);
        } else {
            exit(2);
        }
    }
    if (optind < argc)
        errx(2, "'%s' is not an option: see --help", argv[optind]);
}

/* -------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
    parse(argc, argv);
    catch_signals();
    file = open_log();
    if (file == -1)
        err(1, "%s", path);
    printf("My custom service has started.\n");
    fflush(stdout);
    notify("READY=1\nSTATUS=Beating");

    double watchdog = watchdog_interval(), next_beat = now();
    double next_ping = isfinite(watchdog) ? next_beat : INFINITY;
    int signal = 0;
    while (signal != SIGTERM && signal != SIGINT) {
        if (signal == SIGHUP)
            reopen_log();
        if (now() >= next_beat) {
            beat();
            next_beat += interval; /* from when it was due: no drift */
        }
        if (now() >= next_ping) {
            notify("WATCHDOG=1");
            next_ping = now() + watchdog;
        }
        signal = wait_until(next_beat < next_ping ? next_beat : next_ping);
    }
    notify("STOPPING=1");
    return 0;
}
