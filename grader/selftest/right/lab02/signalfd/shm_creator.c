/* shm_creator with signalfd(2), timerfd_create(2) and poll(2)
 *
 * Signals and the time are descriptors here: poll(2) waits for both. Functions
 * return an exit status, and main() has one end, where the segment is removed.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { OK = 0, FAILED = 1, USAGE = 2, STOP = 3 };

struct options {
    const char *path;
    uint64_t size, mode, exclusive;
    double every, time;
    char **steps; /* up to NULL */
    int count;
};

struct segment {
    int id;
    key_t key;
    void *at;
    bool exists; /* by its key: not removed yet */
};

/* ---- the command line
 * -------------------------------------------------------- */

static bool parse_whole(const char *text, int base, uint64_t max,
                        uint64_t *value)
{
    const char *digits = base == 8 ? "01234567" : "0123456789";
    size_t length = strlen(text);
    if (length == 0 || strspn(text, digits) != length)
        return false;
    errno = 0;
    *value = strtoumax(text, NULL, base);
    return errno == 0 && *value <= max;
}

static bool parse_seconds(const char *text, double *value)
{
    double number;
    char after;
    if (text[strspn(text, "0123456789.")] != '\0')
        return false;
    if (sscanf(text, "%lf%c", &number, &after) != 1 || number > 1e6)
        return false;
    *value = number;
    return true;
}

static bool is_step(const char *word)
{
    static const char words[][8] = {"attach", "detach", "lock", "remove"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (!strcmp(word, words[i]))
            return true;
    return false;
}

static void help(void)
{
    puts("shm_creator [OPTION]... [STEP]...\n"
         "  --path FILE      for the key (.)\n"
         "  --size BYTES     (1024)\n"
         "  --mode OCTAL     permissions (666)\n"
         "  --exclusive      the key must not be in use\n"
         "  --every SECONDS  before each step (1)\n"
         "  --time SECONDS   after the last (60)\n"
         "Steps: attach, detach, lock, remove");
}

static struct options parse(int argc, char **argv)
{
    struct options o = {
        .path = ".", .size = 1024, .mode = 0666, .every = 1, .time = 60};
    static const struct option table[] = {
        {"path", 1, NULL, 'p'},      {"size", 1, NULL, 's'},
        {"mode", 1, NULL, 'm'},      {"every", 1, NULL, 'e'},
        {"time", 1, NULL, 't'},      {"help", 0, NULL, 'h'},
        {"exclusive", 0, NULL, 'x'}, {NULL, 0, NULL, 0}};
    for (;;) {
        bool good = true;
        int c = getopt_long(argc, argv, "", table, NULL);
        if (c == -1)
            break;
        if (c == 'p')
            o.path = optarg;
        else if (c == 's')
            good = parse_whole(optarg, 10, UINT64_C(1000000000000000), &o.size);
        else if (c == 'm')
            good = parse_whole(optarg, 8, 0777, &o.mode);
        else if (c == 'e')
            good = parse_seconds(optarg, &o.every);
        else if (c == 't')
            good = parse_seconds(optarg, &o.time);
        else if (c == 'x')
            o.exclusive = IPC_EXCL;
        else if (c == 'h')
            help(), exit(OK);
        else
            exit(USAGE);
        if (!good)
            errx(USAGE, "bad number '%s'", optarg);
    }
    o.steps = argv + optind;
    o.count = argc - optind;
    for (char **step = o.steps; *step != NULL; step++)
        if (!is_step(*step))
            errx(USAGE, "no such step: '%s'", *step);
    return o;
}

/* ---- waiting
 * -------------------------------------------------------------------- */

static int signals = -1, timer = -1;

static int open_descriptors(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGPIPE);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == -1) {
        warn("sigprocmask");
        return FAILED;
    }
    signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals == -1) {
        warn("signalfd");
        return FAILED;
    }
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (timer == -1) {
        warn("timerfd_create");
        return FAILED;
    }
    return OK;
}

static int wait_for(double seconds)
{
    int64_t ns = (int64_t)(seconds * 1e9) + 1; /* 0 would disarm it */
    struct itimerspec once = {
        .it_value = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)}};
    struct pollfd either[] = {{.fd = signals, .events = POLLIN},
                              {.fd = timer, .events = POLLIN}};
    if (timerfd_settime(timer, 0, &once, NULL) == -1) {
        warn("timerfd_settime");
        return FAILED;
    }
    while (poll(either, 2, -1) == -1)
        if (errno != EINTR) {
            warn("poll");
            return FAILED;
        }
    return either[0].revents ? STOP : OK;
}

