/* limits, as short as it gets */
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

static const char *names[] = {"CPU",     "FSIZE", "DATA",       "STACK",
                              "CORE",    "RSS",   "NPROC",      "NOFILE",
                              "MEMLOCK", "AS",    "LOCKS",      "SIGPENDING",
                              "MSGQUEUE", "NICE", "RTPRIO",     "RTTIME"};
static pid_t child;

static int find(const char *name)
{
    for (int i = 0; i < 16; i++)
        if (!strcasecmp(name, names[i]))
            return i;
    errx(2, "%s: no such limit", name);
}

static rlim_t number(const char *text)
{
    if (!strcmp(text, "unlimited"))
        return RLIM_INFINITY;
    if (!*text || text[strspn(text, "0123456789")])
        errx(2, "%s: not a limit", text);
    return strtoull(text, NULL, 10);
}

static void show(rlim_t value)
{
    if (value == RLIM_INFINITY)
        printf(" unlimited");
    else
        printf(" %lu", value);
}

static void event(pid_t pid, int status)
{
    if (WIFEXITED(status))
        printf("%d exited with %d\n", pid, WEXITSTATUS(status));
    else if (WIFSIGNALED(status))
        printf("%d killed by SIG%s%s\n", pid, sigabbrev_np(WTERMSIG(status)),
               WCOREDUMP(status) ? ", core dumped" : "");
    else if (WIFSTOPPED(status))
        printf("%d stopped by SIG%s\n", pid, sigabbrev_np(WSTOPSIG(status)));
    else
        printf("%d continued\n", pid);
}

static pid_t born(void)
{
    fflush(stdout);
    child = fork();
    if (child == -1)
        err(1, "fork");
    return child;
}

static void pass_on(int sig) { kill(child, sig); }

