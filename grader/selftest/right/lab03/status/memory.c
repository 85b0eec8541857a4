/* memory - VSZ and RSS, step by step; by /proc/PID/status and smaps, a switch,
 * whole pages filled by memset, a shuffle, and a handler that passes SIGTERM on
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef enum {
    S_MALLOC,
    S_CALLOC,
    S_MMAP,
    S_POPULATE,
    S_SHARED,
    S_FILE,
    S_READ,
    S_WRITE,
    S_DONTNEED,
    S_FREE,
    S_MUNMAP,
    S_FORK,
    S_EXIT,
    S_SLEEP,
} verb;

struct options {
    size_t size;
    enum { UP, DOWN, RANDOM } order;
    bool wide, csv, stop;
    pid_t pid;
};

static struct options opt = {.size = (size_t)250 << 20};
static size_t page;
static char *block;                  /* the memory, or NULL */
static size_t length;                /* its bytes */
static bool is_mapping;              /* from mmap */
static pid_t boss;                   /* the parent, in a child */
static volatile sig_atomic_t worker; /* the child, in a parent */

/* ---- a line -------------------------------------------------------------- */

static FILE *proc(pid_t pid, const char *file)
{
    char path[48];
    sprintf(path, "/proc/%d/%s", (int)pid, file);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        err(1, "%s", path);
    return f;
}

static long minor_faults(pid_t pid)
{
    if (pid == getpid()) {
        struct rusage own;
        getrusage(RUSAGE_SELF, &own);
        return own.ru_minflt;
    }
    char text[1024];
    FILE *f = proc(pid, "stat");
    size_t got = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[got] = '\0';
    char *p = strrchr(text, ')'); /* the name ends with the last one */
    for (int field = 2; p != NULL && field < 10; field++)
        p = strchr(p + 1, ' ');
    return p == NULL ? 0 : strtol(p, NULL, 10);
}

static void shares(pid_t pid, long *pss, long *uss)
{
    char line[512];
    long kib;
    FILE *f = proc(pid, "smaps");
    *pss = *uss = 0;
    while (fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "Pss: %ld", &kib) == 1)
            *pss += kib;
        else if (sscanf(line, "Private_%*[A-Za-z]: %ld", &kib) == 1)
            *uss += kib;
    fclose(f);
}

static void line_of(pid_t pid, const char *event)
{
    char text[512], name[64] = "?", uid_text[16];
    long rss = 0, vsz = 0, pss = 0, uss = 0, faults = 0;
    struct sysinfo machine;
    struct stat owner = {0};
    sprintf(text, "/proc/%d", (int)pid);
    stat(text, &owner);
    const struct passwd *user = getpwuid(owner.st_uid);
    sprintf(uid_text, "%u", owner.st_uid);
    sysinfo(&machine);
    double total = (double)machine.totalram * machine.mem_unit / 1024;

    if (opt.wide || opt.csv) {
        faults = minor_faults(pid);
        shares(pid, &pss, &uss);
    }
    FILE *f = proc(pid, "status");
    while (fgets(text, sizeof text, f) != NULL) {
        sscanf(text, "Name:\t%63[^\n]", name);
        sscanf(text, "VmSize: %ld", &vsz);
        sscanf(text, "VmRSS: %ld", &rss);
    }
    fclose(f);
    if (opt.csv) {
        printf("%s,%d,%ld,%ld,%ld,%ld,%ld\n", event, (int)pid, rss, vsz, pss,
               uss, faults);
        return;
    }
    printf("%7d %-8s %4.1f %6ld %6ld ", (int)pid,
           user == NULL ? uid_text : user->pw_name, 100 * (double)rss / total,
           rss, vsz);
    if (opt.wide)
        printf("%6ld %6ld %6ld ", pss, uss, faults);
    printf("%-10s %s\n", name, event);
}

static void tell(const char *event)
{
    line_of(getpid(), event);
    if (boss != 0)
        line_of(boss, event);
    fflush(stdout);
    if (!opt.stop)
        return;
    if (boss != 0)
        kill(boss, SIGSTOP);
    kill(getpid(), SIGSTOP);
}

