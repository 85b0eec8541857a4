/* memory - VSZ and RSS, step by step, as ps(1) tells them
 *
 * The steps become a program of operations. malloc's memory is of the heap
 * (brk). After fork, each process prints its own line: the child sends the
 * number of the operation through a pipe, and the parent answers.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct operation {
    int (*run)(const struct operation *); /* gives the next one's number */
    const char *text;
    double value;
    int number;
};

static struct {
    double mib;
    const char *order;
    bool wide, csv, stop;
    long pid;
} wanted = {.mib = 250, .order = "up"};

static struct operation *program;
static int operations;

static struct {
    unsigned char *at;
    size_t pages;
    enum { NONE, HEAP, MAPPING } kind;
} mem;

static long page;
static int to_parent[2] = {-1, -1}, to_child[2] = {-1, -1};
static pid_t parent; /* in a child */

static _Noreturn void quit(int status, int error, const char *format, ...)
{
    va_list list;
    fprintf(stderr, "%s: ", program_invocation_short_name);
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    if (error)
        fprintf(stderr, ": %s", strerror(error));
    fputc('\n', stderr);
    exit(status);
}

/* ---- lines --------------------------------------------------------------- */

/* VSZ and RSS alone. */
static void without_ps(pid_t pid, const char *event)
{
    long vsz = 0, rss = 0;
    char path[32];
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    FILE *statm = fopen(path, "re");
    if (!statm || fscanf(statm, "%ld %ld", &vsz, &rss) != 2)
        quit(1, errno, "%s", path);
    fclose(statm);
    rss *= page / 1024;
    vsz *= page / 1024;
    if (wanted.csv)
        printf("%s,%d,%ld,%ld,0,0,0\n", event, (int)pid, rss, vsz);
    else
        printf("%7d %-8s %4s %6ld %6ld %s%-10s %s\n", (int)pid, "?", "?", rss,
               vsz, wanted.wide ? "     ?      ?      ? " : "",
               program_invocation_short_name, event);
    fflush(stdout);
}

static void line(pid_t pid, const char *event)
{
    char command[128], text[256] = "", user[33], mem_percent[16];
    long rss, vsz, pss = 0, uss = 0, faults = 0;
    bool more = wanted.wide || wanted.csv;
    int n = 0;

    snprintf(command, sizeof command, "/proc/%d/stat", (int)pid);
    if (access(command, R_OK) != 0)
        quit(1, errno, "%s", command);
    snprintf(command, sizeof command,
             "exec ps -ww -o user:32=,%%mem=,rss=,vsz=,%scomm= -p %d",
             more ? "pss=,uss=,min_flt=," : "", (int)pid);
    FILE *ps = popen(command, "re");
    if (!ps) { /* no process to be had: no ps, which is not our error */
        without_ps(pid, event);
        return;
    }
    if (!fgets(text, sizeof text, ps))
        text[0] = '\0';
    int status = pclose(ps);
    malloc_trim(0);
    if (sscanf(text, "%32s %15s %ld %ld%n", user, mem_percent, &rss, &vsz,
               &n) != 4)
        quit(1, 0, "/proc/%d/stat: ps found nothing (status %d)", (int)pid,
             status);
    int k = 0;
    if (more && sscanf(text + n, "%ld %ld %ld%n", &pss, &uss, &faults, &k) != 3)
        quit(1, 0, "/proc/%d/smaps_rollup: ps cannot tell", (int)pid);
    char *name = text + n + k;
    name += *name == ' ';
    name[strcspn(name, "\n")] = '\0';

    if (wanted.csv) {
        printf("%s,%d,%ld,%ld,%ld,%ld,%ld\n", event, (int)pid, rss, vsz, pss,
               uss, faults);
    } else {
        printf("%7d %-8s %4s %6ld %6ld ", (int)pid, user, mem_percent, rss,
               vsz);
        if (wanted.wide)
            printf("%6ld %6ld %6ld ", pss, uss, faults);
        printf("%-10s %s\n", name, event);
    }
    fflush(stdout);
}

/* A line of this process; of its parent too, which prints it. */
static void lines(int number, const char *event)
{
    line(getpid(), event);
    if (parent) {
        char done;
        if (write(to_parent[1], &number, sizeof number) != sizeof number ||
            read(to_child[0], &done, 1) != 1)
            quit(1, errno, "pipe");
    }
    if (wanted.stop) {
        if (parent)
            kill(parent, SIGSTOP);
        raise(SIGSTOP);
    }
}

