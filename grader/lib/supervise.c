/* supervise - run one command of a submission and say how it ended
 *
 * Usage: supervise STATUSFILE SECONDS KILOBYTES COMMAND [ARG]...
 *
 * The command gets a process group of its own, default signal dispositions, no
 * descriptors but 0-2, of the environment PATH, HOME and PLACE (of cgroup.bash)
 * alone, no core file, no huge pages (each page fault is one page, everywhere),
 * and SECONDS to live. It is killed when its stdout or stderr grows over
 * KILOBYTES, and that is cut, or when there are PROCESSES more on the machine
 * (or in our PID namespace) than at its start. A signal from the parent of
 * supervise, or the parent's death, ends it as well. What the command leaves
 * running is adopted (PR_SET_CHILD_SUBREAPER), counted, killed. A bystander
 * lives in its process group, as the script does that runs a program: no signal
 * may hit that. Where WORK is set and mount namespaces are allowed, all of that
 * folder is read-only for the command, but for its own BATS_TEST_TMPDIR:
 * verdicts are not its to write. Where INHERITS is set, the command has a child
 * from the start that it has not made, and that has ended.
 *
 * STATUSFILE says "pid N" at once. When all is over, and no process is left to
 * write to it, it is rewritten:
 *   end        exit N | signal N | timeout | output | processes | stopped
 *   ms N       how long the command ran
 *   left N     descendants that outlived it, killed now
 *   unreaped N descendants that had ended, and that were not waited for
 *   hit N      the signal from a descendant that hit supervise, or the
 *              bystander; or 0
 * Exit status: 0, or 2 when the command could not be supervised.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PROCESSES = 500 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Makes the folder WORK read-only from here on, all but BATS_TEST_TMPDIR, if
 * this process may: mount_namespaces(7), mount(2). */
static void protect(void)
{
    const char *work = getenv("WORK"), *own = getenv("BATS_TEST_TMPDIR");
    char *here = getcwd(NULL, 0);
    struct statvfs fs;

    if (!work || !own || !here || unshare(CLONE_NEWNS) == -1)
        return;
    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    if (statvfs(work, &fs) == 0 &&
        !mount(work, work, NULL, MS_BIND | MS_REC, NULL) &&
        !mount(own, own, NULL, MS_BIND, NULL))
        mount(NULL, work, NULL,
              MS_BIND | MS_REMOUNT | MS_RDONLY |
                  (fs.f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC)),
              NULL);
    if (chdir(here) == -1) /* now in the new mount */
        _exit(127);
    free(here);
}

