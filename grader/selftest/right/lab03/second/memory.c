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
#include <stdint.h>
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
    char both[128] = "";
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || !fgets(both, sizeof both, f))
        err(1, "statm");
    fclose(f);
    char *rest;
    vsz = strtol(both, &rest, 10) * (long)(page >> 10);
    rss = strtol(rest, NULL, 10) * (long)(page >> 10);
    FILE *s = fopen("/proc/self/stat", "r");
    if (!s || fscanf(s, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %ld", &faults) != 1)
        err(1, "stat");
    fclose(s);
    printf("%-12s %8ld %8ld %8ld\n", text, vsz, rss, faults);
}

/* Returns a file of `size` bytes without holes: tmpfile(3), putc(3), fflush(3).
 */
static FILE *new_file(void)
{
    FILE *file = NULL;
    char *block = malloc(page);
    file = tmpfile();
    if (!file || !block)
        err(1, "tmpfile");
    memset(block, 7, page);
    if (setvbuf(file, NULL, _IONBF, 0) != 0)
        err(1, "setvbuf");
    for (size_t done = 0; done < size; done += page)
        if (fwrite(block, page, 1, file) != 1)
            err(1, "fwrite");
    free(block);
    return file;
}

/* Gets `size` bytes to read and write: malloc(3), calloc(3), mmap(2): private
 * and anonymous; "populate", all pages at once; "shared"; or of a "file". */
static void get(void)
{
    FILE *file = is("file") ? new_file() : NULL;
    int fd = file ? fileno(file) : -1, flags = MAP_PRIVATE | MAP_ANONYMOUS;
    length = size;
    if (is("shared") || is("file"))
        flags = is("file") ? MAP_PRIVATE : MAP_SHARED | MAP_ANONYMOUS;
    flags |= is("populate") ? MAP_POPULATE : 0;
    if (strcmp(step + 1, "alloc") == 0)
        start = *step == 'c' ? calloc(1, size) : malloc(size);
    else if ((start = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0)) ==
             MAP_FAILED)
        start = NULL;
    if (!start)
        err(1, "%s", step);
    if (file)
        fclose(file);
}

/* Reads or writes a byte in each of `percent` of the pages: the first ones
 * upwards, the last ones downwards, or any at random, each once. */
static void touch(void)
{
    size_t pages = length / page, n = part(length) / page, i = 0;
    uint64_t x = 12345;
    static unsigned char *touched; /* a bit a page */
    if (order == 'r')
        touched = calloc(1, pages / 8 + 1);
    while (i++ < n) {
        size_t at = i - 1;
        if (order == 'd')
            at = pages - i;
        if (order == 'r') {
            do {
                x ^= x << 13, x ^= x >> 7, x ^= x << 17;
                at = x % pages;
            } while (touched[at / 8] >> at % 8 & 1);
            touched[at / 8] |= (unsigned char)(1 << at % 8);
        }
        char *byte = start + at * page;
        if (is("write"))
            __atomic_store_n(byte, 1, __ATOMIC_RELAXED);
        else
            *(volatile char *)&x = __atomic_load_n(byte, __ATOMIC_RELAXED);
    }
    if (order == 'r')
        free(touched);
}

/* Gives back: free(3) after malloc, calloc; "dontneed", the contents of the
 * first `percent` of the whole pages, MADV_DONTNEED in madvise(2); munmap(2),
 * the addresses too. `start` and `length` are what is left; NULL, nothing. */
static void give_back(void)
{
    if (is("free"))
        return free(start), (void)(start = NULL);
    size_t lost = (page - (size_t)start % page) % page;
    if (is("munmap"))
        lost = 0;
    size_t n = part(length - lost);
    if (is("dontneed") && n && madvise(start + lost, n, MADV_DONTNEED))
        err(1, "madvise");
    if (is("munmap") && n && munmap(start, n))
        err(1, "munmap");
    if (is("munmap"))
        start = (length -= n) ? start + n : NULL;
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
