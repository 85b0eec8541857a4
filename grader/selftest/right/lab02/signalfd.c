/* shm_creator, one event loop: signals and time arrive as descriptors
 *
 * signalfd(2) brings SIGINT, SIGTERM and SIGCHLD, timerfd_create(2) the time,
 * poll(2) waits for either. All times are whole nanoseconds. The counting
 * children attach the segment themselves; with --sync they share a robust
 * mutex that lies behind the counter.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)
#define UNSET  INT64_C(-1)
#define CROWD  64

struct request {
    const char *path, *text;
    char letter;
    uint64_t bytes, rounds, crowd;
    unsigned perms;
    bool exclusive, tell, read, sync;
    int64_t life, pause, attach, lock, detach, remove;
};

struct board {
    volatile long counter;
    pthread_mutex_t turn;
};

struct session {
    const struct request *want;
    key_t key;
    int shmid, signals, timer;
    void *at;      /* where it is attached, or NULL */
    bool exists;   /* still to be removed at the end */
    int64_t birth; /* CLOCK_MONOTONIC */
};

enum wake { BROKEN = -1, ON_TIME, STOPPED, CHILD };

/* ---- complaints ----------------------------------------------------------- */

static bool complain(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* Prints one line with what errno means; returns false, to be passed on. */
static bool complain(const char *format, ...)
{
    int error = errno;
    char line[4096];
    va_list list;
    va_start(list, format);
    vsnprintf(line, sizeof line, format, list);
    va_end(list);
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, line,
            strerror(error));
    return false;
}

_Noreturn static void misuse(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s %s: see --help\n", program_invocation_short_name,
            what, why);
    exit(2);
}

/* ---- the command line, by hand -------------------------------------------- */

/* If **word is NAME or NAME=VALUE returns the value, and steps over it. */
static const char *value_of(char ***word, const char *name)
{
    size_t length = strlen(name);
    const char *text = **word;
    if (strncmp(text, name, length) != 0)
        return NULL;
    if (text[length] == '=')
        return text + length + 1;
    if (text[length] != '\0')
        return NULL;
    if ((*word)[1] == NULL)
        misuse(name, "needs a value");
    return *++*word;
}

static uint64_t whole(const char *name, const char *text, unsigned base,
                      uint64_t most)
{
    uint64_t sum = 0;
    if (*text == '\0')
        misuse(name, "needs a number");
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text >= (char)('0' + base))
            misuse(name, "is not a whole number");
        sum = sum * base + (uint64_t)(*text - '0');
        if (sum > most)
            misuse(name, "is too large");
    }
    return sum;
}

/* "1.25" is 1250000000: what is beyond nanoseconds is dropped. */
static int64_t nanoseconds(const char *name, const char *text, int64_t most)
{
    int64_t sum = 0, worth = SECOND;
    bool point = false, digit = false;
    for (; *text != '\0'; text++) {
        if (*text == '.' && !point) {
            point = true;
        } else if (*text >= '0' && *text <= '9') {
            digit = true;
            if (point)
                sum += (*text - '0') * (worth /= 10);
            else
                sum = sum * 10 + (*text - '0') * SECOND;
        } else {
            misuse(name, "is not a number of seconds");
        }
        if (sum > most * SECOND)
            misuse(name, "is too long a time");
    }
    if (!digit)
        misuse(name, "needs a number of seconds");
    return sum;
}

static void help(void)
{
    puts("Usage: shm_creator [OPTION]... (times in seconds)\n"
         "  --path FILE, --proj LETTER       what the key is made of (., A)\n"
         "  --size BYTES, --mode OCTAL       for shmget (1024, 666)\n"
         "  --exclusive                      fail if the key is taken\n"
         "  --time T                         how long to live (60)\n"
         "  --attach-after T, --lock-after T, --detach-after T,\n"
         "  --remove-after T                 when to do that\n"
         "  --stat                           tell what IPC_STAT says\n"
         "  --write TEXT, --read             exchange a message\n"
         "  --count N, --procs P             let P processes count to N (2)\n"
         "  --hold T, --sync                 slowly (0.001); taking turns");
}

