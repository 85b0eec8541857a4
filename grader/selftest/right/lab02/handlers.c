/* shm_creator with signal handlers and a pipe to itself
 *
 * The handlers do one thing, write(2) the signal's number into a pipe; they are
 * installed before there is a segment. Who waits, waits in ppoll(2) for that
 * pipe, so a signal cannot come "between". Every function returns 0 or an exit
 * status, and every way out of main() leads over clean_up().
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
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

enum { DONE = 0, FAILED = 1, USAGE = 2, STOP = -1 };

/* ---- options --------------------------------------------------------------- */

static const char *file = ".", *letter = "A", *text;
static unsigned long long bytes = 1024, rounds, workers = 2, permissions = 0666;
static bool only_new, verbose, want_text, in_turn;
static double life = 60, hold = 0.001;
static double when_attach = -1, when_lock = -1, when_detach = -1,
              when_remove = -1;

static bool is_number(const char *s, int base, unsigned long long max,
                      unsigned long long *result)
{
    char *rest;
    if (s[0] < '0' || s[0] > '9')
        return false;
    errno = 0;
    *result = strtoull(s, &rest, base);
    return errno == 0 && *rest == '\0' && *result <= max;
}

static bool is_time(const char *s, double max, double *result)
{
    char *rest;
    if (s[strspn(s, "0123456789.")] != '\0')
        return false; /* no sign, no exponent, no "nan" */
    *result = strtod(s, &rest);
    return rest != s && *rest == '\0' && *result <= max;
}

static void usage(const char *name)
{
    printf("Usage: %s [OPTION]... (times in seconds)\n", name);
    fputs("  --path FILE         that the key is made from (.)\n"
          "  --proj LETTER       project id in the key (A)\n"
          "  --size BYTES        (1024)\n"
          "  --mode OCTAL        permissions (666)\n"
          "  --exclusive         fail if the key has a segment already\n"
          "  --time SECONDS      how long to live (60)\n"
          "  --attach-after SECONDS, --lock-after SECONDS,\n"
          "  --detach-after SECONDS, --remove-after SECONDS\n"
          "  --stat              print IPC_STAT at each step\n"
          "  --write TEXT        into an existing segment\n"
          "  --read              the text of an existing segment\n"
          "  --count N           each process adds 1, N times\n"
          "  --procs P           how many processes (2)\n"
          "  --hold SECONDS      between read and write (0.001)\n"
          "  --sync              one at a time\n",
          stdout);
}

/* Returns -1 to go on, else the exit status. */
static int read_options(int argc, char **argv)
{
    enum { PATH = 256, PROJ, SIZE, MODE, NEW, TIME, ATTACH, LOCK, DETACH };
    enum { REMOVE = 300, STAT, WRITE, READ, COUNT, PROCS, HOLD, SYNC, HELP };
    static const struct option table[] = {
        {"path", required_argument, NULL, PATH},
        {"proj", required_argument, NULL, PROJ},
        {"size", required_argument, NULL, SIZE},
        {"mode", required_argument, NULL, MODE},
        {"exclusive", no_argument, NULL, NEW},
        {"time", required_argument, NULL, TIME},
        {"attach-after", required_argument, NULL, ATTACH},
        {"lock-after", required_argument, NULL, LOCK},
        {"detach-after", required_argument, NULL, DETACH},
        {"remove-after", required_argument, NULL, REMOVE},
        {"stat", no_argument, NULL, STAT},
        {"write", required_argument, NULL, WRITE},
        {"read", no_argument, NULL, READ},
        {"count", required_argument, NULL, COUNT},
        {"procs", required_argument, NULL, PROCS},
        {"hold", required_argument, NULL, HOLD},
        {"sync", no_argument, NULL, SYNC},
        {"help", no_argument, NULL, HELP},
        {NULL, 0, NULL, 0}};
    int c, which = 0;
    while ((c = getopt_long(argc, argv, "", table, &which)) != -1) {
        bool ok = true;
        switch (c) {
        case PATH: file = optarg; break;
        case PROJ: letter = optarg, ok = strlen(optarg) == 1; break;
        case SIZE: ok = is_number(optarg, 10, 1000000000000000000, &bytes); break;
        case MODE: ok = is_number(optarg, 8, 0777, &permissions); break;
        case NEW: only_new = true; break;
        case TIME: ok = is_time(optarg, 1e6, &life); break;
        case ATTACH: ok = is_time(optarg, 1e6, &when_attach); break;
        case LOCK: ok = is_time(optarg, 1e6, &when_lock); break;
        case DETACH: ok = is_time(optarg, 1e6, &when_detach); break;
        case REMOVE: ok = is_time(optarg, 1e6, &when_remove); break;
        case STAT: verbose = true; break;
        case WRITE: text = optarg; break;
        case READ: want_text = true; break;
        case COUNT: ok = is_number(optarg, 10, 1000000, &rounds); break;
        case PROCS: ok = is_number(optarg, 10, 64, &workers); break;
        case HOLD: ok = is_time(optarg, 1e3, &hold); break;
        case SYNC: in_turn = true; break;
        case HELP: usage(argv[0]); return DONE;
        default: return USAGE;
        }
        if (!ok) {
            warnx("--%s: bad value '%s'", table[which].name, optarg);
            return USAGE;
        }
    }
    if (optind < argc) {
        warnx("unexpected argument '%s'", argv[optind]);
        return USAGE;
    }
    return -1;
}

