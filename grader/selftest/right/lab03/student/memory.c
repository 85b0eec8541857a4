/* memory - get memory, touch it, give it back: VSZ and RSS at each step
 *
 * Usage: ./memory [OPTION]... STEP...       (--help lists options and steps)
 *        ./memory [--long] --pid PID        (a line about another process)
 *
 * Try:   ./memory malloc write
 *            asking raises VSZ, writing raises RSS: who asks has nothing yet
 *        ./memory --long mmap read write
 *            reading costs a fault a page and no memory: the zero page
 *        ./memory --long malloc write fork write:50
 *            two processes share each page until one of them writes to it
 */
#define _GNU_SOURCE /* MADV_DONTNEED, MAP_ANONYMOUS, MAP_POPULATE */
#include <err.h>
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define KIB 1024L
#define MIB (1024 * KIB)

static size_t page; /* bytes in one: 4096 on most machines */

/* What the options ask for. */
static size_t size = 250 * MIB; /* bytes to get */
static int order;
enum { UP, DOWN, RANDOM }; /* its values */
static bool long_lines, csv, stopping;
static pid_t other; /* --pid */

/* The memory that a step has got, until another gives it back. */
static struct {
    char *start;
    size_t length; /* bytes */
    bool mapped;   /* by mmap(2), not by malloc(3) */
} memory;

/* The step at hand: "write:50" has the name "write" and the value 50. */
static struct {
    const char *name;
    double value;
} step;

static pid_t parent;  /* in a child: the process that waits for it */
static bool skipping; /* in a parent: its child has done the steps up to exit */

/* ---- what the kernel says of a process ----------------------------------- */

struct usage {
    long vsz, rss, pss, uss; /* KiB */
    long minor_faults;
};

/* Opens /proc/PID/NAME for reading: proc(5). */
static FILE *open_proc(pid_t pid, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    FILE *file = fopen(path, "r");
    if (!file)
        err(1, "%s", path);
    return file;
}

/* Sets vsz and rss: the first two numbers of statm, which counts pages. */
static void read_sizes(pid_t pid, struct usage *usage)
{
    FILE *file = open_proc(pid, "statm");
    if (fscanf(file, "%ld %ld", &usage->vsz, &usage->rss) != 2)
        err(1, "/proc/%d/statm", pid);
    fclose(file);
    usage->vsz *= page / KIB;
    usage->rss *= page / KIB;
}

/* Sets minor_faults: minflt of stat. */
static void read_faults(pid_t pid, struct usage *usage)
{
    char text[1024];
    FILE *file = open_proc(pid, "stat");
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    const char *end = strrchr(text, ')');
    if (!end || sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %*u %ld",
                       &usage->minor_faults) != 1)
        errx(1, "/proc/%d/stat: no minflt", pid);
}

/* Sets pss, and uss, the sum of all that is private: smaps_rollup. */
static void read_shares(pid_t pid, struct usage *usage)
{
    char line[256];
    long n;
    FILE *file = open_proc(pid, "smaps_rollup");
    while (fgets(line, sizeof line, file)) {
        if (sscanf(line, "Pss: %ld", &n) == 1)
            usage->pss = n;
        else if (sscanf(line, "Private_%*[a-zA-Z]: %ld", &n) == 1)
            usage->uss += n;
    }
    fclose(file);
}

/* Returns the memory of this machine, in KiB. */
static long total_memory(void)
{
    long total = 0;
    FILE *meminfo = fopen("/proc/meminfo", "r");
    if (!meminfo || fscanf(meminfo, "MemTotal: %ld kB", &total) != 1)
        err(1, "/proc/meminfo");
    fclose(meminfo);
    return total;
}

static void print_heading(void)
{
    if (csv)
        printf("step,pid,rss_kib,vsz_kib,pss_kib,uss_kib,minor_faults\n");
    else
        printf("    PID USER     %%MEM    RSS    VSZ%s COMMAND    STEP\n",
               long_lines ? "    PSS    USS  MINFL" : "");
}

/* Prints what the kernel says of a process now, as does
 * `ps -o pid,user,%mem,rss,vsz,comm` (with pss,uss,min_flt when --long). */
