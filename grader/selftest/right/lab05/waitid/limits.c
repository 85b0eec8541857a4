/* limits, by way of waitid(2), siginfo and prlimit(2) on a child that waits behind a pipe. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    const char *name, *unit, *bounds;
} Resource;

static const Resource resources[RLIM_NLIMITS] = {
    [RLIMIT_CPU] = {"CPU", "s", "processor time"},
    [RLIMIT_FSIZE] = {"FSIZE", "bytes", "file offset"},
    [RLIMIT_DATA] = {"DATA", "bytes", "private memory"},
    [RLIMIT_STACK] = {"STACK", "bytes", "stack"},
    [RLIMIT_CORE] = {"CORE", "bytes", "core file"},
    [RLIMIT_RSS] = {"RSS", "bytes", "nothing"},
    [RLIMIT_NPROC] = {"NPROC", "number", "threads of a user"},
    [RLIMIT_NOFILE] = {"NOFILE", "number", "descriptors"},
    [RLIMIT_MEMLOCK] = {"MEMLOCK", "bytes", "locked memory"},
    [RLIMIT_AS] = {"AS", "bytes", "addresses"},
    [RLIMIT_LOCKS] = {"LOCKS", "number", "nothing"},
    [RLIMIT_SIGPENDING] = {"SIGPENDING", "number", "queued signals"},
    [RLIMIT_MSGQUEUE] = {"MSGQUEUE", "bytes", "message queues"},
    [RLIMIT_NICE] = {"NICE", "number", "nice"},
    [RLIMIT_RTPRIO] = {"RTPRIO", "number", "priority"},
    [RLIMIT_RTTIME] = {"RTTIME", "us", "realtime"},
};

static const char *const signal_names[] = {
    [SIGHUP] = "HUP",       [SIGINT] = "INT",   [SIGQUIT] = "QUIT",
    [SIGILL] = "ILL",       [SIGTRAP] = "TRAP", [SIGABRT] = "ABRT",
    [SIGBUS] = "BUS",       [SIGFPE] = "FPE",   [SIGKILL] = "KILL",
    [SIGUSR1] = "USR1",     [SIGSEGV] = "SEGV", [SIGUSR2] = "USR2",
    [SIGPIPE] = "PIPE",     [SIGALRM] = "ALRM", [SIGTERM] = "TERM",
    [SIGSTKFLT] = "STKFLT", [SIGCHLD] = "CHLD", [SIGCONT] = "CONT",
    [SIGSTOP] = "STOP",     [SIGTSTP] = "TSTP", [SIGTTIN] = "TTIN",
    [SIGTTOU] = "TTOU",     [SIGURG] = "URG",   [SIGXCPU] = "XCPU",
    [SIGXFSZ] = "XFSZ",     [SIGPROF] = "PROF", [SIGVTALRM] = "VTALRM",
    [SIGWINCH] = "WINCH",   [SIGIO] = "IO",     [SIGPWR] = "PWR",
    [SIGSYS] = "SYS",
};

static const char *signal_name(int number)
{
    static char text[32];
    int last = (int)(sizeof signal_names / sizeof *signal_names);
    if (number > 0 && number < last && signal_names[number])
        snprintf(text, sizeof text, "SIG%s", signal_names[number]);
    else if (number >= SIGRTMIN && number <= SIGRTMAX)
        snprintf(text, sizeof text, "SIGRTMIN+%d", number - SIGRTMIN);
    else
        snprintf(text, sizeof text, "SIG%d", number);
    return text;
}

static void complain(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fputs("limits: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
}

static bool parse_one(const char *text, size_t length, rlim_t *value)
{
    if (length == 9 && strncmp(text, "unlimited", 9) == 0) {
        *value = RLIM_INFINITY;
        return true;
    }
    rlim_t sum = 0;
    for (size_t i = 0; i < length; i++) {
        if (!isdigit((unsigned char)text[i]) ||
            __builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_add_overflow(sum, (rlim_t)(text[i] - '0'), &sum))
            return false;
    }
    *value = sum;
    return length > 0;
}

/* 0: number not understood; 1: soft; 2: soft and hard; 3: hard */
static int parse_pair(const char *text, struct rlimit *pair)
{
    size_t n = strcspn(text, ":");
    if (text[0] == ':')
        return parse_one(text + 1, strlen(text + 1), &pair->rlim_max) ? 3 : 0;
    if (!parse_one(text, n, &pair->rlim_cur))
        return 0;
    if (text[n] == '\0')
        return 1;
    return parse_one(text + n + 1, strlen(text + n + 1), &pair->rlim_max) ? 2
                                                                         : 0;
}