/* ---- memory -------------------------------------------------------------- */

static void map(int flags, int fd)
{
    block = mmap(NULL, length, PROT_READ | PROT_WRITE, flags, fd, 0);
    if (block == MAP_FAILED)
        err(1, "mmap");
    is_mapping = true;
}

static void map_file(void)
{
    FILE *f = tmpfile();
    if (f == NULL)
        err(1, "tmpfile");
    int problem = posix_fallocate(fileno(f), 0, (off_t)length);
    if (problem != 0) {
        errno = problem;
        err(1, "posix_fallocate");
    }
    map(MAP_SHARED, fileno(f));
    memset(block, 'f', length);
    if (munmap(block, length) != 0)
        err(1, "munmap");
    map(MAP_PRIVATE, fileno(f));
    fclose(f);
}

static size_t part(size_t pages, double percent)
{
    return (size_t)((double)pages * percent / 100);
}

/* Page `i` of the memory: the first one may have lost its beginning. */
static void one_page(verb what, size_t i)
{
    char *base = block - (uintptr_t)block % page;
    char *from = i == 0 ? block : base + i * page;
    if (what == S_WRITE)
        memset(from, 'w', (size_t)(base + (i + 1) * page - from));
    else
        (void)*(volatile char *)from;
}

static void each_page(verb what, double percent)
{
    size_t pages = length / page, n = part(pages, percent);
    uint32_t *deck = NULL;

    switch (opt.order) {
    case UP:
        for (size_t i = 0; i < n; i++)
            one_page(what, i);
        break;
    case DOWN:
        for (size_t i = pages; i > pages - n; i--)
            one_page(what, i - 1);
        break;
    case RANDOM: /* Fisher and Yates, as far as is wanted */
        deck = malloc(pages * sizeof *deck);
        if (deck == NULL)
            err(1, "malloc");
        for (size_t i = 0; i < pages; i++)
            deck[i] = (uint32_t)i;
        for (size_t i = 0; i < n; i++) {
            size_t j = i + (size_t)random() % (pages - i);
            uint32_t card = deck[j];
            deck[j] = deck[i];
            one_page(what, card);
        }
        free(deck);
        break;
    }
}

static void empty(double percent)
{
    uintptr_t from = ((uintptr_t)block + page - 1) / page * page;
    uintptr_t to = ((uintptr_t)block + length) / page * page;
    if (to > from &&
        madvise((void *)from, part((to - from) / page, percent) * page,
                MADV_DONTNEED) != 0)
        err(1, "madvise");
}

static void unmap(double percent)
{
    if (!is_mapping)
        errx(2, "munmap: malloc gave it, free gives it back");
    size_t bytes = part(length / page, percent) * page;
    if (bytes == 0)
        return;
    if (munmap(block, bytes) != 0)
        err(1, "munmap");
    length -= bytes;
    block = length == 0 ? NULL : block + bytes;
}

/* ---- processes ----------------------------------------------------------- */

static void pass_on(int number)
{
    if (worker > 0)
        kill((pid_t)worker, number);
    signal(number, SIG_DFL);
    raise(number);
}

/* Returns true in the child, and in the parent, once that has ended, false. */
static bool split(void)
{
    struct sigaction action = {.sa_handler = pass_on};
    sigset_t term, before;
    pid_t self = getpid();
    int status;

    if (boss != 0)
        errx(2, "fork: this is the child already");
    sigemptyset(&action.sa_mask);
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, &before);
    sigaction(SIGTERM, &action, NULL);
    pid_t pid = fork();
    if (pid < 0)
        err(1, "fork");
    if (pid == 0) {
        boss = self;
        signal(SIGTERM, SIG_DFL);
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
            err(1, "prctl");
        if (getppid() != boss)
            _exit(1);
        sigprocmask(SIG_SETMASK, &before, NULL);
        return true;
    }
    worker = pid;
    sigprocmask(SIG_SETMASK, &before, NULL);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            err(1, "waitpid");
    worker = 0;
    signal(SIGTERM, SIG_DFL);
    if (WIFSIGNALED(status))
        errx(1, "the child %d was killed: %s", (int)pid,
             strsignal(WTERMSIG(status)));
    if (WEXITSTATUS(status) != 0)
        exit(WEXITSTATUS(status));
    return false;
}