static void print_line(pid_t pid, const char *event)
{
    char name[32] = "", path[32], number[16];
    FILE *comm = open_proc(pid, "comm");
    if (fscanf(comm, "%31[^\n]", name) != 1)
        err(1, "/proc/%d/comm", pid);
    fclose(comm);
    struct stat owner = {0};
    snprintf(path, sizeof path, "/proc/%d", pid);
    stat(path, &owner);
    snprintf(number, sizeof number, "%u", owner.st_uid);
    const struct passwd *user = getpwuid(owner.st_uid);

    struct usage now = {0};
    read_sizes(pid, &now);
    if (long_lines || csv) {
        read_faults(pid, &now);
        read_shares(pid, &now);
    }
    if (csv) {
        printf("%s,%d,%ld,%ld,%ld,%ld,%ld\n", event, pid, now.rss, now.vsz,
               now.pss, now.uss, now.minor_faults);
        return;
    }
    printf("%7d %-8s %4.1f %6ld %6ld ", pid, user ? user->pw_name : number,
           100.0 * (double)now.rss / (double)total_memory(), now.rss, now.vsz);
    if (long_lines)
        printf("%6ld %6ld %6ld ", now.pss, now.uss, now.minor_faults);
    printf("%-10s %s\n", name, event);
}

/* ---- the steps ----------------------------------------------------------- */

/* Gets `size` bytes by malloc(3) or calloc(3). */
static void get_heap(void)
{
    memory.start = strcmp(step.name, "malloc") == 0 ? malloc(size)
                                                    : calloc(size, 1);
    if (!memory.start)
        err(1, "%s", step.name);
}

/* Gets `size` bytes by mmap(2), to read and write: private ("mmap"), private
 * and all pages there at once ("populate"), or shared with children. */
static void get_anonymous(void)
{
    int flags = MAP_ANONYMOUS;
    flags |= strcmp(step.name, "shared") == 0 ? MAP_SHARED : MAP_PRIVATE;
    if (strcmp(step.name, "populate") == 0)
        flags |= MAP_POPULATE;
    memory.start = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (memory.start == MAP_FAILED)
        err(1, "mmap");
    memory.mapped = true;
}

/* Writes a file of `size` bytes, and maps it, private, to read and write. It
 * has no name and vanishes when nobody has it open or mapped: tmpfile(3). */
static void get_file(void)
{
    char block[4096];
    memset(block, 'x', sizeof block);
    FILE *file = tmpfile();
    if (!file)
        err(1, "tmpfile");
    for (size_t done = 0; done < size; done += sizeof block)
        if (fwrite(block, sizeof block, 1, file) != 1)
            err(1, "tmpfile: no room for %zu MiB", size / MIB);
    if (fflush(file) != 0)
        err(1, "tmpfile");
    memory.start = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE,
                        fileno(file), 0);
    if (memory.start == MAP_FAILED)
        err(1, "mmap");
    fclose(file);
    memory.mapped = true;
}

/* Reads or writes one byte in each of `percent` of the pages: the first ones
 * and upwards, the last ones and downwards, or any, in random order. */
static void touch(void)
{
    size_t all = memory.length / page;
    size_t pages = (size_t)((double)all * step.value / 100);
    size_t *shuffled = NULL;
    if (order == RANDOM) {
        shuffled = malloc(all * sizeof *shuffled);
        if (!shuffled)
            err(1, "malloc");
        for (size_t i = 0; i < all; i++)
            shuffled[i] = i;
        for (size_t i = all - 1; i > 0; i--) {
            size_t j = (size_t)random() % (i + 1), t = shuffled[i];
            shuffled[i] = shuffled[j];
            shuffled[j] = t;
        }
    }
    for (size_t i = 0; i < pages; i++) {
        size_t p = order == UP ? i : order == DOWN ? all - 1 - i : shuffled[i];
        volatile char *byte = memory.start + p * page;
        if (strcmp(step.name, "read") == 0)
            (void)*byte;
        else
            *byte = 'x';
    }
    free(shuffled);
}

/* Gives back the contents of the first `percent` of the whole pages and keeps
 * the addresses: MADV_DONTNEED in madvise(2). */
