/* limits, driven by SIGCHLD: it sleeps in sigsuspend, and asks with WNOHANG when something happened. */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct res {
    int id;
    const char *name;
};
#define R(x) {RLIMIT_##x, #x}
static const struct res all[] = {R(AS),      R(CORE),     R(CPU),     R(DATA),
                                 R(FSIZE),   R(LOCKS),    R(MEMLOCK), R(MSGQUEUE),
                                 R(NICE),    R(NOFILE),   R(NPROC),   R(RSS),
                                 R(RTPRIO),  R(RTTIME),   R(SIGPENDING), R(STACK)};
#define COUNT (sizeof all / sizeof *all)

/* Two words for every limit that is asked for. */
struct wish {
    const struct res *res;
    const char *text;
    int soft_too, hard_too;
    rlim_t soft, hard;
};

static const struct res *lookup(const char *name)
{
    for (size_t i = 0; i < COUNT; i++)
        if (!strcasecmp(all[i].name, name))
            return &all[i];
    return NULL;
}

static const char *word_of(rlim_t v, char *b, size_t n)
{
    if (v == RLIM_INFINITY)
        return "unlimited";
    snprintf(b, n, "%llu", (unsigned long long)v);
    return b;
}

/* Reads one value and says where it ended; NULL when it is none. */
static const char *value(const char *p, rlim_t *v)
{
    char *end;
    if (!strncmp(p, "unlimited", 9)) {
        *v = RLIM_INFINITY;
        return p + 9;
    }
    if (*p < '0' || *p > '9')
        return NULL;
    errno = 0;
    *v = strtoull(p, &end, 10);
    return errno ? NULL : end;
}

/* ---- signals: blocked but while we sleep ---- */

static volatile sig_atomic_t got_int, got_term;
static void note_signal(int s)
{
    if (s == SIGINT)
        got_int = 1;
    if (s == SIGTERM)
        got_term = 1;
}
static sigset_t asleep; /* the mask we were given: in sigsuspend, in children */

static void listen_up(void)
{
    static const int list[] = {SIGCHLD, SIGTERM, SIGINT};
    sigset_t set;
    sigemptyset(&set);
    struct sigaction a = {.sa_handler = note_signal};
    sigemptyset(&a.sa_mask);
    for (int i = 0; i < 3; i++) {
        sigaddset(&set, list[i]);
        sigaction(list[i], &a, NULL);
    }
    sigprocmask(SIG_BLOCK, &set, &asleep);
    sigdelset(&asleep, SIGCHLD);
}

static pid_t make_child(void)
{
    fflush(stdout);
    pid_t p = fork();
    if (p == -1)
        err(1, "fork");
    if (p == 0) {
        signal(SIGTERM, SIG_DFL);
        signal(SIGINT, SIG_DFL);
        signal(SIGCHLD, SIG_DFL);
        sigprocmask(SIG_SETMASK, &asleep, NULL);
    }
    return p;
}

/* Sleeps until that child has changed; returns its new status. */
static int change(pid_t p, int options, struct rusage *u)
{
    int st;
    for (;;) {
        pid_t r = wait4(p, &st, WNOHANG | options, u);
        if (r == p)
            return st;
        if (r == -1)
            err(1, "wait4"); /* with WNOHANG there is no EINTR: wait(2) */
        sigsuspend(&asleep);
        if (got_term) {
            got_term = 0;
            kill(p, SIGTERM);
        }
        if (got_int) {
            got_int = 0;
            kill(p, SIGINT);
        }
    }
}

static void say(pid_t p, int st)
{
    char line[128] = "?";
    if (WIFSTOPPED(st))
        snprintf(line, sizeof line, "stopped by SIG%s",
                 sigabbrev_np(WSTOPSIG(st)));
    if (WIFCONTINUED(st))
        snprintf(line, sizeof line, "continued");
    if (WIFEXITED(st))
        snprintf(line, sizeof line, "exited with %d", WEXITSTATUS(st));
    if (WIFSIGNALED(st))
        snprintf(line, sizeof line, "killed by SIG%s%s",
                 sigabbrev_np(WTERMSIG(st)),
                 WCOREDUMP(st) ? ", core dumped" : "");
    printf("%d %s\n", p, line);
    fflush(stdout);
}

