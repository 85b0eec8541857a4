/* rlimits - the limits of a process: soft and hard value, what each one bounds
 *
 * Usage: ./rlimits
 *
 * Try:   ./rlimits; prlimit
 *            the same values: both have those of the shell
 *        bash -c 'ulimit -n 64; ./rlimits' | grep NOFILE
 *            limits are inherited, over fork and exec
 */
#define _GNU_SOURCE
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

/* The sixteen limits of Linux: getrlimit(2). */
static const struct limit {
    const char *name;
    unsigned resource;
    const char *unit, *bounds;
} limits[] = {
    {"AS", RLIMIT_AS, "bytes", "address space, used or not"},
    {"CORE", RLIMIT_CORE, "bytes", "core file; 0: none"},
    {"CPU", RLIMIT_CPU, "s", "CPU time, then SIGXCPU"},
    {"DATA", RLIMIT_DATA, "bytes", "heap and private mappings"},
    {"FSIZE", RLIMIT_FSIZE, "bytes", "offset in a written file"},
    {"MEMLOCK", RLIMIT_MEMLOCK, "bytes", "memory kept out of swap"},
    {"NOFILE", RLIMIT_NOFILE, "number", "highest descriptor + 1"},
    {"NPROC", RLIMIT_NPROC, "number", "threads of the whole user"},
    {"RSS", RLIMIT_RSS, "bytes", "nothing, since Linux 2.4.30"},
    {"STACK", RLIMIT_STACK, "bytes", "stack of the first thread"},
    {"LOCKS", RLIMIT_LOCKS, "number", "nothing, since Linux 2.4.25"},
    {"MSGQUEUE", RLIMIT_MSGQUEUE, "bytes", "POSIX message queues"},
    {"NICE", RLIMIT_NICE, "20 - nice", "how low nice may go"},
    {"RTPRIO", RLIMIT_RTPRIO, "priority", "real-time priority"},
    {"RTTIME", RLIMIT_RTTIME, "us", "real-time CPU without sleep"},
    {"SIGPENDING", RLIMIT_SIGPENDING, "number", "queued signals"},
};
enum { LIMITS = sizeof limits / sizeof limits[0] };

/* Prints a value, as wide as its column: a number, or "unlimited". */
static void print_value(rlim_t value)
{
    /* BEGIN SOLUTION task 1 */
    if (value == RLIM_INFINITY)
        printf("%-10s ", "unlimited");
    else
        printf("%-10llu ", (unsigned long long)value);
    /* END SOLUTION */
}

/* Prints a row of the table: getrlimit(2). */
static void print_row(const struct limit *limit)
{
    /* BEGIN SOLUTION task 1 */
    struct rlimit value;
    if (getrlimit(limit->resource, &value) == -1)
        err(1, "getrlimit: %s", limit->name);
    printf("%-10s ", limit->name);
    print_value(value.rlim_cur);
    print_value(value.rlim_max);
    printf("%-9s %s\n", limit->unit, limit->bounds);
    /* END SOLUTION */
}

int main(int argc, char **argv)
{
    static const struct option table[] = {{"help", 0, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int option = getopt_long(argc, argv, "", table, NULL);
    if (option == 'h')
        puts("Usage: ./rlimits\nprints the sixteen limits that it has");
    if (option != -1)
        exit(option == 'h' ? 0 : 2);
    if (optind < argc)
        errx(2, "'%s' is too much: see --help", argv[optind]);

    printf("%-10s %-10s %-10s %-9s %s\n", "NAME", "SOFT", "HARD", "UNIT",
           "BOUNDS");
    for (int l = 0; l < LIMITS; l++)
        print_row(&limits[l]);
    return 0;
}