/* ---- signals ---------------------------------------------------------------- */

static int news[2] = {-1, -1}; /* the pipe: a byte for each signal */

static void on_signal(int number)
{
    int before = errno;
    unsigned char byte = (unsigned char)number;
    if (write(news[1], &byte, 1) == -1) {
        /* full, so whoever reads it will wake up anyhow */
    }
    errno = before;
}

static int install_handlers(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGCHLD};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigset_t set;
    if (pipe2(news, O_CLOEXEC | O_NONBLOCK) == -1) {
        warn("pipe2");
        return FAILED;
    }
    sigfillset(&action.sa_mask);
    sigemptyset(&set);
    for (int i = 0; i < 3; i++) {
        sigaddset(&set, numbers[i]);
        if (sigaction(numbers[i], &action, NULL) == -1) {
            warn("sigaction");
            return FAILED;
        }
    }
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_UNBLOCK, &set, NULL); /* whoever started us may block them */
    return DONE;
}

/* Waits for news, till the deadline if it is not NULL. Returns STOP for SIGINT
 * and SIGTERM, SIGCHLD when children ended, 0 when it is time. */
static int wait_for_news(const struct timespec *deadline)
{
    for (;;) {
        struct timespec now, left, *timeout = NULL;
        struct pollfd in = {.fd = news[0], .events = POLLIN};
        unsigned char byte;
        bool child = false;

        while (read(news[0], &byte, 1) == 1) {
            if (byte != SIGCHLD)
                return STOP;
            child = true;
        }
        if (child)
            return SIGCHLD;
        if (deadline != NULL) {
            clock_gettime(CLOCK_MONOTONIC, &now);
            left.tv_sec = deadline->tv_sec - now.tv_sec;
            left.tv_nsec = deadline->tv_nsec - now.tv_nsec;
            if (left.tv_nsec < 0) {
                left.tv_sec--;
                left.tv_nsec += 1000000000;
            }
            if (left.tv_sec < 0 || (left.tv_sec == 0 && left.tv_nsec == 0))
                return 0;
            timeout = &left;
        }
        ppoll(&in, 1, timeout, NULL); /* EINTR is as good as any other return */
    }
}

/* ---- the segment -------------------------------------------------------------- */

static key_t key;
static int id = -1;
static bool ours;          /* there is one that we must remove */
static void *memory;       /* attached there */
static int lock_file = -1; /* only while the children are made */

static int attach(void)
{
    void *address = shmat(id, NULL, 0);
    if (address == (void *)-1) {
        warn("shmat: segment %d", id);
        return FAILED;
    }
    memory = address;
    return DONE;
}

static int detach(void)
{
    if (shmdt(memory) == -1) {
        warn("shmdt: segment %d", id);
        return FAILED;
    }
    memory = NULL;
    return DONE;
}

static int lock_in_memory(void)
{
    if (shmctl(id, SHM_LOCK, NULL) == -1) {
        warn("shmctl: cannot lock segment %d", id);
        return FAILED;
    }
    return DONE;
}

static int remove_it(void)
{
    if (ours) {
        ours = false; /* never twice, whatever comes */
        if (shmctl(id, IPC_RMID, NULL) == -1) {
            warn("shmctl: cannot remove segment %d", id);
            return FAILED;
        }
    }
    return DONE;
}

