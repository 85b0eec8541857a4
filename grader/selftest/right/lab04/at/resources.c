/* resources by descriptors: a directory is known by its descriptor alone, and
 * /proc/self/fd says its path when there is something to tell. The command is
 * born in its group: clone3(2). Signals stay blocked and are taken by
 * sigtimedwait(2). */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MANY 8192 /* CPUs, or nodes */
#define MIB  (1l << 20)

struct group {
    int dir;
    pid_t pid;
    char name[48];
};
static struct group *groups; /* what must go in the end */
static int n_groups;
static int above = -1; /* where they are */
static int home = -1;  /* the group we come from, and the one we went to */
static char lodge[48];
static bool moved;
static char controllers[256];
static sigset_t signals, before;

/* One line with the path of a file in a directory, and errno. */
static bool complain(int dir, const char *file)
{
    int why = errno;
    char link[32], path[PATH_MAX] = "";
    if (dir == AT_FDCWD) {
        warn("%s", file);
        return false;
    }
    snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
    ssize_t length = readlink(link, path, sizeof(path) - 1);
    path[length < 0 ? 0 : length] = '\0';
    errno = why;
    warn("%s/%s", path, file);
    return false;
}

static bool put(int dir, const char *file, const char *text)
{
    int fd = openat(dir, file, O_WRONLY | O_CLOEXEC);
    if (fd == -1)
        return complain(dir, file);
    bool good = dprintf(fd, "%s\n", text) >= 0;
    if (!good)
        complain(dir, file);
    close(fd);
    return good;
}

static bool kill_all(const struct group *group)
{
    if (group->pid > 0)
        kill(group->pid, SIGKILL);
    return put(group->dir, "cgroup.kill", "1");
}

/* Waits until a group is empty. */
static bool empty(const struct group *group)
{
    char text[128] = "";
    int fd = openat(group->dir, "cgroup.events", O_RDONLY | O_CLOEXEC);
    struct pollfd change = {.fd = fd, .events = POLLPRI};
    do {
        ssize_t length = pread(fd, text, sizeof(text) - 1, 0);
        text[length < 0 ? 0 : length] = '\0';
        if (length > 0 && strstr(text, "populated 0")) {
            close(fd);
            return true;
        }
    } while (fd != -1 && poll(&change, 1, 20000) == 1);
    errno = EBUSY;
    complain(group->dir, "cgroup.events");
    if (fd != -1)
        close(fd);
    return false;
}

/* The only way out: no group is left. */
static _Noreturn void quit(int status)
{
    bool good = true;
    /* all of them first: who has no weight needs a CPU to die, too */
    for (int i = 0; i < n_groups; i++)
        good &= groups[i].dir == -1 || kill_all(&groups[i]);
    for (int i = 0; i < n_groups; i++) {
        if (groups[i].pid > 0)
            waitpid(groups[i].pid, NULL, 0);
        if (groups[i].dir != -1)
            good &= empty(&groups[i]);
        if (unlinkat(above, groups[i].name, AT_REMOVEDIR) != 0)
            good = complain(above, groups[i].name);
    }
    if (moved) {
        for (char *sign = controllers; *sign; sign++)
            if (*sign == '+')
                *sign = '-';
        good &= put(home, "cgroup.subtree_control", controllers);
        good &= put(home, "cgroup.procs", "0");
    }
    if (*lodge && unlinkat(home, lodge, AT_REMOVEDIR) != 0)
        good = complain(home, lodge);
    if (fflush(stdout) != 0) {
        warn("stdout");
        good = false;
    }
    exit(good ? status : EXIT_FAILURE);
}

static _Noreturn void fail(const char *what)
{
    warn("%s", what);
    quit(EXIT_FAILURE);
}

static _Noreturn void fail_at(int dir, const char *file)
{
    complain(dir, file);
    quit(EXIT_FAILURE);
}

