/* A right program: libnuma's calls where its header is there; set_mempolicy
 * binds, get_mempolicy says. */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#if __has_include(<numaif.h>)
#undef MPOL_F_NODE
#undef MPOL_F_ADDR
#include <numaif.h>
#else
#define set_mempolicy(mode, mask, bits)                                        \
    syscall(SYS_set_mempolicy, mode, mask, bits)
#define get_mempolicy(node, mask, bits, at, flags)                             \
    syscall(SYS_get_mempolicy, node, mask, bits, at, flags)
#endif

static long number(const char *text, long most)
{
    char *end;
    errno = 0;
    long n = strtol(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || n > most)
        errx(2, "%s: no number", text);
    return n;
}

int main(int argc, char **argv)
{
    long cpu = -1, node = -1, mib = 16, page = sysconf(_SC_PAGESIZE);
    int stop = 0, i;
    static long on[1024];
    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--stop") == 0)
            stop = 1;
        else if (strcmp(argv[i], "--help") == 0)
            return puts("--cpu --node --mib --stop") == EOF;
        else if (i + 1 == argc)
            errx(2, "usage");
        else if (strcmp(argv[i], "--cpu") == 0)
            cpu = number(argv[++i], 1023);
        else if (strcmp(argv[i], "--node") == 0)
            node = number(argv[++i], 1023);
        else if (strcmp(argv[i], "--mib") == 0)
            mib = number(argv[++i], 256);
        else
            errx(2, "usage");
    }
    if (cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET((size_t)cpu, &set);
        if (sched_setaffinity(0, sizeof set, &set))
            err(1, "sched_setaffinity");
    }
    size_t length = (size_t)mib << 20;
    char *memory = mmap(NULL, length, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        err(1, "mmap");
    if (node >= 0) {
        unsigned long mask[1024 / 8 / sizeof(long)] = {0};
        mask[node / 64] |= 1UL << (node % 64);
        if (set_mempolicy(MPOL_BIND, mask, 1025) == -1)
            err(1, "set_mempolicy");
    }
    memset(memory, 1, length);
    long pages = (long)length / page;
    for (long p = 0; p < pages; p++) {
        int where = -1;
        if (get_mempolicy(&where, NULL, 0, memory + p * page,
                          MPOL_F_NODE | MPOL_F_ADDR) == -1)
            err(1, "get_mempolicy");
        on[where]++;
    }
    printf("process %d: %ld pages at %p\n", getpid(), pages, (void *)memory);
    for (i = 0; i < 1024; i++)
        if (on[i])
            printf("node %d: %ld pages\n", i, on[i]);
    puts("nowhere: 0 pages");
    fflush(stdout);
    if (stop)
        kill(getpid(), SIGSTOP);
    return 0;
}