/* ---- operations ---------------------------------------------------------- */

static void must_have(const struct operation *o, bool some)
{
    if (some && mem.kind == NONE)
        quit(2, 0, "%s: get memory first", o->text);
    if (!some && mem.kind != NONE)
        quit(2, 0, "%s: give back first what you have", o->text);
}

static size_t part(double percent, size_t pages)
{
    return (size_t)(percent * (double)pages / 100);
}

static int got(const struct operation *o, void *at, int kind)
{
    if (!at || at == MAP_FAILED)
        quit(1, errno, "%s", kind == MAPPING ? "mmap" : o->text);
    mem.at = at;
    mem.kind = kind;
    mem.pages = (size_t)(wanted.mib * 1048576) / (size_t)page;
    return o->number + 1;
}

static size_t bytes(void)
{
    return (size_t)(wanted.mib * 1048576) / (size_t)page * (size_t)page;
}

static int run_malloc(const struct operation *o)
{
    must_have(o, false);
    return got(o, malloc(bytes()), HEAP);
}

static int run_calloc(const struct operation *o)
{
    must_have(o, false);
    return got(o, calloc(1, bytes()), HEAP);
}

static void *map(int flags, int fd)
{
    return mmap(NULL, bytes(), PROT_READ | PROT_WRITE, flags, fd, 0);
}

static int run_mmap(const struct operation *o)
{
    must_have(o, false);
    return got(o, map(MAP_PRIVATE | MAP_ANONYMOUS, -1), MAPPING);
}

static int run_populate(const struct operation *o)
{
    must_have(o, false);
    int next = got(o, map(MAP_PRIVATE | MAP_ANONYMOUS, -1), MAPPING);
    if (madvise(mem.at, bytes(), MADV_POPULATE_WRITE) != 0)
        quit(1, errno, "madvise");
    return next;
}

static int run_shared(const struct operation *o)
{
    must_have(o, false);
    return got(o, map(MAP_SHARED | MAP_ANONYMOUS, -1), MAPPING);
}

static int run_file(const struct operation *o)
{
    must_have(o, false);
    FILE *file = tmpfile();
    if (!file)
        quit(1, errno, "tmpfile");
    for (size_t i = 0; i < bytes(); i++)
        putc_unlocked('a' + (int)(i % 26), file);
    if (fflush(file) || ferror(file))
        quit(1, errno, "tmpfile");
    int next = got(o, map(MAP_PRIVATE, fileno(file)), MAPPING);
    fclose(file);
    return next;
}

/* Which page comes at step i: for random order, one step through a mixer that
 * gives each number below a power of two once, until it is a page's. */
static size_t nth(size_t i)
{
    static uint32_t key;
    uint32_t mask = 1, x = (uint32_t)i;
    if (wanted.order[0] == 'u')
        return i;
    if (wanted.order[0] == 'd')
        return mem.pages - 1 - i;
    while (mask < mem.pages - 1)
        mask = mask << 1 | 1;
    while (key == 0)
        key = (uint32_t)rand();
    do {
        for (int round = 0; round < 3; round++) {
            x = ((x ^ key) * 2654435761u) & mask;
            x ^= x >> 5;
        }
    } while (x >= mem.pages);
    return x;
}

static int run_read(const struct operation *o)
{
    size_t count, sum = 0;
    must_have(o, true);
    count = part(o->value, mem.pages);
    for (size_t i = 0; i < count; i++)
        sum += *(volatile unsigned char *)(mem.at + nth(i) * (size_t)page);
    (void)sum;
    return o->number + 1;
}

/* The last eight bytes of each page's worth of memory. */
static int run_write(const struct operation *o)
{
    must_have(o, true);
    size_t count = part(o->value, mem.pages);
    for (size_t i = 0; i < count; i++)
        *(volatile uint64_t *)(mem.at + (nth(i) + 1) * (size_t)page - 8) = i;
    return o->number + 1;
}

static int run_dontneed(const struct operation *o)
{
    must_have(o, true);
    size_t before = -(uintptr_t)mem.at % (size_t)page;
    size_t whole = before ? mem.pages - 1 : mem.pages;
    if (madvise(mem.at + before, part(o->value, whole) * (size_t)page,
                MADV_DONTNEED) < 0)
        quit(1, errno, "madvise");
    return o->number + 1;
}