static _Noreturn void usage(void)
{
    fputs("usage: resources topology [--sysroot DIR]\n"
          "       resources place [--node N] [--cpu N] [--mib N] [--stop]\n"
          "       resources hog [--vm-bytes N[KMG]] [--timeout SECONDS] "
          "[--stop]\n"
          "       resources run [--parent DIR] [--FILE VALUE]... COMMAND...\n"
          "       resources weigh [--parent DIR] [--cpu LIST] [--ms N] "
          "WEIGHT...\n",
          stderr);
    quit(EXIT_FAILURE);
}

static int open_dir(int dir, const char *name)
{
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1)
        fail_at(dir, name);
    return fd;
}

/* The text of a file, without the last newline; it stays until the next. */
static const char *get(int dir, const char *file)
{
    static char text[1 << 16];
    size_t length = 0;
    ssize_t more;
    int fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        fail_at(dir, file);
    while ((more = read(fd, text + length, sizeof(text) - 1 - length)) > 0)
        length += more;
    if (more == -1)
        fail_at(dir, file);
    close(fd);
    if (length > 0 && text[length - 1] == '\n')
        length--;
    text[length] = '\0';
    return text;
}

/* The number behind a key, which is a whole word, in a file of the kernel. */
static long value_of(int dir, const char *file, const char *key)
{
    size_t length = strlen(key);
    for (const char *line = get(dir, file); line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, length) == 0 && line[length] == ' ')
            return atol(line + length);
    }
    errno = ENODATA;
    fail_at(dir, file);
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The members of a list such as 0,2-3; -1 when it is none. */
static int parse_list(const char *text, int members[MANY])
{
    int n = 0;
    char *rest = (char *)text;
    if (*text == '\0')
        return 0;
    do {
        if (!digit(*text))
            return -1;
        long first = strtol(text, &rest, 10), last = first;
        if (*rest == '-' && digit(rest[1]))
            last = strtol(rest + 1, &rest, 10);
        if (last < first || last > 1 << 20 || last - first >= MANY - n)
            return -1;
        while (first <= last)
            members[n++] = first++;
        text = rest + 1;
    } while (*rest == ',');
    return *rest == '\0' ? n : -1;
}

static int get_list(int dir, const char *file, int members[MANY])
{
    int n = parse_list(get(dir, file), members);
    if (n >= 0)
        return n;
    errno = EINVAL;
    fail_at(dir, file);
}

static int online(int dir, int nodes[MANY])
{
    int n = get_list(dir, "online", nodes);
    errno = ENODATA;
    if (n == 0)
        fail_at(dir, "online");
    return n;
}

/* What is given on the command line: it has to be within bounds. */
static long number(const char *text, long least, long most)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno == 0 && digit(*text) && *end == '\0' && value >= least &&
        value <= most)
        return value;
    warnx("%s: not a number from %ld to %ld", text, least, most);
    quit(EXIT_FAILURE);
}

static void topology(int argc, char **argv)
{
    static const struct option options[] = {{"sysroot", 1, 0, 's'}, {0}};
    static int nodes[MANY], cpus[MANY];
    int root = open_dir(AT_FDCWD, "/");
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c != 's')
            usage();
        close(root);
        root = open_dir(AT_FDCWD, optarg);
    }
    if (optind != argc)
        usage();
    int dir = open_dir(root, "sys/devices/system/node");
    int n = online(dir, nodes);
    printf("available: %d nodes (%s)\n", n, get(dir, "online"));
    for (int i = 0; i < n; i++) {
        char name[32], key[64];
        snprintf(name, sizeof(name), "node%d", nodes[i]);
        int node = open_dir(dir, name);
        int n_cpus = get_list(node, "cpulist", cpus);
        printf("node %d cpus:", nodes[i]);
        for (int j = 0; j < n_cpus; j++)
            printf(" %d", cpus[j]);
        snprintf(key, sizeof(key), "Node %d MemTotal:", nodes[i]);
        printf("\nnode %d size: %ld MB\n", nodes[i],
               value_of(node, "meminfo", key) / 1024);
        snprintf(key, sizeof(key), "Node %d MemFree:", nodes[i]);
        printf("node %d free: %ld MB\n", nodes[i],
               value_of(node, "meminfo", key) / 1024);
        close(node);
    }
    printf("node distances:\nnode ");
    for (int i = 0; i < n; i++)
        printf("%3d ", nodes[i]);
    for (int i = 0; i < n; i++) {
        char name[32];
        snprintf(name, sizeof(name), "node%d/distance", nodes[i]);
        const char *text = get(dir, name);
        printf("\n%3d: ", nodes[i]);
        for (int j = 0; j < n; j++) {
            char *end;
            long distance = strtol(text, &end, 10);
            errno = EINVAL;
            if (end == text)
                fail_at(dir, name);
            printf("%3ld ", distance);
            text = end;
        }
    }
    printf("\n");
    close(dir);
    close(root);
}

