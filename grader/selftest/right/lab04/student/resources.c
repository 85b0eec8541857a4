/* A right program: numa_maps tells where the pages are; handlers and a flag;
 * processes are killed one by one, from cgroup.procs, until there are none;
 * shares are those of the processes' own clocks. */
#define _GNU_SOURCE /* sched_setaffinity, sigabbrev_np, MAP_ANONYMOUS */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mempolicy.h>
#include <mntent.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB (1024L * 1024)
enum {
    TEXT = 16384, /* bytes of the largest file that is read */
    IDS = 4096,   /* nodes, or CPUs, in a list */
    GROUPS = 16,
};

/* The options, and what stands behind each; NULL where it is not given. The
 * last five are called like the files of a group that they are written to. */
enum { SYSROOT, NODE, CPU, MEBIBYTES, PARENT, MS, VM_BYTES, TIMEOUT, STOP };
enum { MEMORY_MAX = STOP + 1, SWAP_MAX, CPU_WEIGHT, CPU_MAX, PIDS_MAX };
enum { OPTIONS = PIDS_MAX + 1 };
static const char *const options[OPTIONS] = {
    "sysroot",
    "node",
    "cpu",
    "mib",
    "parent",
    "ms",
    "vm-bytes",
    "timeout",
    "stop",
    "memory.max",
    "memory.swap.max",
    "cpu.weight",
    "cpu.max",
    "pids.max",
};
static const char *given[OPTIONS];

/* Returns the number in `text`; with a K, M or G behind it, that many bytes. */
static long number(const char *text, long most)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10), unit = 1;
    if (*end == 'K' || *end == 'M' || *end == 'G')
        unit = *end == 'K' ? 1024 : *end == 'M' ? MIB : 1024 * MIB, end++;
    if (*text < '0' || *text > '9' || *end || errno || value > most / unit)
        errx(2, "'%s': a whole number up to %ld is wanted", text, most);
    return value * unit;
}

/* The same for an option, or what holds when it is not given. */
static long option(int o, const char *otherwise, long most)
{
    return number(given[o] ? given[o] : otherwise, most);
}

/* Reads a file without its last newline; its path is given as to printf. */
__attribute__((format(printf, 2, 3))) static void
read_file(char text[TEXT], const char *format, ...)
{
    char path[PATH_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(path, sizeof path, format, arguments);
    va_end(arguments);
    FILE *file = fopen(path, "r");
    if (!file)
        err(1, "%s", path);
    size_t length = fread(text, 1, TEXT - 1, file);
    if (ferror(file))
        err(1, "%s", path);
    fclose(file);
    text[length] = '\0';
    if (length > 0 && text[length - 1] == '\n')
        text[length - 1] = '\0';
}

/* ---- task 1: topology ---------------------------------------------------- */

#define SYSFS "%s/sys/devices/system/node" /* below `root` */
static const char *root = "";

/* Writes the numbers of a list such as "0,2-3" to ids; returns how many. */
static int parse_list(const char *list, int ids[IDS])
{
    int count = 0;
    while (*list) {
        char *end;
        long first = strtol(list, &end, 10), last = first;
        if (end > list && *end == '-')
            last = strtol(list = end + 1, &end, 10);
        if (end == list || first < 0 || last >= IDS || (*end && *end != ','))
            errx(1, "this is no list of numbers: %s", list);
        while (first <= last && count < IDS)
            ids[count++] = (int)first++;
        list = *end ? end + 1 : end;
    }
    return count;
}

/* Prints the CPUs of a node, its memory, and what is free of it. */
static void print_node(int node)
{
    long total = 0, free = 0; /* KiB */
    printf("node %d cpus:", node);
    char text[TEXT], *line;
    int cpus[IDS];
    read_file(text, SYSFS "/node%d/cpulist", root, node);
    int count = parse_list(text, cpus);
    for (int c = 0; c < count; c++)
        printf(" %d", cpus[c]);
    read_file(text, SYSFS "/node%d/meminfo", root, node);
    if (!(line = strstr(text, "MemTotal:")) ||
        sscanf(line, "MemTotal: %ld kB", &total) != 1 ||
        !(line = strstr(text, "MemFree:")) ||
        sscanf(line, "MemFree: %ld kB", &free) != 1)
        errx(1, "node%d/meminfo: no MemTotal, or no MemFree", node);
    printf("\nnode %d size: %ld MB\n", node, total / 1024);
    printf("node %d free: %ld MB\n", node, free / 1024);
}

/* Prints the distances from a node to each of the `count` that are online. */
static void print_distances(int node, int count)
{
    char text[TEXT], *next = text;
    read_file(text, SYSFS "/node%d/distance", root, node);
    for (int i = 0; i < count; i++)
        printf("%3ld ", strtol(next, &next, 10));
}

/* Prints the nodes of this machine, or of the one whose /sys has been copied
 * to ROOT/sys, as `numactl --hardware` does. */
static int topology(void)
{
    char list[TEXT];
    int nodes[IDS];
    read_file(list, SYSFS "/online", root);
    int count = parse_list(list, nodes);
    printf("available: %d nodes (%s)\n", count, list);
    for (int i = 0; i < count; i++)
        print_node(nodes[i]);
    printf("node distances:\nnode ");
    for (int i = 0; i < count; i++)
        printf("%3d ", nodes[i]);
    for (int i = 0; i < count; i++) {
        printf("\n%3d: ", nodes[i]);
        print_distances(nodes[i], count);
    }
    putchar('\n');
    return 0;
}

/* ---- task 2: place ------------------------------------------------------- */

/* Keeps this process on one CPU. */
static void pin(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) == -1)
        err(1, "sched_setaffinity: CPU %d", cpu);
}

