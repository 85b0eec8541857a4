/* limit - run a command in a control group with limits, and say what it did
 *
 * Usage: ./limit [--in DIR] [FILE=VALUE]... -- COMMAND [ARGUMENT]...
 *
 * Try:   ./limit memory.max=150M -- ./hog 300M
 *            malloc succeeds; the process is killed when it uses that much
 *        ./limit cpu.max='20000 100000' -- ./hog 1M --time 2
 *            20 ms of each 100 ms: it is throttled some 20 times
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char group[PATH_MAX]; /* ours */
static sigset_t signals;     /* those that stop us, and SIGCHLD */

/* Writes the text to a file of group `dir`, with one write(2). Returns -1 if
 * open or write fails, and errno says why. No file stays open. */
static int put(const char *dir, const char *name, const char *text)
{
    int result = -1;
    /* BEGIN SOLUTION task 3 */
    char path[PATH_MAX + 256];
    snprintf(path, sizeof path, "%s/%.250s", dir, name);
    int file = open(path, O_WRONLY);
    if (file == -1)
        return -1;
    result = write(file, text, strlen(text)) == -1 ? -1 : 0;
    int error = errno;
    close(file);
    errno = error;
    /* END SOLUTION */
    return result;
}

/* For nftw(3): removes one group; those below it had their turn before. */
static int remove_one(const char *path, const struct stat *status, int type,
                      struct FTW *where)
{
    (void)status, (void)where;
    return type == FTW_DP ? rmdir(path) : 0;
}

/* Ends all in our group, and removes it and those below: file cgroup.kill,
 * nftw(3), EBUSY until all have gone. Called by exit(3), so not to call it. */
static void remove_group(void)
{
    /* BEGIN SOLUTION task 3 */
    do {
        put(group, "cgroup.kill", "1");
        usleep(1000);
        if (nftw(group, remove_one, 9, FTW_DEPTH | FTW_PHYS) == 0)
            return;
    } while (errno == EBUSY);
    warn("cannot remove %s", group);
    _exit(1);
    /* END SOLUTION */
}

/* Keeps the signals that stop us pending until run() takes them; has the groups
 * in `place` get controllers (file cgroup.subtree_control); makes ours, to be
 * removed at exit; forbids swap, unless a limit allows it; and writes the
 * limits, FILE=VALUE each: sigprocmask(2), mkdir(2), atexit(3). */
static void make_group(const char *place, char **limits, long count)
{
    sigemptyset(&signals);
    /* BEGIN SOLUTION task 3 */
    const int stop[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD};
    for (int s = 0; s < 5; s++)
        sigaddset(&signals, stop[s]);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGCHLD, SIG_DFL); /* ignored by our parent, it would not come */
    if (put(place, "cgroup.subtree_control", "+cpu +memory +pids") == -1)
        err(1, "%s/cgroup.subtree_control", place);
    if (mkdir(group, 0755) == -1)
        err(1, "mkdir: %s", group);
    atexit(remove_group);
    if (put(group, "memory.swap.max", "0") == -1)
        err(1, "memory.swap.max");
    for (int l = 0; l < count; l++) {
        char *value = strchr(limits[l], '=');
        *value++ = '\0';
        if (put(group, limits[l], value) == -1)
            err(1, "%s: %s", limits[l], value);
    }
    /* END SOLUTION */
}

/* Runs the command in our group, without blocked signals, and returns its
 * status: fork(2), the file cgroup.procs, execvp(3). A signal that stops us
 * ends all in the group, and a child on its way to it: sigwait(3), waitpid(2).
 */
static int run(char **command)
{
    int status = 0;
    /* BEGIN SOLUTION task 3 */
    pid_t child = fork();
    if (child == -1)
        err(1, "fork");
    if (child == 0) {
        sigprocmask(SIG_UNBLOCK, &signals, NULL);
        if (put(group, "cgroup.procs", "0") == -1) {
            warn("cgroup.procs");
            _exit(1); /* exit(3) would remove the group */
        }
        execvp(*command, command);
        int code = errno == ENOENT ? 127 : 126;
        warn("%s", *command);
        _exit(code);
    }
    while (waitpid(child, &status, WNOHANG) == 0) {
        int signal;
        sigwait(&signals, &signal);
        if (signal != SIGCHLD) { /* which comes when it is stopped, too */
            kill(child, SIGKILL);
            put(group, "cgroup.kill", "1");
        }
    }
    /* END SOLUTION */
    return status;
}

/* Prints and returns the number behind a key in a file of our group, such as
 * "oom_kill 1" in memory.events. With "" the file is a number. */
static long tell(const char *name, const char *key)
{
    long value = -1;
    /* BEGIN SOLUTION task 4 */
    char path[PATH_MAX + 64], word[64] = "";
    snprintf(path, sizeof path, "%s/%s", group, name);
    FILE *file = fopen(path, "r");
    if (!file)
        err(1, "%s", path);
    while (strcmp(word, key) != 0 && fscanf(file, "%63s", word) == 1)
        ;
    if (fscanf(file, "%ld", &value) != 1)
        errx(1, "%s: no %s", path, key);
    fclose(file);
    printf("%s: %s%s%ld\n", name, key, *key ? " " : "", value);
    /* END SOLUTION */
    return value;
}

/* Prints how the command ended, and what the kernel says of its group. */
static void report(int status)
{
    /* BEGIN SOLUTION task 4 */
    int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    printf("command: %s %d\n", signal ? "killed by signal" : "exited with",
           signal ? signal : WEXITSTATUS(status));
    tell("memory.events", "oom");
    long oom_kill = tell("memory.events", "oom_kill");
    tell("memory.peak", "");
    tell("cpu.stat", "usage_usec");
    tell("cpu.stat", "nr_throttled");
    printf("verdict: %s\n", oom_kill > 0 ? "killed by the OOM killer"
                            : signal     ? "killed, not by the OOM killer"
                                         : "survived");
    /* END SOLUTION */
}

int main(int argc, char **argv)
{
    static const struct option table[] = {
        {"in", 1, NULL, 'i'}, {"help", 0, NULL, 'h'}, {NULL, 0, NULL, 0}};
    const char *place = getenv("PLACE");
    setvbuf(stdout, NULL, _IOLBF, 0); /* whole lines, into a pipe too */
    for (int o; (o = getopt_long(argc, argv, "+", table, NULL)) != -1;)
        switch (o) {
        case 'i': place = optarg; break;
        case 'h':
            return puts("--in DIR    the group to make ours in ($PLACE)\n"
                        "FILE=VALUE  write this to a file of ours") == EOF;
        default: return 2;
        }
    char **limits = argv + optind, **command = limits;
    while (*command && strchr(*command, '='))
        command++;
    long count = command - limits;
    command += *command && strcmp(*command, "--") == 0;
    if (!place || !*command)
        errx(2, "%s is needed: see --help", place ? "a command" : "--in DIR");
    snprintf(group, sizeof group, "%.4000s/limit-%d", place, getpid());

    make_group(place, limits, count);
    printf("group: %s\n", group);
    int status = run(command);
    report(status);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
