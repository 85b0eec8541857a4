/* topology - the NUMA nodes of a machine: their CPUs, memory and distances
 *
 * Usage: ./topology [--sysroot DIR]
 *
 * Try:   ./topology
 *            what `numactl --hardware` prints; all of it is read from /sys
 *        ./topology --sysroot sysroots/gaps
 *            another machine, from a copy of its /sys: four nodes, up to 255
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <err.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT = 65536, IDS = 8192 }; /* bytes of a file; numbers in a list */

static const char *root = ""; /* the folder that stands for / */

/* Reads the file of this name below sys/devices/system/node, or of `node` if
 * that is not -1. Copies of /sys may have a NUL behind the last newline. */
static void read_file(int node, const char *name, char text[TEXT])
{
    char path[PATH_MAX], folder[32] = "";
    if (node != -1)
        snprintf(folder, sizeof folder, "node%d/", node);
    snprintf(path, sizeof path, "%.3000s/sys/devices/system/node/%s%s", root,
             folder, name);
    FILE *file = fopen(path, "r");
    if (!file)
        err(1, "%s", path);
    text[fread(text, 1, TEXT - 1, file)] = '\0';
    if (ferror(file))
        err(1, "%s", path);
    fclose(file);
}

/* Cuts the text behind its first line, and puts the numbers of that line, a
 * list such as "0,2-3", into ids. Returns how many there are. */
static int parse_list(char text[TEXT], int ids[IDS])
{
    int count = 0;
    text[strcspn(text, "\n")] = '\0';
    /* BEGIN SOLUTION task 1 */
    long least = 0; /* that may come next */
    for (char *at = text, *end = text; *text && (at == text || *end); at++) {
        long first = strtol(at, &end, 10), last = first;
        if (isdigit(*at) && *end == '-' && isdigit(end[1]))
            last = strtol(end + 1, &end, 10);
        if (!isdigit(*at) || first < least || last < first || last >= IDS ||
            (*end != '\0' && *end != ','))
            errx(1, "'%s' is not a list of numbers", text);
        least = last + 1;
        for (; first <= last; first++)
            ids[count++] = (int)first;
        at = end;
    }
    /* END SOLUTION */
    return count;
}

/* Returns the kB that a line such as "Node 0 MemFree:  1234 kB" gives. */
static long kilobytes(const char *meminfo, const char *key)
{
    long value = 0;
    /* BEGIN SOLUTION task 1 */
    const char *line = strstr(meminfo, key);
    if (!line || sscanf(line + strlen(key), "%ld kB", &value) != 1)
        errx(1, "meminfo: no number for %s", key);
    /* END SOLUTION */
    return value;
}

/* Prints the CPUs of a node, its memory, and what is free of it. */
static void print_node(int node)
{
    /* BEGIN SOLUTION task 1 */
    static char text[TEXT];
    static int cpus[IDS];
    read_file(node, "cpulist", text);
    int count = parse_list(text, cpus);
    printf("node %d cpus:", node);
    for (int c = 0; c < count; c++)
        printf(" %d", cpus[c]);
    read_file(node, "meminfo", text);
    printf("\nnode %d size: %ld MB\n", node,
           kilobytes(text, "MemTotal:") / 1024);
    printf("node %d free: %ld MB\n", node, kilobytes(text, "MemFree:") / 1024);
    /* END SOLUTION */
}

/* Puts the distances from a node to all `count` nodes into row. */
static void read_distances(int node, int count, long row[IDS])
{
    /* BEGIN SOLUTION task 1 */
    static char text[TEXT];
    read_file(node, "distance", text);
    char *at = text, *end;
    for (int n = 0; n < count; n++, at = end) {
        row[n] = strtol(at, &end, 10);
        if (end == at)
            errx(1, "node%d/distance: %d numbers, %d nodes", node, n, count);
    }
    /* END SOLUTION */
}

/* Prints the table of distances. */
static void print_distances(const int nodes[IDS], int count)
{
    /* BEGIN SOLUTION task 1 */
    static long row[IDS];
    read_distances(nodes[count - 1], count, row);
    if (row[0] == 0) { /* from the last node to the first, as numactl does */
        puts("No distance information available.");
        return;
    }
    printf("node distances:\nnode ");
    for (int n = 0; n < count; n++)
        printf("% 3d ", nodes[n]);
    for (int from = 0; from < count; from++) {
        printf("\n% 3d: ", nodes[from]);
        read_distances(nodes[from], count, row);
        for (int to = 0; to < count; to++)
            printf("% 3ld ", row[to]);
    }
    putchar('\n');
    /* END SOLUTION */
}

static void parse(int argc, char **argv)
{
    static const struct option table[] = {
        {"sysroot", 1, NULL, 'r'}, {"help", 0, NULL, 'h'}, {NULL, 0, NULL, 0}};

    for (int o; (o = getopt_long(argc, argv, "", table, NULL)) != -1;)
        switch (o) {
        case 'r': root = optarg; break;
        case 'h':
            puts("--sysroot DIR  look at DIR/sys/devices/system/node");
            exit(0);
        default: exit(2);
        }
    if (optind < argc)
        errx(2, "'%s' is not an option: see --help", argv[optind]);
}

int main(int argc, char **argv)
{
    static char online[TEXT];
    static int nodes[IDS];
    setvbuf(stdout, NULL, _IOLBF, 0); /* whole lines, into a pipe too */
    parse(argc, argv);

    read_file(-1, "online", online);
    int count = parse_list(online, nodes);
    if (count == 0)
        errx(1, "no node is online");
    printf("available: %d nodes (%s)\n", count, online);
    for (int n = 0; n < count; n++)
        print_node(nodes[n]);
    print_distances(nodes, count);
    return 0;
}