static int resource_of(const char *name)
{
    for (int r = 0; r < (int)RLIM_NLIMITS; r++)
        if (strcasecmp(name, resources[r].name) == 0)
            return r;
    return -1;
}

/* waitid with what the library leaves out, the rusage; EINTR is no answer. */
static int await_event(idtype_t type, pid_t who, siginfo_t *info, int options,
                       struct rusage *usage)
{
    long rc;
    do
        rc = syscall(SYS_waitid, type, who, info, options, usage);
    while (rc == -1 && errno == EINTR);
    return (int)rc;
}

static void tell(const siginfo_t *info)
{
    pid_t pid = info->si_pid;
    switch (info->si_code) {
    case CLD_EXITED:
        printf("%d exited with %d\n", pid, info->si_status & 255);
        break;
    case CLD_KILLED:
        printf("%d killed by %s\n", pid, signal_name(info->si_status));
        break;
    case CLD_DUMPED:
        printf("%d killed by %s, core dumped\n", pid,
               signal_name(info->si_status));
        break;
    case CLD_STOPPED:
    case CLD_TRAPPED:
        printf("%d stopped by %s\n", pid, signal_name(info->si_status));
        break;
    case CLD_CONTINUED:
        printf("%d continued\n", pid);
        break;
    }
    fflush(stdout);
}

static bool over(const siginfo_t *info)
{
    return info->si_code == CLD_EXITED || info->si_code == CLD_KILLED ||
           info->si_code == CLD_DUMPED;
}

/* A child that stands behind a gate: it goes on when a byte comes, and ends with 1 at end of file. */
static pid_t gated(int *gate)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) == -1) {
        complain("pipe: %s", strerror(errno));
        exit(1);
    }
    fflush(NULL);
    pid_t pid = fork();
    if (pid == -1) {
        complain("fork: %s", strerror(errno));
        exit(1);
    }
    if (pid != 0) {
        close(ends[0]);
        *gate = ends[1];
        return pid;
    }
    close(ends[1]);
    char byte;
    ssize_t n;
    while ((n = read(ends[0], &byte, 1)) == -1 && errno == EINTR)
        ;
    if (n != 1)
        _exit(1);
    close(ends[0]);
    return 0;
}

static int do_table(char **words)
{
    printf("NAME        SOFT                 HARD                 UNIT     "
           "BOUNDS\n");
    for (int r = 0; r < (int)RLIM_NLIMITS; r++) {
        struct rlimit now;
        if (prlimit(0, (enum __rlimit_resource)r, NULL, &now) == -1) {
            complain("prlimit: %s", strerror(errno));
            return 1;
        }
        char text[2][21];
        rlim_t pair[2] = {now.rlim_cur, now.rlim_max};
        for (int i = 0; i < 2; i++)
            if (pair[i] == RLIM_INFINITY)
                strcpy(text[i], "unlimited");
            else
                snprintf(text[i], sizeof text[i], "%" PRIu64,
                         (uint64_t)pair[i]);
        printf("%-11s %-20s %-20s %-8s %s\n", resources[r].name, text[0],
               text[1], resources[r].unit, resources[r].bounds);
    }
    return 0;
}

static int do_fork(char **words)
{
    printf("process %d forks\n", getpid());
    fflush(stdout);
    pid_t pid = fork();
    if (pid == -1) {
        complain("fork: %s", strerror(errno));
        return 1;
    }
    if (pid == 0) {
        printf("child %d: fork returned 0, my parent is %d\n", getpid(),
               getppid());
        fflush(stdout);
        _exit(0);
    }
    siginfo_t info;
    int rc = await_event(P_PID, pid, &info, WEXITED, NULL);
    printf("parent %d: fork returned %d\n", getpid(), pid);
    return rc == 0 ? 0 : 1;
}

static volatile sig_atomic_t target;
static void forward(int number)
{
    int keep = errno;
    if (target > 0)
        kill((pid_t)target, number);
    errno = keep;
}

