/* A right program: clone3 makes the child in its group; sigwaitinfo, again
 * after EINTR; openat. */
#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int base, dir;
static char name[40];
static sigset_t set;

static int put(int at, const char *file, const char *text)
{
    int fd = openat(at, file, O_WRONLY | O_CLOEXEC);
    ssize_t n = fd == -1 ? -1 : write(fd, text, strlen(text));
    int e = errno;
    if (fd != -1)
        close(fd);
    errno = e;
    return n == -1 ? -1 : 0;
}

static int clear(int at, const char *group)
{
    int fd = openat(at, group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd == -1 ? NULL : fdopendir(fd);
    for (struct dirent *e; d && (e = readdir(d));)
        if (e->d_type == DT_DIR && strcmp(e->d_name, ".") &&
            strcmp(e->d_name, ".."))
            clear(fd, e->d_name);
    if (d)
        closedir(d);
    return unlinkat(at, group, AT_REMOVEDIR);
}

static void leave(void)
{
    do {
        put(dir, "cgroup.kill", "1");
        usleep(500);
    } while (clear(base, name) == -1 && errno != ENOENT);
}

static char *text_of(const char *file)
{
    static char text[5000];
    int fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd == -1 ? -1 : read(fd, text + 1, sizeof text - 2);
    if (n == -1)
        err(1, "%s", file);
    text[0] = '\n';
    text[n + 1] = '\0';
    close(fd);
    return text;
}

static long long value(const char *file, const char *key)
{
    char want[64];
    snprintf(want, sizeof want, "\n%s ", key);
    char *at = strstr(text_of(file), want);
    if (!at)
        errx(1, "%s: no %s", file, key);
    return atoll(at + strlen(want));
}

int main(int argc, char **argv)
{
    const char *place = getenv("PLACE");
    int first = 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 1 && strcmp(argv[1], "--help") == 0)
        return puts("usage") == EOF;
    if (argc > 2 && strcmp(argv[1], "--in") == 0)
        place = argv[2], first = 3;
    char **command = argv + first;
    while (*command && strcmp(*command, "--"))
        command++;
    if (!place || !*command || !command[1])
        errx(2, "usage");

    sigemptyset(&set);
    sigaddset(&set, SIGINT), sigaddset(&set, SIGTERM), sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGPIPE), sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    base = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (base == -1)
        err(1, "%s", place);
    if (put(base, "cgroup.subtree_control", "+cpu +memory +pids") == -1)
        err(1, "%s/cgroup.subtree_control", place);
    sprintf(name, "group-of-%d", getpid());
    if (mkdirat(base, name, 0700) == -1)
        err(1, "mkdirat %s", name);
    atexit(leave);
    dir = openat(base, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir == -1 || put(dir, "memory.swap.max", "0") == -1)
        err(1, "memory.swap.max");
    for (char **limit = argv + first; limit < command; limit++) {
        char *file = strsep(limit, "=");
        if (!*limit || put(dir, file, *limit) == -1)
            err(1, "%s", file);
    }
    printf("group: %s/%s\n", place, name);

    struct clone_args args = {.flags = CLONE_INTO_CGROUP,
                              .exit_signal = SIGCHLD,
                              .cgroup = (unsigned)dir};
    long child = syscall(SYS_clone3, &args, sizeof args);
    if (child == -1)
        err(1, "fork into %s/cgroup.procs", name);
    if (child == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        execvp(command[1], command + 1);
        int e = errno;
        warn("%s", command[1]);
        _exit(e == ENOENT ? 127 : 126);
    }
    int status;
    while (waitpid((pid_t)child, &status, WNOHANG) == 0) {
        int s = sigwaitinfo(&set, NULL);
        if (s > 0 && s != SIGCHLD)
            put(dir, "cgroup.kill", "1");
    }
    long long kills = value("memory.events", "oom_kill");
    bool died = WIFSIGNALED(status);
    printf(died ? "command: killed by signal %d\n"
                : "command: exited with %d\n",
           died ? WTERMSIG(status) : WEXITSTATUS(status));
    printf("memory.events: oom %lld\n", value("memory.events", "oom"));
    printf("memory.events: oom_kill %lld\n", kills);
    printf("memory.peak: %lld\n", atoll(text_of("memory.peak") + 1));
    printf("cpu.stat: usage_usec %lld\n", value("cpu.stat", "usage_usec"));
    printf("cpu.stat: nr_throttled %lld\n", value("cpu.stat", "nr_throttled"));
    printf("verdict: %s\n", kills  ? "killed by the OOM killer"
                            : died ? "killed, not by the OOM killer"
                                   : "survived");
    return died ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
