/* memory - a table of steps; numbers from /proc/self/status and stat */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

static long page, size = 250L << 20, length;
static char *start;
static const char *order = "up";

static long field(const char *text, const char *key)
{
    return atol(strstr(text, key) + strlen(key));
}

static void report(const char *step)
{
    static char text[8192];
    int fd = open("/proc/self/status", O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (n <= 0)
        err(1, "/proc/self/status");
    close(fd);
    text[n] = '\0';
    long vsz = field(text, "VmSize:"), rss = field(text, "VmRSS:"), minor = 0;
    fd = open("/proc/self/stat", O_RDONLY);
    n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (n <= 0)
        err(1, "/proc/self/stat");
    close(fd);
    text[n] = '\0';
    sscanf(strrchr(text, ')') + 2, "%*c %*d %*d %*d %*d %*d %*d %ld", &minor);
    printf("%-13s%8ld %8ld %8ld\n", step, vsz, rss, minor);
}

static void *checked(void *memory, const char *step)
{
    if (memory == NULL || memory == MAP_FAILED)
        err(1, "%s", step);
    return memory;
}

static void *map(const char *step, int flags, int fd)
{
    return checked(mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, flags, fd, 0), step);
}

static int make_file(void)
{
    static char block[65536];
    char name[] = "/tmp/memory.XXXXXX";
    int fd = mkstemp(name);
    if (fd == -1)
        err(1, "mkstemp");
    unlink(name);
    memset(block, 'f', sizeof block);
    for (long left = size; left > 0;) {
        size_t want = left < (long)sizeof block ? (size_t)left : sizeof block;
        ssize_t n = write(fd, block, want);
        if (n <= 0)
            err(1, "write");
        left -= n;
    }
    return fd;
}

static void touch(int writing, double percent)
{
    long pages = length / page, count = (long)(percent * (double)pages / 100);
    /* a generator that gives each number below the modulus once */
    long modulus = 1, x = 7;
    while (modulus < pages)
        modulus *= 2;
    for (long i = 0; i < count; i++) {
        long at = *order == 'u' ? i : pages - 1 - i;
        if (*order == 'r') {
            do
                x = (x * 1664525 + 1013904223) & (modulus - 1);
            while (x >= pages);
            at = x;
        }
        char *byte = start + at * page;
        if (writing)
            *(volatile char *)byte = 'w';
        else
            __atomic_load_n(byte, __ATOMIC_SEQ_CST);
    }
}

static void dontneed(double percent)
{
    unsigned long mask = (unsigned long)page - 1;
    char *from = (char *)(((unsigned long)start + mask) & ~mask);
    long whole = (start + length - from) / page;
    long count = (long)(percent * (double)whole / 100);
    if (madvise(from, (size_t)(count * page), MADV_DONTNEED) != 0)
        err(1, "madvise");
}

static void unmap(double percent)
{
    long bytes = (long)(percent * (double)(length / page) / 100) * page;
    if (bytes == 0)
        return;
    if (munmap(start, (size_t)bytes) != 0)
        err(1, "munmap");
    start += bytes;
    length -= bytes;
    if (length == 0)
        start = NULL;
}

int main(int argc, char **argv)
{
    static const struct option table[] = {
        {"mib", 1, 0, 'm'}, {"order", 1, 0, 'o'}, {"help", 0, 0, 'h'}, {0}};
    setlinebuf(stdout);
    page = sysconf(_SC_PAGESIZE);
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    for (int o; (o = getopt_long(argc, argv, "", table, 0)) != -1;) {
        if (o == 'm')
            size = (long)(atof(optarg) * 1024 * 1024);
        if (o == 'o')
            order = optarg;
        if (o == 'h')
            return puts("see README.md") == EOF;
        if (o == '?')
            return 2;
    }
    size -= size % page;
    puts("STEP              VSZ      RSS    MINFL");
    report("start");
    for (int i = optind; i < argc; i++) {
        char step[20] = "";
        double percent = 100;
        sscanf(argv[i], "%19[a-z]:%lf", step, &percent);
        int anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
        char *old = start;
        if (strcmp(step, "stop") == 0) {
            kill(getpid(), SIGSTOP);
            continue;
        } else if (strcmp(step, "malloc") == 0)
            start = checked(malloc((size_t)size), step);
        else if (strcmp(step, "calloc") == 0)
            start = checked(calloc((size_t)(size / page), (size_t)page), step);
        else if (strcmp(step, "mmap") == 0)
            start = map(step, anonymous, -1);
        else if (strcmp(step, "populate") == 0)
            start = map(step, anonymous | MAP_POPULATE, -1);
        else if (strcmp(step, "shared") == 0)
            start = map(step, MAP_SHARED | MAP_ANONYMOUS, -1);
        else if (strcmp(step, "file") == 0) {
            int fd = make_file();
            start = map(step, MAP_PRIVATE, fd);
            close(fd);
        } else if (strcmp(step, "read") == 0)
            touch(0, percent);
        else if (strcmp(step, "write") == 0)
            touch(1, percent);
        else if (strcmp(step, "dontneed") == 0)
            dontneed(percent);
        else if (strcmp(step, "munmap") == 0)
            unmap(percent);
        else if (strcmp(step, "free") == 0) {
            free(start);
            start = NULL;
        } else
            errx(2, "%s: no step", step);
        if (!old)
            length = size;
        report(argv[i]);
    }
    return 0;
}
