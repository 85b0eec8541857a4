/* cow - fork, and copy on write: which process has a page, who gets a copy
 *
 * Usage: ./cow [--mib N] [STEP]...      (--help lists the steps)
 *
 * Try:   ./cow
 *            fork copies no page: RSS is there twice, PSS is halved, USS is 0
 *            the first write to a page copies it: a fault, and USS in both
 *        ./cow fork write stop & sleep 1; ps -o pid,rss,pss,uss,comm; kill %%
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS, PR_SET_THP_DISABLE */
#include <err.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static size_t page;              /* bytes in one: 4096 on most machines */
static size_t size = 250L << 20; /* bytes of the memory */
static char *memory;
static pid_t child; /* 0: there is none, or this is it */
static int turn[2]; /* a socket pair: [0] for the parent, [1] for the child */

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

/* Returns the percent of a step, 50 for "write:50". */
static double percent(const char *step)
{
    const char *colon = strchr(step, ':');
    return colon ? number(colon + 1, "0123456789.", 100) : 100;
}

/* Reads or writes a byte in each of the first so many percent of the pages; any
 * other step touches nothing. */
static void touch(const char *step)
{
    /* BEGIN SOLUTION task 7 */
    size_t count = (size_t)((double)(size / page) * percent(step) / 100);
    for (size_t i = 0; i < count; i++) {
        volatile char *byte = memory + i * page;
        if (*step == 'w')
            *byte = 1;
        else if (*step == 'r')
            (void)*byte;
    }
    /* END SOLUTION */
}

/* Prints what this process has, by /proc/self/smaps_rollup and getrusage(2):
 * Rss; Pss; the sum of all that is Private; minor faults. */
static void print_line(const char *step, const char *who)
{
    long rss = 0, pss = 0, uss = 0, faults = 0;
    /* BEGIN SOLUTION task 7 */
    char line[256];
    FILE *rollup = fopen("/proc/self/smaps_rollup", "r");
    if (!rollup)
        err(1, "/proc/self/smaps_rollup");
    for (long n; fgets(line, sizeof line, rollup);) {
        sscanf(line, "Rss: %ld kB", &rss);
        sscanf(line, "Pss: %ld kB", &pss);
        if (sscanf(line, "Private_%*[^:]: %ld kB", &n) == 1)
            uss += n;
    }
    fclose(rollup);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    faults = usage.ru_minflt;
    /* END SOLUTION */
    printf("%-10s %-7s %7d %8ld %8ld %8ld %8ld\n", step, who, getpid(), rss,
           pss, uss, faults);
}

/* The child does each step that its parent sends, and answers, until the other
 * end is closed: by end_child(), or because the parent has ended: recv(2). */
static void serve(void)
{
    /* BEGIN SOLUTION task 7 */
    char step[64] = "";
    while (recv(turn[1], step, sizeof step - 1, 0) > 0) {
        touch(step);
        print_line(step, "child");
        send(turn[1], step, 1, MSG_NOSIGNAL);
    }
    /* END SOLUTION */
    exit(0);
}

/* Makes the child: socketpair(2), fork(2). Each process closes the end that is
 * not its own, or it would never see that the other one has ended. */
static void start_child(void)
{
    /* BEGIN SOLUTION task 7 */
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, turn) == -1)
        err(1, "socketpair");
    child = fork();
    if (child == -1)
        err(1, "fork");
    if (child == 0) {
        close(turn[0]);
        serve();
    }
    close(turn[1]);
    /* END SOLUTION */
}

/* Ends the child and waits for it: close(2), waitpid(2). That it was killed, or
 * has failed, is an error of ours. */
static void end_child(void)
{
    /* BEGIN SOLUTION task 7 */
    int status;
    close(turn[0]);
    if (waitpid(child, &status, 0) == -1)
        err(1, "waitpid");
    if (status != 0)
        errx(1, "child %d has failed, or was killed", child);
    child = 0;
    /* END SOLUTION */
}

/* Lets the child do the step, and waits until it has; if it has ended instead,
 * that is an error of ours: send(2) with MSG_NOSIGNAL, recv(2). */
static void let_child(const char *step)
{
    /* BEGIN SOLUTION task 7 */
    char answer;
    if (send(turn[0], step, strlen(step) + 1, MSG_NOSIGNAL) == -1 ||
        recv(turn[0], &answer, 1, 0) != 1) {
        end_child();
        errx(1, "the child has ended");
    }
    /* END SOLUTION */
}

static void take(const char *step)
{
    if (strcmp(step, "fork") == 0 && !child)
        start_child();
    else if (strcmp(step, "exit") == 0 && child)
        end_child();
    else if ((strncmp(step, "read", 4) && strncmp(step, "write", 5)) ||
             percent(step) > 100)
        errx(2, "'%s' is not a step, or not now: see --help", step);
    else if (!child)
        touch(step);
    if (child)
        let_child(step);
    print_line(step, "parent");
}

int main(int argc, char **argv)
{
    static char *story[] = {"fork", "read", "write:50", "exit", "write", NULL};
    static const struct option table[] = {
        {"mib", 1, 0, 'm'}, {"help", 0, 0, 'h'}, {0}};
    setvbuf(stdout, NULL, _IOLBF, 0);      /* whole lines, into a pipe too */
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); /* one fault, one page */
    page = (size_t)sysconf(_SC_PAGESIZE);
    for (int o; (o = getopt_long(argc, argv, "", table, NULL)) != -1;)
        if (o == 'm')
            size = (size_t)(number(optarg, "0123456789.", 1e12) * (1 << 20));
        else if (o == 'h')
            return puts("--mib N (250)\nSteps: fork, exit, stop, "
                        "read[:PERCENT], write[:PERCENT]") < 0;
        else
            exit(2);
    size = size / page * page;

    memory = malloc(size);
    if (!memory)
        err(1, "malloc");
    touch("write");
    printf("STEP       WHO         PID      RSS      PSS      USS    MINFL\n");
    print_line("start", "parent");
    for (char **step = optind < argc ? argv + optind : story; *step; step++)
        if (strcmp(*step, "stop") == 0)
            raise(SIGSTOP); /* until SIGCONT: fg */
        else
            take(*step);
    if (child)
        end_child();
    return 0;
}
