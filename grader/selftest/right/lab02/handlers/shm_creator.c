/* shm_creator with signal handlers, an interval timer and sigsuspend(2)
 *
 * The signals are blocked, except within sigsuspend(2): the handler runs
 * nowhere else, so none can come between the look at its flags and the sleep.
 * Every way out passes leave(), which removes the segment.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/time.h>
#include <unistd.h>

static struct {
    const char *path;
    unsigned long long size, mode;
    bool exclusive;
    double every, time;
} want = {".", 1024, 0666, false, 1, 60};

static volatile sig_atomic_t stopped, rang;
static int id = -1;      /* of the segment */
static bool must_remove; /* it */

/* Ends the program; an error on the way out is reported if it is the first. */
static _Noreturn void leave(int status)
{
    bool must = must_remove;
    must_remove = false;
    if (must && shmctl(id, IPC_RMID, NULL) == -1 && status == 0) {
        perror("shm_creator: shmctl (IPC_RMID)");
        status = 1;
    }
    exit(status);
}

static _Noreturn void fail(const char *call)
{
    fprintf(stderr, "shm_creator: %s: %s\n", call, strerror(errno));
    leave(1);
}

/* ---- signals ---------------------------------------------------------------
 */

static const int caught[] = {SIGALRM, SIGHUP, SIGINT, SIGPIPE, SIGTERM};
enum { CAUGHT = sizeof caught / sizeof *caught };

static void on_signal(int number)
{
    if (number == SIGALRM)
        rang = 1;
    else
        stopped = 1;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    for (int i = 0; i < CAUGHT; i++)
        sigaddset(&action.sa_mask, caught[i]);
    if (sigprocmask(SIG_BLOCK, &action.sa_mask, NULL) == -1)
        fail("sigprocmask");
    for (int i = 0; i < CAUGHT; i++)
        if (sigaction(caught[i], &action, NULL) == -1)
            fail("sigaction");
}

/* Returns whether the time is over; else a signal came. */
static bool slept(double seconds)
{
    sigset_t open;
    struct itimerval once = {.it_value.tv_sec = (time_t)seconds};
    once.it_value.tv_usec =
        (suseconds_t)((seconds - (double)(time_t)seconds) * 1e6);
    if (once.it_value.tv_usec < 999999)
        once.it_value.tv_usec++; /* never early, and never 0, which means off */
    else
        once.it_value = (struct timeval){.tv_sec = (time_t)seconds + 1};

    sigprocmask(SIG_BLOCK, NULL, &open);
    for (int i = 0; i < CAUGHT; i++)
        sigdelset(&open, caught[i]);
    rang = 0;
    if (setitimer(ITIMER_REAL, &once, NULL) == -1)
        fail("setitimer");
    while (!rang && !stopped)
        sigsuspend(&open);
    return !stopped;
}

/* ---- steps ------------------------------------------------------------------
 */

static void *address;

static void step_attach(void)
{
    address = shmat(id, NULL, 0);
    if (address == (void *)-1)
        fail("shmat");
}

static void step_detach(void)
{
    if (shmdt(address) != 0)
        fail("shmdt");
}

static void step_lock(void)
{
    if (shmctl(id, SHM_LOCK, NULL) != 0)
        fail("shmctl (SHM_LOCK)");
}

static void step_remove(void)
{
    bool must = must_remove;
    must_remove = false;
    if (must && shmctl(id, IPC_RMID, NULL) != 0)
        fail("shmctl (IPC_RMID)");
}

static const struct {
    const char *name;
    void (*take)(void);
} steps[] = {{"attach", step_attach},
             {"detach", step_detach},
             {"lock", step_lock},
             {"remove", step_remove}};

static int find_step(const char *name)
{
    for (int s = 0; s < 4; s++)
        if (strcmp(name, steps[s].name) == 0)
            return s;
    return -1;
}