static struct request understand(char **word)
{
    struct request r = {.path = ".",
                        .letter = 'A',
                        .bytes = 1024,
                        .crowd = 2,
                        .perms = 0666,
                        .life = 60 * SECOND,
                        .pause = SECOND / 1000,
                        .attach = UNSET,
                        .lock = UNSET,
                        .detach = UNSET,
                        .remove = UNSET};
    const char *v;
    while (*++word != NULL) {
        if (strcmp(*word, "--help") == 0)
            help(), exit(0);
        else if (strcmp(*word, "--exclusive") == 0)
            r.exclusive = true;
        else if (strcmp(*word, "--stat") == 0)
            r.tell = true;
        else if (strcmp(*word, "--read") == 0)
            r.read = true;
        else if (strcmp(*word, "--sync") == 0)
            r.sync = true;
        else if ((v = value_of(&word, "--path")))
            r.path = v;
        else if ((v = value_of(&word, "--write")))
            r.text = v;
        else if ((v = value_of(&word, "--proj"))) {
            if (strlen(v) != 1)
                misuse("--proj", "takes one letter");
            r.letter = *v;
        } else if ((v = value_of(&word, "--size")))
            r.bytes = whole("--size", v, 10, UINT64_C(1000000000000000000));
        else if ((v = value_of(&word, "--mode")))
            r.perms = (unsigned)whole("--mode", v, 8, 0777);
        else if ((v = value_of(&word, "--count")))
            r.rounds = whole("--count", v, 10, 1000000);
        else if ((v = value_of(&word, "--procs")))
            r.crowd = whole("--procs", v, 10, CROWD);
        else if ((v = value_of(&word, "--time")))
            r.life = nanoseconds("--time", v, 1000000);
        else if ((v = value_of(&word, "--hold")))
            r.pause = nanoseconds("--hold", v, 1000);
        else if ((v = value_of(&word, "--attach-after")))
            r.attach = nanoseconds("--attach-after", v, 1000000);
        else if ((v = value_of(&word, "--lock-after")))
            r.lock = nanoseconds("--lock-after", v, 1000000);
        else if ((v = value_of(&word, "--detach-after")))
            r.detach = nanoseconds("--detach-after", v, 1000000);
        else if ((v = value_of(&word, "--remove-after")))
            r.remove = nanoseconds("--remove-after", v, 1000000);
        else
            misuse(*word, "is not an option");
    }
    return r;
}

/* ---- the loop's one wait --------------------------------------------------- */

static bool listen_for_events(struct session *s)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGCHLD);
    signal(SIGCHLD, SIG_DFL); /* ignored, it would reap without us */
    signal(SIGPIPE, SIG_IGN); /* a reader that left is no end for us */
    if (sigprocmask(SIG_BLOCK, &set, NULL) == -1)
        return complain("sigprocmask");
    if ((s->signals = signalfd(-1, &set, SFD_CLOEXEC)) == -1)
        return complain("signalfd");
    if ((s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)) == -1)
        return complain("timerfd_create");
    return true;
}

/* Waits for a signal, or till the clock says `when` unless that is UNSET. */
static enum wake next_event(struct session *s, int64_t when)
{
    struct itimerspec alarm = {{0, 0}, {0, 0}};
    if (when != UNSET)
        alarm.it_value =
            (struct timespec){.tv_sec = when / SECOND, .tv_nsec = when % SECOND};
    if (timerfd_settime(s->timer, TFD_TIMER_ABSTIME, &alarm, NULL) == -1)
        return complain("timerfd_settime"), BROKEN;

    struct pollfd sources[] = {{.fd = s->signals, .events = POLLIN},
                               {.fd = s->timer, .events = POLLIN}};
    while (poll(sources, 2, -1) == -1)
        if (errno != EINTR)
            return complain("poll"), BROKEN;
    if (sources[0].revents != 0) {
        struct signalfd_siginfo info;
        if (read(s->signals, &info, sizeof info) != sizeof info)
            return complain("read"), BROKEN;
        return info.ssi_signo == SIGCHLD ? CHILD : STOPPED;
    }
    return ON_TIME;
}

/* ---- the segment ------------------------------------------------------------ */

static bool attach(struct session *s, int flags)
{
    void *memory = shmat(s->shmid, NULL, flags);
    if (memory == (void *)-1)
        return complain("shmat");
    s->at = memory;
    return true;
}

static bool join(struct session *s) { return attach(s, 0); }

static bool detach(struct session *s)
{
    if (shmdt(s->at) == -1)
        return complain("shmdt");
    s->at = NULL;
    return true;
}

static bool lock(struct session *s)
{
    return shmctl(s->shmid, SHM_LOCK, NULL) == 0 ||
           complain("shmctl: SHM_LOCK");
}

