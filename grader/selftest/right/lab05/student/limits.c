/* limits - resource limits, fork, and what wait4 tells
 *
 * Usage: ./limits table
 *        ./limits fork
 *        ./limits run [--NAME SOFT[:HARD]]... COMMAND [ARGUMENT]...
 *        ./limits try [NAME]...
 *        ./limits wait [CODE]
 *
 * Try:   ./limits run --cpu 1 sh -c 'while :; do :; done'
 *            a soft limit sends a signal; who survives it meets the hard one
 *        ./limits run --nofile 3 ls
 *            not even its libraries can be opened
 *        ./limits fork | cat
 *            each line once, although output to a pipe is kept in a buffer
 */
#define _GNU_SOURCE /* sigabbrev_np, strerrorname_np */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB    (1024UL * 1024)
#define NOBODY 65534 /* a user whom no limit spares */

/* The sixteen limits of Linux: getrlimit(2). */
static const struct limit {
    unsigned resource;
    const char *name, *unit, *bounds;
} limits[] = {
    {RLIMIT_AS, "AS", "bytes", "address space, used or not"},
    {RLIMIT_CORE, "CORE", "bytes", "core file; 0: none"},
    {RLIMIT_CPU, "CPU", "s", "CPU time, then SIGXCPU"},
    {RLIMIT_DATA, "DATA", "bytes", "heap and private mappings"},
    {RLIMIT_FSIZE, "FSIZE", "bytes", "offset in a written file"},
    {RLIMIT_MEMLOCK, "MEMLOCK", "bytes", "memory kept out of swap"},
    {RLIMIT_NOFILE, "NOFILE", "number", "highest descriptor + 1"},
    {RLIMIT_NPROC, "NPROC", "number", "threads of the whole user"},
    {RLIMIT_RSS, "RSS", "bytes", "nothing, since Linux 2.4.30"},
    {RLIMIT_STACK, "STACK", "bytes", "stack of the first thread"},
    {RLIMIT_LOCKS, "LOCKS", "number", "nothing, since Linux 2.4.25"},
    {RLIMIT_MSGQUEUE, "MSGQUEUE", "bytes", "POSIX message queues"},
    {RLIMIT_NICE, "NICE", "20 - nice", "how low nice may go"},
    {RLIMIT_RTPRIO, "RTPRIO", "priority", "real-time priority"},
    {RLIMIT_RTTIME, "RTTIME", "us", "real-time CPU without sleep"},
    {RLIMIT_SIGPENDING, "SIGPENDING", "number", "queued signals"},
};
enum { LIMITS = sizeof limits / sizeof limits[0] };

/* Returns the limit of that name in any case; another ends the program. */
static const struct limit *find_limit(const char *name)
{
    for (int l = 0; l < LIMITS; l++)
        if (strcasecmp(limits[l].name, name) == 0)
            return &limits[l];
    errx(2, "no limit '%s': ./limits table lists them", name);
}

/* Returns the number in `text`, or RLIM_INFINITY for "unlimited". */
static rlim_t parse_value(const char *text)
{
    char *end;
    errno = 0;
    rlim_t value = strtoull(text, &end, 10);
    if (strcmp(text, "unlimited") == 0)
        return RLIM_INFINITY;
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0)
        errx(2, "a limit is a number or 'unlimited', not '%s'", text);
    return value;
}

/* ---- task 1: the table --------------------------------------------------- */

/* Writes a value as the shell does, into a buffer of 24 bytes; returns it. */
static const char *show(rlim_t value, char *buffer)
{
    if (value == RLIM_INFINITY)
        strcpy(buffer, "unlimited");
    else
        snprintf(buffer, 24, "%llu", (unsigned long long)value);
    return buffer;
}