static int tell(const char *event)
{
    struct shmid_ds now;
    const char *status = "-";
    if (!verbose)
        return DONE;
    if (shmctl(id, IPC_STAT, &now) == -1) {
        if (!ours && (errno == EINVAL || errno == EIDRM)) {
            printf("%s: segment %d is gone\n", event, id);
            return DONE;
        }
        warn("shmctl: segment %d", id);
        return FAILED;
    }
    switch (now.shm_perm.mode & (SHM_DEST | SHM_LOCKED)) {
    case SHM_DEST: status = "dest"; break;
    case SHM_LOCKED: status = "locked"; break;
    case SHM_DEST | SHM_LOCKED: status = "dest,locked"; break;
    }
    printf("%s: key=0x%08x shmid=%d perms=%o bytes=%zu nattch=%lu status=%s\n",
           event, (unsigned)now.shm_perm.__key, id,
           (unsigned)now.shm_perm.mode & 0777, now.shm_segsz,
           (unsigned long)now.shm_nattch, status);
    return DONE;
}

/* Whatever is there goes. Returns the exit status. */
static int clean_up(int status)
{
    if (lock_file != -1)
        close(lock_file);
    if (memory != NULL && detach() != DONE)
        status = FAILED;
    if (remove_it() != DONE)
        status = FAILED;
    if (fflush(stdout) != 0 || ferror(stdout)) {
        warnx("cannot write to stdout");
        status = FAILED;
    }
    return status;
}

/* ---- a message ------------------------------------------------------------------ */

static int send_or_receive(void)
{
    struct shmid_ds now;
    id = shmget(key, 0, 0);
    if (id == -1) {
        warn("shmget: key 0x%08x", (unsigned)key);
        return FAILED;
    }
    if (shmctl(id, IPC_STAT, &now) == -1) {
        warn("shmctl: segment %d", id);
        return FAILED;
    }
    if (text != NULL && strlen(text) + 1 > now.shm_segsz) {
        warnx("--write: %zu bytes do not fit into %zu", strlen(text) + 1,
              now.shm_segsz);
        return FAILED;
    }
    if (attach() != DONE)
        return FAILED;
    if (text != NULL)
        strcpy(memory, text);
    if (want_text) {
        const char *at = memory;
        for (size_t i = 0; i < now.shm_segsz && at[i] != '\0'; i++)
            putchar(at[i]);
        putchar('\n');
    }
    return DONE;
}

/* ---- a counter -------------------------------------------------------------------- */

/* Locks are a process's own: no child can give back that of another. */
static int turn(short type)
{
    struct flock whole = {.l_type = type, .l_whence = SEEK_SET};
    while (fcntl(lock_file, F_SETLKW, &whole) == -1)
        if (errno != EINTR) {
            warn("fcntl");
            return FAILED;
        }
    return DONE;
}

static int work(void)
{
    volatile long *counter = memory;
    struct timespec pause = {.tv_sec = (time_t)hold};
    pause.tv_nsec = (long)((hold - (double)pause.tv_sec) * 1e9);
    for (unsigned long long n = 0; n < rounds; n++) {
        if (in_turn && turn(F_WRLCK) != DONE)
            return FAILED;
        long value = *counter;
        struct timespec rest = pause;
        while (nanosleep(&rest, &rest) == -1 && errno == EINTR)
            ;
        *counter = value + 1;
        if (in_turn && turn(F_UNLCK) != DONE)
            return FAILED;
    }
    return DONE;
}

static int open_lock_file(void)
{
    char name[] = "/tmp/shm_creator.XXXXXX";
    lock_file = mkostemp(name, O_CLOEXEC);
    if (lock_file == -1) {
        warn("mkostemp: %s", name);
        return FAILED;
    }
    unlink(name);
    return DONE;
}

/* Makes one child. Signals that come in between are for the parent only; a child
 * ignores them, its parent ends it. */
static pid_t make_worker(void)
{
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGINT, SIG_IGN);
        signal(SIGTERM, SIG_IGN);
        signal(SIGCHLD, SIG_DFL);
        sigprocmask(SIG_SETMASK, &before, NULL);
        close(news[0]);
        close(news[1]);
        _exit(work());
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    return pid;
}