static int verb_run(int n, char **w)
{
    struct wish *wishes = calloc((size_t)n + 1, sizeof *wishes);
    if (!wishes)
        err(1, "calloc");
    int at = 0, many = 0;
    while (at + 1 < n && w[at][0] == '-' && w[at][1] == '-') {
        struct wish *x = &wishes[many++];
        const char *end;
        if (!(x->res = lookup(w[at] + 2)))
            errx(2, "%s: no such limit", w[at]);
        x->text = w[at + 1];
        end = x->text;
        if ((x->soft_too = *end != ':'))
            end = value(x->text, &x->soft);
        if (end && *end == ':') {
            x->hard_too = 1;
            end = value(end + 1, &x->hard);
        }
        if (!end || *end)
            errx(2, "%s %s: no such value", w[at], x->text);
        at += 2;
    }
    if (at >= n)
        errx(2, "run: what?");
    listen_up();
    pid_t p = make_child();
    if (p == 0) {
        for (int i = 0; i < many; i++) {
            struct rlimit l;
            getrlimit((enum __rlimit_resource)wishes[i].res->id, &l);
            if (wishes[i].soft_too)
                l.rlim_cur = wishes[i].soft;
            if (wishes[i].hard_too)
                l.rlim_max = wishes[i].hard;
            if (setrlimit((enum __rlimit_resource)wishes[i].res->id, &l)) {
                warn("setrlimit: %s %s", wishes[i].res->name, wishes[i].text);
                _exit(1);
            }
        }
        execvp(w[at], w + at);
        int e = errno;
        warn("%s", w[at]);
        _exit(e == ENOENT ? 127 : 126);
    }
    free(wishes);
    struct rusage u;
    int st;
    do {
        st = change(p, WUNTRACED | WCONTINUED, &u);
        say(p, st);
    } while (WIFSTOPPED(st) || WIFCONTINUED(st));
    printf("user %ld.%06ld s, system %ld.%06ld s, largest %ld KiB\n",
           (long)u.ru_utime.tv_sec, (long)u.ru_utime.tv_usec,
           (long)u.ru_stime.tv_sec, (long)u.ru_stime.tv_usec, u.ru_maxrss);
    return WIFSIGNALED(st) ? 128 + WTERMSIG(st) : WEXITSTATUS(st);
}

/* ---- try: the errno comes through a pipe ---- */