/* Has the pages of this memory come from one node: mbind(2). */
static void bind_to(char *memory, size_t length, int node)
{
    enum { BITS = 8 * sizeof(long) };
    unsigned long mask[IDS / BITS] = {0};
    mask[node / BITS] = 1UL << node % BITS;
    /* The kernel looks at one bit less than it is told. */
    if (syscall(SYS_mbind, memory, length, MPOL_BIND, mask, IDS + 1L, 0) == -1)
        err(1, "mbind");
}

static size_t count_pages(char *memory, size_t pages, size_t on[IDS])
{
    char line[1024], *field;
    FILE *maps = fopen("/proc/self/numa_maps", "r");
    if (!maps)
        err(1, "numa_maps");
    while (fgets(line, sizeof line, maps)) {
        if (strtoul(line, NULL, 16) != (unsigned long)memory)
            continue;
        for (field = strtok(line, " \n"); field; field = strtok(NULL, " \n")) {
            int node;
            size_t count;
            if (sscanf(field, "N%d=%zu", &node, &count) == 2) {
                on[node] = count;
                pages -= count;
            }
        }
    }
    fclose(maps);
    return pages;
}

/* Gets memory, on a node if one is told, touches it, and prints where it is. */
static int place(void)
{
    char list[TEXT];
    int nodes[IDS];
    size_t on[IDS] = {0}, page = (size_t)sysconf(_SC_PAGESIZE);
    size_t length = (size_t)(option(MEBIBYTES, "16", 256) * MIB);
    if (given[CPU])
        pin((int)option(CPU, "", CPU_SETSIZE - 1));

    /* with a gap on both sides, or numa_maps has it in one line with others */
    char *memory = mmap(NULL, length + 2 * page, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED ||
        mprotect(memory += page, length, PROT_READ | PROT_WRITE) == -1)
        err(1, "mmap");
    if (given[NODE])
        bind_to(memory, length, (int)option(NODE, "", IDS - 1));
    for (volatile char *byte = memory; byte < memory + length; byte += page)
        *byte = 1;
    size_t nowhere = count_pages(memory, length / page, on);
    printf("process %d: %zu pages at %p\n", getpid(), length / page,
           (void *)memory);
    read_file(list, SYSFS "/online", root);
    int count = parse_list(list, nodes);
    for (int i = 0; i < count; i++)
        printf("node %d: %zu pages\n", nodes[i], on[nodes[i]]);
    printf("nowhere: %zu pages\n", nowhere);
    if (given[STOP])
        raise(SIGSTOP); /* now /proc/PID/numa_maps can be looked at */
    return 0;
}

