/* before - a signal comes just before a command's Nth system call
 *
 * Usage: before LOG N SIGNAL COMMAND [ARG]...
 *
 * A program that looks at a flag and then sleeps misses a signal that comes in
 * between, where no system call lies to which strace could fix one. This does
 * it with ptrace(2): the call is cancelled as it begins (its number becomes
 * -1), and the program is put back to just before it. There the signal, sent to
 * the process as kill(1) does, meets it, and then the call is made as if
 * nothing had been. With SIGNAL 0 there comes none, but PAUSE passes, in which
 * others may send one: a child that ends. If that call then waits until its own
 * time is over, the signal was lost: the command is killed, the exit status
 * is 99. Only the first thread of the command is followed. An empty file
 * LOG.PID says which process it is. Else the end is the command's own: the exit
 * status, or the signal.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAUSE = 50000 }; /* microseconds */

static pid_t pid;

/* Sets the number of the call that has just begun. */
static void set_call(struct user_regs_struct *regs, long number)
{
    struct iovec all = {regs, sizeof *regs};
#ifdef __aarch64__
    int value = (int)number;
    struct iovec one = {&value, sizeof value};
    (void)all;
    ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &one);
#else
    regs->orig_rax = (unsigned long)number;
    ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &all);
#endif
}

/* Goes on until the next stop of the command; returns its wait status. */
static int next(enum __ptrace_request how, int signal)
{
    int status;
    if (ptrace(how, pid, NULL, signal) == -1)
        err(2, "ptrace");
    if (waitpid(pid, &status, 0) == -1)
        err(2, "waitpid");
    return status;
}

/* The call that has just begun is as if not made; the signal waits before it.
 */
static void interpose(int signal)
{
    struct user_regs_struct old, regs;
    struct iovec all = {&old, sizeof old};

    ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &all);
    regs = old;
    set_call(&regs, -1);
    next(PTRACE_SYSCALL, 0); /* its end */
#ifdef __aarch64__
    old.pc -= 4; /* svc */
#else
    old.rip -= 2; /* syscall */
    old.rax = old.orig_rax;
    old.orig_rax = (unsigned long)-1;
#endif
    ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &all);
    kill(pid, signal);
    if (signal == 0)
        usleep(PAUSE);
}

/* Sets what stops here: a call that begins, or one that has ended. */
static void look(struct __ptrace_syscall_info *info)
{
    ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof *info, info);
}

/* Is this what a call returns that has waited to the end of its time? */
static bool timed_out(long number, long result)
{
    switch (number) {
#ifdef SYS_poll
    case SYS_poll:
#endif
#ifdef SYS_select
    case SYS_select:
#endif
#ifdef SYS_epoll_wait
    case SYS_epoll_wait:
#endif
    case SYS_ppoll:
    case SYS_pselect6:
    case SYS_epoll_pwait:
    case SYS_nanosleep:
    case SYS_clock_nanosleep: return result == 0;
    case SYS_rt_sigtimedwait:
    case SYS_semtimedop: return result == -EAGAIN;
    default: return false;
    }
}

/* Becomes the command, which its parent follows from here on. */
static void run(const char *log, char **command)
{
    char *name;
    if (asprintf(&name, "%s.%d", log, getpid()) == -1 ||
        close(open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) == -1)
        err(127, "%s", log);
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    execvp(command[0], command);
    err(127, "%s", command[0]);
}

int main(int argc, char **argv)
{
    if (argc < 5)
        errx(2, "usage: before LOG N SIGNAL COMMAND...");
    long left = atol(argv[2]), number = -1;

    pid = fork();
    if (pid == -1)
        err(2, "fork");
    if (pid == 0)
        run(argv[1], argv + 4);
    int status;
    if (waitpid(pid, &status, 0) == -1 || !WIFSTOPPED(status))
        errx(2, "there is no process to follow");
    ptrace(PTRACE_SETOPTIONS, pid, NULL,
           PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);

    struct __ptrace_syscall_info info;
    enum __ptrace_request how = PTRACE_CONT; /* until it is the command */
    bool resumed = false;                    /* the call, after the signal */
    status = next(how, 0);
    while (WIFSTOPPED(status)) {
        int signal = 0;
        if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8)) {
            how = PTRACE_SYSCALL;
        } else if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
            signal = WSTOPSIG(status); /* one for the command */
        } else if (look(&info), info.op == PTRACE_SYSCALL_INFO_ENTRY) {
            if (--left == 0) {
                number = (long)info.entry.nr;
                interpose(atoi(argv[3]));
            } else if (left < 0 && (long)info.entry.nr == number) {
                resumed = true;
            }
        } else if (resumed) {
            how = PTRACE_CONT;
            if (timed_out(number, info.exit.rval)) {
                kill(pid, SIGKILL);
                errx(99, "the signal had come, and it waited to the end of "
                         "its time");
            }
        }
        status = next(how, signal);
    }
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    raise(WTERMSIG(status));
    return 2;
}
