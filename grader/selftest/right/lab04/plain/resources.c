/* resources, as one writes it who has just learnt C: paths, stdio, and a status
 * that is handed up. The parent moves its child, which has stopped itself. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_LIST   4096
#define MAX_HOGS   16
#define MAX_LIMITS 32

/* where the groups are made */
static const char *parent = "/sys/fs/cgroup";
/* the group below it that we have gone to, if so */
static char own_group[PATH_MAX];

static volatile sig_atomic_t ended_by;
static sigset_t usual_mask;

static void on_signal(int signal)
{
    if (signal != SIGCHLD)
        ended_by = signal;
}

/* Signals come while we wait in pselect and at no other time. */
static int prepare_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal,
                               .sa_flags = SA_NOCLDSTOP};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, &usual_mask) != 0 ||
        sigaction(SIGINT, &action, NULL) != 0 ||
        sigaction(SIGTERM, &action, NULL) != 0 ||
        sigaction(SIGCHLD, &action, NULL) != 0) {
        perror("resources: sigaction");
        return -1;
    }
    return 0;
}

static int error(const char *what)
{
    fprintf(stderr, "resources: %s: %s\n", what, strerror(errno));
    return -1;
}

static int usage(void)
{
    fprintf(stderr,
            "usage: resources topology [--sysroot DIR]\n"
            "       resources place [--node N] [--cpu N] [--mib N] [--stop]\n"
            "       resources hog [--vm-bytes N[KMG]] [--timeout S] [--stop]\n"
            "       resources run [--parent DIR] [--FILE VALUE]... COMMAND\n"
            "       resources weigh [--parent DIR] [--cpu LIST] [--ms N] "
            "WEIGHT...\n");
    return -1;
}

static int join(char path[PATH_MAX], const char *dir, const char *name)
{
    if (snprintf(path, PATH_MAX, "%s/%s", dir, name) < PATH_MAX)
        return 0;
    errno = ENAMETOOLONG;
    return error(dir);
}

/* Opens a file that is there, and says its path. */
static FILE *open_file(const char *dir, const char *name, const char *mode,
                       char path[PATH_MAX])
{
    FILE *file = NULL;
    if (join(path, dir, name) != 0)
        return NULL;
    if (access(path, F_OK) == 0) /* "w" would make it */
        file = fopen(path, mode);
    if (file == NULL)
        error(path);
    return file;
}

static int write_file(const char *dir, const char *name, const char *text)
{
    char path[PATH_MAX];
    FILE *file = open_file(dir, name, "w", path);
    if (file == NULL)
        return -1;
    int printed = fprintf(file, "%s\n", text);
    /* the kernel says no when the buffer is written, and that is here */
    if (fclose(file) != 0 || printed < 0)
        return error(path);
    return 0;
}

/* The first line of a file, without its end. */
static int read_line(const char *dir, const char *name, char *line, int size)
{
    char path[PATH_MAX];
    FILE *file = open_file(dir, name, "r", path);
    if (file == NULL)
        return -1;
    line[0] = '\0';
    if (fgets(line, size, file) == NULL && ferror(file)) {
        error(path);
        fclose(file);
        return -1;
    }
    line[strcspn(line, "\n")] = '\0';
    fclose(file);
    return 0;
}

/* The value in the line of a file that begins with a key, a whole word. */
static int value_of(const char *dir, const char *name, const char *key,
                    long long *value)
{
    char path[PATH_MAX], line[256], word[64];
    int found = 0;
    FILE *file = open_file(dir, name, "r", path);
    if (file == NULL)
        return -1;
    while (!found && fgets(line, sizeof(line), file) != NULL) {
        const char *start = line;
        int node, length;
        if (sscanf(line, "Node %d %n", &node, &length) == 1)
            start = line + length;
        found = sscanf(start, "%63s %lld", word, value) == 2 &&
                strcmp(word, key) == 0;
    }
    fclose(file);
    if (!found)
        fprintf(stderr, "resources: %s: there is no %s\n", path, key);
    return found ? 0 : -1;
}

/* Reads digits, and goes past them; -1 when there are none. */
static int read_number(const char **text)
{
    int number = -1;
    while (**text >= '0' && **text <= '9' && number < 1000000)
        number = (number < 0 ? 0 : 10 * number) + *(*text)++ - '0';
    return number;
}