static int do_run(char **words)
{
    char **command = words;
    struct rlimit value;
    for (; command[0] && strncmp(command[0], "--", 2) == 0 && command[1];
         command += 2)
        if (resource_of(command[0] + 2) == -1 ||
            parse_pair(command[1], &value) == 0) {
            complain("%s %s: no such limit or value", command[0], command[1]);
            return 2;
        }
    if (!command[0]) {
        complain("run: a command is missing");
        return 2;
    }
    sigset_t quiet, before;
    sigemptyset(&quiet);
    sigaddset(&quiet, SIGTERM);
    sigaddset(&quiet, SIGINT);
    sigprocmask(SIG_BLOCK, &quiet, &before);
    int gate;
    pid_t pid = gated(&gate);
    if (pid == 0) {
        sigprocmask(SIG_SETMASK, &before, NULL);
        execvp(command[0], command);
        int why = errno;
        complain("%s: %s", command[0], strerror(why));
        _exit(why == ENOENT ? 127 : 126);
    }
    target = pid;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = forward;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigprocmask(SIG_SETMASK, &before, NULL);

    bool open = true;
    for (char **word = words; open && word < command; word += 2) {
        enum __rlimit_resource r =
            (enum __rlimit_resource)resource_of(word[0] + 2);
        struct rlimit now;
        if (prlimit(pid, r, NULL, &now) == -1) {
            complain("prlimit: %s", strerror(errno));
            open = false;
            break;
        }
        parse_pair(word[1], &now);
        if (prlimit(pid, r, &now, NULL) == -1) {
            complain("setrlimit: %s %s: %s", resources[r].name, word[1],
                     strerror(errno));
            open = false;
        }
    }
    if (open && write(gate, "x", 1) != 1)
        complain("pipe: %s", strerror(errno));
    close(gate);

    siginfo_t info;
    struct rusage used;
    do {
        memset(&info, 0, sizeof info);
        if (await_event(P_PID, pid, &info, WEXITED | WSTOPPED | WCONTINUED,
                        &used) == -1) {
            complain("waitid: %s", strerror(errno));
            return 1;
        }
        tell(&info);
    } while (!over(&info));
    printf("user %lld.%06ld s, system %lld.%06ld s, largest %ld KiB\n",
           (long long)used.ru_utime.tv_sec, (long)used.ru_utime.tv_usec,
           (long long)used.ru_stime.tv_sec, (long)used.ru_stime.tv_usec,
           used.ru_maxrss);
    return info.si_code == CLD_EXITED ? info.si_status & 255
                                      : 128 + info.si_status;
}

/* ---- try ---- */

static void become_ordinary(void)
{
    if (geteuid() == 0 && setresgid(65534, 65534, 65534) == 0 &&
        setresuid(65534, 65534, 65534) == 0) {
        printf(" as user 65534");
        fflush(stdout);
    }
}

static int act(int r)
{
    volatile char *bytes;
    switch (r) {
    case RLIMIT_AS:
        return mmap(NULL, 128 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
                    -1, 0) == MAP_FAILED
                   ? errno
                   : 0;
    case RLIMIT_CORE:
        abort();
    case RLIMIT_CPU:
        for (volatile int spin = 0;; spin = !spin)
            ;
    case RLIMIT_DATA:
        bytes = malloc(64 << 20);
        return bytes ? 0 : errno;
    case RLIMIT_FSIZE: {
        char name[] = "/tmp/limitsXXXXXX";
        static char kib4[4096];
        int fd = mkstemp(name);
        unlink(name);
        return write(fd, kib4, 4096) == -1 || write(fd, kib4, 4096) == -1
                   ? errno
                   : 0;
    }
    case RLIMIT_MEMLOCK:
        become_ordinary();
        bytes = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return mlock((const void *)bytes, 1 << 20) == -1 ? errno : 0;
    case RLIMIT_NOFILE:
        for (int n = 0; n < 100; n++)
            if (open("/dev/null", O_RDWR) == -1)
                return errno;
        return 0;
    case RLIMIT_NPROC: {
        become_ordinary();
        pid_t pid = fork();
        if (pid == 0)
            _exit(0);
        if (pid == -1)
            return errno;
        siginfo_t info;
        await_event(P_PID, pid, &info, WEXITED, NULL);
        return 0;
    }
    case RLIMIT_RSS:
        bytes = malloc(32 << 20);
        if (!bytes)
            return errno;
        for (long n = 0; n < 32 << 20; n += 4096)
            bytes[n] = 1;
        return 0;
    case RLIMIT_STACK: {
        volatile char *deep = __builtin_alloca(4 << 20);
        for (long n = (4 << 20) - 1; n >= 0; n -= 4096)
            deep[n] = 1;
        return 0;
    }
    }
    return 0;
}