static void wait_for(double seconds)
{
    struct timespec t = {.tv_sec = (time_t)seconds};
    t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
    while (nanosleep(&t, &t) != 0 && errno == EINTR)
        ;
}

/* ---- words --------------------------------------------------------------- */

static double number(const char *what, const char *text, double max)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || value < 0 || !(value <= max) ||
        strspn(text, "0123456789.") != strlen(text))
        errx(2, "%s: '%s' is not a number from 0 to %.0f", what, text, max);
    return value;
}

static verb understand(const char *word, double *value)
{
#define IS(text) (n == sizeof text - 1 && memcmp(word, text, n) == 0)
    size_t n = strcspn(word, ":");
    const char *tail = word[n] == ':' ? word + n + 1 : NULL;
    bool plain = tail == NULL;

    *value = 100;
    if (plain && IS("malloc"))
        return S_MALLOC;
    if (plain && IS("calloc"))
        return S_CALLOC;
    if (plain && IS("mmap"))
        return S_MMAP;
    if (plain && IS("populate"))
        return S_POPULATE;
    if (plain && IS("shared"))
        return S_SHARED;
    if (plain && IS("file"))
        return S_FILE;
    if (plain && IS("free"))
        return S_FREE;
    if (plain && IS("fork"))
        return S_FORK;
    if (plain && IS("exit"))
        return S_EXIT;
    if (IS("sleep")) {
        *value = plain ? 60 : number("sleep", tail, 3600);
        return S_SLEEP;
    }
    verb v;
    if (IS("read"))
        v = S_READ;
    else if (IS("write"))
        v = S_WRITE;
    else if (IS("dontneed"))
        v = S_DONTNEED;
    else if (IS("munmap"))
        v = S_MUNMAP;
    else
        errx(2, "'%s' is not a step: see --help", word);
    if (!plain) {
        char name[16];
        snprintf(name, sizeof name, "%.*s", (int)n, word);
        *value = number(name, tail, 100);
    }
    return v;
#undef IS
}

static void usage(const char *program)
{
    printf("Usage: %s [OPTION]... STEP...\n", program);
    fputs("  --mib N        get N MiB (250)\n"
          "  --order ORDER  touch pages up, down or random (up)\n"
          "  --long         print PSS, USS and minor faults too\n"
          "  --csv          print values between commas\n"
          "  --stop         stop after each step, until SIGCONT (fg)\n"
          "  --pid PID      no steps: print the line of that process\n"
          "Steps, done in turn (PERCENT of the pages, or all):\n"
          "  malloc          get memory by malloc\n"
          "  calloc          ... by calloc\n"
          "  mmap            ... by mmap, private, no file\n"
          "  populate        ... all its pages at once\n"
          "  shared          ... shared with children\n"
          "  file            ... private, the pages of a file\n"
          "  read    :PERCENT read a byte in each page\n"
          "  write   :PERCENT write a byte in each page\n"
          "  dontneed:PERCENT empty the first pages\n"
          "  free            give back, after malloc, calloc\n"
          "  munmap  :PERCENT ... after the others\n"
          "  fork            a child does what follows\n"
          "  exit            the child ends, its parent goes on\n"
          "  sleep   :SECONDS keep everything as it is\n",
          stdout);
    exit(0);
}