static int ordinary(void)
{
    if (geteuid())
        return 0;
    if (setgid(65534) || setuid(65534))
        return -1;
    fputs(" as user 65534", stdout);
    return fflush(stdout);
}
static int t_as(void)
{
    return mmap(0, 128 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
           MAP_FAILED;
}
static int t_core(void)
{
    abort();
}
static int t_cpu(void)
{
    for (volatile unsigned i = 1; i; i |= 1)
        ;
    return 0;
}
static int t_data(void)
{
    void *volatile p = malloc(64 << 20);
    return !p;
}
static int t_fsize(void)
{
    FILE *f = tmpfile();
    static char b[4096];
    return write(fileno(f), b, 4096) < 0 || write(fileno(f), b, 4096) < 0;
}
static int t_memlock(void)
{
    ordinary();
    void *p = mmap(0, 1 << 20, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return mlock(p, 1 << 20);
}
static int t_nofile(void)
{
    for (int i = 0; i < 100; i++)
        if (open("/dev/null", O_RDONLY) < 0)
            return 1;
    return 0;
}
static int t_nproc(void)
{
    ordinary();
    pid_t p = fork();
    if (!p)
        _exit(0);
    return p < 0 || waitpid(p, NULL, 0) < 0;
}
static int t_rss(void)
{
    volatile char *p = malloc(32 << 20);
    for (size_t i = 0; p && i < 32 << 20; i += 4096)
        p[i] = 1;
    return !p;
}
static int down(volatile char *top)
{
    volatile char page[4096];
    page[7] = 1;
    return top - page > 4 << 20 ? 0 : down(top) + (page[7] == 0);
}
static int t_stack(void)
{
    volatile char top = 0;
    return down(&top);
}

static const struct {
    const char *name, *what;
    rlim_t soft, hard;
    int (*go)(void);
} tries[] = {
    {"AS", "map 128 MiB", 67108864, 67108864, t_as},
    {"CORE", "abort", 0, 0, t_core},
    {"CPU", "burn CPU time", 1, 2, t_cpu},
    {"DATA", "allocate 64 MiB", 8388608, 8388608, t_data},
    {"FSIZE", "write 8192 bytes", 1000, 1000, t_fsize},
    {"MEMLOCK", "lock 1 MiB", 65536, 65536, t_memlock},
    {"NOFILE", "open 100 files", 10, 10, t_nofile},
    {"NPROC", "fork", 0, 0, t_nproc},
    {"RSS", "touch 32 MiB", 1048576, 1048576, t_rss},
    {"STACK", "recurse through 4 MiB", 131072, 131072, t_stack},
};

static int verb_try(int n, char **w)
{
    for (int i = 0; i < n; i++)
        if (!lookup(w[i]))
            errx(2, "%s: no such limit", w[i]);
    listen_up();
    for (size_t t = 0; t < sizeof tries / sizeof *tries; t++) {
        int yes = n == 0;
        for (int i = 0; i < n; i++)
            yes = yes || !strcasecmp(w[i], tries[t].name);
        if (!yes)
            continue;
        int id = lookup(tries[t].name)->id, tube[2], e = 0;
        printf("%s %llu: %s", tries[t].name, (unsigned long long)tries[t].soft,
               tries[t].what);
        if (pipe(tube))
            err(1, "pipe");
        pid_t p = make_child();
        if (p == 0) {
            struct rlimit l = {tries[t].soft, tries[t].hard};
            close(tube[0]);
            if (setrlimit((enum __rlimit_resource)id, &l)) {
                warn("setrlimit");
                _exit(1);
            }
            errno = 0;
            e = tries[t].go() ? errno : 0;
            _exit(write(tube[1], &e, sizeof e) != sizeof e);
        }
        close(tube[1]);
        int heard = 0;
        for (ssize_t r; (r = read(tube[0], &e, sizeof e)) != 0;)
            if (r == sizeof e)
                heard = 1;
            else if (errno != EINTR)
                err(1, "read");
        close(tube[0]);
        int st = change(p, 0, NULL);
        if (heard)
            printf(": %s\n", e ? strerrorname_np(e) : "nothing happens");
        else if (WIFSIGNALED(st))
            printf(": SIG%s\n", sigabbrev_np(WTERMSIG(st)));
        else
            puts(": it could not be tried");
    }
    return 0;
}

static void one(const char *form, pid_t who)
{
    int st;
    pid_t p;
    /* sleeps until the last of them is due, then it is there at once */
    while ((p = wait4(who, &st, WNOHANG, NULL)) == 0)
        sigsuspend(&asleep);
    printf("%s: ", form);
    if (p == -1)
        puts(strerrorname_np(errno));
    else
        say(p, st);
}

static int verb_wait(int n, char **w)
{
    rlim_t code = 1;
    if (n && !value(w[0], &code))
        errx(2, "%s: no number", w[0]);
    listen_up();
    pid_t kid[4];
    for (int i = 0; i < 4; i++) {
        int apart = i % 3 != 0;
        kid[i] = make_child();
        if (!kid[i]) {
            if (apart)
                setpgid(0, i == 1 ? 0 : kid[1]);
            _exit((int)code + i);
        }
        if (apart)
            setpgid(kid[i], kid[1]);
        printf("child %d, group %d, exits with %d\n", kid[i],
               apart ? kid[1] : getpgrp(), (int)code + i);
    }
    one("pid > 0", kid[3]);
    one("pid < -1", -kid[1]);
    one("pid = 0", 0);
    one("pid = -1", -1);
    one("pid = -1", -1);
    return 0;
}

static int verb_fork(void)
{
    listen_up();
    printf("process %d forks\n", getpid());
    pid_t p = make_child();
    if (!p) {
        printf("child %d: fork returned %d, my parent is %d\n", getpid(), p,
               getppid());
        return 0;
    }
    printf("parent %d: fork returned %d\n", getpid(), p);
    return WEXITSTATUS(change(p, 0, NULL));
}

static int verb_table(void)
{
    for (size_t i = 0; i < COUNT; i++) {
        struct rlimit l;
        char a[32], b[32];
        if (getrlimit((enum __rlimit_resource)all[i].id, &l))
            err(1, "getrlimit");
        printf("%-10s %20s %20s\n", all[i].name,
               word_of(l.rlim_cur, a, sizeof a),
               word_of(l.rlim_max, b, sizeof b));
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        if (!strcmp(argv[1], "run"))
            return verb_run(argc - 2, argv + 2);
        if (!strcmp(argv[1], "try"))
            return verb_try(argc - 2, argv + 2);
        if (!strcmp(argv[1], "wait"))
            return verb_wait(argc - 2, argv + 2);
        if (!strcmp(argv[1], "fork"))
            return verb_fork();
        if (!strcmp(argv[1], "table"))
            return verb_table();
    }
    errx(2, "usage: limits table|fork|run|try|wait");
}