/* Becomes the command, when the other end of the pipe is closed. */
static void run(char **command, int ready[2])
{
    struct rlimit no_core = {0, 0};
    sigset_t none;
    char byte;

    setpgid(0, 0);
    close(ready[1]);
    if (read(ready[0], &byte, 1) == -1)
        _exit(127);
    close(ready[0]);
    for (int s = 1; s < NSIG; s++) /* a shell's background job ignores some */
        signal(s, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setrlimit(RLIMIT_CORE, &no_core);
    protect();
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    if (getenv("INHERITS")) {
        siginfo_t info;
        pid_t child = fork();
        if (child == 0)
            _exit(77);
        waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
    }
    static const char *const keep[] = {"PATH", "HOME", "PLACE"};
    char *value[3];
    for (int k = 0; k < 3; k++)
        value[k] = getenv(keep[k]) ? strdup(getenv(keep[k])) : NULL;
    clearenv();
    setenv("LC_ALL", "C", 1);
    for (int k = 0; k < 3; k++)
        if (value[k])
            setenv(keep[k], value[k], 1);
    execvp(command[0], command);
    warn("%s", command[0]);
    _exit(127);
}

/* The bystander: takes all signals until SIGRTMAX, and ends with the first one
 * that another process than `parent` has sent. The command begins when `ready`
 * is closed. */
static void stand_by(pid_t parent, int ready)
{
    sigset_t all;
    siginfo_t info;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(ready);
    do
        sigwaitinfo(&all, &info);
    while (info.si_pid == parent || info.si_signo == SIGCONT);
    _exit(info.si_signo == SIGRTMAX ? 0 : info.si_signo);
}

/* How many processes are there? Returns 0 if /proc does not tell. */
static int processes(void)
{
    DIR *proc = opendir("/proc");
    int count = 0;
    for (struct dirent *entry; proc && (entry = readdir(proc));)
        count += entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
    if (proc)
        closedir(proc);
    return count;
}

/* Kills and counts what the command left behind: all our children by now. */
static void clear(pid_t group, int *left, int *unreaped)
{
    pid_t pid;
    *left = *unreaped = 0;
    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
        ++*unreaped;
    *unreaped -= *unreaped > 0 && getenv("INHERITS");
    if (pid == -1)
        return;
    kill(-group, SIGKILL);
    do { /* a process that left the group is our child too, or becomes one */
        FILE *children = fopen("/proc/thread-self/children", "r");
        while (children && fscanf(children, "%d", &pid) == 1)
            kill(pid, SIGKILL);
        if (children)
            fclose(children);
        pid = waitpid(-1, NULL, 0);
        *left += pid > 0;
    } while (pid > 0);
}

/* Is a regular file behind stdout or stderr larger than so many bytes? */
static int flooded(off_t bytes)
{
    struct stat out, error;
    return (fstat(1, &out) == 0 && S_ISREG(out.st_mode) &&
            out.st_size > bytes) ||
           (fstat(2, &error) == 0 && S_ISREG(error.st_mode) &&
            error.st_size > bytes);
}

int main(int argc, char **argv)
{
    if (argc < 5)
        errx(2, "usage: supervise STATUSFILE SECONDS KILOBYTES COMMAND...");
    FILE *status = fopen(argv[1], "we");
    if (!status)
        err(2, "%s", argv[1]);
    double limit = atof(argv[2]), start = now();
    off_t bytes = (off_t)atol(argv[3]) << 10;
    for (int fd = 3; fd < 256; fd++)
        if (fd != fileno(status))
            close(fd);

    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1); /* the parent's own: with a SIGTERM that another
                                 has sent, its SIGTERM would come as one */
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGCHLD, SIG_DFL); /* ignored, children could not be waited for */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_PDEATHSIG, SIGTERM);

    int ready[2], others = processes();
    if (pipe2(ready, O_CLOEXEC) == -1)
        err(2, "pipe2");
    pid_t pid = fork(), parent = getppid(), bystander = -1;
    if (pid == -1)
        err(2, "fork");
    if (pid == 0)
        run(argv + 4, ready);
    setpgid(pid, pid);
    bystander = fork();
    if (bystander == -1)
        err(2, "fork");
    if (bystander == 0)
        stand_by(parent, ready[1]);
    setpgid(bystander, pid);
    fprintf(status, "pid %d\n", pid);
    fflush(status);
    close(ready[1]);

    int code = 0, end_of_bystander = 0, hit = 0;
    const char *killed = NULL;
    while (waitpid(pid, &code, killed ? 0 : WNOHANG) != pid) {
        struct timespec tick = {.tv_nsec = 25000000};
        siginfo_t info = {0};
        int signal = sigtimedwait(&set, &info, &tick);
        if (signal > 0 && signal != SIGCHLD) {
            if (info.si_code == SI_USER && info.si_pid > 0 &&
                info.si_pid != parent)
                hit = signal;
            else
                killed = "stopped";
        } else if (now() > start + limit) {
            killed = "timeout";
        } else if (flooded(bytes)) {
            killed = "output";
        } else if (processes() > others + PROCESSES) {
            killed = "processes";
        }
        if (killed) {
            kill(-pid, SIGKILL);
            kill(pid, SIGKILL); /* it may have left its group */
        }
    }
    double ms = (now() - start) * 1000;
    int left, unreaped;
    kill(bystander, SIGRTMAX);
    kill(bystander, SIGCONT);
    if (waitpid(bystander, &end_of_bystander, 0) == bystander && !killed) {
        if (WIFSIGNALED(end_of_bystander))
            hit = WTERMSIG(end_of_bystander);
        else if (WEXITSTATUS(end_of_bystander) != 0)
            hit = WEXITSTATUS(end_of_bystander);
    }
    clear(pid, &left, &unreaped);
    for (int fd = 1; fd <= 2 && flooded(bytes); fd++)
        if (ftruncate(fd, bytes) == -1)
            warn("ftruncate");

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
    fprintf(status, "ms %.0f\nleft %d\nunreaped %d\nhit %d\n", ms, left,
            unreaped, hit);
    return fclose(status) == 0 ? 0 : 2;
}
