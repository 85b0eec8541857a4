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
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/sem.h>
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
    key_t key = ftok(path, project[0]);
    if (key == -1)
        err(1, "ftok: %s", path);
    return key;
}

/* Creates the segment, or finds the one that has the key already: shmget(2). */
static void create(key_t key)
{
    int flags = IPC_CREAT | (int)mode;
    if (exclusive)
        flags |= IPC_EXCL;
    segment.id = shmget(key, size, flags);
    if (segment.id == -1)
        err(1, "shmget: key 0x%08x, %zu bytes", key, size);
}

/* Removes the segment, once: shmctl(2). Every exit(3) comes through here. */
static void remove_segment(void)
{
    if (segment.removed)
        return;
    segment.removed = true;
    if (shmctl(segment.id, IPC_RMID, NULL) == -1) {
        /* atexit(3): a function that it calls must not call exit(3). */
        warn("shmctl: IPC_RMID %d", segment.id);
        fflush(stdout);
        _exit(1);
    }
}

/* Keeps SIGINT and SIGTERM pending until wait_until() asks: sigprocmask(2). */
static volatile sig_atomic_t stopped_by;

static void on_stop(int signal)
{
    stopped_by = signal;
}

static void block_stop_signals(void)
{
    sigemptyset(&stop_signals);
    sigaddset(&stop_signals, SIGINT);
    sigaddset(&stop_signals, SIGTERM);

    struct sigaction action = {.sa_handler = on_stop};
    action.sa_mask = stop_signals;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigprocmask(SIG_BLOCK, &stop_signals, NULL);
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
    sigset_t open;
    sigprocmask(SIG_SETMASK, NULL, &open);
    sigdelset(&open, SIGINT);
    sigdelset(&open, SIGTERM);
    while (!stopped_by) {
        double left = deadline - now();
        if (left < 0)
            left = 0;
        struct timespec t = {.tv_sec = (time_t)left};
        t.tv_nsec = (long)((left - (double)t.tv_sec) * 1e9);
        if (ppoll(NULL, 0, &t, &open) == 0 && now() >= deadline)
            break;
    }
    return stopped_by;
}

/* Attaches the segment at an address that the kernel chooses: shmat(2). */
static void attach(void)
{
    void *memory = shmat(segment.id, NULL, 0);
    if (memory == (void *)-1)
        err(1, "shmat: segment %d", segment.id);
    segment.memory = memory;
}

/* Detaches it again: shmdt(2). */
static void detach(void)
{
    if (shmdt(segment.memory) == -1)
        err(1, "shmdt");
    segment.memory = NULL;
}

/* Keeps the segment out of swap, attached or not: SHM_LOCK in shmctl(2). */
static void lock(void)
{
    if (shmctl(segment.id, SHM_LOCK, NULL) == -1)
        err(1, "shmctl: SHM_LOCK %d", segment.id);
}

/* Prints what the kernel says of the segment: IPC_STAT in shmctl(2). */
static void print_stat(const char *event)
{
    struct shmid_ds ds;
    if (shmctl(segment.id, IPC_STAT, &ds) == -1) {
        if (!segment.removed || (errno != EINVAL && errno != EIDRM))
            err(1, "shmctl: IPC_STAT %d", segment.id);
        printf("%s: segment %d is gone\n", event, segment.id);
        return;
    }
    unsigned flags = ds.shm_perm.mode;
    const char *status = "-";
    if (flags & SHM_DEST)
        status = flags & SHM_LOCKED ? "dest,locked" : "dest";
    else if (flags & SHM_LOCKED)
        status = "locked";
    printf("%s: key=0x%08x shmid=%d perms=%o bytes=%zu nattch=%lu status=%s\n",
           event, (unsigned)ds.shm_perm.__key, segment.id, flags & 0777,
           ds.shm_segsz, (unsigned long)ds.shm_nattch, status);
}

/* ---- two processes, one message ------------------------------------------ */

