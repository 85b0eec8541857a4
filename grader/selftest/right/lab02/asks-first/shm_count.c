/* shm_count - processes add to one counter in shared memory, and lose updates
 *
 * Usage: ./shm_count [--procs P] [--count N] [--hold SECONDS] [--sync]
 *
 * Try:   ./shm_count
 *            both read the same value, both write it plus one: half is lost
 *        ./shm_count --sync
 *            one at a time: nothing is lost, and it takes twice as long
 *        ./shm_count --count 1000 & sleep 1; ipcs -m; kill $!
 *            removed at once, it exists as long as it is attached: dest
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

enum { MAX_PROCS = 64 };

static double procs = 2, count = 20, hold = 0.001; /* hold in seconds */
static bool sync_count;
static sigset_t signals; /* those that stop us, and SIGCHLD */

/* What the segment holds. */
static struct shared {
    volatile long counter; /* first: it is read by others too */
    pthread_mutex_t lock; /* for --sync */
    pthread_barrier_t start;
} * shared;

/* Keeps them pending until count_together() takes them: sigprocmask(2). */
static void block_signals(void)
{
    sigemptyset(&signals);
    /* BEGIN SOLUTION task 7 */
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGCHLD, SIG_DFL); /* ignored by our parent, it would not come */
    /* END SOLUTION */
}

/* Creates a segment without a key, attaches it, removes it: from then on it
 * exists as long as it is attached, whatever becomes of us. Prepares what it
 * holds: shmget(2) with IPC_PRIVATE, shmat(2), shmctl(2), sem_init(3). */
static void create(void)
{
    /* BEGIN SOLUTION task 7 */
    int id = shmget(IPC_PRIVATE, sizeof *shared, 0600);
    if (id == -1)
        err(1, "shmget");
    shared = shmat(id, NULL, 0);
    int error = errno;
    if (shmctl(id, IPC_RMID, NULL) == -1)
        err(1, "shmctl: cannot remove segment %d", id);
    if (shared == (void *)-1)
        errx(1, "shmat: segment %d: %s", id, strerror(error));
    pthread_mutexattr_t how;
    pthread_mutexattr_init(&how);
    pthread_mutexattr_setpshared(&how, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&how, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_settype(&how, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&shared->lock, &how);
    pthread_barrierattr_t attr;
    pthread_barrierattr_init(&attr);
    pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    if (procs > 0)
        pthread_barrier_init(&shared->start, &attr, (unsigned)procs);
    /* END SOLUTION */
}

/* Adds 1 to the counter, slowly: others read the same value meanwhile, unless
 * the lock keeps them out: nanosleep(2), sem_wait(3), sem_post(3). */
static void add(void)
{
    /* BEGIN SOLUTION task 7 */
    struct timespec pause = {.tv_sec = (time_t)hold};
    pause.tv_nsec = (long)((hold - (double)pause.tv_sec) * 1e9);
    if (sync_count && pthread_mutex_lock(&shared->lock) == EOWNERDEAD)
        pthread_mutex_consistent(&shared->lock);
    long value = shared->counter;
    nanosleep(&pause, NULL);
    shared->counter = value + 1;
    if (sync_count)
        pthread_mutex_unlock(&shared->lock);
    /* END SOLUTION */
}

/* Lets `procs` children add `count` times each, and waits for all of them. A
 * stop signal, or a fork that fails, ends those that are there and then us,
 * with status 1: fork(2), sigprocmask(2), sigwait(3), kill(2), waitpid(2). */
static void count_together(void)
{
    /* BEGIN SOLUTION task 7 */
    static pid_t child[MAX_PROCS]; /* 0: waited for */
    int started = 0;
    bool stop = false;

    while (started < procs && !stop) {
        pid_t pid = fork();
        if (pid == 0) {
            sigprocmask(SIG_UNBLOCK, &signals, NULL);
            pthread_barrier_wait(&shared->start); /* all begin at once */
            for (double i = 0; i < count; i++)
                add();
            _exit(0); /* without what exit(3) would do a second time */
        }
        if (pid > 0)
            child[started++] = pid;
        else
            warn("fork");
        stop = pid == -1;
    }
    for (int running = started; running > 0;) {
        int signal = SIGCHLD;
        if (!stop)
            sigwait(&signals, &signal);
        stop = stop || signal != SIGCHLD;
        for (int p = 0; p < started; p++) {
            if (child[p] != 0 && stop)
                kill(child[p], SIGKILL);
            if (child[p] != 0 && waitpid(child[p], NULL, stop ? 0 : WNOHANG)) {
                child[p] = 0;
                running--;
            }
        }
    }
    if (stop)
        exit(1);
    /* END SOLUTION */
}

/* Returns the number in `text`, made of these digits and at most `max`;
 * anything else is a usage error: strtod(3). */
static double number(const char *text, const char *digits, double max)
{
    char *end;
    double value = strtod(text, &end);
    if (*text == '\0' || *end || text[strspn(text, digits)] || value > max)
        errx(2, "'%s' is not a number that fits here: see --help", text);
    return value;
}

static void parse(int argc, char **argv)
{
    static const struct option table[] = {
        {"procs", 1, NULL, 'p'}, {"count", 1, NULL, 'c'},
        {"hold", 1, NULL, 'o'},  {"sync", 0, NULL, 's'},
        {"help", 0, NULL, 'h'},  {NULL, 0, NULL, 0}};

    for (int o; (o = getopt_long(argc, argv, "", table, NULL)) != -1;)
        switch (o) {
        case 'p': procs = number(optarg, "0123456789", MAX_PROCS); break;
        case 'c': count = number(optarg, "0123456789", 1e6); break;
        case 'o': hold = number(optarg, "0123456789.", 1e3); break;
        case 's': sync_count = true; break;
        case 'h':
            puts("--procs P       how many processes count, up to 64 (2)\n"
                 "--count N       how often each of them adds 1 (20)\n"
                 "--hold SECONDS  between reading and writing (0.001)\n"
                 "--sync          one at a time");
            exit(0);
        default: exit(2);
        }
    if (optind < argc)
        errx(2, "'%s' is not an option: see --help", argv[optind]);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0); /* whole lines, into a pipe too */
    parse(argc, argv);
    block_signals(); /* before there is a segment that they could leave */
    create();
    count_together();
    /* BEGIN SOLUTION task 7 */
    double expected = procs * count, got = (double)shared->counter;
    printf("expected %.0f, got %.0f, lost %.0f\n", expected, got,
           expected - got);
    /* END SOLUTION */
    return 0;
}
