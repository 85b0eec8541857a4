/* under, from the handout alone: sigwaitinfo, and the limits as prlimit(1)
 * reads them */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *names[16] = {"cpu",      "fsize", "data",   "stack",
                                "core",     "rss",   "nproc",  "nofile",
                                "memlock",  "as",    "locks",  "sigpending",
                                "msgqueue", "nice",  "rtprio", "rttime"};
static struct {
    char *text;
    int soft, hard;
    struct rlimit to;
} ask[16];

static rlim_t value(char *text)
{
    if (!strcmp(text, "unlimited"))
        return RLIM_INFINITY;
    errno = 0;
    rlim_t n = strtoull(text, NULL, 10);
    if (!*text || text[strspn(text, "0123456789")] || errno)
        errx(2, "%s: not a limit", text);
    return n;
}

int main(int argc, char **argv)
{
    argv++;
    for (; *argv && !strncmp(*argv, "--", 2); argv++) {
        int r = 0;
        char *text = strchr(*argv, '=');
        if (text)
            *text++ = 0;
        while (r < 16 && strcmp(names[r], *argv + 2))
            r++;
        if (!text)
            text = *++argv;
        if (r == 16 || !text)
            errx(2, "no such limit, or no value");
        ask[r].text = strdup(text);
        char *hard = strchr(text, ':');
        if (hard)
            *hard++ = 0, ask[r].hard = 1, ask[r].to.rlim_max = value(hard);
        if (*text || !hard)
            ask[r].soft = 1, ask[r].to.rlim_cur = value(text);
    }
    if (!*argv || argc < 2)
        errx(2, "which command?");
    sigset_t s, old;
    sigemptyset(&s);
    for (const char *n = "\x01\x02\x0f\x11"; *n; n++) /* HUP INT TERM CHLD */
        sigaddset(&s, *n);
    sigprocmask(SIG_BLOCK, &s, &old);
    pid_t pid = fork(), got;
    if (pid < 0)
        err(1, "fork");
    if (!pid) {
        sigprocmask(SIG_SETMASK, &old, NULL);
        for (int r = 0; r < 16; r++) {
            struct rlimit l;
            if (!ask[r].text)
                continue;
            if (getrlimit(r, &l))
                err(1, "getrlimit");
            if (ask[r].soft)
                l.rlim_cur = ask[r].to.rlim_cur;
            if (ask[r].hard)
                l.rlim_max = ask[r].to.rlim_max;
            if (setrlimit(r, &l))
                err(1, "setrlimit: %s", ask[r].text);
        }
        execvp(*argv, argv);
        int code = errno == ENOENT ? 127 : 126;
        warn("%s", *argv);
        _exit(code);
    }
    int status, over = 0;
    while (!over) {
        int signal = sigwaitinfo(&s, NULL);
        if (signal > 0 && signal != SIGCHLD)
            kill(pid, signal);
        while (!over && (got = waitpid(pid, &status,
                                       WUNTRACED | WCONTINUED | WNOHANG))) {
            if (got < 0)
                err(1, "waitpid");
            over = 1;
            if (WIFEXITED(status))
                printf("%d exited with %d\n", pid, WEXITSTATUS(status));
            else if (WIFSIGNALED(status))
                printf("%d killed by SIG%s%s\n", pid,
                       sigabbrev_np(WTERMSIG(status)),
                       WCOREDUMP(status) ? ", core dumped" : "");
            else {
                over = 0;
                if (WIFSTOPPED(status))
                    printf("%d stopped by SIG%s\n", pid,
                           sigabbrev_np(WSTOPSIG(status)));
                else
                    printf("%d continued\n", pid);
            }
            fflush(stdout);
        }
    }
    struct rusage u; /* the command is the only child there was */
    if (getrusage(RUSAGE_CHILDREN, &u))
        err(1, "getrusage");
    printf("user %ld.%06ld s, system %ld.%06ld s, largest %ld KiB\n",
           u.ru_utime.tv_sec, u.ru_utime.tv_usec, u.ru_stime.tv_sec,
           u.ru_stime.tv_usec, u.ru_maxrss);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