/* Writes `message` into the segment that has the key, or prints its text. */
static void exchange(key_t key)
{
    segment.id = shmget(key, 0, 0);
    if (segment.id == -1)
        err(1, "shmget: key 0x%08x", key);
    struct shmid_ds ds;
    if (shmctl(segment.id, IPC_STAT, &ds) == -1)
        err(1, "shmctl: IPC_STAT %d", segment.id);
    if (message && strlen(message) + 1 > ds.shm_segsz)
        errx(1, "%zu bytes do not fit into the %zu of segment %d",
             strlen(message) + 1, ds.shm_segsz, segment.id);
    attach();
    if (message)
        strcpy(segment.memory, message);
    if (reading)
        printf("%.*s\n", (int)ds.shm_segsz, (char *)segment.memory);
    detach();
}

/* ---- many processes, one counter ----------------------------------------- */

/* What is at the start of the segment then. */
struct shared {
    volatile long counter;
};

static int turn = -1; /* a System V semaphore: 1 when nobody counts */
static pid_t children[MAX_PROCS];
static size_t running;

static void remove_semaphore(void)
{
    if (turn != -1 && semctl(turn, 0, IPC_RMID) == -1)
        warn("semctl: IPC_RMID");
    turn = -1;
}

/* -1 takes the turn, 1 gives it back; the kernel does if we die with it. */
static void change_turn(short by)
{
    struct sembuf op = {.sem_num = 0, .sem_op = by, .sem_flg = SEM_UNDO};
    while (semop(turn, &op, 1) == -1)
        if (errno != EINTR)
            _exit(1);
}

static void on_child(int signal)
{
    (void)signal; /* it only has to interrupt ppoll(2) */
}

static void child(struct shared *shared)
{
    struct sigaction plain = {.sa_handler = SIG_DFL};
    sigset_t none;
    sigaction(SIGINT, &plain, NULL);
    sigaction(SIGTERM, &plain, NULL);
    sigaction(SIGCHLD, &plain, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);

    struct timespec pause = {.tv_sec = (time_t)hold};
    pause.tv_nsec = (long)((hold - (double)pause.tv_sec) * 1e9);
    for (size_t n = 0; n < count; n++) {
        if (sync_count)
            change_turn(-1);
        long seen = shared->counter;
        nanosleep(&pause, NULL);
        shared->counter = seen + 1;
        if (sync_count)
            change_turn(1);
    }
    _exit(0); /* not exit(3): that would remove the segment */
}

static void stop_children(void)
{
    for (size_t c = 0; c < running; c++)
        kill(children[c], SIGTERM);
    while (running > 0) {
        while (waitpid(children[running - 1], NULL, 0) == -1 && errno == EINTR)
            ;
        running--;
    }
}

/* Lets children add to one counter, `count` times each, and prints how much of
 * their work got lost. A stop signal ends them and the program. */
static void count_together(void)
{
    bool mine = !segment.memory;
    if (mine)
        attach();
    struct shared *shared = segment.memory;
    shared->counter = 0;

    if (sync_count) {
        union {
            int val;
        } one = {.val = 1};
        turn = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
        if (turn == -1)
            err(1, "semget");
        atexit(remove_semaphore);
        if (semctl(turn, 0, SETVAL, one) == -1)
            err(1, "semctl: SETVAL");
    }

    struct sigaction action = {.sa_handler = on_child};
    sigset_t mask, open;
    sigaction(SIGCHLD, &action, NULL);
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    sigprocmask(SIG_BLOCK, &mask, &open);
    sigdelset(&open, SIGCHLD);
    sigdelset(&open, SIGINT);
    sigdelset(&open, SIGTERM);

    for (size_t p = 0; p < procs; p++) {
        pid_t pid = fork();
        if (pid == -1) {
            int error = errno;
            stop_children();
            errno = error;
            err(1, "fork");
        }
        if (pid == 0)
            child(shared);
        children[running++] = pid;
    }

    while (running > 0) {
        if (stopped_by) {
            stop_children();
            exit(0);
        }
        bool reaped = false;
        for (size_t c = 0; c < running; c++)
            if (waitpid(children[c], NULL, WNOHANG) == children[c]) {
                children[c] = children[--running];
                reaped = true;
                break;
            }
        if (!reaped)
            ppoll(NULL, 0, NULL, &open);
    }
    remove_semaphore();

    long got = shared->counter, expected = (long)(count * procs);
    printf("expected %ld, got %ld, lost %ld\n", expected, got, expected - got);
    if (mine)
        detach();
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