/* Prints the soft and the hard limit of each resource: getrlimit(2). */
static int table(void)
{
    printf("%-10s %-10s %-10s %-9s %s\n", "NAME", "SOFT", "HARD", "UNIT",
           "BOUNDS");
    for (int l = 0; l < LIMITS; l++) {
        struct rlimit limit = {0, 0};
        char soft[24], hard[24];
        if (getrlimit(limits[l].resource, &limit) == -1)
            err(1, "getrlimit: %s", limits[l].name);
        printf("%-10s %-10s %-10s %-9s %s\n", limits[l].name,
               show(limit.rlim_cur, soft), show(limit.rlim_max, hard),
               limits[l].unit, limits[l].bounds);
    }
    return 0;
}

/* ---- task 2: fork -------------------------------------------------------- */

/* Prints what fork(2) returns in both processes, in the order that comes. */
static int show_fork(void)
{
    printf("process %d forks\n", getpid());
    fflush(stdout);
    pid_t child = fork();
    if (child == -1)
        err(1, "fork");
    if (child == 0) {
        printf("child %d: fork returned %d, my parent is %d\n", getpid(),
               child, getppid());
        fflush(stdout);
        _exit(0);
    }
    printf("parent %d: fork returned %d\n", getpid(), child);
    if (waitpid(child, NULL, 0) == -1)
        err(1, "waitpid");
    return 0;
}

/* ---- task 3: run a command, tell all that wait4 says ----------------------
 */

/* Prints the event that a status of wait4(2) stands for. */
static void print_event(pid_t pid, int status)
{
    if (WIFEXITED(status))
        printf("%d exited with %d\n", pid, WEXITSTATUS(status));
    else if (WIFSIGNALED(status))
        printf("%d killed by SIG%s%s\n", pid, sigabbrev_np(WTERMSIG(status)),
               WCOREDUMP(status) ? ", core dumped" : "");
    else if (WIFSTOPPED(status))
        printf("%d stopped by SIG%s\n", pid, sigabbrev_np(WSTOPSIG(status)));
    else if (WIFCONTINUED(status))
        printf("%d continued\n", pid);
}

static volatile pid_t command; /* the child of run() */

static void pass_on(int sig)
{
    int saved = errno;
    if (command > 0)
        kill(command, sig);
    errno = saved;
}

/* Sets a limit of the calling process to SOFT or SOFT:HARD: setrlimit(2). */
static void set_limit(const struct limit *limit, const char *text)
{
    struct rlimit new;
    if (getrlimit(limit->resource, &new) == -1)
        err(1, "getrlimit: %s", limit->name);
    char soft[64];
    const char *colon = strchr(text, ':');
    snprintf(soft, sizeof soft, "%.*s",
             colon ? (int)(colon - text) : (int)strlen(text), text);
    if (*soft || !colon)
        new.rlim_cur = parse_value(soft);
    if (colon)
        new.rlim_max = parse_value(colon + 1);
    if (setrlimit(limit->resource, &new) == -1)
        err(1, "setrlimit: %s %s", limit->name, text);
}

/* Runs a command under limits; prints what becomes of it, and what it used.
 * Returns its exit status, 128 + N when signal N killed it: wait4(2). */
