/* A right program, from the handout: hogs join and pin themselves, and wait for
 * the end of a pipe. */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char group[8][3000];
static pid_t hog[8], self;
static int made;
static volatile sig_atomic_t stop;

static void tell(int s)
{
    stop = s;
}

static int put(const char *dir, const char *name, const char *text)
{
    char path[3100];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    if (!f)
        return -1;
    int bad = fputs(text, f) == EOF;
    return fclose(f) == EOF || bad ? -1 : 0;
}

static void leave(void)
{
    if (getpid() != self)
        return;
    for (int h = 0; h < made; h++) {
        put(group[h], "cgroup.kill", "1");
        if (hog[h] > 0) {
            kill(hog[h], SIGKILL);
            waitpid(hog[h], NULL, 0);
        }
        while (rmdir(group[h]) == -1 && errno == EBUSY)
            usleep(1000);
    }
}

static long used(int h)
{
    char path[3100], key[64];
    long value = 0;
    snprintf(path, sizeof path, "%s/cpu.stat", group[h]);
    FILE *f = fopen(path, "r");
    if (!f)
        err(1, "%s", path);
    while (fscanf(f, "%63s %ld", key, &value) == 2 && strcmp(key, "usage_usec"))
        ;
    fclose(f);
    return value;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
    const char *place = getenv("PLACE");
    double seconds = 1;
    int a = 1, there[2], go[2];
    for (; a < argc && argv[a][0] == '-'; a += 2) {
        if (strcmp(argv[a], "--help") == 0)
            return puts("usage") == EOF;
        if (a + 1 == argc)
            errx(2, "usage");
        if (strcmp(argv[a], "--in") == 0)
            place = argv[a + 1];
        else if (strcmp(argv[a], "--time") == 0)
            seconds = atof(argv[a + 1]);
        else
            errx(2, "usage");
    }
    int hogs = argc - a;
    if (!place || hogs < 1 || hogs > 8)
        errx(2, "usage");
    struct sigaction act = {.sa_handler = tell};
    const int stops[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    sigset_t block, old;
    sigemptyset(&block);
    for (int s = 0; s < 4; s++) {
        sigaddset(&block, stops[s]);
        sigaction(stops[s], &act, NULL);
    }
    sigprocmask(SIG_BLOCK, &block, &old);
    self = getpid();
    atexit(leave);
    if (put(place, "cgroup.subtree_control", "+cpu +memory +pids") == -1)
        err(1, "%s/cgroup.subtree_control", place);
    if (pipe(there) == -1 || pipe(go) == -1)
        err(1, "pipe");
    for (int h = 0; h < hogs; h++) {
        char *cpu = strchr(argv[a + h], '@');
        if (cpu)
            *cpu++ = '\0';
        snprintf(group[h], sizeof group[h], "%.2900s/w%d.%d", place, self, h);
        if (mkdir(group[h], 0755) == -1)
            err(1, "mkdir %s", group[h]);
        made++;
        if (put(group[h], "cpu.weight", argv[a + h]) == -1)
            err(1, "%s/cpu.weight", group[h]);
        hog[h] = fork();
        if (hog[h] == -1)
            err(1, "fork");
        if (hog[h] == 0) {
            char c;
            cpu_set_t set;
            CPU_ZERO(&set);
            CPU_SET(cpu ? (size_t)atoi(cpu) : 0, &set);
            close(go[1]);
            if (put(group[h], "cgroup.procs", "0") == -1)
                err(1, "%s/cgroup.procs", group[h]);
            if (sched_setaffinity(0, sizeof set, &set) == -1)
                err(1, "sched_setaffinity");
            if (write(there[1], "x", 1) != 1 || read(go[0], &c, 1) == -1)
                _exit(1);
            close(there[1]);
            while (getppid() == self)
                for (volatile int i = 0; i < 100000; i++)
                    ;
            _exit(0);
        }
        char c;
        struct pollfd in = {there[0], POLLIN, 0};
        while (poll(&in, 1, 5) == 0)
            if (waitpid(hog[h], NULL, WNOHANG) != 0) {
                hog[h] = 0; /* waited for */
                exit(1);    /* and it has said why */
            }
        if (read(there[0], &c, 1) != 1)
            exit(1);
    }
    long before[8], sum = 0;
    for (int h = 0; h < hogs; h++)
        before[h] = used(h);
    double began = now();
    close(go[1]);
    for (double left; (left = began + seconds - now()) > 0 && !stop;) {
        struct timespec t = {.tv_sec = (time_t)left};
        t.tv_nsec = (long)((left - (double)t.tv_sec) * 1e9);
        pselect(0, NULL, NULL, NULL, &t, &old);
    }
    if (stop)
        exit(1);
    for (int h = 0; h < hogs; h++)
        sum += before[h] = used(h) - before[h];
    printf("window: %.6f s\n", now() - began);
    for (int h = 0; h < hogs; h++)
        printf("weight %s: %ld us, share %.3f\n", argv[a + h], before[h],
               (double)before[h] / (double)(sum ? sum : 1));
    return 0;
}
