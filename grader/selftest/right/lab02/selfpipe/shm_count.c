/* shm_count with two pipes, poll(2), and record locks
 *
 * Each child holds the writing end of one pipe: poll(2) reports POLLHUP when
 * all have ended. Handlers write into the other. For --sync the children lock a
 * file that exists in memory only: memfd_create(2), fcntl(2).
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double procs = 2, count = 20, hold = 0.001;
static bool in_turn;
static volatile long *counter;
static int file = -1, ended[2], stopped[2];
static const int stops[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};

static void on_stop(int number)
{
    (void)number;
    if (write(stopped[1], "", 1) == -1) {
        /* there is nothing that a handler could do */
    }
}

static void prepare(void)
{
    struct sigaction action = {.sa_handler = on_stop, .sa_flags = SA_RESTART};
    if (pipe2(ended, O_CLOEXEC) == -1 ||
        pipe2(stopped, O_CLOEXEC | O_NONBLOCK) == -1)
        err(1, "pipe2");
    signal(SIGCHLD, SIG_DFL);
    for (int i = 0; i < 4; i++)
        sigaction(stops[i], &action, NULL);

    int id = shmget(IPC_PRIVATE, sizeof *counter, 0600);
    if (id == -1)
        err(1, "shmget");
    void *memory = shmat(id, NULL, 0);
    if (memory == (void *)-1) {
        int error = errno;
        shmctl(id, IPC_RMID, NULL);
        errno = error;
        err(1, "shmat");
    }
    if (shmctl(id, IPC_RMID, NULL) == -1)
        err(1, "shmctl");
    counter = memory;

    if (in_turn && (file = memfd_create("turn", MFD_CLOEXEC)) == -1)
        err(1, "memfd_create");
}

/* Record locks are a process's: children that share a descriptor compete. */
static void lock(short type)
{
    struct flock all = {.l_type = type, .l_whence = SEEK_SET};
    while (in_turn && fcntl(file, F_SETLKW, &all) == -1)
        if (errno != EINTR)
            _exit(1);
}

static void work(void)
{
    struct timespec t = {.tv_sec = (time_t)hold};
    t.tv_nsec = (long)((hold - (double)t.tv_sec) * 1e9);
    for (double n = 0; n < count; n += 1) {
        lock(F_WRLCK);
        long value = *counter;
        clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
        *counter = value + 1;
        lock(F_UNLCK);
    }
}

/* Signals wait while there is a fork(2): its child has the handlers still. */
static pid_t start(void)
{
    sigset_t set, old;
    sigfillset(&set);
    sigprocmask(SIG_SETMASK, &set, &old);
    pid_t pid = fork();
    if (pid == 0) {
        for (int i = 0; i < 4; i++)
            signal(stops[i], SIG_DFL);
        sigemptyset(&set);
        sigprocmask(SIG_SETMASK, &set, NULL);
        work();
        _exit(0);
    }
    sigprocmask(SIG_SETMASK, &old, NULL);
    return pid;
}

/* Returns false for a signal. */
static bool all_ended(void)
{
    struct pollfd in[] = {{.fd = ended[0]},
                          {.fd = stopped[0], .events = POLLIN}};
    close(ended[1]); /* the children have theirs */
    while (poll(in, 2, -1) == -1)
        if (errno != EINTR) {
            warn("poll");
            return false;
        }
    char byte; /* the handler may have run when poll(2) returned */
    return read(stopped[0], &byte, 1) != 1;
}

static double number(const char *digits, double max)
{
    char *end;
    double value = strtod(optarg, &end);
    if (end == optarg || *end || optarg[strspn(optarg, digits)] || value > max)
        errx(2, "no number up to %.0f: %s", max, optarg);
    return value;
}

int main(int argc, char **argv)
{
    static const struct option table[] = {
        {"procs", 1, NULL, 'p'}, {"count", 1, NULL, 'c'},
        {"hold", 1, NULL, 'l'},  {"sync", 0, NULL, 's'},
        {"help", 0, NULL, 'h'},  {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "", table, NULL)) != -1)
        switch (option) {
        case 'p': procs = number("0123456789", 64); break;
        case 'c': count = number("0123456789", 1e6); break;
        case 'l': hold = number(".0123456789", 1e3); break;
        case 's': in_turn = true; break;
        case 'h': puts("--procs P --count N --hold SECONDS --sync"); return 0;
        default: return 2;
        }
    if (argv[optind] != NULL)
        errx(2, "too much: %s", argv[optind]);

    pid_t children[64];
    int started = 0;
    bool good = true;
    prepare();
    while (good && started < procs) {
        children[started] = start();
        good = children[started] != -1;
        if (good)
            started++;
        else
            warn("fork");
    }
    good = good && all_ended();
    for (int i = 0; i < started; i++) {
        if (!good)
            kill(children[i], SIGKILL);
        waitpid(children[i], NULL, 0);
    }
    if (!good)
        return 1;
    printf("expected %.0f, got %ld, lost %.0f\n", procs * count, *counter,
           procs * count - (double)*counter);
    return 0;
}
