/* shm_creator with handlers that write into a pipe, and poll(2)
 *
 * Nothing is blocked. A handler writes one byte, whatever the program does just
 * then; the byte stays there until the program waits, which it does for the
 * pipe. There is one way out of main(), over clean_up().
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <time.h>
#include <unistd.h>

enum result { GO_ON, STOPPED, FAILED };

static int in = -1, out = -1; /* the pipe */
static int shm = -1;
static bool keep = true; /* there is none to remove */
static void *where;

static enum result complain(const char *call, const char *about)
{
    int error = errno;
    fprintf(stderr, "shm_creator: %s: %s%s%s\n", call, about,
            *about ? ": " : "", strerror(error));
    return FAILED;
}

static void on_signal(int number)
{
    int error = errno;
    ssize_t n = write(out, &number, 1);
    (void)n; /* full: then there is enough to read */
    errno = error;
}

static enum result open_pipe(void)
{
    int ends[2];
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) == -1)
        return complain("pipe2", "");
    in = ends[0];
    out = ends[1];
    sigset_t set;
    sigemptyset(&set);
    for (const char *n = (char[]){SIGINT, SIGTERM, SIGHUP, SIGPIPE, 0}; *n;
         n++) {
        sigaddset(&set, *n);
        if (sigaction(*n, &action, NULL) == -1)
            return complain("sigaction", "");
    }
    sigprocmask(SIG_UNBLOCK, &set, NULL); /* as they may come to us blocked */
    return GO_ON;
}

/* poll(2) goes on by itself after SIGSTOP and SIGCONT, to the same end. */
static enum result pause_for(double seconds)
{
    struct pollfd pipe_end = {.fd = in, .events = POLLIN};
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    double now = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
    double end = now + seconds;
    for (;;) {
        double left = end > now ? (end - now) * 1000 : 0;
        int ready = poll(&pipe_end, 1, (int)left + (left > (int)left));
        if (ready == 1)
            return STOPPED;
        if (ready == -1 && errno != EINTR)
            return complain("poll", "");
        clock_gettime(CLOCK_MONOTONIC, &t);
        now = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
        if (now >= end)
            return GO_ON;
    }
}

static enum result create(const char *path, size_t size, int flags, key_t *key)
{
    *key = ftok(path, 'A');
    if (*key == -1)
        return complain("ftok", path);
    shm = shmget(*key, size, flags);
    if (shm == -1)
        return complain("shmget", "");
    keep = false;
    return GO_ON;
}

static enum result take(const char *step)
{
    if (!strcmp(step, "attach")) {
        where = shmat(shm, NULL, 0);
        if (where == (void *)-1)
            return complain("shmat", "");
    }
    if (!strcmp(step, "detach") && shmdt(where) == -1)
        return complain("shmdt", "");
    if (!strcmp(step, "lock") && shmctl(shm, SHM_LOCK, NULL) == -1)
        return complain("shmctl", "SHM_LOCK");
    if (!strcmp(step, "remove") && !keep) {
        keep = true;
        if (shmctl(shm, IPC_RMID, NULL) == -1)
            return complain("shmctl", "IPC_RMID");
    }
    return GO_ON;
}

static enum result show(const char *step)
{
    struct shmid_ds s;
    char status[20];
    if (shmctl(shm, IPC_STAT, &s) == -1) {
        if (!keep || (errno != EINVAL && errno != EIDRM))
            return complain("shmctl", "IPC_STAT");
        printf("%s: segment %d is gone\n", step, shm);
        return GO_ON;
    }
    const char *dest = s.shm_perm.mode & SHM_DEST ? "dest" : NULL;
    const char *lock = s.shm_perm.mode & SHM_LOCKED ? "locked" : NULL;
    if (dest && lock)
        snprintf(status, sizeof status, "%s,%s", dest, lock);
    else
        snprintf(status, sizeof status, "%s", dest ? dest : lock ? lock : "-");
    printf("%s: ", step);
    printf("key=0x%08x shmid=%d ", (unsigned)s.shm_perm.__key, shm);
    printf("perms=%o bytes=%zu ", (unsigned)s.shm_perm.mode & 0777,
           s.shm_segsz);
    printf("nattch=%lu status=%s\n", (unsigned long)s.shm_nattch, status);
    return GO_ON;
}

static enum result clean_up(enum result result)
{
    if (!keep && shmctl(shm, IPC_RMID, NULL) == -1 && result != FAILED)
        result = complain("shmctl", "IPC_RMID");
    return result;
}

/* ---- the command line: only getopt_long(3) and strtoull(3)
 * ------------------- */

static bool whole(const char *text, int base, uint64_t max, uint64_t *value)
{
    char *end;
    *value = strtoull(text, &end, base);
    return *text >= '0' && *text <= '9' && *end == '\0' && *value <= max;
}

static bool real(const char *text, double *value)
{
    char *end;
    for (const char *c = text; *c; c++)
        if (*c != '.' && (*c < '0' || *c > '9'))
            return false;
    *value = strtod(text, &end);
    return end != text && *end == '\0' && *value <= 1000000;
}

int main(int argc, char **argv)
{
    static struct option table[] = {{"path", required_argument, NULL, 0},
                                    {"size", required_argument, NULL, 1},
                                    {"mode", required_argument, NULL, 2},
                                    {"every", required_argument, NULL, 3},
                                    {"time", required_argument, NULL, 4},
                                    {"exclusive", no_argument, NULL, 5},
                                    {"help", no_argument, NULL, 6},
                                    {NULL, 0, NULL, 0}};
    const char *path = ".";
    uint64_t size = 1024, mode = 0666;
    double every = 1, time = 60;
    int exclusive = 0, which;
    bool good = true;

    while (good && (which = getopt_long(argc, argv, "", table, NULL)) != -1)
        switch (which) {
        case 0: path = optarg; break;
        case 1:
            good = whole(optarg, 10, UINT64_C(1000000000000000), &size);
            break;
        case 2: good = whole(optarg, 8, 0777, &mode); break;
        case 3: good = real(optarg, &every); break;
        case 4: good = real(optarg, &time); break;
        case 5: exclusive = IPC_EXCL; break;
        case 6:
            for (struct option *o = table; o->name; o++)
                printf("--%s%s\n", o->name, o->has_arg ? " VALUE" : "");
            puts("attach, detach, lock, remove");
            return 0;
        default: return 2;
        }
    const char *bad = good ? NULL : optarg;
    for (int i = optind; good && i < argc && !bad; i++)
        if (strcmp(argv[i], "attach") && strcmp(argv[i], "detach") &&
            strcmp(argv[i], "lock") && strcmp(argv[i], "remove"))
            bad = argv[i];
    if (bad) {
        fprintf(stderr, "shm_creator: '%s' is wrong, try --help\n", bad);
        return 2;
    }

    setlinebuf(stdout);
    key_t key;
    enum result result = open_pipe();
    if (result == GO_ON)
        result = create(path, size, (int)mode | exclusive | IPC_CREAT, &key);
    if (result == GO_ON) {
        printf("Shared memory segment created.\nID: %d\nKey: 0x%08x\n", shm,
               (unsigned)key);
        printf("Run 'ipcs -m' to see it. Process will exit in %g seconds...\n",
               (argc - optind) * every + time);
        if (optind < argc)
            result = show("create");
    }
    for (; result == GO_ON && optind < argc; optind++) {
        result = pause_for(every);
        if (result == GO_ON)
            result = take(argv[optind]);
        if (result == GO_ON)
            result = show(argv[optind]);
    }
    if (result == GO_ON)
        result = pause_for(time);
    return clean_up(result) == FAILED;
}
