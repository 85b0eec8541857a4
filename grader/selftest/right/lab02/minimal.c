/* shm_creator, short: signals stay blocked and are taken by sigtimedwait(2) and
 * sigwaitinfo(2); every end of the program is a call of leave(). */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NEVER 1e9
static const struct option names[] = {
    {"path", 1, 0, 'f'},         {"proj", 1, 0, 'j'},
    {"size", 1, 0, 'z'},         {"mode", 1, 0, 'm'},
    {"exclusive", 0, 0, 'x'},    {"time", 1, 0, 't'},
    {"attach-after", 1, 0, 'a'}, {"lock-after", 1, 0, 'l'},
    {"detach-after", 1, 0, 'd'}, {"remove-after", 1, 0, 'r'},
    {"stat", 0, 0, 's'},         {"write", 1, 0, 'w'},
    {"read", 0, 0, 'R'},         {"count", 1, 0, 'c'},
    {"procs", 1, 0, 'p'},        {"hold", 1, 0, 'h'},
    {"sync", 0, 0, 'S'},         {"help", 0, 0, 'H'},
    {0}};
static const char *arg[128] = {['f'] = ".", ['j'] = "A"};
static int shm = -1, sem = -1, removed;
static void *memory;
static sigset_t stop, stop_or_child;

/* Ends the program; what is left of its segment and semaphore goes before. */
static _Noreturn void leave(int status)
{
    if (sem != -1 && semctl(sem, 0, IPC_RMID) == -1)
        warn("semctl"), status = 1;
    if (shm != -1 && !removed && shmctl(shm, IPC_RMID, NULL) == -1)
        warn("shmctl"), status = 1;
    if (fflush(stdout) == EOF || ferror(stdout))
        warnx("stdout: cannot write"), status = 1;
    exit(status);
}

/* `ok`, or the call has failed: says so and leaves. */
static void need(int ok, const char *call)
{
    if (!ok)
        warn("%s", call), leave(1);
}

/* The number in option `o` (or `preset`), of these digits and at most `max`. */
static double number(int o, double preset, const char *digits, double max)
{
    char *end;
    if (!arg[o])
        return preset;
    double n = digits[8] == '\0' ? (double)strtoul(arg[o], &end, 8)
                                 : strtod(arg[o], &end);
    if (end == arg[o] || *end || arg[o][strspn(arg[o], digits)] || n > max)
        errx(2, "not a number here, or too large: '%s'", arg[o]);
    return n;
}
#define WHOLE   "0123456789"
#define OCTAL   "01234567"
#define SECONDS "0123456789."

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct timespec span(double s)
{
    s = s > 0 ? s : 0;
    return (struct timespec){(time_t)s, (long)((s - (double)(time_t)s) * 1e9)};
}

static void show(const char *event)
{
    static const char *const status[] = {"-", "dest", "locked", "dest,locked"};
    struct shmid_ds d;
    if (!arg['s'])
        return;
    if (shmctl(shm, IPC_STAT, &d) == -1) {
        need(removed && (errno == EINVAL || errno == EIDRM), "shmctl");
        printf("%s: segment %d is gone\n", event, shm);
    } else {
        printf("%s: key=0x%08x shmid=%d perms=%o bytes=%zu nattch=%lu "
               "status=%s\n",
               event, d.shm_perm.__key, shm, d.shm_perm.mode & 0777u,
               d.shm_segsz, d.shm_nattch, status[d.shm_perm.mode >> 9 & 3]);
    }
}

static void attach(void)
{
    memory = shmat(shm, NULL, 0);
    need(memory != (void *)-1, "shmat");
}

static int exchange(key_t key)
{
    struct shmid_ds d;
    int id = shmget(key, 0, 0);
    if (id == -1)
        err(1, "shmget: key 0x%08x", key);
    if (shmctl(id, IPC_STAT, &d) == -1)
        err(1, "shmctl");
    if (arg['w'] && strlen(arg['w']) >= d.shm_segsz)
        errx(1, "--write: no room, the segment has %zu bytes", d.shm_segsz);
    char *p = shmat(id, NULL, arg['w'] ? 0 : SHM_RDONLY);
    if (p == (void *)-1)
        err(1, "shmat");
    if (arg['w'])
        memcpy(p, arg['w'], strlen(arg['w']) + 1);
    if (arg['R']) {
        fwrite(p, 1, strnlen(p, d.shm_segsz), stdout);
        puts("");
    }
    return fflush(stdout) == EOF || ferror(stdout);
}

static void turn(short by)
{
    if (sem != -1 && semop(sem, &(struct sembuf){0, by, SEM_UNDO}, 1) == -1)
        warn("semop"), _exit(1);
}