/* ---- a hog, like `stress` ------------------------------------------------ */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Writes to each page of that many bytes, over and over until the time is up,
 * but once at least. It is bounded itself, whatever becomes of its group. */
static int hog(long bytes, long seconds)
{
    struct rlimit address_space = {(rlim_t)(bytes + 32 * MIB), RLIM_INFINITY};
    double end = now() + (double)seconds;
    setrlimit(RLIMIT_AS, &address_space);
    alarm((unsigned)seconds + 30);
    volatile char *memory = malloc((size_t)bytes + 1);
    if (!memory)
        err(1, "malloc");
    do
        for (long byte = 0; byte < bytes; byte += 4096)
            memory[byte] = 1;
    while (now() < end);
    if (given[STOP])
        raise(SIGSTOP);
    return 0;
}

/* ---- task 3: a group with limits ----------------------------------------- */

static char base[PATH_MAX];          /* the group that ours are made in */
static char group[GROUPS][PATH_MAX]; /* those that we have made */
static int groups;
static pid_t self; /* the process that has to remove them */
static sigset_t waited_for;
static volatile sig_atomic_t told;
static void note_signal(int signal)
{
    if (signal != SIGCHLD)
        told = signal;
}

/* Writes `text` to the file DIR/NAME at once; -1 when the kernel refuses. */
static int try_write(const char *dir, const char *name, const char *text)
{
    int result = 0;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file == -1)
        return -1;
    if (write(file, text, strlen(text)) == -1)
        result = -1;
    int error = errno;
    close(file);
    errno = error;
    return result;
}

/* The same, but a refusal ends the program. */
static void write_file(const char *dir, const char *name, const char *text)
{
    if (try_write(dir, name, text) == -1)
        err(1, "%s/%s: %s", dir, name, text);
}

static void kill_all(const char *path)
{
    char procs[TEXT];
    read_file(procs, "%s/cgroup.procs", path);
    for (char *pid = strtok(procs, "\n"); pid; pid = strtok(NULL, "\n"))
        if (atoi(pid) > 1)
            kill(atoi(pid), SIGKILL);
}

static void remove_groups(void)
{
    if (getpid() != self)
        return;
    for (double end = now() + 5; groups > 0 && now() < end;) {
        for (int g = 0; g < groups; g++)
            kill_all(group[g]);
        usleep(1000);
        if (waitpid(-1, NULL, WNOHANG) == -1 && rmdir(group[groups - 1]) == 0)
            groups--;
    }
}

/* Makes a group below `base`, and returns its path, which ends in `name`. */
static const char *make_group(const char *name)
{
    char *path = group[groups];
    snprintf(path, PATH_MAX, "%.4000s/resources-%d%s", base, self, name);
    if (mkdir(path, 0755) == -1)
        err(1, "mkdir %s", path);
    groups++;
    return path;
}

static char own_group[PATH_MAX]; /* where we are meanwhile */

/* Goes back to where we were before. It is called at exit. */
static void leave_own_group(void)
{
    if (getpid() != self)
        return;
    try_write(base, "cgroup.subtree_control", "-cpu -memory -pids");
    try_write(base, "cgroup.procs", "0");
    rmdir(own_group);
}

/* Sets `base` to the group that we are in, and moves us to one below it: a
 * group whose subgroups have controllers can have no processes itself. */
static void use_own_group(const char *mount)
{
    snprintf(base, sizeof base, "%s", mount);
    char text[TEXT];
    read_file(text, "/proc/self/cgroup");
    const char *path = strstr(text, "0::/");
    if (!path)
        errx(1, "/proc/self/cgroup: no line 0::");
    snprintf(base, sizeof base, "%s%.*s", mount, (int)strcspn(path, "\n") - 3,
             path + 3);
    strcpy(own_group, make_group("-self"));
    groups--; /* remove_groups would kill us */
    atexit(leave_own_group);
    write_file(own_group, "cgroup.procs", "0"); /* 0 is who writes */
}

/* Sets `base`, where groups can be made: for root the root, for others the
 * group that they are in, if it has been delegated to them. */
