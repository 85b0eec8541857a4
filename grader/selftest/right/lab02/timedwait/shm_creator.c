/* shm_creator with sigtimedwait(2) and absolute deadlines
 *
 * As short as it gets with all calls checked: die() prints an error, atexit(3)
 * removes. All times are nanoseconds of the monotonic clock.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL

static sigset_t stop;
static int id;
static enum { NONE, THERE, REMOVED } state;

static void die(int status, const char *format, ...)
{
    char line[1000];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    fprintf(stderr, "shm_creator: %s\n", line);
    exit(status);
}

#define CHECK(call, name)                                                      \
    do                                                                         \
        if ((call) == -1)                                                      \
            die(1, "%s failed: %m", name);                                     \
    while (0)

static void at_exit(void)
{
    if (state == THERE) {
        state = REMOVED;
        if (shmctl(id, IPC_RMID, NULL) == -1) {
            fprintf(stderr, "shm_creator: shmctl failed: %m\n");
            _exit(1);
        }
    }
}

static long long now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * SECOND + t.tv_nsec;
}

/* Waits; a signal that stops us does so here. */
static void wait_until(long long deadline)
{
    for (;;) {
        long long left = deadline - now();
        if (left < 0)
            left = 0;
        struct timespec t = {left / SECOND, left % SECOND};
        if (sigtimedwait(&stop, NULL, &t) > 0)
            exit(0);
        if (errno == EAGAIN && now() >= deadline)
            return;
        if (errno != EAGAIN && errno != EINTR) /* EINTR: stopped, continued */
            die(1, "sigtimedwait failed: %m");
    }
}

static void print_status(const char *step)
{
    struct shmid_ds ds = {.shm_nattch = 0};
    if (shmctl(id, IPC_STAT, &ds) == -1) {
        if (state == THERE || (errno != EINVAL && errno != EIDRM))
            die(1, "shmctl failed: %m");
        printf("%s: segment %d is gone\n", step, id);
        return;
    }
    const char *status;
    switch (ds.shm_perm.mode & ~0777U) {
    case 0: status = "-"; break;
    case SHM_DEST: status = "dest"; break;
    case SHM_LOCKED: status = "locked"; break;
    default: status = "dest,locked";
    }
    printf("%s: key=0x%08x shmid=%d perms=%o bytes=%zu nattch=%lu status=%s\n",
           step, ds.shm_perm.__key, id, ds.shm_perm.mode & 0777U, ds.shm_segsz,
           ds.shm_nattch, status);
}

/* Numbers without strtod(3): digits, a point, digits. In units of 1/scale. */
static long long number(const char *text, int base, long long scale,
                        long long max)
{
    const char *digits = "0123456789", *c = text;
    long long value = 0;
    int seen = 0;
    for (; *c && memchr(digits, *c, (size_t)base); c++, seen++)
        if ((value = value * base + (*c - '0')) > max / scale)
            value = max / scale + 1; /* stays too large */
    value *= scale;
    if (*c == '.' && scale > 1)
        for (c++; *c >= '0' && *c <= '9'; c++, seen++)
            value += (*c - '0') * (scale /= 10);
    if (*c != '\0' || seen == 0 || value > max)
        die(2, "wrong number '%s', see --help", text);
    return value;
}

int main(int argc, char **argv)
{
    static const struct option table[] = {
        {"path", 1, 0, 'p'},      {"size", 1, 0, 's'},
        {"mode", 1, 0, 'm'},      {"help", 0, 0, 'h'},
        {"exclusive", 0, 0, 'x'}, {"every", 1, 0, 'e'},
        {"time", 1, 0, 't'},      {0, 0, 0, 0}};
    const char *path = ".";
    long long size = 1024, every = SECOND, lifetime = 60 * SECOND;
    int option, mode = 0666, exclusive = 0;

    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    while ((option = getopt_long(argc, argv, "", table, NULL)) != -1)
        switch (option) {
        case 'p': path = optarg; break;
        case 's': size = number(optarg, 10, 1, 1000000000000000); break;
        case 'm': mode = (int)number(optarg, 8, 1, 0777); break;
        case 'x': exclusive = IPC_EXCL; break;
        case 'e': every = number(optarg, 10, SECOND, 1000000 * SECOND); break;
        case 't':
            lifetime = number(optarg, 10, SECOND, 1000000 * SECOND);
            break;
        case 'h':
            printf("--path FILE --size BYTES --mode OCTAL --exclusive\n"
                   "--every SECONDS --time SECONDS\n"
                   "attach, detach, lock, remove: steps\n");
            return 0;
        default: return 2;
        }
    for (int i = optind; i < argc; i++)
        if (strcmp(argv[i], "attach") && strcmp(argv[i], "detach") &&
            strcmp(argv[i], "lock") && strcmp(argv[i], "remove"))
            die(2, "'%s' is none of the steps, see --help", argv[i]);

    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGHUP);
    sigaddset(&stop, SIGPIPE);
    CHECK(sigprocmask(SIG_BLOCK, &stop, NULL), "sigprocmask");
    if (atexit(at_exit) != 0)
        die(1, "atexit failed: %m");

    key_t key = ftok(path, 'A');
    CHECK(key, "ftok");
    id = shmget(key, (size_t)size, mode | exclusive | IPC_CREAT);
    CHECK(id, "shmget");
    state = THERE;
    printf("Shared memory segment created.\nID: %d\nKey: 0x%08x\n"
           "Run 'ipcs -m' to see it. Process will exit in %g seconds...\n",
           id, key, (double)((argc - optind) * every + lifetime) / SECOND);

    if (optind < argc)
        print_status("create");
    void *memory = NULL;
    for (; optind < argc; optind++) {
        const char *step = argv[optind];
        wait_until(now() + every);
        if (!strcmp(step, "attach")) {
            memory = shmat(id, NULL, 0);
            if (memory == (void *)-1)
                die(1, "shmat failed: %m");
        } else if (!strcmp(step, "detach")) {
            CHECK(shmdt(memory), "shmdt");
        } else if (!strcmp(step, "lock")) {
            CHECK(shmctl(id, SHM_LOCK, NULL), "shmctl");
        } else {
            at_exit();
        }
        print_status(step);
    }
    wait_until(now() + lifetime);
    return 0;
}