/* ---- the segment
 * -------------------------------------------------------------------- */

static int create(struct segment *s, const struct options *o)
{
    s->key = ftok(o->path, 'A');
    if (s->key == -1) {
        warn("ftok(\"%s\")", o->path);
        return FAILED;
    }
    s->id = shmget(s->key, o->size, (int)(o->mode | o->exclusive) | IPC_CREAT);
    s->exists = s->id != -1;
    if (!s->exists)
        warn("shmget(0x%08x, %" PRIu64 ")", (unsigned)s->key, o->size);
    return s->exists ? OK : FAILED;
}

static int control(struct segment *s, int command, const char *name,
                   struct shmid_ds *ds)
{
    if (shmctl(s->id, command, ds) != -1)
        return OK;
    warn("shmctl(%d, %s)", s->id, name);
    return FAILED;
}

static int take(struct segment *s, const char *step)
{
    switch (*step) {
    case 'a':
        s->at = shmat(s->id, NULL, 0);
        if ((intptr_t)s->at != -1)
            return OK;
        warn("shmat(%d)", s->id);
        return FAILED;
    case 'd':
        if (shmdt(s->at) != -1)
            return OK;
        warn("shmdt(%p)", s->at);
        return FAILED;
    case 'l': return control(s, SHM_LOCK, "SHM_LOCK", NULL);
    default:
        if (!s->exists)
            return OK;
        s->exists = false;
        return control(s, IPC_RMID, "IPC_RMID", NULL);
    }
}

static int show(struct segment *s, const char *step)
{
    struct shmid_ds ds;
    char status[16] = "";
    if (!s->exists) {
        /* It may be gone, or not yet. */
        if (shmctl(s->id, IPC_STAT, &ds) == -1) {
            if (errno == EINVAL || errno == EIDRM) {
                printf("%s: segment %d is gone\n", step, s->id);
                return OK;
            }
            warn("shmctl(%d, IPC_STAT)", s->id);
            return FAILED;
        }
    } else if (control(s, IPC_STAT, "IPC_STAT", &ds) != OK) {
        return FAILED;
    }
    if (ds.shm_perm.mode & SHM_DEST)
        strcat(status, ",dest");
    if (ds.shm_perm.mode & SHM_LOCKED)
        strcat(status, ",locked");
    printf("%s: key=0x%.8x shmid=%i perms=%o bytes=%zu nattch=%ju status=%s\n",
           step, (unsigned)ds.shm_perm.__key, s->id,
           (unsigned)(ds.shm_perm.mode & (S_IRWXU | S_IRWXG | S_IRWXO)),
           ds.shm_segsz, (uintmax_t)ds.shm_nattch,
           status[0] ? status + 1 : "-");
    return OK;
}

static int live(struct segment *s, const struct options *o)
{
    int status = create(s, o);
    if (status != OK)
        return status;
    printf("Shared memory segment created.\nID: %d\nKey: 0x%08x\n", s->id,
           (unsigned)s->key);
    printf("Run 'ipcs -m' to see it. Process will exit in %g seconds...\n",
           o->count * o->every + o->time);
    if (o->count > 0)
        status = show(s, "create");
    for (int i = 0; i < o->count && status == OK; i++) {
        status = wait_for(o->every);
        if (status == OK)
            status = take(s, o->steps[i]);
        if (status == OK)
            status = show(s, o->steps[i]);
    }
    return status == OK ? wait_for(o->time) : status;
}

int main(int argc, char **argv)
{
    static char buffer[4096];
    setvbuf(stdout, buffer, _IOLBF, sizeof buffer);
    struct options o = parse(argc, argv);
    struct segment s = {.id = -1};
    int status = open_descriptors();
    if (status == OK)
        status = live(&s, &o);
    if (status == STOP)
        status = OK;

    if (s.exists && shmctl(s.id, IPC_RMID, NULL) == -1 && status == OK) {
        warn("shmctl(%d, IPC_RMID)", s.id);
        status = FAILED;
    }
    close(timer);
    close(signals);
    return status;
}