static void find_base(void)
{
    char mount[PATH_MAX / 2] = "";
    FILE *mounts = setmntent("/proc/self/mounts", "r");
    for (struct mntent *m; mounts && (m = getmntent(mounts));)
        if (strcmp(m->mnt_type, "cgroup2") == 0)
            snprintf(mount, sizeof mount, "%s", m->mnt_dir);
    if (!*mount)
        errx(1, "no cgroup v2 is mounted here");
    endmntent(mounts);

    self = getpid();
    sigemptyset(&waited_for);
    sigaddset(&waited_for, SIGCHLD);
    sigaddset(&waited_for, SIGINT);
    sigaddset(&waited_for, SIGTERM);
    sigprocmask(SIG_BLOCK, &waited_for, NULL);
    struct sigaction action = {.sa_handler = note_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGCHLD, &action, NULL);
    if (given[PARENT] || geteuid() == 0)
        snprintf(base, sizeof base, "%s",
                 given[PARENT] ? given[PARENT] : mount);
    else
        use_own_group(mount);
    atexit(remove_groups);
    write_file(base, "cgroup.subtree_control", "+cpu +memory +pids");
}

/* Forks. The child is in the group, takes signals as ever, and ends with us. */
static pid_t fork_into(const char *path)
{
    pid_t child = fork();
    if (child == -1)
        err(1, "fork");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        sigprocmask(SIG_UNBLOCK, &waited_for, NULL);
        write_file(path, "cgroup.procs", "0"); /* 0 is who writes */
    }
    return child;
}

static int wait_for(pid_t command, const char *path)
{
    int status;
    sigset_t none;
    sigemptyset(&none);
    while (waitpid(command, &status, WNOHANG) != command) {
        if (told) {
            kill(command, SIGKILL);
            kill_all(path);
        }
        sigsuspend(&none);
    }
    return status;
}

/* ---- task 4: what has become of it --------------------------------------- */

/* Returns the value of a key in a file of lines such as "oom_kill 1". */
static long value_of(const char *key, const char *dir, const char *name)
{
    long value = 0;
    char text[TEXT];
    size_t length = strlen(key);
    read_file(text, "%s/%s", dir, name);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        if (strncmp(line, key, length) == 0 && line[length] == ' ')
            return number(line + length + 1, LONG_MAX);
    errx(1, "%s/%s: no %s", dir, name, key);
    return value;
}

/* Prints how the command has ended, and what the kernel knows of its group. */
static void report(int status, const char *path)
{
    long oom = 0, oom_kill = 0, peak = 0, usage = 0;
    long throttled = value_of("nr_throttled", path, "cpu.stat");
    const char *verdict = "?";
    char text[TEXT];
    oom = value_of("oom", path, "memory.events");
    oom_kill = value_of("oom_kill", path, "memory.events");
    read_file(text, "%s/memory.peak", path);
    peak = number(text, LONG_MAX);
    usage = value_of("usage_usec", path, "cpu.stat");
    verdict = oom_kill > 0          ? "killed by the OOM killer"
              : WIFSIGNALED(status) ? "killed, but not by the OOM killer"
                                    : "survived";
    if (WIFSIGNALED(status))
        printf("command: killed by SIG%s\n", sigabbrev_np(WTERMSIG(status)));
    else
        printf("command: exited with %d\n", WEXITSTATUS(status));
    printf("memory.events: oom %ld, oom_kill %ld\n", oom, oom_kill);
    printf("memory.peak: %ld KiB\n", peak / 1024);
    printf("cpu.stat: %ld.%06ld s, throttled %ld times\n", usage / 1000000,
           usage % 1000000, throttled);
    printf("verdict: %s\n", verdict);
}

/* Runs a command in a group of its own with the limits that are given. Returns
 * the status of the command, 128 + N when signal N has killed it. */