static void count(long times, int procs, double hold)
{
    pid_t child[64];
    int made = 0, alive, code, result = 0;
    attach();
    volatile long *counter = memory;
    *counter = 0;
    if (arg['S']) {
        need((sem = semget(IPC_PRIVATE, 1, 0600)) != -1, "semget");
        need(semop(sem, &(struct sembuf){0, 1, 0}, 1) != -1, "semop");
    }
    for (; made < procs && (child[made] = fork()) != -1; made++)
        if (child[made] == 0) { /* with the stop signals blocked, as here */
            for (long i = 0; i < times; i++) {
                struct timespec pause = span(hold);
                turn(-1);
                long value = *counter;
                nanosleep(&pause, NULL);
                *counter = value + 1;
                turn(+1);
            }
            _exit(0);
        }
    if (made < procs)
        warn("fork"), result = 1;
    for (alive = made; alive > 0 && !result;) {
        if (sigwaitinfo(&stop_or_child, NULL) != SIGCHLD)
            break;
        for (int i = 0; i < made; i++)
            if (child[i] && waitpid(child[i], &code, WNOHANG) > 0) {
                child[i] = 0;
                alive--;
                if (code != 0)
                    warnx("a process did not count to the end"), result = 1;
            }
    }
    if (alive > 0 || result) {
        for (int i = 0; i < made; i++)
            if (child[i])
                kill(child[i], SIGKILL);
        while (wait(NULL) > 0)
            ;
        leave(result);
    }
    printf("expected %ld, got %ld, lost %ld\n", times * procs, *counter,
           times * procs - *counter);
    need(shmdt(memory) == 0, "shmdt");
    memory = NULL;
}

int main(int argc, char **argv)
{
    for (int o; (o = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (o == '?')
            return 2;
        arg[o] = optarg ? optarg : "";
    }
    if (arg['H']) {
        puts("Usage: shm_creator [OPTION]... (times in seconds)");
        for (const struct option *o = names; o->name; o++)
            printf("  --%s%s\n", o->name, o->has_arg ? " VALUE" : "");
        return 0;
    }
    if (optind < argc || strlen(arg['j']) != 1)
        errx(2, "only options, please, and --proj with one letter");
    double life = number('t', 60, SECONDS, 1e6), size, mode,
           after[] = {number('a', NEVER, SECONDS, 1e6),
                      number('l', NEVER, SECONDS, 1e6),
                      number('d', NEVER, SECONDS, 1e6),
                      number('r', NEVER, SECONDS, 1e6), life},
           times = number('c', 0, WHOLE, 1e6), procs = number('p', 2, WHOLE, 64),
           hold = number('h', 0.001, SECONDS, 1e3);
    size = number('z', 1024, WHOLE, 1e18), mode = number('m', 0666, OCTAL, 0777);
    setvbuf(stdout, NULL, _IOLBF, 0);

    struct stat s;
    if (stat(arg['f'], &s) == -1)
        err(1, "ftok: %s", arg['f']);
    key_t key = (key_t)((unsigned)arg['j'][0] << 24 |
                        ((unsigned)s.st_dev & 0xff) << 16 |
                        ((unsigned)s.st_ino & 0xffff));
    if (arg['w'] || arg['R'])
        return exchange(key);

    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    stop_or_child = stop;
    sigaddset(&stop_or_child, SIGCHLD);
    signal(SIGCHLD, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &stop_or_child, NULL);
    shm = shmget(key, (size_t)size,
                 (int)mode | IPC_CREAT | (arg['x'] ? IPC_EXCL : 0));
    if (shm == -1)
        err(1, "shmget: key 0x%08x, %.0f bytes", key, size);
    double start = now();
    printf("Shared memory segment created.\nID: %d\nKey: 0x%08x\nRun 'ipcs -m' "
           "to see it. Process will exit in %g seconds...\n",
           shm, key, life);
    show("created");
    if (times > 0)
        count((long)times, (int)procs, hold);

    for (;;) {
        int next = 0;
        for (int i = 1; i < 5; i++)
            if (after[i] < after[next])
                next = i;
        struct timespec left = span(start + after[next] - now());
        if (sigtimedwait(&stop, NULL, &left) > 0)
            leave(0);
        if (errno == EINTR || start + after[next] > now())
            continue;
        switch (next) {
        case 0: attach(), show("attached"); break;
        case 1: need(!shmctl(shm, SHM_LOCK, NULL), "shmctl"), show("locked"); break;
        case 2: need(!shmdt(memory), "shmdt"), show("detached"); break;
        case 3:
            removed = 1;
            need(!shmctl(shm, IPC_RMID, NULL), "shmctl"), show("removed");
            break;
        default: leave(0);
        }
        after[next] = NEVER;
    }
}