static void pin(pid_t pid, int cpu)
{
    size_t size = CPU_ALLOC_SIZE(cpu + 1);
    cpu_set_t *set = CPU_ALLOC(cpu + 1);
    if (!set)
        fail("CPU_ALLOC");
    CPU_ZERO_S(size, set);
    CPU_SET_S(cpu, size, set);
    if (sched_setaffinity(pid, size, set) != 0)
        fail("sched_setaffinity");
    CPU_FREE(set);
}

static void *map(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        fail("mmap");
    return memory;
}

static void bind_to(int node, void *memory, size_t bytes)
{
    unsigned long bits = 8 * sizeof(long);
    unsigned long *mask = calloc(node / bits + 1, sizeof(long));
    if (!mask)
        fail("calloc");
    mask[node / bits] = 1ul << node % bits;
    /* the kernel takes one off the number of bits */
    if (syscall(SYS_mbind, memory, bytes, MPOL_BIND, mask, node + 2ul, 0) != 0)
        fail("mbind");
    free(mask);
}

static void place(int argc, char **argv)
{
    static const struct option options[] = {{"node", 1, 0, 'n'},
                                            {"cpu", 1, 0, 'c'},
                                            {"mib", 1, 0, 'm'},
                                            {"stop", 0, 0, 's'},
                                            {0}};
    static int nodes[MANY];
    int node = -1, mib = 16;
    bool stop = false;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;)
        if (c == 'n')
            node = number(optarg, 0, 1 << 20);
        else if (c == 'c')
            pin(0, number(optarg, 0, 1 << 20));
        else if (c == 'm')
            mib = number(optarg, 1, 300);
        else if (c == 's')
            stop = true;
        else
            usage();
    if (optind != argc)
        usage();
    size_t size = sysconf(_SC_PAGESIZE);
    int pages = mib * MIB / size;
    char *memory = map(pages * size);
    void **address = map(pages * sizeof(*address));
    int *status = map(pages * sizeof(*status));
    if (node != -1)
        bind_to(node, memory, pages * size);
    for (int i = 0; i < pages; i++) {
        address[i] = memory + i * size;
        memory[i * size] = 1;
    }
    if (syscall(SYS_move_pages, 0, (long)pages, address, NULL, status, 0) != 0)
        fail("move_pages");
    printf("process %d: %d pages at %p\n", getpid(), pages, (void *)memory);
    int dir = open_dir(AT_FDCWD, "/sys/devices/system/node");
    int n = online(dir, nodes), nowhere = 0;
    for (int i = 0; i < n; i++) {
        int count = 0;
        for (int j = 0; j < pages; j++)
            count += status[j] == nodes[i];
        printf("node %d: %d pages\n", nodes[i], count);
    }
    for (int j = 0; j < pages; j++)
        nowhere += status[j] < 0;
    printf("nowhere: %d pages\n", nowhere);
    close(dir);
    if (fflush(stdout) != 0)
        fail("stdout");
    if (stop && raise(SIGSTOP) != 0)
        fail("raise");
}

