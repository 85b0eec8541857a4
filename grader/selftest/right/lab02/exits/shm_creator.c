/* shm_creator with a handler that calls exit(3)
 *
 * That is safe here: the signals are unblocked only while clock_nanosleep(2) is
 * called, so the handler interrupts nothing but that.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <time.h>
#include <unistd.h>

static char *path = ".";
static unsigned long size = 1024;
static int mode = 0666, flags = IPC_CREAT;
static double every = 1.0, seconds = 60.0;

static int shmid;
static bool removed;
static sigset_t stop_signals;

static void remove_at_exit(void)
{
    if (!removed && shmctl(shmid, IPC_RMID, NULL) == -1) {
        perror("shmctl: IPC_RMID");
        _exit(EXIT_FAILURE);
    }
}

static void stop(int number)
{
    (void)number;
    exit(EXIT_SUCCESS);
}

static void install(void)
{
    struct sigaction sa;
    memset(&sa, 0, sizeof sa);
    sa.sa_handler = stop;
    sigfillset(&sa.sa_mask); /* exit(3) must not be called twice */
    sigemptyset(&stop_signals);
    int list[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, 0};
    for (int *s = list; *s; s++)
        sigaddset(&stop_signals, *s);
    sigprocmask(SIG_BLOCK, &stop_signals, NULL);
    for (int *s = list; *s; s++)
        if (sigaction(*s, &sa, NULL) == -1) {
            perror("sigaction");
            exit(EXIT_FAILURE);
        }
}

static void wait_seconds(double s)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)s;
    until.tv_nsec += (long)((s - (double)(time_t)s) * 1e9);
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec += 1;
    }
    sigprocmask(SIG_UNBLOCK, &stop_signals, NULL);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) ==
           EINTR)
        ;
    sigprocmask(SIG_BLOCK, &stop_signals, NULL);
}

/* ---- errors: perror(3), then exit(3), which removes ------------------------
 */

static void must(bool good, const char *call)
{
    if (good)
        return;
    perror(call);
    exit(EXIT_FAILURE);
}

static void stat_line(char *step)
{
    struct shmid_ds ds;
    int r = shmctl(shmid, IPC_STAT, &ds);
    if (r == -1 && removed && (errno == EIDRM || errno == EINVAL)) {
        printf("%s: segment %d is gone\n", step, shmid);
        return;
    }
    must(r != -1, "shmctl: IPC_STAT");
    unsigned m = ds.shm_perm.mode;
    printf("%s: key=0x%08x shmid=%d perms=%o bytes=%lu nattch=%lu status=%s\n",
           step, ds.shm_perm.__key, shmid, m & 0777, ds.shm_segsz,
           ds.shm_nattch,
           m & SHM_DEST     ? (m & SHM_LOCKED ? "dest,locked" : "dest")
           : m & SHM_LOCKED ? "locked"
                            : "-");
}

/* ---- numbers: digits only, so that sscanf(3) cannot do more than they say ---
 */

static void number(const char *name, const char *format, double limit,
                   void *value)
{
    const char *digits = strchr(format, 'f')   ? "0123456789."
                         : strchr(format, 'o') ? "01234567"
                                               : "0123456789";
    int used = 0;
    bool good = strlen(optarg) < 100 && optarg[0] != '\0' &&
                strspn(optarg, digits) == strlen(optarg) &&
                strtod(optarg, NULL) <= limit &&
                sscanf(optarg, format, value, &used) == 1 &&
                optarg[used] == '\0';
    if (!good) {
        fprintf(stderr, "%s: not '%s'\n", name, optarg);
        exit(2);
    }
}

static void options(int argc, char *argv[])
{
    struct option table[] = {{"path", required_argument, NULL, 'p'},
                             {"size", required_argument, NULL, 's'},
                             {"mode", required_argument, NULL, 'm'},
                             {"exclusive", no_argument, NULL, 'x'},
                             {"every", required_argument, NULL, 'e'},
                             {"time", required_argument, NULL, 't'},
                             {"help", no_argument, NULL, 'h'},
                             {NULL, 0, NULL, 0}};
    int c;
    while ((c = getopt_long(argc, argv, "", table, NULL)) != -1)
        switch (c) {
        case 'p': path = optarg; break;
        case 's': number("--size", "%lu%n", 1e15, &size); break;
        case 'm': number("--mode", "%o%n", 777, &mode); break;
        case 'x': flags |= IPC_EXCL; break;
        case 'e': number("--every", "%lf%n", 1e6, &every); break;
        case 't': number("--time", "%lf%n", 1e6, &seconds); break;
        case 'h':
            printf("Usage: %s [--path FILE] [--size BYTES] [--mode OCTAL]\n"
                   "[--exclusive] [--every SECONDS] [--time SECONDS]\n"
                   "[attach|detach|lock|remove]...\n",
                   argv[0]);
            exit(0);
        default: exit(2);
        }
    for (c = optind; c < argc; c++) {
        char *s = argv[c];
        if (!(strcmp(s, "attach") == 0 || strcmp(s, "detach") == 0 ||
              strcmp(s, "lock") == 0 || strcmp(s, "remove") == 0)) {
            fprintf(stderr, "%s: no step of that name\n", s);
            exit(2);
        }
    }
}

int main(int argc, char *argv[])
{
    options(argc, argv);
    install();

    key_t key = ftok(path, 'A');
    must(key != -1, "ftok");
    shmid = shmget(key, size, mode | flags);
    must(shmid != -1, "shmget");
    atexit(remove_at_exit);

    printf("Shared memory segment created.\n");
    printf("ID: %d\n", shmid);
    printf("Key: 0x%08x\n", key);
    printf("Run 'ipcs -m' to see it. Process will exit in %g seconds...\n",
           every * (argc - optind) + seconds);
    if (argv[optind])
        stat_line("create");
    fflush(stdout);

    void *mem = NULL;
    for (char **step = argv + optind; *step; step++) {
        wait_seconds(every);
        if (strcmp(*step, "attach") == 0)
            must((mem = shmat(shmid, 0, 0)) != (void *)-1, "shmat");
        else if (strcmp(*step, "detach") == 0)
            must(shmdt(mem) != -1, "shmdt");
        else if (strcmp(*step, "lock") == 0)
            must(shmctl(shmid, SHM_LOCK, 0) != -1, "shmctl: SHM_LOCK");
        else {
            remove_at_exit();
            removed = true;
        }
        stat_line(*step);
        fflush(stdout);
    }
    wait_seconds(seconds);
    return 0;
}
