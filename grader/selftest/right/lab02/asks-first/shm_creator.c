/* shm_creator - create a System V shared memory segment and follow its life
 *
 * Usage: ./shm_creator [OPTION]... [STEP]...      (--help lists both)
 *
 * Try:   ./shm_creator & sleep 1; ipcs -m
 *            the segment exists, yet nattch is 0: creating is not attaching
 *        ./shm_creator attach lock remove
 *            removed while attached: status dest, key 0, still usable
 */
#define _GNU_SOURCE /* SHM_DEST, SHM_LOCKED */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/select.h>
#include <time.h>

static void remove_segment(void);

/* What the command line asks for; times in seconds. */
static const char *path = ".";
static double size = 1024, mode = 0666, every = 1, lifetime = 60;
static bool exclusive, removed; /* removed: IPC_RMID is done */
static int id = -1;             /* of the segment, from shmget(2) */
static sigset_t signals;        /* what wait_for() waits for */

/* Creates the segment that has the key made of `path` and 'A', or finds the one
 * that exists, and sets `id`: ftok(3), shmget(2). Returns the key. */
static key_t create(void)
{
    key_t key = -1;
    /* BEGIN SOLUTION task 1 */
    key = ftok(path, 'A');
    if (key == -1)
        err(1, "ftok: %s", path);
    int flags = IPC_CREAT | (exclusive ? IPC_EXCL : 0) | (int)mode;
    id = shmget(key, (size_t)size, flags);
    /* END SOLUTION */
    /* BEGIN SOLUTION task 3 */
    if (id == -1)
        err(1, "shmget: key 0x%08x, %.0f bytes", key, size);
    /* END SOLUTION */
    struct shmid_ds ds; /* the kernel's key, not what we remember */
    if (shmctl(id, IPC_STAT, &ds) == -1) {
        int error = errno;
        remove_segment();
        errno = error;
        err(1, "shmctl: cannot read segment %d", id);
    }
    key = ds.shm_perm.__key;
    return key;
}

/* Removes the segment, once: IPC_RMID in shmctl(2). exit(3) calls this, so it
 * must not call exit(3) again; if it fails, warn(3) and _Exit(1). */
static void remove_segment(void)
{
    /* BEGIN SOLUTION task 2 */
    if (removed)
        return;
    removed = true;
    if (shmctl(id, IPC_RMID, NULL) == -1) {
        warn("shmctl: cannot remove segment %d", id);
        _Exit(1);
    }
    /* END SOLUTION */
}

static sigset_t usual;
static volatile sig_atomic_t came;

static void on_signal(int number)
{
    came = number;
}

/* Keeps the signals that stop us pending until wait_for() takes them, and so
 * SIGALRM, which comes when the time is over: sigprocmask(2). */
static void block_signals(void)
{
    sigemptyset(&signals);
    /* BEGIN SOLUTION task 2 */
    static const int set[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    for (size_t i = 0; i < sizeof set / sizeof set[0]; i++)
        sigaddset(&signals, set[i]);
    sigprocmask(SIG_BLOCK, &signals, &usual);
    for (size_t i = 0; i < sizeof set / sizeof set[0]; i++) {
        sigaction(set[i], &(struct sigaction){.sa_handler = on_signal, .sa_mask = signals}, NULL);
        sigdelset(&usual, set[i]);
    }
    /* END SOLUTION */
}

/* Sleeps until `seconds` are over or another of the signals comes, and returns
 * the signal (SIGALRM: the time is over): setitimer(2), sigwait(3). */
static int wait_for(double seconds)
{
    int signal = SIGALRM;
    /* BEGIN SOLUTION task 2 */
    struct timespec now, end, left;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += (time_t)seconds;
    end.tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
    while (!came) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        long long ns = (end.tv_sec - now.tv_sec) * 1000000000LL + end.tv_nsec - now.tv_nsec;
        if (ns < 0)
            ns = 0;
        left.tv_sec = ns / 1000000000;
        left.tv_nsec = ns % 1000000000;
        if (pselect(0, NULL, NULL, NULL, &left, &usual) == 0)
            break;
    }
    if (came)
        signal = came;
    /* END SOLUTION */
    return signal;
}

