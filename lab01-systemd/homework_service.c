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
    /* BEGIN SOLUTION task 6 */
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (!name || strlen(name) >= sizeof to.sun_path)
        return;
    strcpy(to.sun_path, name);
    if (*name == '@')
        *to.sun_path = '\0';
    socklen_t length =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd == -1 || sendto(fd, message, strlen(message), 0,
                           (struct sockaddr *)&to, length) == -1)
        warn("%s", name);
    close(fd);
    /* END SOLUTION */
}

/* Returns the seconds after which systemd wants the next WATCHDOG=1: half of
 * what it waits for. Or INFINITY, if it does not wait, or not for this process:
 * WATCHDOG_USEC and WATCHDOG_PID in sd_watchdog_enabled(3). */
static double watchdog_interval(void)
{
    /* BEGIN SOLUTION task 6 */
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    if (usec && atof(usec) > 0 && (!pid || atol(pid) == getpid()))
        return atof(usec) / 1e6 / 2;
    /* END SOLUTION */
    return INFINITY;
}

/* ---- the log ------------------------------------------------------------- */

/* Opens the log for appending; makes it if need be: O_APPEND in open(2).
 * Returns -1 if that fails. */
static int open_log(void)
{
    /* BEGIN SOLUTION task 1 */
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    /* END SOLUTION */
    errno = ENOSYS; /* without a solution */
    return -1;
}

/* Opens the log anew by its name; the old one stays if that fails. */
static void reopen_log(void)
{
    /* BEGIN SOLUTION task 2 */
    int anew = open_log();
    if (anew == -1) {
        warn("%s", path);
        return;
    }
    close(file);
    file = anew;
    /* END SOLUTION */
}

/* Appends a line with the date, by one write(2). When the disk is full that
 * may take a part of it: then the part is taken back, and we say so. */
static void beat(void)
{
    /* BEGIN SOLUTION task 1 */
    char line[128];
    time_t date = time(NULL);
    size_t length = strftime(line, sizeof line,
                             "Service heartbeat: %a %b %e %I:%M:%S %p %Z %Y\n",
                             localtime(&date));
    ssize_t written = write(file, line, length);
    /* END SOLUTION */
    /* BEGIN SOLUTION task 2 */
    static unsigned long beats;
    struct stat log;
    char status[64];
    if (written == (ssize_t)length) {
        snprintf(status, sizeof status, "STATUS=%lu beats", ++beats);
        notify(status);
        return;
    }
    warnx("%s: %s", path, strerror(written == -1 ? errno : ENOSPC));
    if (written > 0 && fstat(file, &log) == 0 &&
        ftruncate(file, log.st_size - written) == -1)
        warn("%s", path);
    notify("STATUS=cannot write to the log");
    /* END SOLUTION */
}

/* ---- waiting ------------------------------------------------------------- */

/* Returns the seconds of a clock that nobody sets: CLOCK_MONOTONIC. */
static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Waits until `moment` on that clock, or for a signal; returns the signal, or
 * 0 when it is time. The signals are blocked all the while and wait for us: one
 * that comes while we write is not lost: sigtimedwait(2). */
static int wait_until(double moment)
{
    int signal = SIGTERM; /* without a solution: the end */
    /* BEGIN SOLUTION tasks 1 and 2 */
    double left = moment - now();
    if (left < 0)
        left = 0;
    struct timespec time = {.tv_sec = (time_t)left};
    time.tv_nsec = (long)((left - (double)time.tv_sec) * 1e9);
    signal = sigtimedwait(&signals, NULL, &time);
    if (signal == -1)
        signal = 0; /* EAGAIN: it is time; or EINTR, and then we are early */
    /* END SOLUTION */
    return signal;
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
    sigemptyset(&signals);
    /* BEGIN SOLUTION task 2 */
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    /* END SOLUTION */
    file = open_log();
    if (file == -1)
        err(1, "%s", path);
    /* BEGIN SOLUTION task 1 */
    puts("My custom service has started.");
    fflush(stdout); /* to the journal it is not a terminal, and kept */
    /* END SOLUTION */
    notify("READY=1");

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
