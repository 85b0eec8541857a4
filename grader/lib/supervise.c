/* supervise - run one command of a submission and tell how it ended
 *
 * Usage: supervise STATUSFILE SECONDS KILOBYTES COMMAND [ARG]...
 *
 * The command gets a process group of its own, no descriptors but 0-2, of the
 * environment PATH and HOME alone, no core file, no huge pages (each fault is
 * one page, everywhere), files (its output too) of KILOBYTES at most, and
 * SECONDS to live. A signal to supervise, or the death of its parent, ends it
 * as well. What the command leaves running is adopted
 * (PR_SET_CHILD_SUBREAPER), counted, killed.
 *
 * STATUSFILE says "pid N" at once. When all is over, and nobody is left who
 * could have a hand in it, it is written anew:
 *   end        exit N | signal N | timeout | stopped
 *   ms N       how long the command ran
 *   left N     descendants that outlived it, killed now
 *   unreaped N descendants that had ended, and that nobody had waited for
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void run(char **command, rlim_t kilobytes)
{
    static const int reset[] = {SIGINT, SIGQUIT, SIGPIPE, SIGXFSZ};
    struct rlimit no_core = {0, 0}, file = {kilobytes << 10, RLIM_INFINITY};
    sigset_t none;

    setpgid(0, 0);
    for (size_t s = 0; s < sizeof reset / sizeof reset[0]; s++)
        signal(reset[s], SIG_DFL); /* a shell's background job ignores some */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setrlimit(RLIMIT_CORE, &no_core);
    setrlimit(RLIMIT_FSIZE, &file);
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    char *path = getenv("PATH"), *home = getenv("HOME");
    path = path ? strdup(path) : NULL;
    home = home ? strdup(home) : NULL;
    clearenv();
    setenv("LC_ALL", "C", 1);
    if (path)
        setenv("PATH", path, 1);
    if (home)
        setenv("HOME", home, 1);
    execvp(command[0], command);
    warn("%s", command[0]);
    _exit(127);
}

/* Kills and counts what the command left behind: all our children by now. */
static void clear(pid_t group, int *left, int *unreaped)
{
    pid_t pid;
    *left = *unreaped = 0;
    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
        ++*unreaped;
    if (pid == -1)
        return;
    kill(-group, SIGKILL);
    do { /* who left the group is our child too, or becomes one */
        FILE *children = fopen("/proc/thread-self/children", "r");
        while (children && fscanf(children, "%d", &pid) == 1)
            kill(pid, SIGKILL);
        if (children)
            fclose(children);
        pid = waitpid(-1, NULL, 0);
        *left += pid > 0;
    } while (pid > 0);
}

int main(int argc, char **argv)
{
    if (argc < 5)
        errx(2, "usage: supervise STATUSFILE SECONDS KILOBYTES COMMAND...");
    FILE *status = fopen(argv[1], "we");
    if (!status)
        err(2, "%s", argv[1]);
    double limit = atof(argv[2]), start = now();
    for (int fd = 3; fd < 256; fd++)
        if (fd != fileno(status))
            close(fd);

    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_PDEATHSIG, SIGTERM);

    pid_t pid = fork();
    if (pid == -1)
        err(2, "fork");
    if (pid == 0)
        run(argv + 4, (rlim_t)atol(argv[3]));
    setpgid(pid, pid);
    fprintf(status, "pid %d\n", pid);
    fflush(status);

    int code = 0;
    const char *killed = NULL;
    for (;;) {
        pid_t ended = waitpid(pid, &code, killed ? 0 : WNOHANG);
        if (ended == pid)
            break;
        double left = start + limit - now();
        struct timespec t = {.tv_sec = left > 0 ? (time_t)left : 0};
        t.tv_nsec = left > 0 ? (long)((left - (double)t.tv_sec) * 1e9) : 0;
        int signal = sigtimedwait(&set, NULL, &t);
        if (signal == -1 && errno == EAGAIN)
            killed = "timeout";
        else if (signal > 0 && signal != SIGCHLD)
            killed = "stopped";
        if (killed) {
            kill(-pid, SIGKILL);
            kill(pid, SIGKILL); /* it may have left its group */
        }
    }
    double ms = (now() - start) * 1000;
    int left, unreaped;
    clear(pid, &left, &unreaped);

    rewind(status);
    if (ftruncate(fileno(status), 0) == -1)
        err(2, "%s", argv[1]);
    fprintf(status, "pid %d\n", pid);
    if (killed)
        fprintf(status, "end %s\n", killed);
    else if (WIFSIGNALED(code))
        fprintf(status, "end signal %d\n", WTERMSIG(code));
    else
        fprintf(status, "end exit %d\n", WEXITSTATUS(code));
    fprintf(status, "ms %.0f\nleft %d\nunreaped %d\n", ms, left, unreaped);
    return fclose(status) == 0 ? 0 : 2;
}
