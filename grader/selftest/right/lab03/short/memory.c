/* memory - VSZ and RSS, step by step: the short one */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Steps, numbered as they are named; from READ on a value may follow. */
enum { MALLOC, CALLOC, MMAP, POPULATE, SHARED, FILE_, FORK, EXIT, FREE, READ };
enum { WRITE = READ + 1, DONTNEED, MUNMAP, SLEEP };
static const char *const names =
    "malloc   calloc   mmap     populate shared   file     fork     exit     "
    "free     read     write    dontneed munmap   sleep    ";
static int wide, csv, stop, order = 'u', mapped;
static size_t page, size = 250 << 20, pages;
static char *start;
static pid_t parent;
static double value;

static void must(int fine, const char *call)
{
    if (!fine)
        err(1, "%s", call);
}

static char *slurp(pid_t pid, const char *file)
{
    static char text[8192], path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
    int fd = open(path, O_RDONLY);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    must(length >= 0, path);
    close(fd);
    text[length] = '\0';
    return text;
}

static long sum(const char *text, const char *key)
{
    long total = 0;
    for (; (text = strstr(text, key)); text++)
        total += atol(strchr(text, ':') + 1);
    return total;
}

static void print_line(pid_t pid, const char *event)
{
    char name[32] = "?", id[16];
    long pss = 0, uss = 0, minor = 0;
    unsigned uid = 0;
    const char *status = slurp(pid, "status");
    sscanf(status, "Name:%*1[\t]%31[^\n]", name);
    sscanf(strstr(status, "\nUid:"), " Uid: %*u %u", &uid);
    sprintf(id, "%u", uid);
    struct passwd *user = getpwuid(uid);
    if (wide || csv) {
        pss = sum(slurp(pid, "smaps_rollup"), "\nPss:");
        uss = sum(slurp(pid, "smaps_rollup"), "\nPrivate_");
        sscanf(strrchr(slurp(pid, "stat"), ')'),
               ") %*c %*d %*d %*d %*d %*d %*u %ld", &minor);
    }
    status = slurp(pid, "status"); /* again: getpwuid has touched pages */
    long rss = sum(status, "\nVmRSS:"), vsz = sum(status, "\nVmSize:");
    double total = (double)(sysconf(_SC_PHYS_PAGES) * (long)(page / 1024));
    if (csv)
        printf("%s,%d,%ld,%ld,%ld,%ld,", event, pid, rss, vsz, pss, uss);
    else
        printf("%7d %-8s %4.1f %6ld %6ld ", pid, user ? user->pw_name : id,
               (double)rss * 100 / total, rss, vsz);
    if (wide && !csv)
        printf("%6ld %6ld %6ld ", pss, uss, minor);
    csv ? printf("%ld\n", minor) : printf("%-10s %s\n", name, event);
}

static void report(const char *event)
{
    print_line(getpid(), event);
    if (parent)
        print_line(parent, event);
    if (stop && (!parent || kill(parent, SIGSTOP) == 0))
        raise(SIGSTOP);
}

static double number(const char *text, double max)
{
    char *end;
    double n = strtod(text, &end);
    if (end == text || *end || text[strspn(text, "0123456789.")] || n > max)
        errx(2, "'%s' is not a number from 0 to %.0f", text, max);
    return n;
}

static int parse_step(const char *text)
{
    char name[10];
    size_t length = strcspn(text, ":");
    snprintf(name, sizeof name, "%-9.*s", (int)length, text);
    const char *found = strstr(names, name);
    int s = found && length < 9 ? (int)(found - names) / 9 : -1;
    if (s < 0 || strchr(" :", *text) || (text[length] && s < READ))
        errx(2, "'%s' is not a step: see --help", text);
    value = s == SLEEP ? 60 : 100;
    if (text[length])
        value = number(text + length + 1, s == SLEEP ? 3600 : 100);
    return s;
}

static void get(int s)
{
    int fd = -1, flags = s == SHARED ? MAP_SHARED : MAP_PRIVATE;
    if (s != FILE_)
        flags |= MAP_ANONYMOUS | (s == POPULATE ? MAP_POPULATE : 0);
    else if ((fd = open("/tmp", O_TMPFILE | O_RDWR, 0600)) < 0 ||
             posix_fallocate(fd, 0, (off_t)size) != 0)
        errx(1, "/tmp: no room for a file");
    if ((mapped = s > CALLOC))
        start = mmap(0, size, PROT_READ | PROT_WRITE, flags, fd, 0);
    else
        start = s == MALLOC ? malloc(size) : calloc(size, 1);
    must(start && start != MAP_FAILED, mapped ? "mmap"
                                       : s    ? "calloc"
                                              : "malloc");
    pages = size / page;
    if (fd >= 0)
        close(fd);
}

