/* weigh - hogs in groups of their own: their weights, the CPU time they get
 *
 * Usage: ./weigh [--in DIR] [--time SECONDS] WEIGHT[@CPU]...
 *
 * Try:   ./weigh 100 300
 *            both want all of CPU 0: a quarter and three quarters
 *        ./weigh 100@0 300@1
 *            a CPU for each: a weight is no limit
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { HOGS = 8 };

static const char *place;          /* the group that theirs are made in */
static double duration = 1;        /* of the measurement, in seconds */
static char group[HOGS][PATH_MAX]; /* of each hog; "": not made */
static pid_t hog[HOGS];            /* 0: not started */
static sigset_t signals;           /* those that stop us, and SIGALRM */

/* Writes the text to a file of group `dir`; a failure ends the program. */
static void put(const char *dir, const char *name, const char *text)
{
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int file = open(path, O_WRONLY);
    if (file == -1 || write(file, text, strlen(text)) == -1)
        err(1, "%s: %s", path, text);
    close(file);
}

/* Ends all hogs (beside another, a light one hardly gets to its end), and then
 * removes their groups. Called by exit(3), so not to call it; nor may a hog. */
static void remove_groups(void)
{
    for (int h = 0; h < HOGS && hog[h] > 0; h++) /* -1 is every process */
        kill(hog[h], SIGKILL);
    for (int h = 0; h < HOGS && *group[h]; h++) {
        if (hog[h] > 0)
            waitpid(hog[h], NULL, 0);
        while (rmdir(group[h]) == -1 && errno == EBUSY)
            usleep(1000);
    }
}

/* Starts hog h, which stops itself; puts it into a group with this weight, and
 * keeps it on that CPU: mkdir(2), the files cpu.weight and cgroup.procs,
 * fork(2), raise(3), waitpid(2), sched_setaffinity(2). */
static void start_hog(int h, const char *weight, size_t cpu)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%.4000s/weigh-%d-%d", place, getpid(), h + 1);
    /* BEGIN SOLUTION task 5 */
    if (mkdir(path, 0755) == -1)
        err(1, "mkdir: %s", path);
    strcpy(group[h], path);
    put(path, "cpu.weight", weight);
    hog[h] = fork();
    if (hog[h] == -1)
        err(1, "fork");
    if (hog[h] == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* it ends with us, in any case */
        sigprocmask(SIG_UNBLOCK, &signals, NULL);
        raise(SIGSTOP);
        for (;;)
            ;
    }
    char pid[16];
    cpu_set_t set;
    waitpid(hog[h], NULL, WUNTRACED);
    snprintf(pid, sizeof pid, "%d", hog[h]);
    put(path, "cgroup.procs", pid);
    CPU_ZERO(&set);
    CPU_SET(cpu, &set); /* after joining, which can undo it */
    if (sched_setaffinity(hog[h], sizeof set, &set) == -1)
        err(1, "sched_setaffinity: CPU %zu", cpu);
    /* END SOLUTION */
}

/* Returns the CPU time of group h in microseconds: usage_usec in cpu.stat. */
static long usage(int h)
{
    long usec = 0;
    /* BEGIN SOLUTION task 5 */
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/cpu.stat", group[h]);
    FILE *file = fopen(path, "r");
    if (!file || fscanf(file, "usage_usec %ld", &usec) != 1)
        err(1, "%s", path);
    fclose(file);
    /* END SOLUTION */
    return usec;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Lets all hogs go on, measures for `duration` what they use, and returns how
 * long it was in fact. A signal that stops us ends the program, with status 1:
 * kill(2), setitimer(2), sigwait(3). */
static double measure(int hogs, long used[HOGS])
{
    double began = now();
    /* BEGIN SOLUTION task 5 */
    int signal;
    for (int h = 0; h < hogs; h++)
        used[h] = -usage(h);
    for (int h = 0; h < hogs; h++)
        kill(hog[h], SIGCONT);
    long us = (long)(duration * 1e6) + 1; /* 0 would switch the timer off */
    struct itimerval timer = {.it_value = {us / 1000000, us % 1000000}};
    setitimer(ITIMER_REAL, &timer, NULL);
    sigwait(&signals, &signal);
    if (signal != SIGALRM)
        exit(1);
    for (int h = 0; h < hogs; h++)
        used[h] += usage(h);
    /* END SOLUTION */
    return now() - began;
}

/* Returns the number in `text`, made of these digits and at most `max`;
 * anything else is a usage error: strtod(3). */
static double number(const char *text, const char *digits, double max)
{
    char *end;
    double value = strtod(text, &end);
    if (*text == '\0' || *end || text[strspn(text, digits)] || value > max)
        errx(2, "'%s' is not a number that fits here: see --help", text);
    return value;
}

static void parse(int argc, char **argv)
{
    static const struct option table[] = {{"in", 1, NULL, 'i'},
                                          {"time", 1, NULL, 't'},
                                          {"help", 0, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    place = getenv("PLACE");
    for (int o; (o = getopt_long(argc, argv, "", table, NULL)) != -1;)
        switch (o) {
        case 'i': place = optarg; break;
        case 't': duration = number(optarg, "0123456789.", 1e4); break;
        case 'h':
            puts("--in DIR        the group to make theirs in ($PLACE)\n"
                 "--time SECONDS  how long to measure (1)\n"
                 "WEIGHT[@CPU]    a hog, on CPU 0 if none is given; up to 8");
            exit(0);
        default: exit(2);
        }
    if (!place || optind == argc || argc - optind > HOGS)
        errx(2, "--in DIR, and 1 to 8 weights are needed: see --help");
}

int main(int argc, char **argv)
{
    long used[HOGS] = {0}, sum = 0;
    parse(argc, argv);
    char **weight = argv + optind;
    int hogs = argc - optind;
    const int stop[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGALRM};
    for (int s = 0; s < 5; s++)
        sigaddset(&signals, stop[s]);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    atexit(remove_groups);
    put(place, "cgroup.subtree_control", "+cpu +memory +pids");
    for (int h = 0; h < hogs; h++) {
        char *cpu = strchr(weight[h], '@');
        if (cpu)
            *cpu++ = '\0';
        start_hog(h, weight[h],
                  (size_t)(cpu ? number(cpu, "0123456789", 1023) : 0));
    }
    printf("window: %.6f s\n", measure(hogs, used));
    for (int h = 0; h < hogs; h++)
        sum += used[h];
    for (int h = 0; h < hogs; h++)
        printf("weight %s: %ld us, share %.3f\n", weight[h], used[h],
               sum > 0 ? (double)used[h] / (double)sum : 0);
    return 0;
}