/* The numbers in a list such as 0,2-3; returns how many, -1 if it is none. */
static int parse_list(const char *text, int *numbers)
{
    int count = 0;
    for (;;) {
        int first = read_number(&text);
        int last = first;
        if (*text == '-') {
            text++;
            last = read_number(&text);
        }
        if (first < 0 || last < first)
            return -1;
        for (int n = first; n <= last; n++) {
            if (count == MAX_LIST)
                return -1;
            numbers[count++] = n;
        }
        if (*text == '\0')
            return count;
        if (*text != ',')
            return -1;
        text++;
    }
}

static int read_list(const char *dir, const char *name, int may_be_empty,
                     int *numbers)
{
    char line[4 * MAX_LIST];
    if (read_line(dir, name, line, sizeof(line)) != 0)
        return -1;
    if (may_be_empty && line[0] == '\0')
        return 0;
    int count = parse_list(line, numbers);
    if (count < 0)
        fprintf(stderr, "resources: %s/%s: '%s' is no list\n", dir, name, line);
    return count;
}

/* A number of an option: from 0 to a million. */
static int to_number(const char *option, const char *text, int *number)
{
    const char *end = text == NULL ? "" : text;
    *number = read_number(&end);
    if (*number >= 0 && *end == '\0')
        return 0;
    fprintf(stderr, "resources: %s: a number is needed\n", option);
    return -1;
}

/* ---- topology ---- */

static int print_node(const char *dir, int node)
{
    char path[PATH_MAX], name[32];
    static int cpus[MAX_LIST];
    long long total, free;
    snprintf(name, sizeof(name), "node%d", node);
    if (join(path, dir, name) != 0)
        return -1;
    int count = read_list(path, "cpulist", 1, cpus);
    if (count < 0 || value_of(path, "meminfo", "MemTotal:", &total) != 0 ||
        value_of(path, "meminfo", "MemFree:", &free) != 0)
        return -1;
    printf("node %d cpus:", node);
    for (int i = 0; i < count; i++)
        printf(" %d", cpus[i]);
    printf("\nnode %d size: %lld MB\n", node, total / 1024);
    printf("node %d free: %lld MB\n", node, free / 1024);
    return 0;
}

static int print_distances(const char *dir, const int *nodes, int count)
{
    char path[PATH_MAX], name[64];
    printf("node distances:\nnode ");
    for (int i = 0; i < count; i++)
        printf("%3d ", nodes[i]);
    printf("\n");
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "node%d/distance", nodes[i]);
        FILE *file = open_file(dir, name, "r", path);
        if (file == NULL)
            return -1;
        printf("%3d: ", nodes[i]);
        for (int j = 0; j < count; j++) {
            int distance;
            if (fscanf(file, "%d", &distance) != 1) {
                fprintf(stderr, "resources: %s: %d distances are needed\n",
                        path, count);
                fclose(file);
                return -1;
            }
            printf("%3d ", distance);
        }
        printf("\n");
        fclose(file);
    }
    return 0;
}

static int topology(int argc, char **argv)
{
    const char *root = "";
    char dir[PATH_MAX], line[4 * MAX_LIST];
    static int nodes[MAX_LIST];
    if (argc == 4 && strcmp(argv[2], "--sysroot") == 0)
        root = argv[3];
    else if (argc != 2)
        return usage();
    if (join(dir, root, "sys/devices/system/node") != 0)
        return -1;
    int count = read_list(dir, "online", 0, nodes);
    if (count < 0 || read_line(dir, "online", line, sizeof(line)) != 0)
        return -1;
    printf("available: %d nodes (%s)\n", count, line);
    for (int i = 0; i < count; i++)
        if (print_node(dir, nodes[i]) != 0)
            return -1;
    return print_distances(dir, nodes, count);
}

/* ---- place ---- */

static int run_on(pid_t pid, int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (cpu < CPU_SETSIZE)
        CPU_SET(cpu, &set); /* else it stays empty, and the kernel says no */
    if (sched_setaffinity(pid, sizeof(set), &set) != 0)
        return error("sched_setaffinity");
    return 0;
}