/* Prints what the kernel says of the segment, now: IPC_STAT in shmctl(2). */
static void print_status(const char *step)
{
    /* BEGIN SOLUTION task 4 */
    static const char *status[] = {"-", "dest", "locked", "dest,locked"};
    struct shmid_ds ds;
    if (shmctl(id, IPC_STAT, &ds) == 0)
        printf("%s: key=0x%08x shmid=%d perms=%o bytes=%zu nattch=%lu "
               "status=%s\n",
               step, ds.shm_perm.__key, id, ds.shm_perm.mode & 0777U,
               ds.shm_segsz, ds.shm_nattch, status[ds.shm_perm.mode >> 9 & 3]);
    else if (removed && (errno == EINVAL || errno == EIDRM))
        printf("%s: segment %d is gone\n", step, id);
    else
        err(1, "shmctl: cannot read segment %d", id);
    /* END SOLUTION */
}

/* Takes a step: shmat(2), shmdt(2), SHM_LOCK in shmctl(2), remove_segment(). A
 * call that fails ends the program. */
static void take(const char *step)
{
    if (strcmp(step, "remove") == 0)
        remove_segment();
    /* BEGIN SOLUTION task 4 */
    static void *memory; /* where it is attached */
    if (strcmp(step, "attach") == 0) {
        memory = shmat(id, NULL, 0);
        if (memory == (void *)-1)
            err(1, "shmat: segment %d", id);
    }
    if (strcmp(step, "detach") == 0 && shmdt(memory) == -1)
        err(1, "shmdt: segment %d", id);
    /* END SOLUTION */
    /* BEGIN SOLUTION task 5 */
    if (strcmp(step, "lock") == 0 && shmctl(id, SHM_LOCK, NULL) == -1)
        err(1, "shmctl: cannot lock segment %d", id);
    /* END SOLUTION */
}

/* Returns the number in `text`, made of these digits (eight digits: octal) and
 * at most `max`; anything else is a usage error. strtod(3), strtoul(3). */
static double number(const char *text, const char *digits, double max)
{
    char *end;
    double value = strlen(digits) == 8 ? (double)strtoul(text, &end, 8)
                                       : strtod(text, &end);
    if (*text == '\0' || *end || text[strspn(text, digits)] || value > max)
        errx(2, "'%s' is not a number that fits here: see --help", text);
    return value;
}

/* Reads the options; the steps are left, from optind on. */
static void parse(int argc, char **argv)
{
    static const struct option table[] = {
        {"path", 1, NULL, 'p'},  {"size", 1, NULL, 's'},
        {"mode", 1, NULL, 'm'},  {"exclusive", 0, NULL, 'x'},
        {"every", 1, NULL, 'e'}, {"time", 1, NULL, 't'},
        {"help", 0, NULL, 'h'},  {NULL, 0, NULL, 0}};

    for (int o; (o = getopt_long(argc, argv, "", table, NULL)) != -1;)
        switch (o) {
        case 'p': path = optarg; break;
        case 's': size = number(optarg, "0123456789", 1e15); break;
        case 'm': mode = number(optarg, "01234567", 0777); break;
        case 'x': exclusive = true; break;
        case 'e': every = number(optarg, "0123456789.", 1e6); break;
        case 't': lifetime = number(optarg, "0123456789.", 1e6); break;
        case 'h':
            puts("--path FILE      which the key is made of (.)\n"
                 "--size BYTES     of the segment (1024)\n"
                 "--mode OCTAL     its permissions (666)\n"
                 "--exclusive      fail if the key is in use\n"
                 "--every SECONDS  before each step (1); --time, at the end "
                 "(60)\n"
                 "Steps: attach, detach, lock, remove");
            exit(0);
        default: exit(2);
        }
    for (int i = optind; i < argc; i++)
        if (strcmp(argv[i], "attach") && strcmp(argv[i], "detach") &&
            strcmp(argv[i], "lock") && strcmp(argv[i], "remove"))
            errx(2, "'%s' is not a step: see --help", argv[i]);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0); /* whole lines, into a pipe too */
    parse(argc, argv);

    block_signals(); /* before there is a segment that they could leave */
    key_t key = create();
    atexit(remove_segment);
    /* BEGIN SOLUTION task 1 */
    printf("Shared memory segment created.\nID: %d\nKey: 0x%08x\n", id, key);
    printf("Run 'ipcs -m' to see it. Process will exit in %g seconds...\n",
           (argc - optind) * every + lifetime);
    /* END SOLUTION */

    if (optind < argc)
        print_status("create");
    for (; optind < argc; optind++) {
        if (wait_for(every) != SIGALRM)
            return 0; /* through remove_segment() */
        take(argv[optind]);
        print_status(argv[optind]);
    }
    wait_for(lifetime);
    return 0;
}
