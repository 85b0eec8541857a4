/* usage - from /proc/PID/status, stat by hand, smaps_rollup in one piece */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char text[16384];

/* Reads /proc/PID/FILE into text; false when it may not be read. */
static int slurp(const char *pid, const char *file, int may_fail)
{
    char path[100];
    snprintf(path, sizeof path, "/proc/%s/%s", pid, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd == -1 ? -1 : read(fd, text, sizeof text - 1);
    if (n == -1 && !may_fail)
        err(1, "%s", path);
    if (fd != -1)
        close(fd);
    text[n == -1 ? 0 : n] = '\0';
    return n > 0;
}

/* The sum of the lines that begin with the key; `none` when there is none. */
static long long sum(const char *key, long long none)
{
    long long all = 0;
    int found = 0;
    for (const char *at = text; (at = strstr(at, key)) != NULL; at++)
        if (at == text || at[-1] == '\n') {
            all += atoll(strchr(at, ':') + 1);
            found = 1;
        }
    return found ? all : none;
}

int main(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "--help") == 0)
        return puts("./usage PID...") == EOF || argc < 2 ? 2 : 0;
    for (int i = 1; i < argc; i++)
        if (!*argv[i] || argv[i][strspn(argv[i], "0123456789")])
            errx(2, "%s: no pid", argv[i]);
    puts("    PID USER     %MEM    RSS    VSZ    PSS    USS  MINFL COMMAND");
    for (int i = 1; i < argc; i++) {
        char path[100], name[64], user[64], column[2][32];
        struct stat owner;
        snprintf(path, sizeof path, "/proc/%s", argv[i]);
        if (stat(path, &owner) == -1)
            err(1, "%s", path);
        const struct passwd *entry = getpwuid(owner.st_uid);
        snprintf(user, sizeof user, "%u", owner.st_uid);
        if (entry)
            snprintf(user, sizeof user, "%s", entry->pw_name);
        slurp(argv[i], "comm", 0);
        snprintf(name, sizeof name, "%.*s", (int)strcspn(text, "\n"), text);
        slurp(argv[i], "status", 0);
        long long vsz = sum("VmSize:", 0), rss = sum("VmRSS:", 0);
        slurp(argv[i], "stat", 0);
        char *field = strrchr(text, ')') + 1;
        for (int f = 2; f < 9; f++)
            field = strchr(field + 1, ' ');
        long minor = atol(field);
        slurp(argv[i], "smaps_rollup", 1);
        long long n[2] = {sum("Pss:", -1), sum("Private_", -1)};
        for (int c = 0; c < 2; c++)
            snprintf(column[c], 32, n[c] == -1 ? "-" : "%lld", n[c]);
        double all = (double)sysconf(_SC_PHYS_PAGES) *
                     (double)sysconf(_SC_PAGESIZE) / 1024;
        double part = (double)rss * 100 / all;
        printf("%7s %-8s %4.1f %6lld %6lld %6s %6s %6ld %s\n", argv[i], user,
               part, rss, vsz, column[0], column[1], minor, name);
    }
    return 0;
}