/* From now on all memory comes from this node. */
static int bind_to(int node)
{
    unsigned long mask[16] = {0};
    int bits = 8 * sizeof(mask[0]);
    if (node < 16 * bits)
        mask[node / bits] = 1UL << node % bits;
    if (syscall(SYS_set_mempolicy, MPOL_BIND, mask, 8 * sizeof(mask) + 1) != 0)
        return error("set_mempolicy");
    return 0;
}

/* Asks for each page on which node it is, and prints how many are where. */
static int count_pages(char *memory, int count, long size)
{
    static int nodes[MAX_LIST];
    int nowhere = 0, result = -1;
    void **pages = malloc(count * sizeof(*pages));
    int *status = malloc(count * sizeof(*status));
    int n = read_list("/sys/devices/system/node", "online", 0, nodes);
    if (pages == NULL || status == NULL)
        error("malloc");
    if (n < 0 || pages == NULL || status == NULL)
        goto out;
    for (int i = 0; i < count; i++)
        pages[i] = memory + i * size;
    if (syscall(SYS_move_pages, 0, (unsigned long)count, pages, NULL, status,
                0) != 0) {
        error("move_pages");
        goto out;
    }
    printf("process %d: %d pages at %p\n", getpid(), count, (void *)memory);
    for (int i = 0; i < n; i++) {
        int here = 0;
        for (int j = 0; j < count; j++)
            if (status[j] == nodes[i])
                here++;
        printf("node %d: %d pages\n", nodes[i], here);
    }
    for (int j = 0; j < count; j++)
        if (status[j] < 0)
            nowhere++;
    printf("nowhere: %d pages\n", nowhere);
    result = 0;
out:
    free(pages);
    free(status);
    return result;
}

static int stop_here(void)
{
    if (fflush(stdout) != 0)
        return error("stdout");
    if (raise(SIGSTOP) != 0)
        return error("raise");
    return 0;
}

static int place(int argc, char **argv)
{
    int node = -1, cpu = -1, mib = 16, stop = 0;
    long size = sysconf(_SC_PAGESIZE);
    for (int i = 2; i < argc; i++) {
        int *number;
        if (strcmp(argv[i], "--stop") == 0) {
            stop = 1;
            continue;
        } else if (strcmp(argv[i], "--node") == 0)
            number = &node;
        else if (strcmp(argv[i], "--cpu") == 0)
            number = &cpu;
        else if (strcmp(argv[i], "--mib") == 0)
            number = &mib;
        else
            return usage();
        if (to_number(argv[i], argv[i + 1], number) != 0)
            return -1;
        i++;
    }
    if (mib < 1 || mib > 300) {
        fprintf(stderr, "resources: --mib: 1 to 300\n");
        return -1;
    }
    if (cpu >= 0 && run_on(0, cpu) != 0)
        return -1;
    if (node >= 0 && bind_to(node) != 0)
        return -1;
    long bytes = mib * 1024L * 1024L;
    char *memory = aligned_alloc(size, bytes);
    if (memory == NULL)
        return error("aligned_alloc");
    for (long i = 0; i < bytes; i += size)
        memory[i] = 'x';
    int result = count_pages(memory, bytes / size, size);
    if (result == 0 && stop)
        result = stop_here();
    free(memory);
    return result;
}

/* ---- hog ---- */

/* No hog takes more than this, whatever becomes of its group. */
static int limit_hog(void)
{
    struct rlimit limit;
    rlim_t most = 450UL * 1024 * 1024;
    if (getrlimit(RLIMIT_AS, &limit) != 0)
        return error("getrlimit");
    if (limit.rlim_cur > most)
        limit.rlim_cur = most;
    if (setrlimit(RLIMIT_AS, &limit) != 0)
        return error("setrlimit");
    alarm(62);
    return 0;
}

