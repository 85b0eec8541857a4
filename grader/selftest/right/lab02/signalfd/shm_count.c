/* shm_count with signalfd(2), and an eventfd(2) whose 1 is the turn
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static unsigned long procs = 2, count = 20;
static double hold = 1e-3;
static int turn = -1; /* -1: without --sync */

static volatile long *counter;
static int signals;

/* A list of the children; those that have ended are out of it. */
static struct child {
    pid_t pid;
    struct child *next;
} * children;

static unsigned long whole(const char *text, unsigned long max)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || n > max)
        errx(2, "'%s' is not a number up to %lu", text, max);
    return n;
}

static double seconds(const char *text)
{
    char *end;
    double n = strtod(text, &end);
    if (end == text || *end || strspn(text, "0123456789.") < strlen(text) ||
        n > 1000)
        errx(2, "'%s' is not a time up to 1000 s", text);
    return n;
}

static bool parse(int argc, char **argv)
{
    static const struct option table[] = {
        {"procs", 1, NULL, 1}, {"count", 1, NULL, 2}, {"hold", 1, NULL, 3},
        {"sync", 0, NULL, 4},  {"help", 0, NULL, 5},  {NULL, 0, NULL, 0}};
    bool in_turn = false;
    for (int o; (o = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        if (o == '?')
            exit(2);
        if (o == 1)
            procs = whole(optarg, 64);
        if (o == 2)
            count = whole(optarg, 1000000);
        if (o == 3)
            hold = seconds(optarg);
        if (o == 4)
            in_turn = true;
        if (o == 5)
            exit(puts("[--procs P] [--count N] [--hold SECONDS] [--sync]") < 0);
    }
    if (argv[optind] != NULL)
        errx(2, "'%s' means nothing here", argv[optind]);
    return in_turn;
}

static void prepare(bool in_turn)
{
    sigset_t set;
    signal(SIGCHLD, SIG_DFL); /* ignored, there would be nothing to wait for */
    sigemptyset(&set);
    for (int s = 1; s < 32; s++)
        if (s == SIGINT || s == SIGTERM || s == SIGHUP || s == SIGPIPE ||
            s == SIGCHLD)
            sigaddset(&set, s);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signals = signalfd(-1, &set, SFD_CLOEXEC);
    if (signals == -1)
        err(1, "signalfd");
    if (in_turn && (turn = eventfd(1, EFD_SEMAPHORE | EFD_CLOEXEC)) == -1)
        err(1, "eventfd");

    int id = shmget(IPC_PRIVATE, sizeof *counter, S_IRUSR | S_IWUSR);
    if (id == -1)
        err(1, "shmget");
    counter = shmat(id, NULL, 0);
    if (counter == (void *)-1)
        warn("shmat");
    if (shmctl(id, IPC_RMID, NULL) == -1)
        err(1, "shmctl");
    if (counter == (void *)-1)
        exit(1);
}

static void work(void)
{
    uint64_t one = 1;
    struct timespec t = {.tv_sec = (time_t)hold};
    t.tv_nsec = (long)((hold - (double)t.tv_sec) * 1e9);
    for (unsigned long n = 0; n < count; n++) {
        if (turn != -1 && read(turn, &one, sizeof one) == -1)
            _exit(1);
        long was = *counter;
        nanosleep(&t, NULL);
        *counter = was + 1;
        if (turn != -1 && write(turn, &one, sizeof one) == -1)
            _exit(1);
    }
}

static bool start_one(void)
{
    static struct child all[64], *child = all;
    child->pid = fork();
    if (child->pid == -1) {
        warn("fork");
        return false;
    }
    if (child->pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        work();
        _exit(0);
    }
    child->next = children;
    children = child++;
    return true;
}

/* Takes those from the list that have ended; waits for all if `all`. */
static void reap(bool all)
{
    for (struct child **p = &children; *p != NULL;) {
        struct child *child = *p;
        if (waitpid(child->pid, NULL, all ? 0 : WNOHANG) == 0) {
            p = &child->next;
        } else {
            *p = child->next;
        }
    }
}

/* Returns false for a signal that stops us. */
static bool all_done(void)
{
    struct signalfd_siginfo news;
    while (children != NULL) {
        if (read(signals, &news, sizeof news) != sizeof news) {
            warn("read");
            return false;
        }
        if (news.ssi_signo != SIGCHLD)
            return false;
        reap(false);
    }
    return true;
}

int main(int argc, char **argv)
{
    prepare(parse(argc, argv));
    bool good = true;
    for (unsigned long p = 0; good && p < procs; p++)
        good = start_one();
    if (!good || !all_done()) {
        for (struct child *c = children; c != NULL; c = c->next)
            kill(c->pid, SIGKILL);
        reap(true);
        return 1;
    }
    unsigned long expected = procs * count, got = (unsigned long)*counter;
    printf("expected %lu, got %lu, lost %ld\n", expected, got,
           (long)(expected - got));
    return 0;
}
