/* usage - the short one: statm, stat and smaps_rollup by fscanf */
#define _GNU_SOURCE
#include <err.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static FILE *file_of(const char *pid, const char *name)
{
    char path[80];
    snprintf(path, sizeof path, "/proc/%s/%s", pid, name);
    return fopen(path, "re");
}

static FILE *must(const char *pid, const char *name)
{
    FILE *file = file_of(pid, name);
    if (!file)
        err(1, "/proc/%s/%s", pid, name);
    return file;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return puts("usage PID...") < 0;
    if (argc < 2)
        errx(2, "no PID");
    printf("PID USER %%MEM RSS VSZ PSS USS MINFL COMMAND\n");
    while (*++argv) {
        long kib = sysconf(_SC_PAGESIZE) / 1024, vsz = 0, rss = 0, n;
        long pss = -1, uss = -1, total = 1;
        unsigned long minor = 0;
        char name[64] = "", key[64];
        struct stat st;
        FILE *f = must(*argv, "statm");
        if (fscanf(f, "%ld %ld", &vsz, &rss) != 2 || fstat(fileno(f), &st))
            err(1, "%s", *argv);
        fclose(f);
        f = must(*argv, "stat");
        int c, after = 0; /* how many characters there are after the last ) */
        while ((c = getc(f)) != EOF)
            after = c == ')' ? 0 : after + 1;
        fclose(f);
        f = must(*argv, "stat");
        char all[4096];
        size_t length = fread(all, 1, sizeof all - 1, f);
        all[length] = '\0';
        fclose(f);
        sscanf(all + length - (size_t)after, " %*s %*s %*s %*s %*s %*s %*s %lu",
               &minor);
        f = must(*argv, "comm");
        if (fscanf(f, "%63[^\n]", name) != 1)
            strcpy(name, "?");
        fclose(f);
        f = file_of(*argv, "smaps_rollup");
        if (f) {
            if (fscanf(f, "%*[^\n]") != EOF) {
                while (fscanf(f, " %63[^:]: %ld kB", key, &n) == 2)
                    if (strcmp(key, "Pss") == 0)
                        pss = n;
                    else if (strncmp(key, "Private_", 8) == 0)
                        uss = (uss < 0 ? 0 : uss) + n;
            }
            fclose(f);
        }
        if (!(f = fopen("/proc/meminfo", "r")) ||
            fscanf(f, "MemTotal: %ld", &total) != 1)
            err(1, "meminfo");
        fclose(f);
        struct passwd *user = getpwuid(st.st_uid);
        char id[20];
        sprintf(id, "%u", st.st_uid);
        printf("%s %s %.1f %ld %ld ", *argv, user ? user->pw_name : id,
               100.0 * (double)(rss * kib) / (double)total, rss * kib,
               vsz * kib);
        pss < 0 ? printf("- - ") : printf("%ld %ld ", pss, uss);
        printf("%lu %s\n", minor, name);
    }
    return 0;
}