static int hog(int argc, char **argv)
{
    double bytes = 0;
    int seconds = 0, stop = 0;
    for (int i = 2; i < argc; i++) {
        char unit = 'B', more;
        if (strcmp(argv[i], "--stop") == 0) {
            stop = 1;
        } else if (strcmp(argv[i], "--timeout") == 0) {
            if (to_number(argv[i], argv[i + 1], &seconds) != 0)
                return -1;
            i++;
        } else if (strcmp(argv[i], "--vm-bytes") == 0 && i + 1 < argc) {
            i++;
            int n = sscanf(argv[i], "%lf%c%c", &bytes, &unit, &more);
            if (n < 1 || n > 2 || strchr("BKMG", unit) == NULL ||
                !(bytes >= 0 && bytes <= 1e12)) {
                fprintf(stderr, "resources: --vm-bytes: 100M, for example\n");
                return -1;
            }
            bytes *= unit == 'G'   ? 1024 * 1024 * 1024
                     : unit == 'M' ? 1024 * 1024
                     : unit == 'K' ? 1024
                                   : 1;
        } else {
            return usage();
        }
    }
    if (limit_hog() != 0)
        return -1;
    size_t size = bytes;
    volatile char *memory = malloc(size + 1);
    if (memory == NULL)
        return error("malloc");
    time_t end = time(NULL) + seconds;
    do {
        for (size_t i = 0; i < size; i += 4096)
            memory[i] = 'x';
    } while (time(NULL) < end);
    int result = stop ? stop_here() : 0;
    free((void *)memory);
    return result;
}

/* ---- groups ---- */

static int make_directory(const char *path)
{
    return mkdir(path, 0755) == 0 ? 0 : error(path);
}

/* A killed process takes a moment: so again and again, for 20 seconds. */
static int remove_group(const char *path)
{
    struct timespec moment = {0, 5000000};
    for (int i = 0; rmdir(path) != 0; i++) {
        if (errno != EBUSY || i == 4000)
            return error(path);
        nanosleep(&moment, NULL);
    }
    return 0;
}

/* Goes into a group below the one where we are, which becomes the parent. */
static int use_own_group(void)
{
    static char here[PATH_MAX];
    char line[PATH_MAX] = "", name[64], path[PATH_MAX];
    FILE *file = open_file("/proc/self", "cgroup", "r", path);
    if (file == NULL)
        return -1;
    while (fgets(line, sizeof(line), file) != NULL &&
           strncmp(line, "0::/", 4) != 0)
        ;
    fclose(file);
    line[strcspn(line, "\n")] = '\0';
    snprintf(name, sizeof(name), "resources-%d-parent", getpid());
    if (join(here, parent, line + 4) != 0 || join(path, here, name) != 0 ||
        make_directory(path) != 0)
        return -1;
    if (write_file(path, "cgroup.procs", "0") != 0) {
        remove_group(path);
        return -1;
    }
    strcpy(own_group, path);
    parent = here;
    return 0;
}

static int leave_own_group(const char *controllers)
{
    char take[256], *c;
    if (own_group[0] == '\0')
        return 0;
    strcpy(take, controllers);
    while ((c = strchr(take, '+')) != NULL)
        *c = '-';
    if (write_file(parent, "cgroup.subtree_control", take) != 0 ||
        write_file(parent, "cgroup.procs", "0") != 0)
        return -1;
    return remove_group(own_group);
}

/* Decides where the groups are, and lets them have these controllers. */
static int find_parent(const char *given, const char *controllers)
{
    if (given != NULL)
        parent = given;
    else if (geteuid() != 0 && use_own_group() != 0)
        return -1;
    if (write_file(parent, "cgroup.subtree_control", controllers) != 0) {
        leave_own_group(controllers);
        return -1;
    }
    return 0;
}

/* Makes a child that stops itself, and moves it into the group. Returns 0 in
 * the child when it goes on, and its pid in the parent. */
static pid_t start_in(const char *group)
{
    char text[32];
    int status;
    if (fflush(stdout) != 0)
        return error("stdout");
    pid_t pid = fork();
    if (pid < 0)
        return error("fork");
    if (pid == 0) {
        if (raise(SIGSTOP) != 0)
            _exit(EXIT_FAILURE);
        return 0;
    }
    snprintf(text, sizeof(text), "%d", pid);
    if (waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) &&
        write_file(group, "cgroup.procs", text) == 0)
        return pid;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return -1;
}

/* ---- run ---- */

static const char *signal_name(int number)
{
    static char name[32];
    if (sigabbrev_np(number) != NULL)
        snprintf(name, sizeof(name), "SIG%s", sigabbrev_np(number));
    else
        snprintf(name, sizeof(name), "SIG%d", number);
    return name;
}

