/* shm_creator - create a System V shared memory segment, see what becomes of it
 *
 * Usage: ./shm_creator [OPTION]...     (--help lists the options)
 *
 * Try:   ./shm_creator & sleep 1; ipcs -m
 *            a segment exists, yet nattch is 0: creating is not attaching
 *        ./shm_creator --time 3 --attach-after 0 --remove-after 1 --stat
 *            removed, it lives on for those who hold it: status dest, key 0
 *        ./shm_creator --time 0 --count 20
 *            two processes add to one counter, half of it is lost; try --sync
 */
#define _GNU_SOURCE /* SHM_DEST, SHM_LOCKED */
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
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NEVER     1e9 /* a moment that does not come, in seconds */
#define MAX_PROCS 64

/* What the command line asks for; times in seconds, "after" the creation. */
static const char *path = ".", *project = "A", *message;
static size_t size = 1024, count, procs = 2;
static mode_t mode = 0666;
static double lifetime = 60, hold = 0.001, attach_after = NEVER,
              lock_after = NEVER, detach_after = NEVER, remove_after = NEVER;
static bool exclusive, show_stat, reading, sync_count;

static struct {
    int id;       /* of shmget(2) */
    void *memory; /* where it is attached */
    bool removed; /* IPC_RMID is done, yet who is attached keeps it alive */
} segment = {.id = -1};

static sigset_t stop_signals; /* SIGINT and SIGTERM */

/* ---- the command line ---------------------------------------------------- */

enum kind { FLAG, TEXT, OCTAL, WHOLE, SECONDS };

static const struct {
    const char *name;
    enum kind kind;
    void *value;
    double max;
    const char *help;
} options[] = {
    {"path", TEXT, &path, 0, "FILE that the key is made from (.)"},
    {"proj", TEXT, &project, 0, "project id in the key, one letter (A)"},
    {"size", WHOLE, &size, 1e18, "bytes (1024)"},
    {"mode", OCTAL, &mode, 0777, "permissions, octal (666)"},
    {"exclusive", FLAG, &exclusive, 0, "fail if the key has a segment already"},
    {"time", SECONDS, &lifetime, 1e6, "how long to live (60)"},
    {"attach-after", SECONDS, &attach_after, 1e6, "when to attach it"},
    {"lock-after", SECONDS, &lock_after, 1e6, "when to lock it in memory"},
    {"detach-after", SECONDS, &detach_after, 1e6, "when to detach it"},
    {"remove-after", SECONDS, &remove_after, 1e6, "when to remove it early"},
    {"stat", FLAG, &show_stat, 0, "print what IPC_STAT says at each step"},
    {"write", TEXT, &message, 0, "put this TEXT into an existing segment"},
    {"read", FLAG, &reading, 0, "print the text in an existing segment"},
    {"count", WHOLE, &count, 1e6, "let processes count in it, so often each"},
    {"procs", WHOLE, &procs, MAX_PROCS, "how many processes count (2)"},
    {"hold", SECONDS, &hold, 1e3, "between read and write of a count (0.001)"},
    {"sync", FLAG, &sync_count, 0, "let them count one at a time"},
};
enum { OPTIONS = sizeof options / sizeof options[0] };

/* Gives option `o` its value; one that it cannot take is a usage error. */
static void set_option(int o, const char *text)
{
    static const char *digits[] = {[OCTAL] = "01234567",
                                   [WHOLE] = "0123456789",
                                   [SECONDS] = "0123456789."};
    enum kind kind = options[o].kind;
    void *value = options[o].value;

    if (kind == FLAG) {
        *(bool *)value = true;
    } else if (kind == TEXT) {
        *(const char **)value = text;
    } else {
        char *end;
        double number =
            kind == OCTAL ? (double)strtoul(text, &end, 8) : strtod(text, &end);
        if (*text == '\0' || *end != '\0' || number > options[o].max ||
            text[strspn(text, digits[kind])] != '\0')
            errx(2, "--%s cannot be '%s': see --help", options[o].name, text);
        if (kind == SECONDS)
            *(double *)value = number;
        else if (kind == WHOLE)
            *(size_t *)value = (size_t)number;
        else
            *(mode_t *)value = (mode_t)number;
    }
}