static void dont_need(void)
{
    char *start = memory.start;
    size_t odd = (size_t)start % page;
    size_t length = memory.length;
    if (odd > 0) {
        start += page - odd;
        length -= page - odd;
    }
    size_t pages = (size_t)((double)(length / page) * step.value / 100);
    if (madvise(start, pages * page, MADV_DONTNEED) != 0)
        err(1, "madvise");
}

/* Gives back all that malloc or calloc gave: free(3). */
static void give_back_heap(void)
{
    if (memory.mapped)
        errx(2, "free: mmap gave it, munmap gives it back");
    free(memory.start);
    memory.start = NULL;
}

/* Gives back the first `percent` of the pages, addresses and all: munmap(2).
 * The memory is what is left. */
static void give_back_mapped(void)
{
    if (!memory.mapped)
        errx(2, "munmap: malloc gave it, free gives it back");
    size_t pages = (size_t)((double)(memory.length / page) * step.value / 100);
    if (munmap(memory.start, pages * page) != 0)
        err(1, "munmap");
    memory.start += pages * page;
    memory.length -= pages * page;
    if (step.value >= 100)
        memory.start = NULL;
}

/* Makes a child, which goes on with the next step: fork(2). The parent waits
 * for its end, then skips to the step after it. The child ends with the parent
 * if that is killed: PR_SET_PDEATHSIG in prctl(2). */
static void fork_and_wait(void)
{
    if (parent)
        errx(2, "fork: this is the child already");
    pid_t me = getpid();
    pid_t child = fork();
    if (child < 0)
        err(1, "fork");
    if (child == 0) {
        parent = me;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != me)
            exit(1);
        return;
    }
    int status;
    if (waitpid(child, &status, 0) < 0)
        err(1, "waitpid");
    skipping = true;
    if (!WIFEXITED(status))
        errx(1, "fork: the child was killed: %s", strsignal(WTERMSIG(status)));
    if (WEXITSTATUS(status) != 0)
        exit(WEXITSTATUS(status));
}

static void end_child(void)
{
    if (!skipping)
        exit(0);
    skipping = false;
}

static void keep(void)
{
    usleep((useconds_t)(step.value * 1e6));
}

enum { NOTHING, NO_MEMORY, MEMORY };

static const struct {
    const char *name;
    void (*act)(void);
    int needs;
    const char *value; /* that may follow a colon */
    double usual;      /* when it does not */
    const char *help;
} acts[] = {
    {"malloc", get_heap, NO_MEMORY, "", 0, "get memory by malloc"},
    {"calloc", get_heap, NO_MEMORY, "", 0, "... by calloc"},
    {"mmap", get_anonymous, NO_MEMORY, "", 0, "... by mmap, private, no file"},
    {"populate", get_anonymous, NO_MEMORY, "", 0, "... all its pages at once"},
    {"shared", get_anonymous, NO_MEMORY, "", 0, "... shared with children"},
    {"file", get_file, NO_MEMORY, "", 0, "... private, the pages of a file"},
    {"read", touch, MEMORY, "PERCENT", 100, "read a byte in each page"},
    {"write", touch, MEMORY, "PERCENT", 100, "write a byte in each page"},
    {"dontneed", dont_need, MEMORY, "PERCENT", 100, "empty the first pages"},
    {"free", give_back_heap, MEMORY, "", 0, "give back, after malloc, calloc"},
    {"munmap", give_back_mapped, MEMORY, "PERCENT", 100,
     "... after the others"},
    {"fork", fork_and_wait, NOTHING, "", 0, "a child does what follows"},
    {"exit", end_child, NOTHING, "", 0, "the child ends, its parent goes on"},
    {"sleep", keep, NOTHING, "SECONDS", 60, "keep everything as it is"},
};
enum { ACTS = sizeof acts / sizeof acts[0] };

/* ---- the command line ---------------------------------------------------- */

/* Returns the number in `text`, from 0 to `max`; anything else is an error. */
static double parse_number(const char *what, const char *text, double max)
{
    char *end;
    double number = strtod(text, &end);
    if (*text == '\0' || *end != '\0' || !(number <= max) ||
        text[strspn(text, "0123456789.")] != '\0')
        errx(2, "%s: '%s' is not a number from 0 to %.0f", what, text, max);
    return number;
}