static int report(const char *group, int status)
{
    long long oom, oom_kill, usage_usec, throttled;
    char peak[64];
    if (value_of(group, "memory.events", "oom", &oom) != 0 ||
        value_of(group, "memory.events", "oom_kill", &oom_kill) != 0 ||
        value_of(group, "cpu.stat", "usage_usec", &usage_usec) != 0 ||
        value_of(group, "cpu.stat", "nr_throttled", &throttled) != 0 ||
        read_line(group, "memory.peak", peak, sizeof(peak)) != 0)
        return -1;
    if (WIFSIGNALED(status))
        printf("command: killed by %s\n", signal_name(WTERMSIG(status)));
    else
        printf("command: exited with %d\n", WEXITSTATUS(status));
    printf("memory.events: oom %lld, oom_kill %lld\n", oom, oom_kill);
    printf("memory.peak: %lld KiB\n", atoll(peak) / 1024);
    printf("cpu.stat: %.6f s, throttled %lld times\n", usage_usec / 1e6,
           throttled);
    if (oom_kill > 0)
        printf("verdict: killed by the OOM killer\n");
    else if (WIFSIGNALED(status))
        printf("verdict: killed, but not by the OOM killer\n");
    else
        printf("verdict: survived\n");
    return 0;
}

/* Runs the command in a group that is there, and returns our exit status. */
static int run_in(const char *group, char **command)
{
    int status;
    /* the child says here that it could not execute the command */
    int *failed = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (failed == MAP_FAILED)
        return error("mmap");
    printf("group: %s\n", group);
    pid_t pid = start_in(group);
    if (pid == 0) {
        sigprocmask(SIG_SETMASK, &usual_mask, NULL);
        execvp(command[0], command);
        *failed = errno;
        _exit(127);
    }
    if (pid < 0)
        return -1;
    kill(pid, SIGCONT);
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (ended_by) {
            write_file(group, "cgroup.kill", "1");
            waitpid(pid, &status, 0);
            return 128 + ended_by;
        }
        pselect(0, NULL, NULL, NULL, NULL, &usual_mask);
    }
    errno = *failed;
    if (errno != 0)
        return error(command[0]);
    if (report(group, status) != 0)
        return -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int run(int argc, char **argv)
{
    const char *names[MAX_LIMITS], *values[MAX_LIMITS], *given = NULL;
    char group[PATH_MAX], name[64], controllers[256] = "+memory +cpu";
    int count = 0, limited = 0, swap = 0, i;
    for (i = 2; i < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        const char *option = argv[i] + 2;
        if (*option == '\0') {
            i++;
            break;
        }
        if (argv[i + 1] == NULL || count == MAX_LIMITS - 1)
            return usage();
        if (strcmp(option, "parent") == 0) {
            given = argv[i + 1];
            continue;
        }
        if (strchr(option, '.') == NULL || strchr(option, '/') != NULL)
            return usage();
        if (strcmp(option, "memory.max") == 0)
            limited = 1;
        if (strcmp(option, "memory.swap.max") == 0)
            swap = 1;
        if (strncmp(option, "pids.", 5) == 0)
            strcpy(controllers, "+memory +cpu +pids");
        names[count] = option;
        values[count++] = argv[i + 1];
    }
    if (i >= argc)
        return usage();
    if (limited && !swap) {
        names[count] = "memory.swap.max";
        values[count++] = "0";
    }

    if (prepare_signals() != 0 || find_parent(given, controllers) != 0)
        return -1;
    snprintf(name, sizeof(name), "resources-%d", getpid());
    int result = join(group, parent, name);
    if (result == 0)
        result = make_directory(group);
    if (result == 0) {
        for (int j = 0; j < count && result == 0; j++)
            result = write_file(group, names[j], values[j]);
        if (result == 0)
            result = run_in(group, argv + i);
        /* a child of the command may still be there */
        if (write_file(group, "cgroup.kill", "1") != 0 ||
            remove_group(group) != 0)
            result = -1;
    }
    if (leave_own_group(controllers) != 0)
        result = -1;
    return result;
}

/* ---- weigh ---- */

struct hog {
    char group[PATH_MAX];
    pid_t pid;
    long long before, after;
};

static int start_hog(struct hog *hog, const char *weight, int cpu)
{
    if (write_file(hog->group, "cpu.weight", weight) != 0)
        return -1;
    hog->pid = start_in(hog->group);
    if (hog->pid == 0) {
        volatile unsigned long turns = 0;
        if (limit_hog() != 0)
            _exit(EXIT_FAILURE);
        for (;;)
            turns++;
    }
    if (hog->pid < 0 || (cpu >= 0 && run_on(hog->pid, cpu) != 0))
        return -1;
    return 0;
}

