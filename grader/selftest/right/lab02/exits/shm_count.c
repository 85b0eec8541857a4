/* shm_count with a handler that ends everything, and a pipe with one byte in it
 *
 * Who has read the byte may count; it is written back for the next. The handler
 * calls kill(2), waitpid(2) and _exit(2) only, which a handler may.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int procs = 2, times = 20, sync_them;
static double hold = 0.001;
static long volatile *counter;
static int baton[2];
static volatile pid_t child[64];
static sigset_t ours;

static void fail(const char *call)
{
    perror(call);
    exit(1);
}

/* Ends and reaps all that are in child[], then us. */
static void end_all(int number)
{
    (void)number;
    for (int i = 0; i < 64; i++)
        if (child[i] > 0)
            kill(child[i], SIGKILL);
    for (int i = 0; i < 64; i++)
        while (child[i] > 0 && waitpid(child[i], NULL, 0) == -1 &&
               errno == EINTR)
            ;
    _exit(1);
}

/* Blocks what is handled; child_wait() lets it in. */
static void handle_signals(void)
{
    static const int list[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    struct sigaction sa = {.sa_handler = end_all, .sa_flags = SA_RESTART};
    sigfillset(&sa.sa_mask);
    sigemptyset(&ours);
    for (int i = 0; i < 4; i++)
        sigaddset(&ours, list[i]);
    sigprocmask(SIG_BLOCK, &ours, NULL);
    for (int i = 0; i < 4; i++)
        sigaction(list[i], &sa, NULL);
    signal(SIGCHLD, SIG_DFL);
}

static void make_segment(void)
{
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    if (id == -1)
        fail("shmget");
    counter = shmat(id, NULL, 0);
    int error = errno;
    if (shmctl(id, IPC_RMID, NULL) == -1)
        fail("shmctl");
    errno = error;
    if (counter == (void *)-1)
        fail("shmat");
    if (sync_them && (pipe(baton) == -1 || write(baton[1], "!", 1) != 1))
        fail("pipe");
}

static void one_child(void)
{
    char byte;
    struct timespec gap = {.tv_sec = (time_t)hold};
    gap.tv_nsec = (long)((hold - (double)gap.tv_sec) * 1e9);
    for (int i = 0; i < 4; i++)
        signal((int[]){SIGINT, SIGTERM, SIGHUP, SIGPIPE}[i], SIG_DFL);
    sigprocmask(SIG_UNBLOCK, &ours, NULL);
    for (int i = 0; i < times; i++) {
        if (sync_them && read(baton[0], &byte, 1) != 1)
            _exit(1);
        long now = *counter;
        nanosleep(&gap, NULL);
        *counter = now + 1;
        if (sync_them && write(baton[1], &byte, 1) != 1)
            _exit(1);
    }
    _exit(0);
}

/* Waits until one child has ended, and takes it from child[]: the handler runs
 * before that or after it, but must not meet a pid that is no longer ours. */
static void child_wait(void)
{
    siginfo_t info;
    sigprocmask(SIG_UNBLOCK, &ours, NULL);
    while (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) == -1)
        if (errno != EINTR) {
            perror("waitid");
            end_all(0);
        }
    sigprocmask(SIG_BLOCK, &ours, NULL);
    waitpid(info.si_pid, NULL, 0);
    for (int i = 0; i < 64; i++)
        if (child[i] == info.si_pid)
            child[i] = 0;
}

static int whole(const char *text, long max)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || value > max) {
        fprintf(stderr, "'%s': 0 to %ld is possible\n", text, max);
        exit(2);
    }
    return (int)value;
}

static double real(const char *text)
{
    char *end;
    double value = strtod(text, &end);
    if (!*text || *end || text[strspn(text, ".0123456789")] || value > 1000) {
        fprintf(stderr, "'%s': 0 to 1000 is possible\n", text);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv)
{
    struct option options[] = {
        {"procs", required_argument, NULL, 'p'},
        {"count", required_argument, NULL, 'c'},
        {"hold", required_argument, NULL, 't'},
        {"sync", no_argument, &sync_them, 1},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == '?')
            exit(2);
        else if (c == 'p')
            procs = whole(optarg, 64);
        else if (c == 'c')
            times = whole(optarg, 1000000);
        else if (c == 't')
            hold = real(optarg);
        else if (c == 'h') {
            printf("%s [--procs P] [--count N] [--hold SECONDS] [--sync]\n",
                   argv[0]);
            exit(0);
        }
    }
    if (optind < argc) {
        fprintf(stderr, "%s: only options are possible\n", argv[optind]);
        exit(2);
    }

    handle_signals();
    make_segment();
    for (int i = 0; i < procs; i++) {
        pid_t pid = fork();
        if (pid == 0)
            one_child();
        if (pid == -1) {
            perror("fork");
            end_all(0);
        }
        child[i] = pid;
    }
    for (int i = 0; i < procs; i++)
        child_wait();

    long expected = (long)procs * times;
    printf("expected %ld, got %ld, lost %ld\n", expected, *counter,
           expected - *counter);
    return 0;
}