static int parse_order(const char *text)
{
    static const char *orders[] = {"up", "down", "random"};
    for (int o = UP; o <= RANDOM; o++)
        if (strcmp(orders[o], text) == 0)
            return o;
    errx(2, "--order: up, down or random, not '%s'", text);
}

/* Sets `step` to what `text` says; returns which of `acts` it is. */
static int parse_step(const char *text)
{
    size_t length = strcspn(text, ":");
    for (int a = 0; a < ACTS; a++) {
        step.name = acts[a].name;
        step.value = acts[a].usual;
        if (strlen(step.name) != length ||
            strncmp(step.name, text, length) != 0)
            continue;
        if (text[length] == '\0')
            return a;
        if (*acts[a].value == '\0')
            break;
        step.value = parse_number(step.name, text + length + 1,
                                  acts[a].act == keep ? 3600 : 100);
        return a;
    }
    errx(2, "'%s' is not a step: see --help", text);
}

static void help(const char *program)
{
    printf("Usage: %s [OPTION]... STEP...\n"
           "  --mib N        get N MiB (250)\n"
           "  --order ORDER  touch pages up, down or random (up)\n"
           "  --long         print PSS, USS and minor faults too\n"
           "  --csv          print values between commas\n"
           "  --stop         stop after each step, until SIGCONT (fg)\n"
           "  --pid PID      no steps: print the line of that process\n"
           "Steps, done in turn (PERCENT of the pages, or all):\n",
           program);
    for (int a = 0; a < ACTS; a++)
        printf("  %-8s%c%-8s%s\n", acts[a].name, *acts[a].value ? ':' : ' ',
               acts[a].value, acts[a].help);
    exit(0);
}

static void parse(int argc, char **argv)
{
    static const struct option options[] = {
        {"mib", 1, NULL, 'm'},  {"order", 1, NULL, 'o'}, {"long", 0, NULL, 'l'},
        {"csv", 0, NULL, 'c'},  {"stop", 0, NULL, 's'},  {"pid", 1, NULL, 'p'},
        {"help", 0, NULL, 'h'}, {NULL, 0, NULL, 0}};

    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 'm')
            size = (size_t)(parse_number("--mib", optarg, 1e12) * MIB);
        else if (o == 'p')
            other = (pid_t)parse_number("--pid", optarg, 1 << 22);
        else if (o == 'l')
            long_lines = true;
        else if (o == 'c')
            csv = true;
        else if (o == 's')
            stopping = true;
        else if (o == 'h')
            help(argv[0]);
        else if (o == 'o')
            order = parse_order(optarg);
        else
            exit(2);
    }
    size = size / page * page;
    if (size == 0)
        errx(2, "--mib: a page at least is wanted");
    if ((optind == argc) == (other == 0))
        errx(2, "steps are wanted, or --pid PID: see --help");
    for (int i = optind; i < argc; i++)
        parse_step(argv[i]); /* all of them before the first is done */
}

/* -------------------------------------------------------------------------- */

/* Prints the line of this process, and that of the parent that waits for it;
 * stops both if that is wanted. */
static void report(const char *event)
{
    print_line(getpid(), event);
    if (parent)
        print_line(parent, event);
    if (stopping) {
        if (parent)
            kill(parent, SIGSTOP);
        raise(SIGSTOP);
    }
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    page = (size_t)sysconf(_SC_PAGESIZE);
    parse(argc, argv);
    print_heading();
    if (other) {
        print_line(other, "-");
        return 0;
    }

    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); /* one fault, one page */
    report("start");
    for (int i = optind; i < argc; i++) {
        int a = parse_step(argv[i]);
        if (skipping && acts[a].act != end_child)
            continue;
        if (acts[a].needs == MEMORY && !memory.start)
            errx(2, "%s: get memory first", argv[i]);
        if (acts[a].needs == NO_MEMORY) {
            if (memory.start)
                errx(2, "%s: give back first what you have", argv[i]);
            memory.length = size;
            memory.mapped = false;
        }
        acts[a].act();
        if (!skipping)
            report(argv[i]);
    }
    if (skipping)
        report("exit");
    return 0;
}