static void options(int argc, char **argv)
{
    static const struct option known[] = {
        {"mib", required_argument, NULL, 'm'},
        {"order", required_argument, NULL, 'o'},
        {"long", no_argument, NULL, 'l'},
        {"csv", no_argument, NULL, 'c'},
        {"stop", no_argument, NULL, 's'},
        {"pid", required_argument, NULL, 'p'},
        {"help", no_argument, NULL, 'h'},
        {0}};
    for (;;) {
        switch (getopt_long(argc, argv, "", known, NULL)) {
        case 'm':
            opt.size = (size_t)(number("--mib", optarg, 1e12) * 1048576);
            continue;
        case 'o':
            if (strcmp(optarg, "up") == 0)
                opt.order = UP;
            else if (strcmp(optarg, "down") == 0)
                opt.order = DOWN;
            else if (strcmp(optarg, "random") == 0)
                opt.order = RANDOM;
            else
                errx(2, "--order: up, down or random, not '%s'", optarg);
            continue;
        case 'l':
            opt.wide = true;
            continue;
        case 'c':
            opt.csv = true;
            continue;
        case 's':
            opt.stop = true;
            continue;
        case 'p':
            opt.pid = (pid_t)number("--pid", optarg, 1 << 22);
            continue;
        case 'h':
            usage(argv[0]);
            continue;
        case -1:
            break;
        default:
            exit(2);
        }
        break;
    }
    opt.size -= opt.size % page;
    if (opt.size == 0)
        errx(2, "--mib: a page at least is wanted");
    if ((optind < argc) == (opt.pid != 0))
        errx(2, "steps are wanted, or --pid PID: see --help");
}

int main(int argc, char **argv)
{
    double value;
    unsigned seed = 1;

    page = (size_t)sysconf(_SC_PAGESIZE);
    options(argc, argv);
    for (int i = optind; i < argc; i++)
        understand(argv[i], &value);
    if (opt.csv)
        puts("step,pid,rss_kib,vsz_kib,pss_kib,uss_kib,minor_faults");
    else if (opt.wide)
        puts("    PID USER     %MEM    RSS    VSZ    PSS    USS  MINFL COMMAND"
             "    STEP");
    else
        puts("    PID USER     %MEM    RSS    VSZ COMMAND    STEP");
    fflush(stdout);
    if (opt.pid != 0) {
        line_of(opt.pid, "-");
        return 0;
    }
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    if (getrandom(&seed, sizeof seed, 0) > 0)
        srandom(seed);

    tell("start");
    for (int i = optind; i < argc; i++) {
        verb v = understand(argv[i], &value);
        switch (v) { /* what has to be there before */
        case S_MALLOC:
        case S_CALLOC:
        case S_MMAP:
        case S_POPULATE:
        case S_SHARED:
        case S_FILE:
            if (block != NULL)
                errx(2, "%s: give back first what you have", argv[i]);
            length = opt.size;
            is_mapping = false;
            break;
        case S_READ:
        case S_WRITE:
        case S_DONTNEED:
        case S_FREE:
        case S_MUNMAP:
            if (block == NULL)
                errx(2, "%s: get memory first", argv[i]);
            break;
        default:
            break;
        }
        switch (v) {
        case S_MALLOC:
            block = malloc(length);
            if (block == NULL)
                err(1, "malloc");
            break;
        case S_CALLOC:
            block = calloc(length / page, page);
            if (block == NULL)
                err(1, "calloc");
            break;
        case S_MMAP:
            map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
            break;
        case S_POPULATE:
            map(MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1);
            break;
        case S_SHARED:
            map(MAP_SHARED | MAP_ANONYMOUS, -1);
            break;
        case S_FILE:
            map_file();
            break;
        case S_READ:
        case S_WRITE:
            each_page(v, value);
            break;
        case S_DONTNEED:
            empty(value);
            break;
        case S_FREE:
            if (is_mapping)
                errx(2, "free: mmap gave it, munmap gives it back");
            free(block);
            block = NULL;
            break;
        case S_MUNMAP:
            unmap(value);
            break;
        case S_FORK:
            if (split())
                break;
            do /* the child has done all up to its exit, or to the end */
                i++;
            while (i < argc && understand(argv[i], &value) != S_EXIT);
            tell(i < argc ? argv[i] : "exit");
            continue;
        case S_EXIT:
            return 0;
        case S_SLEEP:
            wait_for(value);
            break;
        }
        tell(argv[i]);
    }
    return 0;
}
