/* A right program: the nodes are those folders that are in online; sorted bit
 * sets; getline. */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *root = "";

static char *first_line(const char *name, const char *want)
{
    char *path, *line = NULL;
    size_t size = 0;
    if (asprintf(&path, "%s/sys/devices/system/node/%s", root, name) == -1)
        err(1, "asprintf");
    FILE *f = fopen(path, "r");
    if (!f)
        err(1, "%s", path);
    while (getline(&line, &size, f) != -1)
        if (!want || strstr(line, want)) {
            line[strcspn(line, "\n")] = '\0';
            fclose(f);
            free(path);
            return line;
        }
    if (ferror(f))
        err(1, "%s", path);
    if (want)
        errx(1, "%s: no %s", path, want);
    fclose(f);
    free(path);
    free(line);
    return strdup("");
}

static bool *set_of(const char *list)
{
    bool *set = calloc(9000, 1);
    int last = -1;
    const char *p = list;
    if (!set)
        err(1, "calloc");
    while (*p) {
        int n = 0, a, b;
        if (sscanf(p, "%4d%n", &a, &n) != 1 ||
            strspn(p, "0123456789") != (size_t)n)
            errx(1, "no list: %s", list);
        p += n;
        b = a;
        if (*p == '-') {
            p++;
            if (sscanf(p, "%4d%n", &b, &n) != 1 ||
                strspn(p, "0123456789") != (size_t)n)
                errx(1, "no list: %s", list);
            p += n;
        }
        if (a <= last || b < a || b > 8999 || (*p == ',' && !p[1]) ||
            (*p && *p != ','))
            errx(1, "no list: %s", list);
        for (last = b; a <= b; a++)
            set[a] = true;
        p += *p == ',';
    }
    return set;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--sysroot") == 0)
        root = argv[2];
    else if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return puts("--sysroot DIR") == EOF;
    else if (argc != 1)
        errx(2, "usage: topology [--sysroot DIR]");
    char *online = first_line("online", NULL), name[64];
    bool *node = set_of(online);
    int count = 0, first = -1, last = -1;
    for (int n = 0; n < 9000; n++)
        if (node[n]) {
            count++;
            last = n;
            first = first == -1 ? n : first;
        }
    if (count == 0)
        errx(1, "no node");
    printf("available: %d nodes (%s)\n", count, online);
    free(online);
    for (int n = 0; n <= last; n++) {
        if (!node[n])
            continue;
        sprintf(name, "node%d/cpulist", n);
        char *list = first_line(name, NULL);
        bool *cpu = set_of(list);
        printf("node %d cpus:", n);
        for (int c = 0; c < 9000; c++)
            if (cpu[c])
                printf(" %d", c);
        putchar('\n');
        free(list);
        free(cpu);
        const char *what[2][2] = {{"MemTotal:", "size"}, {"MemFree:", "free"}};
        for (int w = 0; w < 2; w++) {
            sprintf(name, "node%d/meminfo", n);
            list = first_line(name, what[w][0]);
            char *end, *digits = strstr(list, what[w][0]) + strlen(what[w][0]);
            unsigned long long kb = strtoull(digits, &end, 10);
            if (end == digits)
                errx(1, "meminfo: no number");
            printf("node %d %s: %llu MB\n", n, what[w][1], kb >> 10);
            free(list);
        }
    }
    static int table[256][256];
    int row = 0;
    for (int n = 0; n <= last; n++) {
        if (!node[n])
            continue;
        sprintf(name, "node%d/distance", n);
        char *line = first_line(name, NULL), *word = strtok(line, " ");
        for (int i = 0; i < count && i < 256; i++, word = strtok(NULL, " ")) {
            if (!word)
                errx(1, "node%d: too few distances", n);
            table[row][i] = atoi(word);
        }
        free(line);
        row++;
    }
    if (table[row - 1][0] == 0) {
        free(node);
        return puts("No distance information available.") == EOF;
    }
    printf("node distances:\nnode ");
    for (int n = 0; n <= last; n++)
        if (node[n])
            printf("% 3d ", n);
    putchar('\n');
    row = 0;
    for (int n = 0; n <= last; n++)
        if (node[n]) {
            printf("% 3d: ", n);
            for (int i = 0; i < count; i++)
                printf("% 3d ", table[row][i]);
            putchar('\n');
            row++;
        }
    free(node);
    return fflush(stdout) == EOF;
}
