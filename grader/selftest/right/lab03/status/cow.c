/* cow - two pipes, /proc/PID of either by the parent, which prints all */
#define _GNU_SOURCE
#include <err.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static char *memory;
static size_t size = 250 << 20, page;
static int down[2], up[2];
static pid_t child;

static void show(const char *step, const char *who, pid_t pid)
{
    char path[64], line[512];
    long n, rss = 0, pss = 0, uss = 0, minor = 0;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
    FILE *f = fopen(path, "r");
    if (!f)
        err(1, "%s", path);
    while (fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        n = colon ? atol(colon + 1) : 0;
        if (!strncmp(line, "Rss:", 4))
            rss = n;
        if (!strncmp(line, "Pss:", 4))
            pss = n;
        if (!strncmp(line, "Private_", 8))
            uss += n;
    }
    fclose(f);
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    if (!(f = fopen(path, "r")) || !fgets(line, sizeof line, f))
        err(1, "%s", path);
    fclose(f);
    sscanf(strrchr(line, ')') + 1, " %*c %*d %*d %*d %*d %*d %*u %ld", &minor);
    printf("%-10s %-7s %7d %8ld %8ld %8ld %8ld\n", step, who, pid, rss, pss,
           uss, minor);
}

static void touch(const char *step)
{
    double percent = strchr(step, ':') ? atof(strchr(step, ':') + 1) : 100;
    size_t count = (size_t)((double)(size / page) * percent / 100);
    for (volatile char *p = memory; count > 0; count--, p += page)
        if (step[0] == 'w')
            *p = 'x';
        else
            (void)*p;
}

/* The child does what comes in fixed pieces of 32 bytes. */
static void begin(void)
{
    char piece[32];
    if (pipe(down) == -1 || pipe(up) == -1)
        err(1, "pipe");
    if ((child = fork()) == -1)
        err(1, "fork");
    if (child > 0) {
        close(down[0]);
        close(up[1]);
        return;
    }
    close(down[1]);
    close(up[0]);
    while (read(down[0], piece, sizeof piece) == sizeof piece) {
        touch(piece);
        if (write(up[1], piece, 1) != 1)
            _exit(1);
    }
    _exit(0);
}

static void end(void)
{
    int status;
    close(down[1]);
    close(up[0]);
    if (waitpid(child, &status, 0) != child)
        err(1, "waitpid");
    child = 0;
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        errx(1, "the child has not ended well");
}

static void ask(const char *step)
{
    char piece[32] = "", answer;
    snprintf(piece, sizeof piece, "%s", step);
    if (write(down[1], piece, sizeof piece) != sizeof piece ||
        read(up[0], &answer, 1) != 1)
        end(), exit(1);
}

int main(int argc, char **argv)
{
    static char *all[] = {"fork", "read", "write:50", "exit", "write", NULL};
    static const struct option table[] = {
        {"mib", 1, 0, 'm'}, {"help", 0, 0, 'h'}, {0}};
    setlinebuf(stdout);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    page = (size_t)getpagesize();
    for (int o; (o = getopt_long(argc, argv, "", table, 0)) != -1;) {
        if (o == 'm')
            size = (size_t)(atof(optarg) * 1048576) / page * page;
        else
            return o == 'h' ? 0 : 2;
    }
    char **step = optind < argc ? argv + optind : all;
    memory = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                  -1, 0);
    if (memory == MAP_FAILED)
        err(1, "mmap");
    touch("write");
    puts("STEP       WHO         PID      RSS      PSS      USS    MINFL");
    show("start", "parent", getpid());
    for (; *step; step++) {
        if (!strcmp(*step, "stop")) {
            raise(SIGSTOP);
            continue;
        }
        if (!strcmp(*step, "fork"))
            begin();
        else if (!strcmp(*step, "exit"))
            end();
        else if (child)
            ask(*step);
        else
            touch(*step);
        if (child)
            show(*step, "child", child);
        show(*step, "parent", getpid());
    }
    if (child)
        end();
    return 0;
}