static int do_try(char **words)
{
    static const struct {
        int resource;
        rlim_t soft, hard;
        const char *what;
    } list[] = {
        {RLIMIT_AS, 64 << 20, 64 << 20, "map 128 MiB"},
        {RLIMIT_CORE, 0, 0, "abort"},
        {RLIMIT_CPU, 1, 2, "burn CPU time"},
        {RLIMIT_DATA, 8 << 20, 8 << 20, "allocate 64 MiB"},
        {RLIMIT_FSIZE, 1000, 1000, "write 8192 bytes"},
        {RLIMIT_MEMLOCK, 65536, 65536, "lock 1 MiB"},
        {RLIMIT_NOFILE, 10, 10, "open 100 files"},
        {RLIMIT_NPROC, 0, 0, "fork"},
        {RLIMIT_RSS, 1 << 20, 1 << 20, "touch 32 MiB"},
        {RLIMIT_STACK, 131072, 131072, "recurse through 4 MiB"},
    };
    for (char **word = words; *word; word++)
        if (resource_of(*word) == -1) {
            complain("no limit %s", *word);
            return 2;
        }
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        bool wanted = !*words;
        for (char **word = words; *word; word++)
            wanted = wanted || resource_of(*word) == list[i].resource;
        if (!wanted)
            continue;
        enum __rlimit_resource r = (enum __rlimit_resource)list[i].resource;
        struct rlimit set;
        getrlimit(r, &set);
        if (list[i].hard < set.rlim_max)
            set.rlim_max = list[i].hard;
        set.rlim_cur = list[i].soft < set.rlim_max ? list[i].soft : set.rlim_max;
        printf("%s %ju: %s", resources[r].name, (uintmax_t)set.rlim_cur,
               list[i].what);
        int gate;
        pid_t pid = gated(&gate);
        if (pid == 0)
            _exit(act(list[i].resource));
        if (prlimit(pid, r, &set, NULL) == -1)
            complain("prlimit: %s", strerror(errno));
        else if (write(gate, "x", 1) != 1)
            complain("pipe: %s", strerror(errno));
        close(gate);
        siginfo_t info;
        if (await_event(P_PID, pid, &info, WEXITED, NULL) == -1)
            complain("waitid: %s", strerror(errno));
        if (info.si_code != CLD_EXITED)
            printf(": %s\n", signal_name(info.si_status));
        else if (info.si_status == 0)
            printf(": nothing happens\n");
        else
            printf(": %s\n", strerrorname_np(info.si_status));
    }
    return 0;
}

static void get(const char *form, pid_t who)
{
    int status;
    pid_t pid;
    while ((pid = wait4(who, &status, 0, NULL)) == -1 && errno == EINTR)
        ;
    if (pid == -1)
        printf("%s: %s\n", form, strerrorname_np(errno));
    else if (WIFEXITED(status))
        printf("%s: %d exited with %d\n", form, pid, WEXITSTATUS(status));
    else
        printf("%s: %d killed by %s\n", form, pid,
               signal_name(WTERMSIG(status)));
}

static int do_wait(char **words)
{
    rlim_t code = 1;
    if (words[0] && !parse_one(words[0], strlen(words[0]), &code)) {
        complain("not a number: %s", words[0]);
        return 2;
    }
    pid_t pids[4], leader = 0;
    int gates[4];
    for (int i = 0; i < 4; i++) { /* all born first, then let go */
        pids[i] = gated(&gates[i]);
        if (pids[i] == 0)
            _exit((int)code + i);
        if (i == 1 || i == 2) {
            if (setpgid(pids[i], leader) == -1)
                complain("setpgid: %s", strerror(errno));
            if (i == 1)
                leader = pids[i];
        }
        printf("child %d, group %d, exits with %d\n", pids[i],
               (int)getpgid(pids[i]), (int)code + i);
    }
    for (int i = 0; i < 4; i++) {
        if (write(gates[i], "x", 1) != 1)
            complain("pipe: %s", strerror(errno));
        close(gates[i]);
    }
    get("pid > 0", pids[3]);
    get("pid < -1", -leader);
    get("pid = 0", 0);
    get("pid = -1", -1);
    get("pid = -1", -1);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *verb;
        int (*act)(char **);
        int most;
    } verbs[] = {{"table", do_table, 2},
                 {"fork", do_fork, 2},
                 {"run", do_run, 1 << 20},
                 {"try", do_try, 1 << 20},
                 {"wait", do_wait, 3}};
    for (size_t v = 0; argc > 1 && v < sizeof verbs / sizeof *verbs; v++)
        if (strcmp(argv[1], verbs[v].verb) == 0 && argc <= verbs[v].most)
            return verbs[v].act(argv + 2);
    complain("usage: limits table | fork | run ... | try ... | wait [CODE]");
    return 2;
}