static int run(char **arguments)
{
    char **first = arguments;
    while (*arguments && strncmp(*arguments, "--", 2) == 0 && arguments[1]) {
        find_limit(*arguments + 2); /* complains before anything is run */
        arguments += 2;
    }
    if (!*arguments)
        errx(2, "run: no command given");
    setvbuf(stdout, NULL, _IOLBF, 0); /* who watches sees events at once */

    sigset_t both, before;
    sigemptyset(&both);
    sigaddset(&both, SIGTERM);
    sigaddset(&both, SIGINT);
    sigprocmask(SIG_BLOCK, &both, &before); /* until command is known */
    int status = 0;
    struct rusage usage = {0};
    command = fork();
    if (command == -1)
        err(1, "fork");
    if (command == 0) {
        for (; first < arguments; first += 2)
            set_limit(find_limit(*first + 2), first[1]);
        sigprocmask(SIG_SETMASK, &before, NULL);
        execvp(arguments[0], arguments);
        int error = errno;
        warn("%s", arguments[0]);
        _exit(error == ENOENT ? 127 : 126);
    }

    struct sigaction action = {.sa_handler = pass_on};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    for (;;) {
        pid_t pid = wait4(command, &status, WUNTRACED | WCONTINUED, &usage);
        if (pid == -1 && errno == EINTR)
            continue;
        if (pid == -1)
            err(1, "wait4");
        if (WIFEXITED(status) || WIFSIGNALED(status))
            break;
        print_event(command, status);
    }
    print_event(command, status);
    printf("user %ld.%06ld s, system %ld.%06ld s, largest %ld KiB\n",
           usage.ru_utime.tv_sec, usage.ru_utime.tv_usec, usage.ru_stime.tv_sec,
           usage.ru_stime.tv_usec, usage.ru_maxrss);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* ---- task 5: limits that bite -------------------------------------------- */

/* Becomes an ordinary user where root would be spared; says so. */
static void drop_root(void)
{
    if (geteuid() != 0)
        return;
    if (setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
        setresuid(NOBODY, NOBODY, NOBODY) == 0)
        printf(" as user %d", NOBODY);
    else
        printf(" as root, whom it spares (no other user to become: %s)",
               strerror(errno));
    fflush(stdout);
}

/* Each of these runs into a limit. It returns the errno of the call that
 * failed, or 0; or it does not return, for a signal came. */

static int use_address_space(void)
{
    void *memory =
        mmap(NULL, 128 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? errno : 0;
}

static int dump_core(void)
{
    abort();
}

static int burn_cpu(void)
{
    volatile unsigned long n = 0;
    while (++n != 0)
        ;
    return 0;
}

static int use_heap(void)
{
    void *volatile memory = malloc(64 * MIB); /* or the compiler drops it */
    return memory ? 0 : errno;
}

static int write_file(void)
{
    static char block[4096];
    FILE *file = tmpfile();
    if (!file)
        err(1, "tmpfile");
    for (int n = 0; n < 2; n++) /* the first write is cut short */
        if (write(fileno(file), block, sizeof block) == -1)
            return errno;
    return 0;
}

static int lock_memory(void)
{
    drop_root();
    void *memory = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return mlock(memory, MIB) == -1 ? errno : 0;
}

static int open_files(void)
{
    for (int n = 0; n < 100; n++)
        if (open("/dev/null", O_RDONLY) == -1)
            return errno;
    return 0;
}

static int make_children(void)
{
    drop_root();
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    if (child == -1)
        return errno;
    waitpid(child, NULL, 0);
    return 0;
}

static int touch_memory(void)
{
    char *memory = malloc(32 * MIB);
    if (!memory)
        return errno;
    for (volatile char *page = memory; page < memory + 32 * MIB; page += 4096)
        *page = 1;
    return 0;
}

static int recurse(int depth, const volatile char *above)
{
    volatile char frame[4096];
    frame[0] = *above;
    return depth == 0 ? *above : recurse(depth - 1, frame) + frame[0];
}

static int use_stack(void)
{
    return recurse(1024, "");
}

static const struct attempt {
    const char *name, *what;
    rlim_t soft, hard;
    int (*act)(void);
} attempts[] = {
    {"AS", "map 128 MiB", 64 * MIB, 64 * MIB, use_address_space},
    {"CORE", "abort", 0, 0, dump_core},
    {"CPU", "burn CPU time", 1, 2, burn_cpu},
    {"DATA", "allocate 64 MiB", 8 * MIB, 8 * MIB, use_heap},
    {"FSIZE", "write 8192 bytes", 1000, 1000, write_file},
    {"MEMLOCK", "lock 1 MiB", 65536, 65536, lock_memory},
    {"NOFILE", "open 100 files", 10, 10, open_files},
    {"NPROC", "fork", 0, 0, make_children},
    {"RSS", "touch 32 MiB", MIB, MIB, touch_memory},
    {"STACK", "recurse through 4 MiB", 131072, 131072, use_stack},
};
enum { ATTEMPTS = sizeof attempts / sizeof attempts[0] };

/* Lets a child set a limit and run into it; prints what the kernel did. */
static void attempt(const struct attempt *try)
{
    struct rlimit limit;
    unsigned resource = find_limit(try->name)->resource;
    if (getrlimit(resource, &limit) == -1)
        err(1, "getrlimit: %s", try->name);
    limit.rlim_max = try->hard < limit.rlim_max ? try->hard : limit.rlim_max;
    limit.rlim_cur = try->soft < limit.rlim_max ? try->soft : limit.rlim_max;
    printf("%s %llu: %s", try->name, (unsigned long long)limit.rlim_cur,
           try->what);
    fflush(stdout);
    pid_t child = fork();
    if (child == -1)
        err(1, "fork");
    if (child == 0) {
        if (setrlimit(resource, &limit) == -1)
            err(1, "setrlimit: %s", try->name);
        _exit(try->act());
    }
    int status;
    while (waitpid(child, &status, 0) == -1)
        if (errno != EINTR)
            err(1, "waitpid");
    if (WIFSIGNALED(status))
        printf(": SIG%s", sigabbrev_np(WTERMSIG(status)));
    else if (WEXITSTATUS(status) != 0)
        printf(": %s", strerrorname_np(WEXITSTATUS(status)));
    else
        printf(": nothing happens");
    putchar('\n');
}

static int try_limits(char **names)
{
    for (char **name = names; *name; name++)
        find_limit(*name); /* complains before anything is tried */
    for (int a = 0; a < ATTEMPTS; a++) {
        int wanted = !*names;
        for (char **name = names; *name; name++)
            wanted |= strcasecmp(*name, attempts[a].name) == 0;
        if (wanted)
            attempt(&attempts[a]);
    }
    return 0;
}

/* ---- task 6: whom to wait for -------------------------------------------- */

/* Waits by one of the four forms of `pid`, and prints whom it got: wait4(2). */
static void wait_for(const char *form, pid_t pid)
{
    int status;
    pid_t got;
    do
        got = wait4(pid, &status, 0, NULL);
    while (got == -1 && errno == EINTR);
    printf("%s: ", form);
    if (got == -1)
        printf("%s\n", strerrorname_np(errno));
    else
        print_event(got, status);
}

/* Makes four children, two in our process group and two in another, and waits
 * for each in another way. They exit with code, code + 1, ... */
static int show_wait(int code)
{
    pid_t child[4] = {0}, other = 0; /* the group that child 1 leads */
    fflush(stdout);
    for (int c = 0; c < 4; c++) {
        child[c] = fork();
        if (child[c] == -1)
            err(1, "fork");
        pid_t group = c == 1 || c == 2 ? other : -1;
        if (child[c] == 0) {
            if (group != -1 && setpgid(0, group) == -1)
                err(1, "setpgid");
            _exit(code + c);
        }
        if (group != -1 && setpgid(child[c], group) == -1)
            err(1, "setpgid");
        if (c == 1)
            other = child[c];
    }
    for (int c = 0; c < 4; c++)
        printf("child %d, group %d, exits with %d\n", child[c],
               c == 1 || c == 2 ? other : getpgrp(), code + c);
    wait_for("pid > 0", child[3]);
    wait_for("pid < -1", -other);
    wait_for("pid = 0", 0);
    wait_for("pid = -1", -1);
    wait_for("pid = -1", -1);
    return 0;
}

/* -------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    if (strcmp(verb, "table") == 0 && argc == 2)
        return table();
    if (strcmp(verb, "fork") == 0 && argc == 2)
        return show_fork();
    if (strcmp(verb, "run") == 0)
        return run(argv + 2);
    if (strcmp(verb, "try") == 0)
        return try_limits(argv + 2);
    if (strcmp(verb, "wait") == 0 && argc <= 3)
        return show_wait(argc == 3 ? (int)parse_value(argv[2]) : 1);
    errx(2, "usage: limits table | fork | run [--NAME SOFT[:HARD]]... COMMAND "
            "[ARGUMENT]... | try [NAME]... | wait [CODE]");
}
