/* shm_creator with handlers that call sem_post(3), which handlers may
 *
 * Nothing is blocked: what is posted stays posted, so the program may meet the
 * signal anywhere, and finds it where it waits, in sem_clockwait(3).
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <time.h>
#include <unistd.h>

struct range {
    const char *digits;
    int base; /* 0: with a fraction */
    double max;
};

static const struct range bytes = {"0123456789", 10, 1e15},
                          octal = {"01234567", 8, 0777},
                          seconds = {"0123456789.", 0, 1e6};

/* ---- signals
 * ------------------------------------------------------------------- */

static sem_t stop;

static void on_signal(int number)
{
    int error = errno;
    (void)number;
    sem_post(&stop);
    errno = error;
}

static void catch_signals(void)
{
    static const int list[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigset_t set;
    sem_init(&stop, 0, 0);
    sigemptyset(&set);
    for (int i = 0; i < 4; i++) {
        sigaddset(&set, list[i]);
        if (sigaction(list[i], &action, NULL) < 0)
            err(1, "sigaction");
    }
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* Returns true when the time is over, false when a signal came before. */
static bool wait_for(double time)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)time;
    until.tv_nsec += (long)((time - (double)(time_t)time) * 1e9);
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (sem_clockwait(&stop, CLOCK_MONOTONIC, &until) == -1)
        if (errno == ETIMEDOUT)
            return true;
    sem_post(&stop); /* for the next one who asks */
    return false;
}

/* ---- the segment
 * ------------------------------------------------------------------ */

static struct {
    int id;
    char *memory;
    bool here;
} segment;

static void clean_up(void)
{
    if (!segment.here)
        return;
    segment.here = false;
    if (shmctl(segment.id, IPC_RMID, NULL) < 0) {
        warn("shmctl: IPC_RMID %d", segment.id);
        _exit(1);
    }
}

static key_t create(const char *path, size_t size, int flags)
{
    key_t key = ftok(path, 0x41);
    if (key == -1)
        err(1, "ftok: %s", path);
    segment.id = shmget(key, size, flags);
    if (segment.id < 0)
        err(1, "shmget: key 0x%08x", (unsigned)key);
    segment.here = true;
    return key;
}

static void act(const char *step)
{
    if (!strcmp(step, "attach")) {
        char *memory = shmat(segment.id, NULL, 0);
        if (memory == (void *)-1)
            err(1, "shmat: %d", segment.id);
        segment.memory = memory;
    } else if (!strcmp(step, "detach")) {
        if (shmdt(segment.memory) < 0)
            err(1, "shmdt: %d", segment.id);
    } else if (!strcmp(step, "lock")) {
        if (shmctl(segment.id, SHM_LOCK, NULL) < 0)
            err(1, "shmctl: SHM_LOCK %d", segment.id);
    } else {
        bool here = segment.here;
        segment.here = false;
        if (here && shmctl(segment.id, IPC_RMID, NULL) < 0)
            err(1, "shmctl: IPC_RMID %d", segment.id);
    }
}

static void print_status(const char *step)
{
    struct shmid_ds ds;
    if (shmctl(segment.id, IPC_STAT, &ds) < 0) {
        if (segment.here || (errno != EINVAL && errno != EIDRM))
            err(1, "shmctl: IPC_STAT %d", segment.id);
        printf("%s: segment %d is gone\n", step, segment.id);
        return;
    }
    char status[] = "dest,locked", *first = status;
    unsigned mode = ds.shm_perm.mode;
    if (!(mode & SHM_LOCKED))
        status[4] = '\0';
    if (!(mode & SHM_DEST))
        first += 5;
    if (!(mode & (SHM_DEST | SHM_LOCKED)))
        first = strcpy(status, "-");
    printf("%s: key=0x%08x shmid=%d perms=%o bytes=%zu nattch=%ld status=%s\n",
           step, (unsigned)ds.shm_perm.__key, segment.id, mode % 01000,
           ds.shm_segsz, (long)ds.shm_nattch, first);
}

/* ---- the command line
 * ---------------------------------------------------------------- */

static double number(const struct range *range)
{
    char *end;
    double value = range->base ? (double)strtoull(optarg, &end, range->base)
                               : strtod(optarg, &end);
    if (end == optarg || *end || value > range->max ||
        strspn(optarg, range->digits) != strlen(optarg))
        errx(2, "%s: not a number that is possible here", optarg);
    return value;
}

int main(int argc, char **argv)
{
    const char *path = ".";
    double size = 1024, mode = 0666, every = 1, lifetime = 60;
    int exclusive = 0, option;
    const struct option table[] = {
        {"path", required_argument, NULL, 'p'},
        {"size", required_argument, NULL, 's'},
        {"mode", required_argument, NULL, 'm'},
        {"every", required_argument, NULL, 'e'},
        {"time", required_argument, NULL, 't'},
        {"exclusive", no_argument, &exclusive, IPC_EXCL},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };

    setvbuf(stdout, NULL, _IOLBF, 0);
    while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
        switch (option) {
        case 0: break;
        case 'p': path = optarg; break;
        case 's': size = number(&bytes); break;
        case 'm': mode = number(&octal); break;
        case 'e': every = number(&seconds); break;
        case 't': lifetime = number(&seconds); break;
        case 'h':
            puts("Options: --path, --size, --mode, --exclusive, --every, "
                 "--time\nSteps: attach, detach, lock, remove");
            return 0;
        default: return 2;
        }
    }
    char **steps = argv + optind;
    int count = argc - optind;
    for (int i = 0; i < count; i++) {
        static const char all[] = " attach detach lock remove ";
        char word[16];
        snprintf(word, sizeof word, " %s ", steps[i]);
        if (strlen(steps[i]) > 6 || strchr(steps[i], ' ') || !*steps[i] ||
            !strstr(all, word))
            errx(2, "%s: no such step", steps[i]);
    }

    atexit(clean_up);
    catch_signals();
    key_t key = create(path, (size_t)size, (int)mode | exclusive | IPC_CREAT);
    printf("Shared memory segment created.\nID: %d\nKey: 0x%08x\n", segment.id,
           (unsigned)key);
    printf("Run 'ipcs -m' to see it. Process will exit in %g seconds...\n",
           count * every + lifetime);

    if (count > 0)
        print_status("create");
    for (int i = 0; i < count && wait_for(every); i++) {
        act(steps[i]);
        print_status(steps[i]);
    }
    wait_for(lifetime); /* at once when there was a signal */
    return 0;
}