static int run(char **command)
{
    find_base();
    const char *path = make_group("");
    if (given[MEMORY_MAX] && !given[SWAP_MAX]) /* or it would go on in swap */
        given[SWAP_MAX] = "0";
    for (int limit = MEMORY_MAX; limit <= PIDS_MAX; limit++)
        if (given[limit])
            write_file(path, options[limit], given[limit]);
    printf("group: %s\n", path);
    pid_t child = fork_into(path);
    if (child == 0) {
        execvp(*command, command);
        warn("%s", *command);
        _exit(errno == ENOENT ? 127 : 126);
    }
    int status = wait_for(child, path);
    report(status, path);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* ---- task 5: weights ----------------------------------------------------- */

static long used_by(pid_t pid)
{
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) == -1)
        err(1, "clock of %d", pid);
    return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Runs a hog for each weight, each in a group of its own, all on one CPU or in
 * turn on those of a list; prints how they have shared the CPU time. */
static int weigh(char **weights)
{
    int hogs = 0;
    long used[GROUPS] = {0}, all = 0; /* microseconds */
    pid_t hog_pid[GROUPS];
    int cpus[IDS], on = parse_list(given[CPU] ? given[CPU] : "0", cpus);
    long ms = option(MS, "1000", 30000);
    find_base();
    for (; weights[hogs]; hogs++) {
        char name[16];
        if (hogs == GROUPS)
            errx(2, "weigh: %d weights at most", GROUPS);
        snprintf(name, sizeof name, "-%d", hogs + 1);
        const char *path = make_group(name);
        write_file(path, "cpu.weight", weights[hogs]);
        hog_pid[hogs] = fork_into(path);
        if (hog_pid[hogs] == 0) {
            if (on > 0)
                pin(cpus[hogs % on]); /* in the group: joining may undo it */
            raise(SIGSTOP);           /* until all are there */
            hog(0, 60);
            _exit(0);
        }
    }
    int status;
    for (int h = 0; h < hogs; h++)
        if (waitpid(hog_pid[h], &status, WUNTRACED) == -1 ||
            !WIFSTOPPED(status))
            errx(1, "a hog could not start");
    for (int h = 0; h < hogs; h++)
        kill(hog_pid[h], SIGCONT);
    for (int h = 0; h < hogs; h++)
        used[h] = -used_by(hog_pid[h]);
    struct timespec window = {ms / 1000, ms % 1000 * 1000000};
    sigdelset(&waited_for, SIGCHLD);
    int signal = sigtimedwait(&waited_for, NULL, &window);
    if (signal > 0)
        return 128 + signal;
    for (int h = 0; h < hogs; h++)
        all += used[h] += used_by(hog_pid[h]);
    for (int h = 0; h < hogs; h++)
        printf("weight %s: %ld.%06ld s, share %.3f\n", weights[h],
               used[h] / 1000000, used[h] % 1000000,
               all > 0 ? (double)used[h] / (double)all : 0);
    return 0;
}

/* -------------------------------------------------------------------------- */

static int find_option(const char *name)
{
    for (int o = 0; o < OPTIONS; o++)
        if (strcmp(name, options[o]) == 0)
            return o;
    errx(2, "--%s: no such option", name);
}

/* Takes the options from the front of the arguments; returns the rest. */
static char **take_options(char **arguments)
{
    for (; *arguments && strncmp(*arguments, "--", 2) == 0; arguments++) {
        int o = find_option(*arguments + 2);
        if (o != STOP && !arguments[1])
            errx(2, "%s: a value is wanted", *arguments);
        given[o] = o == STOP ? "" : *++arguments;
    }
    return arguments;
}

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    char **rest = take_options(argv + (argc > 1 ? 2 : 1));
    if (given[SYSROOT])
        root = given[SYSROOT];
    setvbuf(stdout, NULL, _IOLBF, 0); /* who watches sees lines at once */
    if (strcmp(verb, "topology") == 0 && !*rest)
        return topology();
    if (strcmp(verb, "place") == 0 && !*rest)
        return place();
    if (strcmp(verb, "run") == 0 && *rest)
        return run(rest);
    if (strcmp(verb, "weigh") == 0 && *rest)
        return weigh(rest);
    if (strcmp(verb, "hog") == 0 && !*rest)
        return hog(option(VM_BYTES, "0", 2048 * MIB), option(TIMEOUT, "0", 60));
    errx(2, "usage: resources topology | place | run COMMAND | weigh WEIGHT... "
            "| hog; the head of resources.c lists the options");
}