static void parse(int argc, char **argv)
{
    struct option table[OPTIONS + 2] = {{"help", no_argument, NULL, OPTIONS}};
    for (int o = 0; o < OPTIONS; o++)
        table[o + 1] =
            (struct option){options[o].name, options[o].kind != FLAG, NULL, o};

    for (int o; (o = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        if (o == '?')
            exit(2);
        if (o == OPTIONS) {
            printf("Usage: %s [OPTION]... (times in seconds)\n", argv[0]);
            for (o = 0; o < OPTIONS; o++)
                printf("  --%-14s%s\n", options[o].name, options[o].help);
            exit(0);
        }
        set_option(o, optarg);
    }
    if (optind < argc)
        errx(2, "'%s' is not an option: see --help", argv[optind]);
    if (strlen(project) != 1)
        errx(2, "--proj takes one letter, not '%s'", project);
}

/* ---- one segment --------------------------------------------------------- */

/* Returns the key that `path` and `project` make: ftok(3). */
static key_t make_key(void)
{
    key_t key = -1;
    /* BEGIN SOLUTION tasks 1 and 3 */
    key = ftok(path, *project);
    if (key == -1)
        err(1, "ftok: %s", path);
    /* END SOLUTION */
    return key;
}

/* Creates the segment, or finds the one that has the key already: shmget(2). */
static void create(key_t key)
{
    /* BEGIN SOLUTION tasks 1 and 3 */
    int flags = IPC_CREAT | (exclusive ? IPC_EXCL : 0);
    segment.id = shmget(key, size, flags | (int)mode);
    if (segment.id != -1)
        return;
    int error = errno;
    bool smaller = error == EINVAL && size > 0 && shmget(key, 0, 0) != -1;
    errx(1, "shmget: key 0x%08x%s, %zu bytes: %s", key,
         smaller ? " exists with fewer than" : "", size, strerror(error));
    /* END SOLUTION */
}

/* Removes the segment, once: shmctl(2). Every exit(3) comes through here. */
static void remove_segment(void)
{
    /* BEGIN SOLUTION task 2 */
    if (segment.removed)
        return;
    segment.removed = true;
    if (shmctl(segment.id, IPC_RMID, NULL) == -1) {
        warn("shmctl: cannot remove segment %d", segment.id);
        _exit(1);
    }
    /* END SOLUTION */
}

/* Keeps SIGINT and SIGTERM pending until wait_until() asks: sigprocmask(2). */
static void block_stop_signals(void)
{
    sigemptyset(&stop_signals);
    sigaddset(&stop_signals, SIGINT);
    sigaddset(&stop_signals, SIGTERM);
    /* BEGIN SOLUTION task 2 */
    sigprocmask(SIG_BLOCK, &stop_signals, NULL);
    /* END SOLUTION */
}

/* Returns the time in seconds on a clock that nobody sets. */
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Waits until now() is `deadline` or a stop signal comes: sigtimedwait(2).
 * Returns the signal, or 0 when it is time. */
static int wait_until(double deadline)
{
    int signal = 0;
    /* BEGIN SOLUTION task 2 */
    do {
        double left = deadline > now() ? deadline - now() : 0;
        struct timespec t = {.tv_sec = (time_t)left};
        t.tv_nsec = (long)((left - (double)t.tv_sec) * 1e9);
        signal = sigtimedwait(&stop_signals, NULL, &t);
    } while (signal == -1 && errno == EINTR);
    if (signal == -1)
        signal = 0;
    /* END SOLUTION */
    return signal;
}

/* Attaches the segment at an address that the kernel chooses: shmat(2). */
static void attach(void)
{
    /* BEGIN SOLUTION task 4 */
    segment.memory = shmat(segment.id, NULL, 0);
    if (segment.memory == (void *)-1)
        err(1, "shmat: segment %d", segment.id);
    /* END SOLUTION */
}

/* Detaches it again: shmdt(2). */
static void detach(void)
{
    /* BEGIN SOLUTION task 4 */
    if (shmdt(segment.memory) == -1)
        err(1, "shmdt: segment %d", segment.id);
    /* END SOLUTION */
}

/* Keeps the segment out of swap, attached or not: SHM_LOCK in shmctl(2). */
static void lock(void)
{
    /* BEGIN SOLUTION task 5 */
    if (shmctl(segment.id, SHM_LOCK, NULL) == -1)
        err(1, "shmctl: cannot lock segment %d", segment.id);
    /* END SOLUTION */
}

/* Prints what the kernel says of the segment: IPC_STAT in shmctl(2). */
static void print_stat(const char *event)
{
    /* BEGIN SOLUTION task 4 */
    static const char *status[] = {"-", "dest", "locked", "dest,locked"};
    struct shmid_ds ds;
    if (shmctl(segment.id, IPC_STAT, &ds) == 0)
        printf("%s: key=0x%08x shmid=%d perms=%o bytes=%zu nattch=%lu "
               "status=%s\n",
               event, ds.shm_perm.__key, segment.id, ds.shm_perm.mode & 0777U,
               ds.shm_segsz, ds.shm_nattch,
               status[(ds.shm_perm.mode & SHM_DEST ? 1 : 0) +
                      (ds.shm_perm.mode & SHM_LOCKED ? 2 : 0)]);
    else if (segment.removed)
        printf("%s: segment %d is gone\n", event, segment.id);
    else
        err(1, "shmctl: cannot read segment %d", segment.id);
    /* END SOLUTION */
}

/* ---- two processes, one message ------------------------------------------ */

/* Writes `message` into the segment that has the key, or prints its text. */
static void exchange(key_t key)
{
    /* BEGIN SOLUTION task 6 */
    struct shmid_ds ds;
    segment.id = shmget(key, 0, 0);
    if (segment.id == -1)
        err(1, "shmget: key 0x%08x", key);
    if (shmctl(segment.id, IPC_STAT, &ds) == -1)
        err(1, "shmctl: cannot read segment %d", segment.id);
    attach();
    if (reading)
        printf("%.*s\n", (int)ds.shm_segsz, (char *)segment.memory);
    else if (strlen(message) < ds.shm_segsz)
        strcpy(segment.memory, message);
    else
        errx(1, "the message and its end need %zu bytes, the segment has %zu",
             strlen(message) + 1, ds.shm_segsz);
    detach();
    /* END SOLUTION */
}

/* ---- many processes, one counter ----------------------------------------- */

/* What is at the start of the segment then. */
struct shared {
    volatile long counter;
    sem_t lock;
};

/* Lets children add to one counter, `count` times each, and prints how much of
 * their work got lost. A stop signal ends them and the program. */
static void count_together(void)
{
    /* BEGIN SOLUTION task 7 */
    if (size < sizeof(struct shared))
        errx(1, "to count takes %zu bytes", sizeof(struct shared));
    attach();
    struct shared *shared = segment.memory;
    shared->counter = 0;
    sem_init(&shared->lock, 1, 1); /* 1: between processes */

    pid_t child[MAX_PROCS];
    int stopped = 0; /* by a signal, or -1: fork failed */
    for (size_t p = 0; p < procs; p++) {
        child[p] = fork();
        if (child[p] == -1) {
            warn("fork");
            procs = p;
            stopped = -1;
        }
        if (child[p] != 0)
            continue;
        sigprocmask(SIG_UNBLOCK, &stop_signals, NULL);
        for (size_t i = 0; i < count; i++) {
            if (sync_count)
                sem_wait(&shared->lock);
            long value = shared->counter;
            usleep((useconds_t)(hold * 1e6)); /* others read the same value */
            shared->counter = value + 1;
            if (sync_count)
                sem_post(&shared->lock);
        }
        _exit(0); /* exit(3) would remove the segment */
    }

    for (size_t p = 0; p < procs; p++) {
        while (!stopped && waitpid(child[p], NULL, WNOHANG) == 0)
            stopped = wait_until(now() + 0.005);
        if (stopped) {
            kill(child[p], SIGTERM);
            waitpid(child[p], NULL, 0);
        }
    }
    if (stopped)
        exit(stopped == -1 ? 1 : 0);
    long expected = (long)(procs * count), got = shared->counter;
    printf("expected %ld, got %ld, lost %ld\n", expected, got, expected - got);
    detach();
    /* END SOLUTION */
}

/* -------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    parse(argc, argv);

    key_t key = make_key();
    if (message || reading) {
        exchange(key);
        return 0;
    }

    /* Signals are blocked before there is something that they could leave. */
    block_stop_signals();
    create(key);
    atexit(remove_segment);
    double start = now();
    printf("Shared memory segment created.\nID: %d\nKey: 0x%08x\n", segment.id,
           key);
    printf("Run 'ipcs -m' to see it. Process will exit in %g seconds...\n",
           lifetime);
    if (show_stat)
        print_stat("created");
    if (count > 0)
        count_together();

    struct {
        double after;
        void (*act)(void);
        const char *event;
    } steps[] = {{attach_after, attach, "attached"},
                 {lock_after, lock, "locked"},
                 {detach_after, detach, "detached"},
                 {remove_after, remove_segment, "removed"},
                 {lifetime, NULL, "end"}};

    for (;;) {
        size_t next = 0;
        for (size_t s = 1; s < sizeof steps / sizeof steps[0]; s++)
            if (steps[s].after < steps[next].after)
                next = s;
        if (wait_until(start + steps[next].after) || !steps[next].act)
            return 0; /* through remove_segment() */
        steps[next].act();
        if (show_stat)
            print_stat(steps[next].event);
        steps[next].after = 2 * NEVER;
    }
}
