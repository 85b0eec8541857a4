/* usage - a line about each process: what it has asked for, has, and shares
 *
 * Usage: ./usage PID...
 *
 * Try:   ./usage $$
 *            your shell: most of its RSS are pages of files, which other
 *            processes have too; PSS counts its share of them, USS none
 *        ./memory malloc write stop & sleep 1; ./usage $!; kill -CONT $!
 *            any program at any moment: it does not have to help
 */
#define _GNU_SOURCE
#include <err.h>
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct usage {
    long vsz, rss;     /* KiB */
    long pss, uss;     /* KiB; -1: the kernel does not tell */
    long minor_faults; /* since it began */
};

/* Opens /proc/PID/NAME for reading: proc(5). */
static FILE *open_proc(pid_t pid, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    FILE *file = fopen(path, "r");
    if (!file)
        err(1, "%s", path);
    return file;
}

/* Sets vsz and rss, in KiB. The first two numbers of statm are these, in pages;
 * in status they are VmSize and VmRSS. */
static void read_sizes(pid_t pid, struct usage *of)
{
    /* BEGIN SOLUTION task 1 */
    long kib = sysconf(_SC_PAGESIZE) / 1024;
    FILE *statm = open_proc(pid, "statm");
    if (fscanf(statm, "%ld %ld", &of->vsz, &of->rss) != 2)
        err(1, "/proc/%d/statm", pid);
    fclose(statm);
    of->vsz *= kib;
    of->rss *= kib;
    /* END SOLUTION */
}

/* Sets minor_faults: minflt, the tenth field of stat. The second field is the
 * name, in parentheses, and may itself have spaces and parentheses. */
static void read_faults(pid_t pid, struct usage *of)
{
    /* BEGIN SOLUTION task 3 */
    char line[1024] = "";
    FILE *stat = open_proc(pid, "stat");
    if (!fgets(line, sizeof line, stat))
        err(1, "/proc/%d/stat", pid);
    fclose(stat);
    const char *rest = strrchr(line, ')');
    if (!rest || sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %ld",
                        &of->minor_faults) != 1)
        errx(1, "/proc/%d/stat: no minflt", pid);
    /* END SOLUTION */
}

/* Sets pss, and uss, the sum of all that is Private: smaps_rollup. They stay -1
 * for a process of another user (EACCES), and for one without memory. */
static void read_shares(pid_t pid, struct usage *of)
{
    /* BEGIN SOLUTION task 6 */
    char line[256];
    snprintf(line, sizeof line, "/proc/%d/smaps_rollup", pid);
    FILE *rollup = fopen(line, "r");
    if (!rollup)
        return;
    for (long n; fgets(line, sizeof line, rollup);)
        if (sscanf(line, "Pss: %ld kB", &n) == 1) {
            of->pss = n;
            of->uss = 0; /* the Private lines come later */
        } else if (sscanf(line, "Private_%*[^:]: %ld kB", &n) == 1) {
            of->uss += n;
        }
    fclose(rollup);
    /* END SOLUTION */
}

/* Returns the memory of this machine, in KiB. */
static long total_memory(void)
{
    long total = 0;
    FILE *meminfo = fopen("/proc/meminfo", "r");
    if (!meminfo || fscanf(meminfo, "MemTotal: %ld kB", &total) != 1)
        err(1, "/proc/meminfo");
    fclose(meminfo);
    return total;
}

static void print_shares(long kib)
{
    if (kib == -1)
        printf("%6s ", "-");
    else
        printf("%6ld ", kib);
}

/* Prints what `ps -o pid,user,%mem,rss,vsz,pss,uss,min_flt,comm` does. */
static void print_line(pid_t pid)
{
    struct usage of = {.pss = -1, .uss = -1};
    char name[64] = "", number[16];
    struct stat owner;

    FILE *comm = open_proc(pid, "comm");
    if (fgets(name, sizeof name, comm))
        name[strcspn(name, "\n")] = '\0';
    if (fstat(fileno(comm), &owner) == -1)
        err(1, "/proc/%d/comm", pid);
    fclose(comm);
    snprintf(number, sizeof number, "%u", owner.st_uid);
    const struct passwd *user = getpwuid(owner.st_uid);

    read_sizes(pid, &of);
    read_faults(pid, &of);
    read_shares(pid, &of);
    long share = 1000 * of.rss / total_memory(); /* per mille */
    printf("%7d %-8s %2ld.%ld %6ld %6ld ", pid, user ? user->pw_name : number,
           share / 10, share % 10, of.rss, of.vsz);
    print_shares(of.pss);
    print_shares(of.uss);
    printf("%6ld %s\n", of.minor_faults, name);
}

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

int main(int argc, char **argv)
{
    static const struct option table[] = {{"help", 0, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int option = getopt_long(argc, argv, "", table, NULL);
    if (option == 'h')
        puts("Usage: ./usage PID...\n"
             "RSS, VSZ, PSS, USS in KiB; MINFL, minor faults since it began");
    if (option != -1)
        exit(option == 'h' ? 0 : 2);
    if (optind == argc)
        errx(2, "the pid of a process is needed: see --help");

    for (int i = optind; i < argc; i++)
        number(argv[i], "0123456789", 1 << 22); /* all, before the first line */
    printf(
        "    PID USER     %%MEM    RSS    VSZ    PSS    USS  MINFL COMMAND\n");
    for (; optind < argc; optind++)
        print_line((pid_t)number(argv[optind], "0123456789", 1 << 22));
    return 0;
}