static void touch(int s)
{
    size_t mask = 1, count = (size_t)((double)pages * value / 100), n;
    while (mask < pages)
        mask *= 2;
    for (size_t i = 0, x = (size_t)getpid(); i < count; i++) {
        do /* this generator gives each number below mask once */
            x = (x * 1664525 + 1013904223) & (mask - 1);
        while (x >= pages);
        n = order == 'u' ? i : order == 'd' ? pages - 1 - i : x;
        volatile char *byte = start + n * page;
        *(s == WRITE ? byte : &(volatile char){0}) = s == WRITE ? 'w' : *byte;
    }
}

static void give_back(int s)
{
    size_t skip = -(size_t)start % page, whole = pages - (skip > 0);
    size_t part = (size_t)((double)whole * value / 100);
    if (s != DONTNEED && (s == MUNMAP) != mapped)
        errx(2, "that memory was got in another way");
    if (s == DONTNEED)
        must(madvise(start + skip, part * page, MADV_DONTNEED) == 0, "madvise");
    if (s == MUNMAP)
        must(munmap(start, part * page) == 0, "munmap");
    if (s == FREE)
        free(start);
    pages -= s == MUNMAP ? part : 0;
    start = s == FREE || !pages ? NULL : start + (s == MUNMAP) * part * page;
}

static void split(void)
{
    int status = 0;
    if (parent)
        errx(2, "fork: this is the child already");
    pid_t self = getpid(), child = fork();
    must(child >= 0, "fork");
    if (child == 0) {
        parent = self;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        must(getppid() == parent, "parent");
    } else if (waitpid(child, &status, 0) < 0 || status != 0) {
        errx(1, "the child has not ended well: status %d", status);
    }
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"long", 0, &wide, 1}, {"csv", 0, &csv, 1},
        {"stop", 0, &stop, 1}, {"help", 0, 0, 'h'},
        {"mib", 1, 0, 'm'},    {"pid", 1, 0, 'p'},
        {"order", 1, 0, 'o'},  {0}};
    pid_t other = 0;
    setlinebuf(stdout);
    page = (size_t)sysconf(_SC_PAGESIZE);
    for (int o; (o = getopt_long(argc, argv, "", options, 0)) != -1;)
        if (o == 'm')
            size = (size_t)(number(optarg, 1e12) * 1048576) / page * page;
        else if (o == 'p')
            other = (pid_t)number(optarg, 1 << 22);
        else if (o == 'o')
            order = *optarg;
        else if (o == 'h')
            exit(printf("[--mib N] [--order up|down|random] [--long] [--csv] "
                        "[--stop] STEP..., or: [--long] --pid PID\nSTEP may "
                        "be, from read on with :VALUE:\n%s\n",
                        names) < 0);
        else if (o)
            exit(2);
    if (!strchr("udr", order) || !size || (optind == argc) == !other)
        errx(2, "an order, memory, and steps or --pid: see --help");
    for (int i = optind; i < argc; i++)
        parse_step(argv[i]);
    printf(csv ? "step,pid,rss_kib,vsz_kib,pss_kib,uss_kib,minor_faults\n"
               : "    PID USER     %%MEM    RSS    VSZ%s COMMAND    STEP\n",
           wide ? "    PSS    USS  MINFL" : "");
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    other ? print_line(other, "-") : report("start");
    for (int i = optind; i < argc; i++) {
        int s = parse_step(argv[i]);
        if (s <= FILE_ ? !!start : s >= FREE && s != SLEEP && !start)
            errx(2, "%s: give back, or get, memory first", argv[i]);
        if (s <= FILE_)
            get(s);
        else if (s == READ || s == WRITE)
            touch(s);
        else if (s == FORK)
            split();
        else if (s == EXIT)
            return 0;
        else if (s == SLEEP)
            usleep((useconds_t)(value * 1e6));
        else
            give_back(s);
        if (s == FORK && !parent)
            while (++i < argc && parse_step(argv[i]) != EXIT)
                ;
        report(i < argc ? argv[i] : "exit");
    }
    return 0;
}
