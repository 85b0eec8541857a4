/* shm_count with a System V semaphore, waitpid(-1) and sigwaitinfo(2)
 *
 * IPC_RMID is at once for a semaphore: it is removed at the end, on each way
 * out of main(), and signals have to wait from before it is made.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long procs = 2, count = 20;
static double hold = 0.001;
static int in_turn, semaphore = -1;
static volatile long *counter;
static sigset_t signals, original;
static pid_t pids[64]; /* 0: none, or none any more */

static int failed(const char *call)
{
    fprintf(stderr, "shm_count: %s: %s\n", call, strerror(errno));
    return 1;
}

static void turn(short by)
{
    struct sembuf op = {.sem_op = by, .sem_flg = SEM_UNDO};
    while (semop(semaphore, &op, 1) == -1)
        if (errno != EINTR)
            _exit(failed("semop"));
}

static void work(void)
{
    struct timespec left, pause = {.tv_sec = (time_t)hold};
    pause.tv_nsec = (long)((hold - (double)pause.tv_sec) * 1e9);
    for (long i = 0; i < count; i++) {
        if (in_turn)
            turn(-1);
        long value = *counter;
        left = pause;
        while (nanosleep(&left, &left) == -1 && errno == EINTR)
            continue;
        *counter = value + 1;
        if (in_turn)
            turn(1);
    }
}

static int create(void)
{
    int id = shmget(IPC_PRIVATE, sizeof *counter, 0600), status = 0;
    if (id == -1)
        return failed("shmget");
    counter = shmat(id, NULL, 0);
    if (counter == (void *)-1)
        status = failed("shmat");
    if (shmctl(id, IPC_RMID, NULL) == -1 && status == 0)
        status = failed("shmctl");
    if (status != 0 || !in_turn)
        return status;

    semaphore = semget(IPC_PRIVATE, 1, 0600);
    if (semaphore == -1)
        return failed("semget");
    union {
        int val;
    } one = {1};
    if (semctl(semaphore, 0, SETVAL, one) == -1)
        return failed("semctl");
    return 0;
}

/* Returns 1 when not all could be made. */
static int start(void)
{
    for (long p = 0; p < procs; p++) {
        pids[p] = fork();
        switch (pids[p]) {
        case -1: pids[p] = 0; return failed("fork");
        case 0:
            sigprocmask(SIG_SETMASK, &original, NULL);
            work();
            _exit(0);
        }
    }
    return 0;
}

/* Waits till there are no children, and ends them if `stop`, when one of them
 * fails, or when a signal comes. Returns whether they were ended. */
static int finish(int stop)
{
    if (pids[0] == 0)
        return stop; /* there was none */
    for (;;) {
        int status, number = stop ? SIGKILL : sigwaitinfo(&signals, NULL);
        if (number > 0 && number != SIGCHLD)
            stop = 1;
        for (int p = 0; p < 64 && stop; p++)
            if (pids[p] != 0)
                kill(pids[p], SIGKILL);
        pid_t pid;
        while ((pid = waitpid(-1, &status, stop ? 0 : WNOHANG)) > 0) {
            for (int p = 0; p < 64; p++)
                if (pids[p] == pid)
                    pids[p] = 0;
            if (WIFEXITED(status) && WEXITSTATUS(status) != 0) {
                stop = 1;
                break;
            }
        }
        if (pid == -1 && errno == ECHILD)
            return stop;
    }
}

static int parse(int argc, char **argv)
{
    static const struct option table[] = {
        {"procs", 1, 0, 'p'},     {"count", 1, 0, 'c'}, {"hold", 1, 0, 'o'},
        {"sync", 0, &in_turn, 1}, {"help", 0, 0, 'h'},  {0, 0, 0, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
        const char *allowed = option == 'o' ? "0123456789." : "0123456789";
        char *end = "";
        if (option == 'h') {
            puts("--procs P, --count N, --hold SECONDS, --sync");
            exit(0);
        }
        if (option == '?')
            return 2;
        if (option == 'o')
            hold = strtod(optarg, &end);
        else if (option != 0)
            *(option == 'p' ? &procs : &count) = strtol(optarg, &end, 10);
        if ((option != 0 && (!*optarg || optarg[strspn(optarg, allowed)])) ||
            *end || procs > 64 || count > 1000000 || hold > 1000) {
            fprintf(stderr, "shm_count: cannot be '%s'\n", optarg);
            return 2;
        }
    }
    if (optind == argc)
        return 0;
    fprintf(stderr, "shm_count: what is '%s'?\n", argv[optind]);
    return 2;
}

int main(int argc, char **argv)
{
    int status = parse(argc, argv);
    if (status != 0)
        return status;
    signal(SIGCHLD, SIG_DFL);
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGPIPE);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, &original);

    status = create();
    if (status == 0)
        status = finish(start());
    if (semaphore != -1 && semctl(semaphore, 0, IPC_RMID) == -1 && status == 0)
        status = failed("semctl");
    if (status == 0)
        printf("expected %ld, got %ld, lost %ld\n", procs * count, *counter,
               procs * count - *counter);
    return status;
}
