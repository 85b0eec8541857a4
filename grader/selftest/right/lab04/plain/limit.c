/* A right program, from the handout: stdio, a handshake by a pipe, handlers and
 * sigsuspend, its own recursion. */
#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char group[3000];
static volatile sig_atomic_t told;

static void tell(int s)
{
    if (s != SIGCHLD)
        told = s;
}

static int put(const char *dir, const char *name, const char *text)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "we");
    if (!f)
        return -1;
    int bad = fputs(text, f) == EOF;
    return fclose(f) == EOF || bad ? -1 : 0;
}

static void must(const char *dir, const char *name, const char *text)
{
    if (put(dir, name, text) == -1)
        err(1, "%s/%s", dir, name);
}

static void clear(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    char path[PATH_MAX + 300];
    struct timespec ms = {.tv_nsec = 2000000};
    while (d && (e = readdir(d)))
        if (e->d_type == DT_DIR && e->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
            clear(path);
        }
    if (d)
        closedir(d);
    while (rmdir(dir) == -1 && errno == EBUSY)
        nanosleep(&ms, NULL);
}

static void leave(void)
{
    put(group, "cgroup.kill", "1");
    clear(group);
}

static long value(const char *name, const char *key)
{
    char path[PATH_MAX], line[300];
    long v = -1;
    snprintf(path, sizeof path, "%s/%s", group, name);
    FILE *f = fopen(path, "r");
    if (!f)
        err(1, "%s", path);
    while (fgets(line, sizeof line, f)) {
        char *space = strchr(line, ' ');
        if (!key)
            v = atol(line);
        if (key && space) {
            *space = '\0';
            if (strcmp(line, key) == 0)
                v = atol(space + 1);
        }
    }
    fclose(f);
    return v;
}

int main(int argc, char **argv)
{
    const char *place = getenv("PLACE");
    int a = 1, go[2], status, limits, swap = 0;
    setlinebuf(stdout);
    if (a < argc && strcmp(argv[a], "--help") == 0)
        return puts("limit [--in DIR] [FILE=VALUE]... -- COMMAND") == EOF;
    if (a + 1 < argc && strcmp(argv[a], "--in") == 0) {
        place = argv[a + 1];
        a += 2;
    }
    for (limits = a; a < argc && strcmp(argv[a], "--") != 0; a++)
        swap |= strncmp(argv[a], "memory.swap.max=", 16) == 0;
    if (!place || a + 1 >= argc)
        errx(2, "usage");
    const int stops[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD};
    struct sigaction act = {.sa_handler = tell};
    sigset_t block, old, wait;
    sigemptyset(&block);
    for (int s = 0; s < 5; s++)
        sigaddset(&block, stops[s]);
    sigprocmask(SIG_BLOCK, &block, &old);
    wait = old;
    for (int s = 0; s < 5; s++) {
        sigaction(stops[s], &act, NULL);
        sigdelset(&wait, stops[s]);
    }
    must(place, "cgroup.subtree_control", "+cpu +memory +pids");
    snprintf(group, sizeof group, "%.2900s/my-%d", place, getpid());
    if (mkdir(group, 0777) == -1)
        err(1, "mkdir %s", group);
    atexit(leave);
    for (int l = limits; l < a; l++) {
        char *value = strchr(argv[l], '=');
        if (!value)
            errx(2, "%s: no limit", argv[l]);
        *value++ = '\0';
        must(group, argv[l], value);
    }
    if (!swap)
        must(group, "memory.swap.max", "0");
    printf("group: %s\n", group);
    if (pipe2(go, 02000000) == -1)
        err(1, "pipe2");
    pid_t child = fork();
    if (child == -1)
        err(1, "fork");
    if (child == 0) {
        char c;
        close(go[1]);
        for (int s = 0; s < 5; s++)
            signal(stops[s], SIG_DFL);
        if (read(go[0], &c, 1) != 1)
            _exit(1);
        sigprocmask(SIG_SETMASK, &old, NULL);
        execvp(argv[a + 1], argv + a + 1);
        int e = errno;
        warn("%s", argv[a + 1]);
        _exit(e == ENOENT ? 127 : 126);
    }
    char pid[20];
    close(go[0]);
    sprintf(pid, "%d", child);
    if (put(group, "cgroup.procs", pid) == -1) {
        int e = errno;
        close(go[1]);
        waitpid(child, NULL, 0);
        errno = e;
        err(1, "%s/cgroup.procs", group);
    }
    if (write(go[1], "x", 1) != 1)
        warn("pipe");
    close(go[1]);
    for (;;) {
        if (told)
            put(group, "cgroup.kill", "1");
        if (waitpid(child, &status, WNOHANG) == child)
            break;
        sigsuspend(&wait);
    }
    long kills = value("memory.events", "oom_kill");
    const char *verdict = kills ? "killed by the OOM killer" : "survived";
    if (WIFSIGNALED(status) && !kills)
        verdict = "killed, not by the OOM killer";
    if (WIFSIGNALED(status))
        printf("command: killed by signal %d\n", WTERMSIG(status));
    else
        printf("command: exited with %d\n", WEXITSTATUS(status));
    printf("memory.events: oom %ld\nmemory.events: oom_kill %ld\n",
           value("memory.events", "oom"), kills);
    printf("memory.peak: %ld\n", value("memory.peak", NULL));
    printf("cpu.stat: usage_usec %ld\ncpu.stat: nr_throttled %ld\n",
           value("cpu.stat", "usage_usec"), value("cpu.stat", "nr_throttled"));
    printf("verdict: %s\n", verdict);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