static bool discard(struct session *s)
{
    if (!s->exists)
        return true;
    s->exists = false;
    return shmctl(s->shmid, IPC_RMID, NULL) == 0 ||
           complain("shmctl: IPC_RMID");
}

static bool report(struct session *s, const char *event)
{
    static const char *const status[] = {"-", "dest", "locked", "dest,locked"};
    struct shmid_ds d;
    if (!s->want->tell)
        return true;
    if (shmctl(s->shmid, IPC_STAT, &d) == -1) {
        if (s->exists || (errno != EINVAL && errno != EIDRM))
            return complain("shmctl: IPC_STAT");
        printf("%s: segment %d is gone\n", event, s->shmid);
        return true;
    }
    unsigned mode = d.shm_perm.mode;
    printf("%s: key=0x%08x shmid=%d perms=%o bytes=%zu nattch=%lu status=%s\n",
           event, (unsigned)d.shm_perm.__key, s->shmid, mode & 0777u,
           d.shm_segsz, (unsigned long)d.shm_nattch,
           status[(mode & SHM_DEST ? 1 : 0) + (mode & SHM_LOCKED ? 2 : 0)]);
    return true;
}

static bool exchange(struct session *s)
{
    struct shmid_ds d;
    const char *text = s->want->text;
    if ((s->shmid = shmget(s->key, 0, 0)) == -1)
        return complain("shmget: key 0x%08x", (unsigned)s->key);
    if (shmctl(s->shmid, IPC_STAT, &d) == -1)
        return complain("shmctl: IPC_STAT");
    if (text != NULL && strlen(text) >= d.shm_segsz) {
        errno = EMSGSIZE;
        return complain("--write: %zu bytes into a segment of %zu",
                        strlen(text) + 1, d.shm_segsz);
    }
    if (!attach(s, text == NULL ? SHM_RDONLY : 0))
        return false;
    if (text != NULL)
        memcpy(s->at, text, strlen(text) + 1);
    if (s->want->read) {
        fwrite(s->at, 1, strnlen(s->at, d.shm_segsz), stdout);
        putchar('\n');
    }
    return detach(s);
}

/* ---- many processes ---------------------------------------------------------- */

static bool prepare(struct board *b)
{
    pthread_mutexattr_t a;
    b->counter = 0;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
    errno = pthread_mutex_init(&b->turn, &a);
    pthread_mutexattr_destroy(&a);
    return errno == 0 || complain("pthread_mutex_init");
}

/* One child: waits at the gate, attaches, counts. Returns its exit status. */
static int count(struct session *s, int gate)
{
    const struct request *w = s->want;
    struct timespec pause = {w->pause / SECOND, w->pause % SECOND};
    char go;
    if (read(gate, &go, 1) != 1)
        return 0; /* the parent changed its mind, and says why */
    if (!attach(s, 0))
        return 1;
    struct board *b = s->at;
    for (uint64_t i = 0; i < w->rounds; i++) {
        if (w->sync) {
            errno = pthread_mutex_lock(&b->turn);
            if (errno == EOWNERDEAD)
                errno = pthread_mutex_consistent(&b->turn);
            if (errno != 0)
                return complain("pthread_mutex_lock"), 1;
        }
        long seen = b->counter;
        if (w->pause > 0)
            nanosleep(&pause, NULL); /* the stop signals are blocked */
        b->counter = seen + 1;
        if (w->sync && (errno = pthread_mutex_unlock(&b->turn)) != 0)
            return complain("pthread_mutex_unlock"), 1;
    }
    return 0;
}

/* Returns ON_TIME when all have counted, else STOPPED or BROKEN; in any case no
 * child is left. */
static enum wake count_together(struct session *s)
{
    const struct request *w = s->want;
    enum wake result = ON_TIME;
    pid_t child[CROWD], parent = getpid();
    size_t born = 0, alive;
    int gate[2];

    if (pipe(gate) == -1)
        return complain("pipe"), BROKEN;
    for (; born < w->crowd && result == ON_TIME; born++) {
        pid_t pid = child[born] = fork();
        if (pid == 0) {
            close(gate[1]);
            close(s->signals);
            close(s->timer);
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            _exit(getppid() == parent ? count(s, gate[0]) : 1);
        }
        if (pid == -1) {
            result = (complain("fork"), BROKEN);
            break;
        }
    }
    if (result == ON_TIME && (!attach(s, 0) || !prepare(s->at)))
        result = BROKEN;
    for (size_t i = 0; i < born && result == ON_TIME; i++)
        if (write(gate[1], "!", 1) != 1)
            result = (complain("write"), BROKEN);
    close(gate[0]);
    close(gate[1]);