/* All hogs are there, and stopped: lets them run for a time, and reads before
 * and after that. To read beside them takes long. */
static int measure(struct hog *hogs, int count, int ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000L};
    for (int i = 0; i < count; i++)
        if (value_of(hogs[i].group, "cpu.stat", "usage_usec",
                     &hogs[i].before) != 0)
            return -1;
    for (int i = 0; i < count; i++)
        kill(hogs[i].pid, SIGCONT);
    if (pselect(0, NULL, NULL, NULL, &time, &usual_mask) != 0) {
        if (ended_by)
            return 128 + ended_by;
        fprintf(stderr, "resources: a hog has ended too early\n");
        return -1;
    }
    for (int i = 0; i < count; i++)
        kill(hogs[i].pid, SIGSTOP);
    for (int i = 0; i < count; i++)
        if (value_of(hogs[i].group, "cpu.stat", "usage_usec", &hogs[i].after) !=
            0)
            return -1;
    return 0;
}

static int weigh(int argc, char **argv)
{
    static struct hog hogs[MAX_HOGS];
    static int cpus[MAX_LIST];
    const char *given = NULL;
    char name[64];
    int ms = 1000, n_cpus = 0, made = 0, result = 0, i;
    for (i = 2; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        if (strcmp(argv[i], "--parent") == 0) {
            given = argv[i + 1];
        } else if (strcmp(argv[i], "--ms") == 0) {
            if (to_number(argv[i], argv[i + 1], &ms) != 0)
                return -1;
        } else if (strcmp(argv[i], "--cpu") == 0) {
            n_cpus = parse_list(argv[i + 1], cpus);
            if (n_cpus < 0) {
                fprintf(stderr, "resources: --cpu: not a list\n");
                return -1;
            }
        } else {
            return usage();
        }
    }
    int count = argc - i;
    char **weights = argv + i;
    if (count < 1 || count > MAX_HOGS || ms < 1 || ms > 60000)
        return usage();

    if (prepare_signals() != 0 || find_parent(given, "+cpu") != 0)
        return -1;
    while (made < count && result == 0) {
        struct hog *hog = &hogs[made];
        snprintf(name, sizeof(name), "resources-%d-%d", getpid(), made);
        result = join(hog->group, parent, name);
        if (result == 0)
            result = make_directory(hog->group);
        if (result == 0) {
            result = start_hog(hog, weights[made],
                               n_cpus > 0 ? cpus[made % n_cpus] : -1);
            made++;
        }
    }
    if (result == 0)
        result = measure(hogs, count, ms);
    if (result == 0) {
        long long sum = 0;
        for (i = 0; i < count; i++)
            sum += hogs[i].after - hogs[i].before;
        for (i = 0; i < count; i++) {
            long long used = hogs[i].after - hogs[i].before;
            printf("weight %s: %.6f s, share %.3f\n", weights[i], used / 1e6,
                   sum > 0 ? (double)used / sum : 0);
        }
    }
    /* all are killed before any is waited for: the light ones must get a CPU */
    for (i = 0; i < made; i++)
        if (hogs[i].pid > 0)
            kill(hogs[i].pid, SIGKILL);
    for (i = 0; i < made; i++) {
        if (hogs[i].pid > 0)
            waitpid(hogs[i].pid, NULL, 0);
        if (remove_group(hogs[i].group) != 0)
            result = -1;
    }
    if (leave_own_group("+cpu") != 0)
        result = -1;
    return result;
}

int main(int argc, char **argv)
{
    int result;
    if (argc < 2)
        result = usage();
    else if (strcmp(argv[1], "topology") == 0)
        result = topology(argc, argv);
    else if (strcmp(argv[1], "place") == 0)
        result = place(argc, argv);
    else if (strcmp(argv[1], "hog") == 0)
        result = hog(argc, argv);
    else if (strcmp(argv[1], "run") == 0)
        result = run(argc, argv);
    else if (strcmp(argv[1], "weigh") == 0)
        result = weigh(argc, argv);
    else
        result = usage();
    if (fclose(stdout) != 0)
        result = error("stdout");
    return result < 0 ? EXIT_FAILURE : result;
}