/* Whatever happens, a hog ends. */
static void bound(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) != 0)
        fail("getrlimit");
    if (limit.rlim_cur > 512ul * MIB)
        limit.rlim_cur = 512ul * MIB;
    if (setrlimit(RLIMIT_AS, &limit) != 0)
        fail("setrlimit");
    alarm(65);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void hog(int argc, char **argv)
{
    static const struct option options[] = {{"vm-bytes", 1, 0, 'b'},
                                            {"timeout", 1, 0, 't'},
                                            {"stop", 0, 0, 's'},
                                            {0}};
    bool stop = false;
    size_t bytes = 0;
    double end = now();
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;)
        if (c == 'b') {
            static const char units[] = "KMG";
            char *unit = strchr(units, optarg[strlen(optarg) - !!*optarg]);
            int shift = unit && *unit ? 10 * (unit - units + 1) : 0;
            if (shift)
                optarg[strlen(optarg) - 1] = '\0';
            bytes = (size_t)number(optarg, 0, 1l << 30) << shift;
        } else if (c == 't')
            end = now() + number(optarg, 0, 60);
        else if (c == 's')
            stop = true;
        else
            usage();
    if (optind != argc)
        usage();
    bound();
    char *memory = bytes ? map(bytes) : NULL;
    do
        for (size_t i = 0; i < bytes; i += 4096)
            ((volatile char *)memory)[i] = 1;
    while (now() < end);
    if (stop && raise(SIGSTOP) != 0)
        fail("raise");
}

/* Goes to a group below the one we are in, to free that of processes. */
static void use_own_group(void)
{
    const char *line = get(AT_FDCWD, "/proc/self/cgroup");
    while (line && strncmp(line, "0::", 3) != 0)
        line = (line = strchr(line, '\n')) ? line + 1 : NULL;
    if (!line)
        errx(EXIT_FAILURE, "/proc/self/cgroup: no group of version 2");
    char *path;
    if (asprintf(&path, "/sys/fs/cgroup%.*s", (int)strcspn(line + 3, "\n"),
                 line + 3) == -1)
        fail("asprintf");
    home = open_dir(AT_FDCWD, path);
    free(path);
    char name[sizeof(lodge)];
    snprintf(name, sizeof(name), "resources-%d-self", getpid());
    if (mkdirat(home, name, 0755) != 0)
        fail_at(home, name);
    strcpy(lodge, name);
    int dir = open_dir(home, name);
    if (!put(dir, "cgroup.procs", "0"))
        quit(EXIT_FAILURE);
    moved = true;
    close(dir);
    above = home;
}

/* Makes groups possible: below the directory that is given, at the top, or,
 * without root, below the group we are in. */
static void open_above(const char *given)
{
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, &before);
    signal(SIGCHLD, SIG_DFL); /* an ignored one would take our status */
    if (given || geteuid() == 0)
        above = open_dir(AT_FDCWD, given ? given : "/sys/fs/cgroup");
    else
        use_own_group();
    if (!put(above, "cgroup.subtree_control", controllers))
        quit(EXIT_FAILURE);
}

static struct group *make_group(int i)
{
    struct group *group = &groups[i];
    group->dir = -1;
    snprintf(group->name, sizeof(group->name), "resources-%d%s%.0d", getpid(),
             i > 0 ? "-" : "", i);
    if (mkdirat(above, group->name, 0755) != 0)
        fail_at(above, group->name);
    n_groups++;
    group->dir = open_dir(above, group->name);
    return group;
}

/* A child in the group: returns twice, like fork. */
static pid_t spawn(struct group *group, int tell)
{
    struct clone_args how = {.flags = CLONE_INTO_CGROUP,
                             .exit_signal = SIGCHLD,
                             .cgroup = group->dir};
    pid_t pid = syscall(SYS_clone3, &how, sizeof(how));
    if (pid == -1 && errno == ENOSYS) { /* so in valgrind, and before 5.7 */
        pid = fork();
        if (pid == 0 && !put(group->dir, "cgroup.procs", "0"))
            _exit(write(tell, "x", 1) != 1);
    }
    if (pid == -1)
        fail("clone3");
    group->pid = pid;
    return pid;
}

