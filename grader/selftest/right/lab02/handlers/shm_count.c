/* shm_count with handlers, sigsuspend(2), and a robust mutex in the segment
 *
 * The handlers run within sigsuspend(2) only.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int procs = 2, count = 20;
static double hold = 0.001;
static bool in_turn;

static struct { /* in the segment */
    volatile long counter;
    pthread_mutex_t mutex;
} * shared;

static pid_t children[64];
static int running; /* so many of them, from the first on */
static volatile sig_atomic_t stop;
static sigset_t before; /* what was blocked when we came */

static void on_stop(int number)
{
    stop = number;
}

static void on_child(int number)
{
    (void)number; /* interrupts sigsuspend(2), which is all it is for */
}

static void catch_signals(void)
{
    static const int numbers[] = {SIGHUP, SIGINT, SIGPIPE, SIGTERM, SIGCHLD};
    struct sigaction action = {.sa_flags = 0};
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < 5; i++)
        sigaddset(&action.sa_mask, numbers[i]);
    sigprocmask(SIG_BLOCK, &action.sa_mask, &before);
    for (int i = 0; i < 5; i++) {
        action.sa_handler = numbers[i] == SIGCHLD ? on_child : on_stop;
        if (sigaction(numbers[i], &action, NULL) == -1)
            err(1, "sigaction");
        sigdelset(&before, numbers[i]); /* a parent may have blocked them */
    }
}

static void create(void)
{
    int id = shmget(IPC_PRIVATE, sizeof *shared, IPC_CREAT | IPC_EXCL | 0600);
    if (id == -1)
        err(1, "shmget");
    shared = shmat(id, NULL, 0);
    int why = errno;
    if (shmctl(id, IPC_RMID, NULL) == -1)
        err(1, "shmctl");
    if (shared == (void *)-1) {
        errno = why;
        err(1, "shmat");
    }

    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    errno = pthread_mutex_init(&shared->mutex, &attr);
    if (errno != 0)
        err(1, "pthread_mutex_init");
    pthread_mutexattr_destroy(&attr);
    shared->counter = 0;
}

static _Noreturn void child(void)
{
    struct sigaction usual = {.sa_handler = SIG_DFL};
    static const int numbers[] = {SIGHUP, SIGINT, SIGPIPE, SIGTERM, SIGCHLD};
    for (int i = 0; i < 5; i++)
        sigaction(numbers[i], &usual, NULL);
    sigprocmask(SIG_SETMASK, &before, NULL);

    struct timespec nap = {.tv_sec = (time_t)hold};
    nap.tv_nsec = (long)((hold - (double)nap.tv_sec) * 1e9);
    for (int n = 0; n < count; n++) {
        if (in_turn && pthread_mutex_lock(&shared->mutex) == EOWNERDEAD)
            pthread_mutex_consistent(&shared->mutex);
        long old = shared->counter;
        clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
        shared->counter = old + 1;
        if (in_turn)
            pthread_mutex_unlock(&shared->mutex);
    }
    _exit(0);
}

/* Ends and reaps those that are there. */
static void end_children(void)
{
    for (int i = 0; i < running; i++)
        kill(children[i], SIGKILL);
    while (running > 0)
        if (waitpid(children[running - 1], NULL, 0) != -1 || errno != EINTR)
            running--;
}

/* Forgets those that have ended. */
static void reap(void)
{
    for (int i = 0; i < running;)
        if (waitpid(children[i], NULL, WNOHANG) == 0)
            i++;
        else
            children[i] = children[--running];
}

static bool is_whole(const char *text, int max, int *value)
{
    if (*text == '\0' || text[strspn(text, "0123456789")] != '\0')
        return false;
    while (*text == '0')
        text++;
    *value = 0;
    if (strlen(text) > 8)
        return false;
    for (; *text != '\0'; text++)
        *value = *value * 10 + (*text - '0');
    return *value <= max;
}

static bool is_hold(const char *text)
{
    char *rest;
    hold = strtod(text, &rest);
    return rest != text && *rest == '\0' &&
           text[strspn(text, "0123456789.")] == '\0' && hold <= 1000;
}

static void read_options(int argc, char **argv)
{
    static const struct option options[] = {
        {"procs", required_argument, NULL, 'p'},
        {"count", required_argument, NULL, 'c'},
        {"hold", required_argument, NULL, 'o'},
        {"sync", no_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0}};
    int option;
    bool good = true;
    while (good && (option = getopt_long(argc, argv, "", options, NULL)) != -1)
        switch (option) {
        case 'p': good = is_whole(optarg, 64, &procs); break;
        case 'c': good = is_whole(optarg, 1000000, &count); break;
        case 'o': good = is_hold(optarg); break;
        case 's': in_turn = true; break;
        case 'h':
            puts("Usage: shm_count [--procs P] [--count N] [--hold SECONDS] "
                 "[--sync]");
            exit(0);
        default: exit(2);
        }
    if (!good)
        errx(2, "bad value: %s", optarg);
    if (optind != argc)
        errx(2, "bad argument: %s", argv[optind]);
}

int main(int argc, char **argv)
{
    read_options(argc, argv);
    catch_signals();
    create();

    for (running = 0; running < procs; running++) {
        pid_t pid = fork();
        if (pid == 0)
            child();
        if (pid == -1) {
            warn("fork");
            end_children();
            return 1;
        }
        children[running] = pid;
    }
    while (running > 0) {
        sigsuspend(&before);
        if (stop) {
            end_children();
            return 1;
        }
        reap();
    }

    long expected = (long)procs * count, got = shared->counter;
    printf("expected %ld, got %ld, lost %ld\n", expected, got, expected - got);
    return 0;
}
