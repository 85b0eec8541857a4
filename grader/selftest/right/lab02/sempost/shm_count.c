/* shm_count with a ticket lock of atomics that sleeps in futex(2)
 *
 * Stop signals and the ends of children are both taken by sigwaitinfo(2).
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct page {
    long volatile counter;
    atomic_uint next, serving; /* tickets */
};

struct job {
    int procs, count;
    struct timespec hold;
    bool sync;
};

static void lock(struct page *page)
{
    unsigned mine = atomic_fetch_add(&page->next, 1), now;
    while ((now = atomic_load(&page->serving)) != mine)
        syscall(SYS_futex, &page->serving, FUTEX_WAIT, now, NULL, NULL, 0);
}

static void unlock(struct page *page)
{
    atomic_fetch_add(&page->serving, 1);
    syscall(SYS_futex, &page->serving, FUTEX_WAKE, 64, NULL, NULL, 0);
}

static struct page *create(void)
{
    int error = 0;
    int id = shmget(IPC_PRIVATE, sizeof(struct page), 0600);
    if (id == -1)
        err(1, "shmget");
    struct page *page = shmat(id, NULL, 0);
    if (page == (void *)-1)
        error = errno;
    if (shmctl(id, IPC_RMID, NULL) == -1)
        err(1, "shmctl");
    if (error) {
        errno = error;
        err(1, "shmat");
    }
    return page; /* new segments are all 0, which is what a new lock is */
}

static void work(struct page *page, const struct job *job)
{
    for (int i = 0; i < job->count; i++) {
        if (job->sync)
            lock(page);
        long value = page->counter;
        nanosleep(&job->hold, NULL);
        page->counter = value + 1;
        if (job->sync)
            unlock(page);
    }
}

static bool number(const char *text, int max, int *value)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || n > (unsigned long)max)
        return false;
    *value = (int)n;
    return true;
}

static bool duration(const char *text, struct timespec *t)
{
    char *end;
    double s = strtod(text, &end);
    if (end == text || *end || text[strspn(text, "0123456789.")] || s > 1000)
        return false;
    t->tv_sec = (time_t)s;
    t->tv_nsec = (long)((s - (double)t->tv_sec) * 1e9);
    return true;
}

static struct job parse(int argc, char **argv)
{
    struct job job = {.procs = 2, .count = 20, .hold = {0, 1000000}};
    static const struct option table[] = {
        {"procs", 1, NULL, 'p'}, {"count", 1, NULL, 'c'},
        {"hold", 1, NULL, 'd'},  {"sync", 0, NULL, 's'},
        {"help", 0, NULL, 'h'},  {NULL, 0, NULL, 0}};
    bool good = true;
    int option;
    while (good && (option = getopt_long(argc, argv, "", table, NULL)) != -1)
        switch (option) {
        case 'p': good = number(optarg, 64, &job.procs); break;
        case 'c': good = number(optarg, 1000000, &job.count); break;
        case 'd': good = duration(optarg, &job.hold); break;
        case 's': job.sync = true; break;
        case 'h':
            puts("Options: --procs (2), --count (20), --hold (0.001), --sync");
            exit(0);
        default: exit(2);
        }
    if (!good)
        errx(2, "not possible: %s", optarg);
    if (optind < argc)
        errx(2, "not an option: %s", argv[optind]);
    return job;
}

int main(int argc, char **argv)
{
    struct job job = parse(argc, argv);
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGPIPE);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, &old);
    signal(SIGCHLD, SIG_DFL);
    struct page *page = create();

    pid_t pid[64];
    int made = 0, left;
    bool failed = false;
    while (!failed && made < job.procs) {
        pid_t new = fork();
        if (new == 0) {
            sigprocmask(SIG_SETMASK, &old, NULL);
            work(page, &job);
            _exit(0);
        }
        failed = new == -1;
        if (failed)
            warn("fork");
        else
            pid[made++] = new;
    }

    for (left = made; left > 0 && !failed;) {
        int got = sigwaitinfo(&set, NULL);
        failed = got > 0 && got != SIGCHLD;
        for (int i = 0; i < made && !failed; i++)
            if (pid[i] && waitpid(pid[i], NULL, WNOHANG) == pid[i]) {
                pid[i] = 0;
                left--;
            }
    }
    for (int i = 0; i < made; i++)
        if (pid[i] > 0) {
            kill(pid[i], SIGKILL);
            waitpid(pid[i], NULL, 0);
        }
    if (failed)
        return 1;

    long expected = (long)job.procs * job.count, got = page->counter;
    printf("expected %ld, got %ld, lost %ld\n", expected, got, expected - got);
    return 0;
}