    bool told = false;
    for (alive = born; alive > 0;) {
        if (result != ON_TIME && !told) {
            for (size_t i = 0; i < born; i++)
                if (child[i] > 0)
                    kill(child[i], SIGKILL);
            told = true;
        }
        enum wake wake = next_event(s, UNSET);
        if (wake != CHILD && !told) {
            result = wake;
            continue; /* to kill them */
        }
        for (size_t i = 0; i < born; i++) {
            int code;
            if (child[i] <= 0 ||
                waitpid(child[i], &code, wake == BROKEN ? 0 : WNOHANG) == 0)
                continue;
            child[i] = -1;
            alive--;
            if (code != 0 && !told && result == ON_TIME) {
                fprintf(stderr, "%s: a counting process failed\n",
                        program_invocation_short_name);
                result = BROKEN;
            }
        }
    }
    if (result == ON_TIME) {
        long all = (long)(w->crowd * w->rounds);
        long got = ((struct board *)s->at)->counter;
        printf("expected %ld, got %ld, lost %ld\n", all, got, all - got);
    }
    if (s->at != NULL && !detach(s))
        result = BROKEN;
    return result;
}

/* ---- a life ------------------------------------------------------------------ */

static bool create(struct session *s)
{
    const struct request *w = s->want;
    int flags = (int)w->perms | IPC_CREAT | (w->exclusive ? IPC_EXCL : 0);
    s->shmid = shmget(s->key, w->bytes, flags);
    if (s->shmid == -1)
        return complain("shmget: key 0x%08x, %" PRIu64 " bytes",
                        (unsigned)s->key, w->bytes);
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    s->birth = t.tv_sec * SECOND + t.tv_nsec;
    s->exists = true;
    return true;
}

static bool live(struct session *s)
{
    const struct request *w = s->want;
    struct {
        int64_t after;
        bool (*act)(struct session *);
        const char *event;
    } plan[5], asked[] = {{w->attach, join, "attached"},
                          {w->lock, lock, "locked"},
                          {w->detach, detach, "detached"},
                          {w->remove, discard, "removed"},
                          {w->life, NULL, NULL}};
    size_t steps = 0;

    printf("Shared memory segment created.\nID: %d\nKey: 0x%08x\n"
           "Run 'ipcs -m' to see it. Process will exit in %g seconds...\n",
           s->shmid, (unsigned)s->key, (double)w->life / (double)SECOND);
    if (!report(s, "created"))
        return false;
    if (w->rounds > 0) {
        enum wake end = count_together(s);
        if (end != ON_TIME)
            return end == STOPPED;
    }

    /* Insertion keeps the order of those that have the same time. */
    for (size_t a = 0; a < sizeof asked / sizeof asked[0]; a++) {
        size_t at = steps;
        if (asked[a].after == UNSET)
            continue;
        for (; at > 0 && plan[at - 1].after > asked[a].after; at--)
            plan[at] = plan[at - 1];
        plan[at] = asked[a];
        steps++;
    }

    for (size_t i = 0;;) {
        enum wake wake = next_event(s, s->birth + plan[i].after);
        if (wake == CHILD)
            continue; /* a late word of one that was waited for already */
        if (wake != ON_TIME || plan[i].act == NULL)
            return wake != BROKEN;
        if (!plan[i].act(s) || !report(s, plan[i].event))
            return false;
        i++;
    }
}

int main(int argc, char **argv)
{
    struct request want = understand(argv);
    struct session s = {.want = &want, .shmid = -1, .signals = -1, .timer = -1};
    bool fine;

    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    s.key = ftok(want.path, want.letter);
    if (s.key == -1)
        return complain("ftok: %s", want.path), 1;
    if (want.text != NULL || want.read) {
        fine = exchange(&s);
    } else {
        fine = listen_for_events(&s) && create(&s) && live(&s);
        fine = discard(&s) && fine;
    }
    if (fflush(stdout) == EOF || ferror(stdout)) {
        fprintf(stderr, "%s: stdout: cannot write\n",
                program_invocation_short_name);
        fine = false;
    }
    return fine ? 0 : 1;
}