/* Returns DONE, FAILED or STOP. No child is left then. */
static int count_together(void)
{
    pid_t worker[64] = {0};
    unsigned long long started = 0, running = 0;
    int result = FAILED;

    if (attach() != DONE || (in_turn && open_lock_file() != DONE))
        return FAILED;
    *(volatile long *)memory = 0;
    for (; started < workers; started++, running++) {
        worker[started] = make_worker();
        if (worker[started] == -1) {
            warn("fork");
            goto end;
        }
    }
    if (lock_file != -1) {
        close(lock_file); /* the children have theirs */
        lock_file = -1;
    }

    while (running > 0) {
        pid_t pid;
        int code;
        if (wait_for_news(NULL) == STOP) {
            result = STOP;
            goto end;
        }
        while ((pid = waitpid(-1, &code, WNOHANG)) > 0) {
            running--;
            for (unsigned long long i = 0; i < started; i++)
                if (worker[i] == pid)
                    worker[i] = 0;
            if (code != 0) {
                warnx("process %d did not finish its work", pid);
                goto end;
            }
        }
    }
    {
        long long expected = (long long)(workers * rounds);
        long long got = *(volatile long *)memory;
        printf("expected %lld, got %lld, lost %lld\n", expected, got,
               expected - got);
    }
    result = DONE;
end:
    for (unsigned long long i = 0; i < started; i++)
        if (worker[i] > 0)
            kill(worker[i], SIGKILL);
    for (unsigned long long i = 0; i < started; i++)
        while (worker[i] > 0 && waitpid(worker[i], NULL, 0) == -1 &&
               errno == EINTR)
            ;
    if (detach() != DONE)
        result = FAILED;
    return result;
}

/* ---- steps ------------------------------------------------------------------------- */

struct step {
    double after;
    int rank; /* among those of the same time */
    int (*act)(void);
    const char *event;
};

static int by_time(const void *a, const void *b)
{
    const struct step *x = a, *y = b;
    if (x->after != y->after)
        return x->after < y->after ? -1 : 1;
    return x->rank - y->rank;
}

static int run_steps(struct timespec start)
{
    struct step steps[] = {{when_attach, 1, attach, "attached"},
                           {when_lock, 2, lock_in_memory, "locked"},
                           {when_detach, 3, detach, "detached"},
                           {when_remove, 4, remove_it, "removed"},
                           {life, 5, NULL, "end"}};
    qsort(steps, 5, sizeof steps[0], by_time);
    for (struct step *s = steps;; s++) {
        struct timespec deadline = start;
        int woken;
        if (s->after < 0)
            continue; /* nobody asked for it; these are first */
        deadline.tv_sec += (time_t)s->after;
        deadline.tv_nsec += (long)((s->after - (double)(time_t)s->after) * 1e9);
        if (deadline.tv_nsec >= 1000000000) {
            deadline.tv_sec++;
            deadline.tv_nsec -= 1000000000;
        }
        while ((woken = wait_for_news(&deadline)) == SIGCHLD)
            ;
        if (woken == STOP || s->act == NULL)
            return DONE;
        if (s->act() != DONE || tell(s->event) != DONE)
            return FAILED;
    }
}

int main(int argc, char **argv)
{
    struct timespec start;
    int status = read_options(argc, argv);
    if (status != -1)
        return status;

    status = FAILED;
    setlinebuf(stdout);
    key = ftok(file, letter[0]);
    if (key == -1) {
        warn("ftok: %s", file);
        goto out;
    }
    if (text != NULL || want_text) {
        status = send_or_receive();
        goto out;
    }
    if (install_handlers() != DONE)
        goto out;
    id = shmget(key, bytes,
                (int)permissions | IPC_CREAT | (only_new ? IPC_EXCL : 0));
    if (id == -1) {
        warn("shmget: key 0x%08x, %llu bytes", (unsigned)key, bytes);
        goto out;
    }
    ours = true;
    clock_gettime(CLOCK_MONOTONIC, &start);
    printf("Shared memory segment created.\n");
    printf("ID: %d\n", id);
    printf("Key: 0x%08x\n", (unsigned)key);
    printf("Run 'ipcs -m' to see it. Process will exit in %g seconds...\n", life);
    if (tell("created") != DONE)
        goto out;
    if (rounds > 0) {
        status = count_together();
        if (status != DONE) {
            status = status == STOP ? DONE : FAILED;
            goto out;
        }
        status = FAILED;
    }
    status = run_steps(start);
out:
    return clean_up(status);
}
