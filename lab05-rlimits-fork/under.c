/* under - run a command under limits; tell what becomes of it, and what it used
 *
 * Usage: ./under [--NAME LIMIT]... COMMAND [ARGUMENT]...
 *        LIMIT is SOFT, :HARD or SOFT:HARD
 *
 * Try:   ./under --cpu 1 sh -c 'while :; do :; done'
 *            a soft limit sends a signal; at the hard one comes SIGKILL
 *        ./under --nofile 3 ls
 *            not even its libraries can be opened
 *        ./under sleep 60        and then press Ctrl-C, or Ctrl-Z and fg
 */
#define _GNU_SOURCE /* sigabbrev_np */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* An option for each limit, by its name in getrlimit(2). */
static const struct option table[] = {
    {"as", 1, NULL, RLIMIT_AS},
    {"core", 1, NULL, RLIMIT_CORE},
    {"cpu", 1, NULL, RLIMIT_CPU},
    {"data", 1, NULL, RLIMIT_DATA},
    {"fsize", 1, NULL, RLIMIT_FSIZE},
    {"locks", 1, NULL, RLIMIT_LOCKS},
    {"memlock", 1, NULL, RLIMIT_MEMLOCK},
    {"msgqueue", 1, NULL, RLIMIT_MSGQUEUE},
    {"nice", 1, NULL, RLIMIT_NICE},
    {"nofile", 1, NULL, RLIMIT_NOFILE},
    {"nproc", 1, NULL, RLIMIT_NPROC},
    {"rss", 1, NULL, RLIMIT_RSS},
    {"rtprio", 1, NULL, RLIMIT_RTPRIO},
    {"rttime", 1, NULL, RLIMIT_RTTIME},
    {"sigpending", 1, NULL, RLIMIT_SIGPENDING},
    {"stack", 1, NULL, RLIMIT_STACK},
    {"help", 0, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* What is asked for, by resource. Without `text` the limit stays as it is. */
static struct wish {
    const char *name, *text;
    bool soft, hard; /* given? */
    struct rlimit value;
} wishes[RLIM_NLIMITS];

static struct rusage usage; /* of the command, from wait4(2) */

/* Prints the event that a status of wait4(2) stands for. */
static void print_event(pid_t pid, int status)
{
    /* BEGIN SOLUTION task 3 */
    if (WIFEXITED(status))
        printf("%d exited with %d\n", pid, WEXITSTATUS(status));
    else if (WIFSIGNALED(status))
        printf("%d killed by SIG%s%s\n", pid, sigabbrev_np(WTERMSIG(status)),
               WCOREDUMP(status) ? ", core dumped" : "");
    else if (WIFSTOPPED(status))
        printf("%d stopped by SIG%s\n", pid, sigabbrev_np(WSTOPSIG(status)));
    else
        printf("%d continued\n", pid);
    /* END SOLUTION */
}

/* Sets the limits that are wished for. If one cannot be set, it says so, and
 * ends this process, a child, with 1: getrlimit(2), setrlimit(2). */
static void set_limits(void)
{
    /* BEGIN SOLUTION task 4 */
    for (unsigned r = 0; r < RLIM_NLIMITS; r++) {
        struct wish *wish = &wishes[r];
        struct rlimit now;
        if (!wish->text)
            continue;
        if (getrlimit(r, &now) == -1) {
            warn("getrlimit: %s", wish->name);
            _exit(1);
        }
        if (!wish->soft)
            wish->value.rlim_cur = now.rlim_cur;
        if (!wish->hard)
            wish->value.rlim_max = now.rlim_max;
        if (setrlimit(r, &wish->value) == -1) {
            warn("setrlimit: %s %s", wish->name, wish->text);
            _exit(1);
        }
    }
    /* END SOLUTION */
}

/* Runs the command, and waits until it ends; passes on to it the signals that
 * would stop us. Prints each event; returns the last status: fork(2),
 * execvp(3), sigprocmask(2), sigwait(3), kill(2), wait4(2). */
static int run(char **words)
{
    int status = 0;
    /* BEGIN SOLUTION task 3 */
    sigset_t signals, before;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, &before); /* they wait for sigwait() */
    signal(SIGCHLD, SIG_DFL); /* ignored by our parent, it would not come */

    pid_t command = fork(), pid;
    if (command == -1)
        err(1, "fork");
    if (command == 0) {
        sigprocmask(SIG_SETMASK, &before, NULL); /* exec keeps the mask */
        set_limits();
        execvp(*words, words);
        int error = errno; /* warn(3) may change it */
        warn("%s", *words);
        _exit(error == ENOENT ? 127 : 126);
    }
    for (int signal;;) {
        sigwait(&signals, &signal);
        if (signal != SIGCHLD)
            kill(command, signal);
        while ((pid = wait4(command, &status, WNOHANG | WUNTRACED | WCONTINUED,
                            &usage)) > 0) {
            print_event(pid, status);
            if (WIFEXITED(status) || WIFSIGNALED(status))
                return status;
        }
        if (pid == -1)
            err(1, "wait4");
    }
    /* END SOLUTION */
    return status;
}

/* Returns the number that these characters of `text` make, or RLIM_INFINITY
 * for "unlimited"; anything else is a usage error: strtoull(3). */
static rlim_t number(const char *text, size_t length)
{
    if (length == 9 && strncmp(text, "unlimited", length) == 0)
        return RLIM_INFINITY;
    errno = 0;
    rlim_t value = strtoull(text, NULL, 10);
    if (length == 0 || strspn(text, "0123456789") != length || errno != 0)
        errx(2, "'%s' is not a limit: see --help", text);
    return value;
}

/* Reads SOFT, SOFT:HARD or :HARD into the wish: strcspn(3), number(). */
static void read_limit(struct wish *wish, const char *text)
{
    wish->text = text;
    /* BEGIN SOLUTION task 4 */
    size_t length = strcspn(text, ":");
    const char *colon = text + length;
    wish->soft = length > 0;
    wish->hard = *colon == ':';
    if (wish->soft || !wish->hard)
        wish->value.rlim_cur = number(text, length);
    if (wish->hard)
        wish->value.rlim_max = number(colon + 1, strlen(colon + 1));
    /* END SOLUTION */
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0); /* whole lines, into a pipe too */
    for (int o, i; (o = getopt_long(argc, argv, "+", table, &i)) != -1;) {
        if (o == 'h')
            puts("Usage: ./under [--NAME LIMIT]... COMMAND "
                 "[ARGUMENT]...\n"
                 "NAME is a limit, such as nofile: ./rlimits lists them.\n"
                 "LIMIT is SOFT, :HARD or SOFT:HARD, in numbers or unlimited.");
        if (o == 'h' || o == '?')
            exit(o == 'h' ? 0 : 2);
        wishes[o].name = table[i].name;
        read_limit(&wishes[o], optarg);
    }
    if (optind == argc)
        errx(2, "no command is given: see --help");

    int status = run(argv + optind);
    printf("user %ld.%06ld s, system %ld.%06ld s, largest %ld KiB\n",
           usage.ru_utime.tv_sec, usage.ru_utime.tv_usec, usage.ru_stime.tv_sec,
           usage.ru_stime.tv_usec, usage.ru_maxrss);
    /* BEGIN SOLUTION task 3 */
    if (WIFSIGNALED(status))
        return 128 + WTERMSIG(status);
    /* END SOLUTION */
    return WEXITSTATUS(status);
}
