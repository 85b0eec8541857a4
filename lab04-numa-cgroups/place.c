/* place - on which NUMA node does memory lie?
 *
 * Usage: ./place [--cpu CPU] [--node NODE] [--mib N] [--stop]
 *
 * Try:   ./place --cpu 1
 *            a page comes from the node of the CPU that touches it first
 *        ./place --cpu 1 --node 0
 *            bound to node 0, it comes from there, whoever touches it
 *        ./place --stop & sleep 1; grep bind /proc/$!/numa_maps; kill -CONT $!
 */
#define _GNU_SOURCE
#include <err.h>
#include <getopt.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NODES = 1024 }; /* no kernel has more */

/* What the command line asks for; -1: nothing. */
static double cpu = -1, node = -1, mib = 16;
static bool stop;

/* Keeps this process on one CPU. */
static void pin(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) == -1)
        err(1, "sched_setaffinity: CPU %.0f", cpu);
}

/* Has the pages of this memory come from that node and no other: mbind(2), or
 * set_mempolicy(2), with MPOL_BIND. */
static void bind_to(char *memory, size_t length, unsigned number)
{
    /* BEGIN SOLUTION task 2 */
    enum { BITS = 8 * sizeof(unsigned long) };
    unsigned long mask[NODES / BITS] = {0};
    mask[number / BITS] = 1UL << number % BITS;
    /* the kernel looks at one bit less than it is given */
    if (syscall(SYS_mbind, memory, length, MPOL_BIND, mask, NODES + 1L, 0) ==
        -1)
        err(1, "mbind: node %u", number);
    /* END SOLUTION */
}

/* Writes to each page, for it exists only then. */
static void touch(char *memory, size_t pages, size_t page_size)
{
    /* BEGIN SOLUTION task 2 */
    for (size_t p = 0; p < pages; p++)
        *(volatile char *)(memory + p * page_size) = 1;
    /* END SOLUTION */
}

/* Counts in on[N] the pages that lie on node N; returns how many lie on none:
 * move_pages(2), which without a node to move them to only asks. */
static size_t count_pages(char *memory, size_t pages, size_t page_size,
                          size_t on[NODES])
{
    size_t nowhere = 0;
    /* BEGIN SOLUTION task 2 */
    void **page = calloc(pages, sizeof *page);
    int *status = calloc(pages, sizeof *status);
    if (!page || !status)
        err(1, "calloc");
    for (size_t p = 0; p < pages; p++)
        page[p] = memory + p * page_size;
    if (syscall(SYS_move_pages, 0, pages, page, NULL, status, 0) == -1)
        err(1, "move_pages");
    for (size_t p = 0; p < pages; p++)
        if (status[p] >= 0)
            on[status[p]]++;
        else
            nowhere++;
    free(page);
    free(status);
    /* END SOLUTION */
    return nowhere;
}

/* Returns the number in `text`, made of digits and at most `max`; anything else
 * is a usage error: strtod(3). */
static double number(const char *text, const char *digits, double max)
{
    char *end;
    double value = strtod(text, &end);
    if (*text == '\0' || *end || text[strspn(text, digits)] || value > max)
        errx(2, "'%s' is not a number that fits here: see --help", text);
    return value;
}

static void parse(int argc, char **argv)
{
    static const struct option table[] = {
        {"cpu", 1, NULL, 'c'},  {"node", 1, NULL, 'n'}, {"mib", 1, NULL, 'm'},
        {"stop", 0, NULL, 's'}, {"help", 0, NULL, 'h'}, {NULL, 0, NULL, 0}};

    for (int o; (o = getopt_long(argc, argv, "", table, NULL)) != -1;)
        switch (o) {
        case 'c': cpu = number(optarg, "0123456789", CPU_SETSIZE - 1); break;
        case 'n': node = number(optarg, "0123456789", NODES - 1); break;
        case 'm': mib = number(optarg, "0123456789", 256); break;
        case 's': stop = true; break;
        case 'h':
            puts("--cpu CPU    run on this CPU\n"
                 "--node NODE  bind the memory to this node\n"
                 "--mib N      how much memory, up to 256 (16)\n"
                 "--stop       at the end stop, for a look at numa_maps");
            exit(0);
        default: exit(2);
        }
    if (optind < argc)
        errx(2, "'%s' is not an option: see --help", argv[optind]);
}

int main(int argc, char **argv)
{
    static size_t on[NODES];
    setvbuf(stdout, NULL, _IOLBF, 0); /* whole lines, into a pipe too */
    parse(argc, argv);
    if (cpu != -1)
        pin();

    size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
    size_t length = (size_t)mib << 20, pages = length / page_size;
    char *memory = mmap(NULL, length, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        err(1, "mmap");
    if (node != -1)
        bind_to(memory, length, (unsigned)node);
    touch(memory, pages, page_size);

    size_t nowhere = count_pages(memory, pages, page_size, on);
    printf("process %d: %zu pages at %p\n", getpid(), pages, (void *)memory);
    for (int n = 0; n < NODES; n++)
        if (on[n] > 0)
            printf("node %d: %zu pages\n", n, on[n]);
    printf("nowhere: %zu pages\n", nowhere);
    if (stop)
        raise(SIGSTOP); /* now /proc/PID/numa_maps can be looked at */
    return 0;
}
