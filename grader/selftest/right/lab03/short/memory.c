/* memory - the short one: posix_memalign, a shuffled table */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static size_t page, size = 250 << 20, pages;
static char *start, *order = "up";

static void line(const char *step)
{
    struct rusage r;
    size_t vsz, rss;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%zu %zu", &vsz, &rss) != 2)
        err(1, "statm");
    fclose(f);
    getrusage(RUSAGE_SELF, &r);
    printf("%s %zu %zu %ld\n", step, vsz * (page / 1024), rss * (page / 1024),
           r.ru_minflt);
}

static void get(const char *step)
{
    int flags = *step == 's' ? MAP_SHARED : MAP_PRIVATE, fd = -1;
    flags |= *step == 'p' ? MAP_POPULATE : 0;
    if (*step != 'f')
        flags |= MAP_ANONYMOUS;
    else if ((fd = open("/tmp", O_TMPFILE | O_RDWR, 0600)) < 0)
        err(1, "/tmp");
    for (size_t i = 0; *step == 'f' && i < size; i += page) {
        static char block[65536];
        memset(block, 'f', page);
        if (write(fd, block, page) != (ssize_t)page)
            err(1, "file");
    }
    void *aligned = NULL;
    if (strcmp(step, "malloc") == 0 && posix_memalign(&aligned, 1 << 21, size))
        errx(1, "malloc: Cannot allocate memory");
    start = strcmp(step, "malloc") == 0   ? aligned
            : strcmp(step, "calloc") == 0 ? calloc(pages, page)
                                          : mmap(0, size, 3, flags, fd, 0);
    if (!start || start == MAP_FAILED)
        err(1, "%s", step);
    if (fd >= 0)
        close(fd);
}

static void touch(char how, size_t count)
{
    size_t *table = calloc(pages + 1, sizeof *table);
    for (size_t i = 0; *order == 'r' && i < pages; i++) {
        size_t j = (size_t)random() % (i + 1);
        table[i] = table[j];
        table[j] = i;
    }
    for (size_t i = 0; i < count; i++) {
        size_t p = *order == 'r'   ? table[i]
                   : *order == 'd' ? pages - i - 1
                                   : i;
        if (how == 'w')
            *(volatile char *)(start + p * page + 7) = 'w';
        else
            (void)*(volatile char *)(start + p * page + page - 1);
    }
    free(table);
}

int main(int argc, char **argv)
{
    setlinebuf(stdout);
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    page = (size_t)getpagesize();
    for (argv++; *argv && strncmp(*argv, "--", 2) == 0; argv += 2)
        if (strcmp(*argv, "--mib") == 0)
            size = (size_t)(atof(argv[1]) * 1048576);
        else if (strcmp(*argv, "--order") == 0)
            order = argv[1];
        else
            return strcmp(*argv, "--help") ? 2 : 0;
    size -= size % page;
    pages = size / page;
    puts("STEP VSZ RSS MINFL");
    line("start");
    for (; *argv; argv++) {
        char *colon = strchr(*argv, ':'), *old = start;
        double percent = colon ? atof(colon + 1) : 100;
        size_t count = (size_t)((double)pages * percent / 100);
        size_t first = (page - (size_t)start % page) % page;
        if (strcmp(*argv, "stop") == 0) {
            raise(SIGSTOP);
            continue;
        }
        if (strchr("rw", **argv))
            touch(**argv, count);
        else if (strncmp(*argv, "munmap", 6) == 0) {
            if (count && munmap(start, count * page) == -1)
                err(1, "munmap");
            pages -= count;
            start = pages ? start + count * page : NULL;
        } else if (**argv == 'd') {
            if (count == pages && first)
                count--;
            if (madvise(start + first, count * page, MADV_DONTNEED))
                err(1, "madvise");
        } else if (strcmp(*argv, "free") == 0) {
            free(start);
            start = NULL;
        } else
            get(*argv);
        if (!old)
            pages = size / page;
        line(*argv);
    }
    return 0;
}
