/* hog - take memory, and use it (given)
 *
 * Usage: ./hog SIZE [--time SECONDS]        (SIZE as in 300M: K, M or G)
 *
 * Try:   ./hog 300M
 *            malloc(3) only promises memory; a page exists once it is written
 *            to, and only then does a limit of its group count it
 *
 * It bounds itself, whatever limits it is under: address space and time.
 */
#define _GNU_SOURCE
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

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

/* The same for a size: a number, and a unit of 1024, 1024^2 or 1024^3 bytes. */
static size_t bytes(char *text)
{
    static const char units[] = "KMG";
    size_t length = strlen(text);
    const char *unit = length > 0 ? strchr(units, text[length - 1]) : NULL;
    if (!unit)
        errx(2, "'%s' is not a size, such as 300M", text);
    text[length - 1] = '\0';
    double value = number(text, "0123456789", 1 << 20);
    for (long u = unit - units; u >= 0; u--)
        value *= 1024;
    if (value > 1 << 30)
        errx(2, "more than 1G is not for a lab");
    return (size_t)value;
}

int main(int argc, char **argv)
{
    static const struct option table[] = {
        {"time", 1, NULL, 't'}, {"help", 0, NULL, 'h'}, {NULL, 0, NULL, 0}};
    double seconds = 0;
    for (int o; (o = getopt_long(argc, argv, "", table, NULL)) != -1;)
        switch (o) {
        case 't': seconds = number(optarg, "0123456789.", 600); break;
        case 'h':
            puts("SIZE            memory to use, such as 300M; at most 1G\n"
                 "--time SECONDS  use it again and again, for so long (0)");
            exit(0);
        default: exit(2);
        }
    if (optind != argc - 1)
        errx(2, "one SIZE is needed: see --help");
    size_t size = bytes(argv[optind]);

    struct rlimit space = {size + (32UL << 20), RLIM_INFINITY};
    setrlimit(RLIMIT_AS, &space);
    alarm((unsigned)seconds + 300);
    volatile char *memory = malloc(size);
    if (!memory)
        err(1, "malloc");
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    double end = (double)t.tv_sec + (double)t.tv_nsec / 1e9 + seconds;
    do {
        for (size_t byte = 0; byte < size; byte += 4096)
            memory[byte] = 1;
        clock_gettime(CLOCK_MONOTONIC, &t);
    } while ((double)t.tv_sec + (double)t.tv_nsec / 1e9 < end);
    return 0;
}