static int run(char **arg)
{
    char **limit = arg;
    for (; *arg && !strncmp(*arg, "--", 2) && arg[1]; arg += 2)
        find(*arg + 2);
    if (!*arg)
        errx(2, "run what?");
    setlinebuf(stdout);
    if (born() == 0) {
        for (; limit < arg; limit += 2) {
            struct rlimit r;
            char text[99] = "", *hard;
            strncpy(text, limit[1], 98);
            getrlimit(find(*limit + 2), &r);
            if ((hard = strchr(text, ':')))
                *hard++ = 0, r.rlim_max = number(hard);
            if (*text || !hard)
                r.rlim_cur = number(text);
            if (setrlimit(find(*limit + 2), &r))
                err(1, "setrlimit: %s %s", names[find(*limit + 2)], limit[1]);
        }
        execvp(*arg, arg);
        int status = errno == ENOENT ? 127 : 126;
        warn("%s", *arg);
        _exit(status);
    }
    signal(SIGTERM, pass_on); /* glibc's signal: wait goes on by itself */
    signal(SIGINT, pass_on);
    int status = 0;
    do {
        while (waitpid(child, &status, WUNTRACED | WCONTINUED) == -1)
            if (errno != EINTR)
                err(1, "waitpid");
        event(child, status);
    } while (!WIFEXITED(status) && !WIFSIGNALED(status));
    struct rusage u; /* the command is the only child there was */
    getrusage(RUSAGE_CHILDREN, &u);
    printf("user %ld.%06ld s, system %ld.%06ld s, largest %ld KiB\n",
           u.ru_utime.tv_sec, u.ru_utime.tv_usec, u.ru_stime.tv_sec,
           u.ru_stime.tv_usec, u.ru_maxrss);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void drop(void)
{
    if (geteuid() || setgid(65534) || setuid(65534))
        return;
    printf(" as user 65534");
    fflush(stdout);
}

static int as(void)
{
    return mmap(0, 128 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                   MAP_FAILED
               ? errno
               : 0;
}
static int core(void) { abort(); }
static int cpu(void)
{
    for (volatile int n = 1; n;)
        ;
    return 0;
}
static int data(void)
{
    void *volatile p = malloc(64 << 20);
    return p ? 0 : errno;
}
static int fsize(void)
{
    static char b[8192];
    int fd = fileno(tmpfile());
    ssize_t n = write(fd, b, 8192);
    return n < 0 || write(fd, b, 8192 - n) < 0 ? errno : 0;
}
static int memlock(void)
{
    drop();
    void *p = mmap(0, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return mlock(p, 1 << 20) ? errno : 0;
}
static int nofile(void)
{
    for (int n = 0; n < 100; n++)
        if (open("/dev/null", O_RDONLY) < 0)
            return errno;
    return 0;
}
static int nproc(void)
{
    drop();
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return pid < 0 ? errno : waitpid(pid, NULL, 0) < 0;
}
static int rss(void)
{
    char *volatile p = malloc(32 << 20);
    return p ? !memset(p, 1, 32 << 20) : errno;
}
static int deep(int n)
{
    volatile char page[4096];
    page[0] = 1;
    return n ? deep(n - 1) + page[0] : 0;
}
static int stack(void) { return deep(1024) * 0; }

static int try(char **want)
{
    static const struct {
        const char *name, *what;
        rlim_t soft, hard;
        int (*act)(void);
    } t[] = {{"AS", "map 128 MiB", 64 << 20, 64 << 20, as},
             {"CORE", "abort", 0, 0, core},
             {"CPU", "burn CPU time", 1, 2, cpu},
             {"DATA", "allocate 64 MiB", 8 << 20, 8 << 20, data},
             {"FSIZE", "write 8192 bytes", 1000, 1000, fsize},
             {"MEMLOCK", "lock 1 MiB", 65536, 65536, memlock},
             {"NOFILE", "open 100 files", 10, 10, nofile},
             {"NPROC", "fork", 0, 0, nproc},
             {"RSS", "touch 32 MiB", 1 << 20, 1 << 20, rss},
             {"STACK", "recurse through 4 MiB", 131072, 131072, stack}};
    for (int i = 0; i < 10; i++) {
        int w = !*want, status;
        for (char **name = want; *name; name++)
            w |= find(*name) == find(t[i].name);
        if (!w)
            continue;
        printf("%s %lu: %s", t[i].name, t[i].soft, t[i].what);
        if (born() == 0) {
            struct rlimit r = {t[i].soft, t[i].hard};
            if (setrlimit(find(t[i].name), &r))
                err(1, "setrlimit");
            _exit(t[i].act());
        }
        waitpid(child, &status, 0);
        if (WIFSIGNALED(status))
            printf(": SIG%s\n", sigabbrev_np(WTERMSIG(status)));
        else
            printf(": %s\n", status ? strerrorname_np(WEXITSTATUS(status))
                                    : "nothing happens");
    }
    return 0;
}

static void wait_for(const char *form, pid_t pid)
{
    int status;
    pid = waitpid(pid, &status, 0);
    printf("%s: ", form);
    if (pid == -1)
        puts(strerrorname_np(errno));
    else
        event(pid, status);
}

static int waits(int code)
{
    pid_t pid[4], other = 0;
    for (int i = 0; i < 4; i++) {
        int moves = i == 1 || i == 2;
        if ((pid[i] = born()) == 0) {
            if (moves)
                setpgid(0, other);
            _exit(code + i);
        }
        if (moves)
            setpgid(pid[i], other);
        if (i == 1)
            other = pid[i];
        printf("child %d, group %d, exits with %d\n", pid[i],
               moves ? other : getpgrp(), code + i);
    }
    wait_for("pid > 0", pid[3]);
    wait_for("pid < -1", -other);
    wait_for("pid = 0", 0);
    wait_for("pid = -1", -1);
    wait_for("pid = -1", -1);
    return 0;
}

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    if (!strcmp(verb, "table")) {
        for (int i = 0; i < 16; i++) {
            struct rlimit r;
            getrlimit(i, &r);
            printf("%s", names[i]);
            show(r.rlim_cur);
            show(r.rlim_max);
            puts("");
        }
        return 0;
    }
    if (!strcmp(verb, "fork")) {
        printf("process %d forks\n", getpid());
        if (born() == 0) {
            printf("child %d: fork returned 0, my parent is %d\n", getpid(),
                   getppid());
            return 0;
        }
        printf("parent %d: fork returned %d\n", getpid(), child);
        wait(NULL);
        return 0;
    }
    if (!strcmp(verb, "run"))
        return run(argv + 2);
    if (!strcmp(verb, "try"))
        return try(argv + 2);
    if (!strcmp(verb, "wait"))
        return waits(argc > 2 ? atoi(argv[2]) : 1);
    errx(2, "limits table|fork|run|try|wait");
}
