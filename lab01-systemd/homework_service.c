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
#include <signal.h>
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

/* SIGTERM, SIGINT, SIGHUP: pending, until wait_until() takes them. */
static void block_signals(void)
{
    sigemptyset(&signals);
    /* BEGIN SOLUTION task 2 */
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    /* END SOLUTION */
}

/* Sends systemd a message: a datagram to the socket NOTIFY_SOCKET, if that is
 * set. A '@' at the start of the name stands for a 0 byte: sd_notify(3). */
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
    socklen_t length = (socklen_t)(sizeof to.sun_family + strlen(name));
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (fd == -1 || sendto(fd, message, strlen(message), 0,
                           (struct sockaddr *)&to, length) == -1)
        warn("%s", name);
    close(fd);
    /* END SOLUTION */
}

/* Returns the seconds from one WATCHDOG=1 to the next: half of WATCHDOG_USEC;
 * INFINITY if no process, or another one, has to send it. */
static double watchdog_interval(void)
{
    /* BEGIN SOLUTION task 6 */
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    if (usec && (!pid || atol(pid) == getpid()))
        return atof(usec) / 1e6 / 2;
    /* END SOLUTION */
    return INFINITY;
}

/* Opens the log for appending: open(2). Returns the descriptor, or -1. */
static int open_log(void)
{
    /* BEGIN SOLUTION task 1 */
    return open(path, O_WRONLY | O_APPEND | O_CREAT, 0644);
    /* END SOLUTION */
    return -1; /* without a solution */
}

/* Opens the log by its name again; if that fails, it keeps the old one. */
static void reopen_log(void)
{
    /* BEGIN SOLUTION task 2 */
    int fresh = open_log();
    if (fresh == -1) {
        warn("%s", path);
        return;
    }
    close(file);
    file = fresh;
    /* END SOLUTION */
}

/* Appends a line with the date, by one write(2). When there is no room, that
 * writes a part or fails: then it says why, and takes the part back. */
static void beat(void)
{
    /* BEGIN SOLUTION task 1 */
    char line[128];
    time_t date = time(NULL);
    size_t length = strftime(line, sizeof line,
                             "Service heartbeat: %a %b %e %I:%M:%S %p %Z %Y\n",
                             localtime(&date));
    ssize_t n = write(file, line, length);
    /* END SOLUTION */
    /* BEGIN SOLUTION task 2 */
    size_t done = 0;
    while (n != -1 && (done += (size_t)n) < length) /* the rest says why */
        n = write(file, line + done, length - done);
    if (n != -1)
        return;
    warn("%s", path);
    if (done > 0 && ftruncate(file, lseek(file, 0, SEEK_END) - (off_t)done))
        warn("ftruncate: %s", path);
    /* END SOLUTION */
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
    int signal = SIGTERM;
    /* BEGIN SOLUTION task 1 */
    double left = moment - now();
    if (left < 0)
        left = 0;
    struct timespec time = {(time_t)left, (long)(left * 1e9) % 1000000000};
    signal = sigtimedwait(&signals, NULL, &time);
    /* END SOLUTION */
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
    /* BEGIN SOLUTION task 1 */
    if (file == -1)
        err(1, "%s", path);
    puts("My custom service has started.");
    fflush(stdout); /* the journal is no terminal: stdio would keep it */
    /* END SOLUTION */
    notify("READY=1\nSTATUS=beating");

    double ping = watchdog_interval(), next_beat = now();
    double next_ping = next_beat + ping;
    for (int signal = -1; signal != SIGTERM && signal != SIGINT;) {
        if (signal == SIGHUP)
            reopen_log();
        if (now() >= next_beat) {
            beat();
            /* BEGIN SOLUTION task 1 */
            next_beat += interval; /* from when it was due: no drift */
            /* END SOLUTION */
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