static void run(int argc, char **argv)
{
    static const char *files[] = {
        "memory.max", "memory.swap.max", "memory.high",
        "memory.low", "memory.min",      "memory.oom.group",
        "cpu.max",    "cpu.weight",      "cpu.idle",
        "pids.max",   "cpuset.cpus",     "cpuset.mems",
        "io.weight",  "io.max"};
    enum { N = sizeof(files) / sizeof(*files) };
    struct option options[N + 2] = {{"parent", 1, 0, N}};
    const char *values[N + 1] = {0};
    for (int i = 0; i < N; i++)
        options[i + 1] = (struct option){files[i], 1, 0, i};
    strcpy(controllers, "+memory +cpu");
    for (int c; (c = getopt_long(argc, argv, "+", options, NULL)) != -1;) {
        if (c == '?')
            usage();
        values[c] = optarg;
        if (c < N && strncmp(files[c], "memory.", 7) != 0 &&
            strncmp(files[c], "cpu.", 4) != 0)
            sprintf(strchr(controllers, '\0'), " +%.*s",
                    (int)strcspn(files[c], "."), files[c]);
    }
    if (optind == argc)
        usage();
    open_above(values[N]);
    struct group only;
    groups = &only;
    only.pid = -1;
    int dir = make_group(0)->dir;
    if (values[0] && !values[1] && faccessat(dir, files[1], F_OK, 0) == 0)
        values[1] = "0";
    for (int i = 0; i < N; i++)
        if (values[i] && !put(dir, files[i], values[i]))
            quit(EXIT_FAILURE);
    char link[32], path[PATH_MAX], failed;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
    ssize_t length = readlink(link, path, sizeof(path));
    if (length == -1)
        fail(link);
    printf("group: %.*s\n", (int)length, path);
    int tell[2], status;
    if (fflush(stdout) != 0)
        fail("stdout");
    if (pipe2(tell, O_CLOEXEC) != 0)
        fail("pipe2");
    pid_t pid = spawn(&only, tell[1]);
    if (pid == 0) {
        sigprocmask(SIG_SETMASK, &before, NULL);
        execvp(argv[optind], argv + optind);
        warn("%s", argv[optind]);
        _exit(write(tell[1], "x", 1) != 1);
    }
    close(tell[1]);
    while (waitpid(pid, &status, WNOHANG) == 0) {
        int sig = sigwaitinfo(&signals, NULL);
        if (sig == SIGINT || sig == SIGTERM)
            quit(128 + sig);
    }
    only.pid = -1;
    if (read(tell[0], &failed, 1) != 0 || !kill_all(&only) || !empty(&only))
        quit(EXIT_FAILURE);
    long kills = value_of(dir, "memory.events", "oom_kill");
    const char *abbreviated = sigabbrev_np(WTERMSIG(status));
    if (WIFEXITED(status))
        printf("command: exited with %d\n", WEXITSTATUS(status));
    else if (abbreviated)
        printf("command: killed by SIG%s\n", abbreviated);
    else
        printf("command: killed by SIGRTMIN+%d\n", WTERMSIG(status) - SIGRTMIN);
    printf("memory.events: oom %ld, oom_kill %ld\n",
           value_of(dir, "memory.events", "oom"), kills);
    printf("memory.peak: %ld KiB\n", atol(get(dir, "memory.peak")) / 1024);
    printf("cpu.stat: %.6f s, throttled %ld times\n",
           value_of(dir, "cpu.stat", "usage_usec") / 1e6,
           value_of(dir, "cpu.stat", "nr_throttled"));
    printf("verdict: %s\n", kills > 0 ? "killed by the OOM killer"
                            : WIFSIGNALED(status)
                                ? "killed, but not by the OOM killer"
                                : "survived");
    quit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/* What each group has used since `used`, which is changed to that. All files
 * are read before any is looked at: beside hogs each moment counts. */
static long read_used(const int *stats, int n, long *used)
{
    static char text[MANY][64];
    long usage, sum = 0;
    for (int i = 0; i < n; i++)
        if (pread(stats[i], text[i], sizeof(text[i]) - 1, 0) == -1)
            fail_at(groups[i].dir, "cpu.stat");
    for (int i = 0; i < n; i++) {
        if (sscanf(text[i], "usage_usec %ld", &usage) != 1) {
            errno = ENODATA;
            fail_at(groups[i].dir, "cpu.stat");
        }
        used[i] = usage - used[i];
        sum += used[i];
    }
    return sum;
}

static void weigh(int argc, char **argv)
{
    static const struct option options[] = {
        {"parent", 1, 0, 'p'}, {"cpu", 1, 0, 'c'}, {"ms", 1, 0, 'm'}, {0}};
    static int cpus[MANY];
    int n_cpus = 0, ms = 1000;
    const char *given = NULL;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;)
        if (c == 'p')
            given = optarg;
        else if (c == 'm')
            ms = number(optarg, 1, 50000);
        else if (c != 'c')
            usage();
        else if ((n_cpus = parse_list(optarg, cpus)) <= 0)
            errx(EXIT_FAILURE, "--cpu %s: not a list", optarg);
    int n = argc - optind, ready[2], go[2];
    if (n == 0 || n > MANY)
        usage();
    strcpy(controllers, "+cpu");
    open_above(given);
    groups = calloc(n, sizeof(*groups));
    long *used = calloc(n, sizeof(*used));
    int *stats = calloc(n, sizeof(*stats));
    if (!groups || !used || !stats)
        fail("calloc");
    if (pipe2(go, O_CLOEXEC) != 0)
        fail("pipe2");
    for (int i = 0; i < n; i++) {
        struct group *group = make_group(i);
        if (!put(group->dir, "cpu.weight", argv[optind + i]))
            quit(EXIT_FAILURE);
        stats[i] = openat(group->dir, "cpu.stat", O_RDONLY | O_CLOEXEC);
        if (stats[i] == -1)
            fail_at(group->dir, "cpu.stat");
        if (pipe2(ready, O_CLOEXEC) != 0)
            fail("pipe2");
        pid_t pid = spawn(group, ready[1]);
        char there;
        if (pid == 0) {
            close(go[1]);
            bound();
            if (write(ready[1], "r", 1) == 1 && read(go[0], &there, 1) == 0)
                for (volatile long turns = 0;;)
                    turns++;
            _exit(EXIT_FAILURE);
        }
        close(ready[1]);
        if (read(ready[0], &there, 1) != 1 || there != 'r')
            quit(EXIT_FAILURE);
        if (n_cpus > 0)
            pin(pid, cpus[i % n_cpus]);
        close(ready[0]);
    }
    read_used(stats, n, used);
    close(go[1]); /* all hogs at once */
    struct timespec time = {ms / 1000, ms % 1000 * 1000000l};
    int sig = sigtimedwait(&signals, NULL, &time);
    if (sig == SIGCHLD)
        errno = ECHILD;
    if (sig == SIGINT || sig == SIGTERM)
        quit(128 + sig);
    if (errno != EAGAIN)
        fail("weigh");
    long sum = read_used(stats, n, used);
    for (int i = 0; i < n; i++)
        printf("weight %s: %.6f s, share %.3f\n", argv[optind + i],
               used[i] / 1e6, sum ? (double)used[i] / sum : 0);
    free(used);
    free(stats);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*work)(int, char **);
    } works[] = {{"topology", topology},
                 {"place", place},
                 {"hog", hog},
                 {"run", run},
                 {"weigh", weigh}};
    for (size_t i = 0; argc > 1 && i < sizeof(works) / sizeof(*works); i++)
        if (strcmp(argv[1], works[i].name) == 0) {
            argv[1] = argv[0];
            works[i].work(argc - 1, argv + 1);
            quit(EXIT_SUCCESS);
        }
    usage();
}