static int run_free(const struct operation *o)
{
    must_have(o, true);
    if (mem.kind != HEAP)
        quit(2, 0, "free: mmap gave it, munmap gives it back");
    free(mem.at);
    malloc_trim(0);
    mem.kind = NONE;
    return o->number + 1;
}

static int run_munmap(const struct operation *o)
{
    must_have(o, true);
    if (mem.kind != MAPPING)
        quit(2, 0, "munmap: malloc gave it, free gives it back");
    size_t n = part(o->value, mem.pages);
    if (munmap(mem.at, n * (size_t)page) < 0)
        quit(1, errno, "munmap");
    mem.at += n * (size_t)page;
    mem.pages -= n;
    if (mem.pages == 0)
        mem.kind = NONE;
    return o->number + 1;
}

static int run_exit(const struct operation *o)
{
    exit(0);
}

/* Prints a line whenever the child wants one; returns when it has ended. */
static void serve(pid_t child)
{
    int number, status;
    while (read(to_parent[0], &number, sizeof number) == sizeof number) {
        line(getpid(), program[number].text);
        if (write(to_child[1], "", 1) != 1)
            break;
    }
    close(to_parent[0]);
    close(to_child[1]);
    if (waitpid(child, &status, 0) != child)
        quit(1, errno, "waitpid");
    if (WIFSIGNALED(status))
        quit(1, 0, "child %d: killed by signal %d", (int)child,
             WTERMSIG(status));
    if (status)
        exit(WEXITSTATUS(status));
}

static int run_fork(const struct operation *o)
{
    if (parent)
        quit(2, 0, "fork: this is the child already");
    if (pipe2(to_parent, O_CLOEXEC) || pipe2(to_child, O_CLOEXEC))
        quit(1, errno, "pipe");
    signal(SIGPIPE, SIG_IGN);
    pid_t self = getpid(), child = fork();
    if (child < 0)
        quit(1, errno, "fork");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != self || kill(self, 0) != 0)
            exit(1);
        parent = self;
        close(to_parent[0]);
        close(to_child[1]);
        return o->number + 1;
    }
    close(to_parent[1]);
    close(to_child[0]);
    serve(child);
    int next = o->number + 1;
    while (next < operations && program[next].run != run_exit)
        next++;
    lines(next, "exit");
    return next + 1;
}

static int run_sleep(const struct operation *o)
{
    for (double left = o->value; left > 0; left -= 1)
        usleep(left < 1 ? (useconds_t)(left * 1e6) : 999999);
    return o->number + 1;
}

/* ---- the command line ---------------------------------------------------- */

static const struct word {
    const char *name;
    int (*run)(const struct operation *);
    double usual, most; /* of what follows a colon, which may not when 0 */
    const char *help;
} words[] = {
    {"malloc", run_malloc, 0, 0, "malloc          get memory by malloc"},
    {"calloc", run_calloc, 0, 0, "calloc          ... by calloc"},
    {"mmap", run_mmap, 0, 0, "mmap            ... by mmap, private, no file"},
    {"populate", run_populate, 0, 0, "populate        ... all pages at once"},
    {"shared", run_shared, 0, 0, "shared          ... shared with children"},
    {"file", run_file, 0, 0, "file            ... private, pages of a file"},
    {"read", run_read, 100, 100, "read    :PERCENT read in each page"},
    {"write", run_write, 100, 100, "write   :PERCENT write in each page"},
    {"dontneed", run_dontneed, 100, 100, "dontneed:PERCENT empty the first"},
    {"free", run_free, 0, 0, "free            give back, after malloc, calloc"},
    {"munmap", run_munmap, 100, 100, "munmap  :PERCENT ... after the others"},
    {"fork", run_fork, 0, 0, "fork            a child does what follows"},
    {"exit", run_exit, 0, 0, "exit            the child ends, parent goes on"},
    {"sleep", run_sleep, 60, 3600, "sleep   :SECONDS keep all as it is"},
};
enum { WORDS = sizeof words / sizeof *words };