static void show(const char *when)
{
    struct shmid_ds now;
    if (shmctl(id, IPC_STAT, &now) == 0) {
        bool dest = now.shm_perm.mode & SHM_DEST;
        bool locked = now.shm_perm.mode & SHM_LOCKED;
        printf("%s: key=0x%08x shmid=%d perms=%o bytes=%lu nattch=%lu status=",
               when, (unsigned)now.shm_perm.__key, id,
               (unsigned)now.shm_perm.mode & 0777u,
               (unsigned long)now.shm_segsz, (unsigned long)now.shm_nattch);
        if (dest || locked)
            printf("%s%s%s\n", dest ? "dest" : "", dest && locked ? "," : "",
                   locked ? "locked" : "");
        else
            printf("-\n");
    } else if (!must_remove && (errno == EINVAL || errno == EIDRM)) {
        printf("%s: segment %d is gone\n", when, id);
    } else {
        fail("shmctl (IPC_STAT)");
    }
}

/* ---- the command line
 * --------------------------------------------------------- */

static _Noreturn void usage(const char *what, const char *value)
{
    fprintf(stderr, "shm_creator: %s: '%s' will not do, see --help\n", what,
            value);
    exit(2);
}

static unsigned long long whole(const char *name, int base,
                                unsigned long long max)
{
    char *rest;
    errno = 0;
    unsigned long long n = strtoull(optarg, &rest, base);
    if (*optarg < '0' || *optarg > '9' || *rest || errno || n > max)
        usage(name, optarg);
    return n;
}

static double seconds_of(const char *name)
{
    char *rest;
    double s = strtod(optarg, &rest);
    if (rest == optarg || *rest ||
        strspn(optarg, ".0123456789") != strlen(optarg) || s > 1e6)
        usage(name, optarg);
    return s;
}

static void read_options(int argc, char **argv)
{
    enum { PATH = 1000, SIZE, MODE, EXCLUSIVE, EVERY, TIME, HELP };
    static const struct option table[] = {
        {"path", required_argument, 0, PATH},
        {"size", required_argument, 0, SIZE},
        {"mode", required_argument, 0, MODE},
        {"exclusive", no_argument, 0, EXCLUSIVE},
        {"every", required_argument, 0, EVERY},
        {"time", required_argument, 0, TIME},
        {"help", no_argument, 0, HELP},
        {0, 0, 0, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "", table, NULL)) != -1)
        switch (option) {
        case PATH: want.path = optarg; break;
        case SIZE: want.size = whole("--size", 10, 1000000000000000); break;
        case MODE: want.mode = whole("--mode", 8, 0777); break;
        case EXCLUSIVE: want.exclusive = true; break;
        case EVERY: want.every = seconds_of("--every"); break;
        case TIME: want.time = seconds_of("--time"); break;
        case HELP:
            puts("Usage: ./shm_creator [--path FILE] [--size BYTES] [--mode "
                 "OCTAL]\n"
                 "       [--exclusive] [--every SECONDS] [--time SECONDS]\n"
                 "       [attach | detach | lock | remove]...");
            exit(0);
        default: exit(2);
        }
    for (int i = optind; i < argc; i++)
        if (find_step(argv[i]) == -1)
            usage("step", argv[i]);
}

int main(int argc, char **argv)
{
    setlinebuf(stdout);
    read_options(argc, argv);
    catch_signals();

    key_t key = ftok(want.path, 'A');
    if (key == (key_t)-1)
        fail("ftok");
    id = shmget(key, (size_t)want.size,
                IPC_CREAT | (want.exclusive ? IPC_EXCL : 0) | (int)want.mode);
    if (id == -1)
        fail("shmget");
    must_remove = true;
    printf("Shared memory segment created.\n"
           "ID: %d\n"
           "Key: 0x%08x\n"
           "Run 'ipcs -m' to see it. Process will exit in %g seconds...\n",
           id, (unsigned)key, (argc - optind) * want.every + want.time);

    if (optind < argc)
        show("create");
    for (int i = optind; i < argc; i++) {
        if (!slept(want.every))
            leave(0);
        steps[find_step(argv[i])].take();
        show(argv[i]);
    }
    slept(want.time);
    leave(0);
}
