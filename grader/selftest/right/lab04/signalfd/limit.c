/* A right program: signalfd and poll; O_CLOEXEC; the group is emptied until
 * cgroup.events says so. */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[2000];

static char *file_in(const char *name)
{
    static char path[2300];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static int put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC), bad;
    if (fd == -1)
        return -1;
    bad = write(fd, text, strlen(text)) < 0 ? errno : 0;
    close(fd);
    errno = bad;
    return bad ? -1 : 0;
}

static char *get(const char *name)
{
    static char text[4096];
    int fd = open(file_in(name), O_RDONLY | O_CLOEXEC);
    ssize_t n = fd == -1 ? -1 : read(fd, text, sizeof text - 1);
    if (n == -1)
        err(1, "%s", file_in(name));
    close(fd);
    text[n] = '\0';
    return text;
}

static long key(const char *name, const char *word)
{
    char *save, *at = strtok_r(get(name), " \n", &save);
    while (at && strcmp(at, word) != 0)
        at = strtok_r(NULL, " \n", &save);
    at = at ? strtok_r(NULL, " \n", &save) : NULL;
    if (!at)
        errx(1, "%s: no %s", name, word);
    return strtol(at, NULL, 10);
}

static void leave(void)
{
    char *roots[] = {dir, NULL};
    put(file_in("cgroup.kill"), "1");
    for (int left = 1; left > 0; usleep(2000)) {
        FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
        FTSENT *e;
        left = 0;
        while (tree && (e = fts_read(tree)))
            if (e->fts_info == FTS_DP && rmdir(e->fts_path) == -1 &&
                errno == EBUSY)
                left++;
        fts_close(tree);
    }
}

int main(int argc, char **argv)
{
    char *place = getenv("PLACE");
    int a = 1, status = 0, swap = 0, s;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 1 && strcmp(argv[1], "--help") == 0)
        return puts("usage") == EOF;
    if (argc > 2 && strcmp(argv[1], "--in") == 0)
        place = argv[2], a = 3;
    sigset_t set, old;
    sigemptyset(&set);
    for (s = 1; s <= SIGCHLD; s++)
        if (s == SIGINT || s == SIGTERM || s == SIGHUP || s == SIGPIPE ||
            s == SIGCHLD)
            sigaddset(&set, s);
    sigprocmask(SIG_BLOCK, &set, &old);
    int signals = signalfd(-1, &set, SFD_CLOEXEC);
    if (signals == -1)
        err(1, "signalfd");
    if (!place)
        errx(2, "usage");
    snprintf(dir, sizeof dir, "%.1900s", place);
    if (put(file_in("cgroup.subtree_control"), "+cpu +memory +pids") == -1)
        err(1, "%s", file_in("cgroup.subtree_control"));
    snprintf(dir, sizeof dir, "%.1900s/run%d", place, getpid());
    if (mkdir(dir, 0755) == -1)
        err(1, "mkdir: %s", dir);
    atexit(leave);
    for (; a < argc && strchr(argv[a], '=') && strcmp(argv[a], "--"); a++) {
        char *text = strchr(argv[a], '=');
        *text = '\0';
        swap |= strcmp(argv[a], "memory.swap.max") == 0;
        if (put(file_in(argv[a]), text + 1) == -1)
            err(1, "%s: %s", argv[a], text + 1);
    }
    if (a < argc && strcmp(argv[a], "--") == 0)
        a++;
    if (a >= argc)
        errx(2, "usage");
    if (!swap && put(file_in("memory.swap.max"), "0") == -1)
        err(1, "memory.swap.max");
    printf("group: %s\n", dir);
    pid_t child = fork();
    if (child < 0)
        err(1, "fork");
    if (child == 0) {
        if (put(file_in("cgroup.procs"), "0") == -1) {
            warn("%s", file_in("cgroup.procs"));
            _exit(1);
        }
        sigprocmask(SIG_SETMASK, &old, NULL);
        execvp(argv[a], argv + a);
        s = errno == ENOENT ? 127 : 126;
        warn("%s", argv[a]);
        _exit(s);
    }
    while (waitpid(child, &status, WNOHANG) == 0) {
        struct signalfd_siginfo info;
        struct pollfd p = {signals, POLLIN, 0};
        if (poll(&p, 1, -1) <= 0)
            continue;
        if (read(signals, &info, sizeof info) == sizeof info &&
            info.ssi_signo != SIGCHLD) {
            put(file_in("cgroup.kill"), "1");
            kill(child, SIGKILL);
        }
    }
    int died = WIFSIGNALED(status),
        code = died ? WTERMSIG(status) : WEXITSTATUS(status);
    printf("command: %s %d\n", died ? "killed by signal" : "exited with", code);
    long kills = key("memory.events", "oom_kill");
    printf("memory.events: oom %ld\n", key("memory.events", "oom"));
    printf("memory.events: oom_kill %ld\n", kills);
    printf("memory.peak: %ld\n", atol(get("memory.peak")));
    printf("cpu.stat: usage_usec %ld\n", key("cpu.stat", "usage_usec"));
    printf("cpu.stat: nr_throttled %ld\n", key("cpu.stat", "nr_throttled"));
    puts(kills > 0 ? "verdict: killed by the OOM killer"
         : died    ? "verdict: killed, not by the OOM killer"
                   : "verdict: survived");
    return died ? 128 + code : code;
}