/* Digits, of which a point may be one; nothing else. */
static double number(const char *what, const char *text, double most)
{
    double value = 0, weight = 0;
    int digits = 0;
    const char *p;
    for (p = text; *p; p++) {
        if (*p == '.' && weight == 0) {
            weight = 1;
        } else if (*p >= '0' && *p <= '9') {
            value = value * 10 + (*p - '0');
            weight *= 10;
            digits++;
        } else {
            break;
        }
    }
    value /= weight > 0 ? weight : 1;
    if (*p || !digits || value > most)
        quit(2, 0, "%s: '%s' is not a number from 0 to %.0f", what, text, most);
    return value;
}

static struct operation compile(const char *text, int at)
{
    size_t length = strcspn(text, ":");
    for (const struct word *w = words; w < words + WORDS; w++)
        if (strlen(w->name) == length && !strncmp(w->name, text, length) &&
            (!text[length] || w->most > 0))
            return (struct operation){
                w->run, text,
                text[length] ? number(w->name, text + length + 1, w->most)
                             : w->usual,
                at};
    quit(2, 0, "'%s' is not a step: see --help", text);
}

static void help(const char *name)
{
    printf("Usage: %s [OPTION]... STEP...\n"
           "  --mib N        get N MiB (250)\n"
           "  --order ORDER  touch pages up, down or random (up)\n"
           "  --long         print PSS, USS and minor faults too\n"
           "  --csv          print values between commas\n"
           "  --stop         stop after each step, until SIGCONT (fg)\n"
           "  --pid PID      no steps: print the line of that process\n"
           "Steps, done in turn (PERCENT of the pages, or all):\n",
           name);
    for (int i = 0; i < WORDS; i++)
        printf("  %s\n", words[i].help);
    exit(0);
}

/* Takes an option off the command line; false when the steps begin. */
static bool option(char ***argument)
{
    static const char *const with_value[] = {"--mib", "--order", "--pid"};
    char *text = **argument, *value = NULL;
    if (!text || text[0] != '-')
        return false;
    ++*argument;
    if (!strcmp(text, "--"))
        return false;
    if (!strcmp(text, "--long"))
        return wanted.wide = true;
    if (!strcmp(text, "--csv"))
        return wanted.csv = true;
    if (!strcmp(text, "--stop"))
        return wanted.stop = true;
    if (!strcmp(text, "--help"))
        help(program_invocation_name);
    for (int i = 0; i < 3; i++) {
        size_t n = strlen(with_value[i]);
        if (strncmp(text, with_value[i], n) || (text[n] && text[n] != '='))
            continue;
        value = text[n] ? text + n + 1 : *(*argument)++;
        if (!value)
            quit(2, 0, "%s: a value is wanted", text);
        if (i == 0)
            wanted.mib = number("--mib", value, 1e12);
        else if (i == 2)
            wanted.pid = (long)number("--pid", value, 1 << 22);
        else if (!strcmp(value, "up") || !strcmp(value, "down") ||
                 !strcmp(value, "random"))
            wanted.order = value;
        else
            quit(2, 0, "--order: up, down or random, not '%s'", value);
        return true;
    }
    quit(2, 0, "%s: no such option: see --help", text);
}

int main(int argc, char **argv)
{
    page = sysconf(_SC_PAGESIZE);
    char **argument = argv + 1;
    while (option(&argument))
        ;
    if (bytes() == 0)
        quit(2, 0, "--mib: a page at least is wanted");
    while (argument[operations])
        operations++;
    if ((operations == 0) == (wanted.pid == 0))
        quit(2, 0, "steps are wanted, or --pid PID: see --help");

    program = calloc((size_t)operations + 1, sizeof *program);
    if (!program)
        quit(1, errno, "calloc");
    for (int i = 0; i < operations; i++)
        program[i] = compile(argument[i], i);

    if (wanted.csv)
        puts("step,pid,rss_kib,vsz_kib,pss_kib,uss_kib,minor_faults");
    else
        printf("    PID USER     %%MEM    RSS    VSZ%s COMMAND    STEP\n",
               wanted.wide ? "    PSS    USS  MINFL" : "");
    fflush(stdout);
    if (wanted.pid) {
        line((pid_t)wanted.pid, "-");
        free(program);
        return 0;
    }

    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    mallopt(M_MMAP_MAX, 0); /* large blocks are of the heap, too */
    mallopt(M_TOP_PAD, 0);
    srand((unsigned)getpid());
    lines(-1, "start");
    for (int next = 0; next < operations;) {
        const struct operation *o = &program[next];
        next = o->run(o);
        if (o->run != run_fork || parent)
            lines(o->number, o->text);
    }
    free(program);
    return 0;
}
