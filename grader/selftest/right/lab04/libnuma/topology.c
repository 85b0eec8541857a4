/* A right program: the nodes are the folders that are there; getdelim; the
 * lists are read by strsep. */
#define _GNU_SOURCE
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *root = "";
static int nodes[300], count;

static char *content(const char *name)
{
    char path[4000], *text = NULL;
    size_t size = 0;
    snprintf(path, sizeof path, "%.3000s/sys/devices/system/node/%s", root,
             name);
    FILE *f = fopen(path, "r");
    if (!f)
        err(1, "%s", path);
    if ((getdelim(&text, &size, '\0', f), ferror(f)))
        err(1, "%s", path);
    fclose(f);
    return text ? text : strdup("");
}

static void print_list(char *list, int print)
{
    long next = 0;
    list[strcspn(list, "\n")] = '\0';
    if (!*list)
        return;
    for (char *part; (part = strsep(&list, ","));) {
        char *dash = strchr(part, '-'), *second = dash ? dash + 1 : part;
        if (dash)
            *dash = '\0';
        size_t a = strlen(part), b = strlen(second);
        if (!a || !b || a > 4 || b > 4 || strspn(part, "0123456789") != a ||
            strspn(second, "0123456789") != b)
            errx(1, "'%s' in a list", part);
        if (atol(part) < next || atol(second) < atol(part))
            errx(1, "%s in a list", part);
        for (long n = atol(part); n <= atol(second); n++)
            if (print)
                printf(" %ld", n);
            else
                nodes[count++] = (int)n;
        next = atol(second) + 1;
    }
}

static unsigned long long megabytes(const char *text, const char *key)
{
    unsigned long long kb;
    const char *at = strstr(text, key);
    if (!at || sscanf(at + strlen(key), ": %llu kB", &kb) != 1)
        errx(1, "no %s", key);
    return kb / 1024;
}

int main(int argc, char **argv)
{
    char name[40], *text;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return puts("usage") == EOF;
    if (argc == 3)
        root = argv[2];
    char *online = content("online"), *copy = strdup(online);
    if (!copy)
        err(1, "strdup");
    print_list(copy, 0);
    free(copy);
    online[strcspn(online, "\n")] = '\0';
    printf("available: %d nodes (%s)\n", count, online);
    free(online);
    for (int n = 0; n < count; n++) {
        printf("node %d cpus:", nodes[n]);
        sprintf(name, "node%d/cpulist", nodes[n]);
        print_list(text = content(name), 1);
        free(text);
        sprintf(name, "node%d/meminfo", nodes[n]);
        text = content(name);
        printf("\nnode %d size: %llu MB\n", nodes[n],
               megabytes(text, "MemTotal"));
        printf("node %d free: %llu MB\n", nodes[n], megabytes(text, "MemFree"));
        free(text);
    }
    sprintf(name, "node%d/distance", count ? nodes[count - 1] : 0);
    text = content(name);
    int none = atoi(text) == 0;
    free(text);
    if (none)
        return puts("No distance information available.") == EOF;
    printf("node distances:\nnode ");
    for (int n = 0; n < count; n++)
        printf(nodes[n] > 99 ? " %d " : "%3d ", nodes[n]);
    for (int n = 0; n < count; n++) {
        sprintf(name, "node%d/distance", nodes[n]);
        char *all = text = content(name), *word;
        printf(nodes[n] > 99 ? "\n %d: " : "\n%3d: ", nodes[n]);
        for (int i = 0; i < count; i++) {
            word = strsep(&text, " \n");
            if (!word || !*word)
                errx(1, "%s: too short", name);
            printf(atoi(word) > 99 ? " %d " : "%3d ", atoi(word));
        }
        free(all);
    }
    putchar('\n');
    return 0;
}
