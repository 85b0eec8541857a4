/* memory - get memory, touch it, give it back: VSZ and RSS at each step
 *
 * Usage: ./memory [--mib N] [--order ORDER] STEP...      (--help lists them)
 *
 * Try:   ./memory malloc write
 *            asking raises VSZ, writing raises RSS: allocation alone adds none
 *        ./memory mmap read write
 *            reading costs a fault a page and no memory: the zero page
 */
#define _GNU_SOURCE /* MADV_DONTNEED, MAP_ANONYMOUS, MAP_POPULATE */
#include <err.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static size_t page;              /* bytes in one: 4096 on most machines */
static size_t size = 250L << 20; /* bytes to get */
static char order = 'u';         /* up, down or random */
static char *start;              /* the memory that a step has got, or NULL */
static size_t length;            /* its bytes */
static char step[16];            /* "write:50" is "write" ... */
static double percent;           /* ... and 50 */

#define is(name) (strcmp(step, (name)) == 0)

/* Returns the bytes of `percent` of the whole pages in these, rounded down. */
static size_t part(size_t bytes)
{
    return (size_t)((double)(bytes / page) * percent / 100) * page;
}

/* Prints what this process has. The first two numbers of /proc/self/statm are
 * VSZ and RSS, in pages; getrusage(2) counts the minor faults. */
static void print_line(const char *text)
{
    long vsz = 0, rss = 0, faults = 0;
    char line[200];
    FILE *f = fopen("/proc/self/status", "r");
    if (f == NULL)
        err(1, "/proc/self/status");
    while (fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, "VmSize:", 7) == 0)
            vsz = atol(line + 7);
        if (strncmp(line, "VmRSS:", 6) == 0)
            rss = atol(line + 6);
    }
    fclose(f);
    struct rusage mine;
    if (getrusage(RUSAGE_SELF, &mine) != 0)
        err(1, "getrusage");
    faults = mine.ru_minflt;
    printf("%-12s %8ld %8ld %8ld\n", text, vsz, rss, faults);
}

/* Returns a file of `size` bytes without holes: tmpfile(3), putc(3), fflush(3).
 */
static FILE *new_file(void)
{
    FILE *file = NULL;
    file = tmpfile();
    if (file == NULL)
        err(1, "tmpfile");
    for (size_t i = 0; i < size; i++)
        if (putc('a', file) == EOF)
            err(1, "putc");
    if (fflush(file) != 0)
        err(1, "fflush");
    return file;
}

/* Gets `size` bytes to read and write: malloc(3), calloc(3), mmap(2): private
 * and anonymous; "populate", all pages at once; "shared"; or of a "file". */
static void get(void)
{
    FILE *file = is("file") ? new_file() : NULL;
    int fd = file ? fileno(file) : -1, flags = MAP_PRIVATE | MAP_ANONYMOUS;
    length = size;
    if (is("shared"))
        flags = MAP_ANONYMOUS | MAP_SHARED;
    if (is("file"))
        flags = MAP_PRIVATE;
    if (is("malloc")) {
        start = malloc(size);
        if (start == NULL)
            err(1, "malloc");
        return;
    }
    if (is("calloc")) {
        start = calloc(size / page, page);
        if (start == NULL)
            err(1, "calloc");
        return;
    }
    if (is("populate"))
        flags = flags | MAP_POPULATE;
    start = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
    if (start == MAP_FAILED)
        err(1, "mmap");
    if (file)
        fclose(file);
}

/* Reads or writes a byte in each of `percent` of the pages: the first ones
 * upwards, the last ones downwards, or any at random, each once. */
static void touch(void)
{
    size_t pages = length / page;
    size_t n = (size_t)((double)pages * percent / 100.0);
    volatile char *memory = start;
    char x = 0;
    size_t half = 0;
    for (size_t i = 0; i < n; i++) {
        size_t which = i;
        if (order == 'd')
            which = pages - i - 1;
        if (order == 'r') {
            /* from the middle to both sides, in leaps of 64 */
            which = half;
            half += 64;
            if (half >= pages)
                half = half % 64 + 1;
        }
        if (is("write"))
            memory[which * page] = 'w';
        else
            x = memory[which * page];
    }
    (void)x;
}

/* Gives back: free(3) after malloc, calloc; "dontneed", the contents of the
 * first `percent` of the whole pages, MADV_DONTNEED in madvise(2); munmap(2),
 * the addresses too. `start` and `length` are what is left; NULL, nothing. */
static void give_back(void)
{
    if (is("free")) {
        free(start);
        start = NULL;
    }
    if (is("dontneed")) {
        char *first = start;
        while ((unsigned long)first % page != 0)
            first++;
        size_t pages = (size_t)(start + length - first) / page;
        size_t n = (size_t)((double)pages * percent / 100.0);
        if (n > 0 && madvise(first, n * page, MADV_DONTNEED) != 0)
            err(1, "madvise");
    }
    if (is("munmap")) {
        size_t n = part(length) / page;
        if (n == 0)
            return;
        if (munmap(start, n * page) != 0)
            err(1, "munmap");
        start = start + n * page;
        length = length - n * page;
        if (length == 0)
            start = NULL;
    }
}

/* Returns the number in `text`, made of these digits and at most `max`;
 * anything else is a usage error: strtod(3). */
static double number(const char *text, const char *digits, double max)
{
    char *end;
    double value = strtod(text, &end);
    if (*text == '\0' || *end || text[strspn(text, digits)] || value > max)
        errx(2, "'%s' is not a number that fits here: see --help", text);
    return value;
}

static void take(const char *text)
{
    static const char *const names[] = {
        "malloc", "calloc", "mmap",     "populate", "shared", "file",
        "read",   "write",  "dontneed", "munmap",   "free"};
    size_t n = strcspn(text, ":"), s = 0; /* six get memory, two touch it */
    snprintf(step, sizeof step, "%.*s", (int)n, text);
    percent = text[n] ? number(text + n + 1, "0123456789.", 100) : 100;
    while (s < 11 && !is(names[s]))
        s++;
    if (s == 11 || (s < 6) == (start != NULL))
        errx(2, "'%s' is not a step, or not now: see --help", text);
    s < 6 ? get() : s < 8 ? touch() : give_back();
    print_line(text);
}

int main(int argc, char **argv)
{
    static const struct option table[] = {
        {"mib", 1, 0, 'm'}, {"order", 1, 0, 'o'}, {"help", 0, 0, 'h'}, {0}};
    setvbuf(stdout, NULL, _IOLBF, 0);      /* whole lines, into a pipe too */
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); /* one fault, one page */
    page = (size_t)sysconf(_SC_PAGESIZE);
    for (int o; (o = getopt_long(argc, argv, "", table, NULL)) != -1;)
        if (o == 'm')
            size = (size_t)(number(optarg, "0123456789.", 1e12) * (1 << 20));
        else if (o == 'o')
            order = *optarg;
        else if (o == 'h')
            return puts("--mib N (250), --order up, down or random (up)\n"
                        "Steps: malloc calloc mmap populate shared file free "
                        "stop,\nand read write dontneed munmap[:PERCENT]") < 0;
        else
            return 2;
    size = size / page * page;
    printf("STEP              VSZ      RSS    MINFL\n");
    print_line("start");
    for (; optind < argc; optind++)
        if (strcmp(argv[optind], "stop") == 0)
            raise(SIGSTOP); /* until SIGCONT: fg */
        else
            take(argv[optind]);
    return 0;
}
