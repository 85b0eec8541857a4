/* bite, from the handout alone */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int deep(int n)
{
    volatile char page[4096];
    page[0] = 1;
    return n ? deep(n - 1) + page[0] : 0;
}

static int go(int r)
{
    static char block[8192];
    void *p;
    int fd;
    switch (r) {
    case RLIMIT_AS:
        return mmap(0, 128 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                    0) == MAP_FAILED;
    case RLIMIT_CORE: abort();
    case RLIMIT_CPU:
        for (volatile unsigned long n = 1; n; n++)
            ;
        return 0;
    case RLIMIT_DATA:
        return mmap(0, 64 << 20, PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                    0) == MAP_FAILED;
    case RLIMIT_FSIZE:
        fd = memfd_create("file", 0);
        return fd < 0 || write(fd, block, 4096) < 0 ||
               write(fd, block, 4096) < 0;
    case RLIMIT_MEMLOCK:
        p = mmap(0, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return mlock(p, 1 << 20);
    case RLIMIT_NOFILE:
        for (int n = 0; n < 100; n++)
            if (open("/dev/null", O_RDONLY) < 0)
                return 1;
        return 0;
    case RLIMIT_NPROC:
        if ((fd = fork()) == 0)
            _exit(0);
        return fd < 0 || wait(NULL) < 0;
    case RLIMIT_RSS:
        p = mmap(0, 32 << 20, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        return p == MAP_FAILED;
    case RLIMIT_STACK: return 0 * deep(1024);
    }
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name, *what;
        int resource;
        rlim_t soft;
    } all[] = {{"AS", "map 128 MiB", RLIMIT_AS, 64 << 20},
               {"CORE", "abort", RLIMIT_CORE, 0},
               {"CPU", "burn CPU time", RLIMIT_CPU, 0},
               {"DATA", "allocate 64 MiB", RLIMIT_DATA, 8 << 20},
               {"FSIZE", "write 8192 bytes", RLIMIT_FSIZE, 1000},
               {"MEMLOCK", "lock 1 MiB", RLIMIT_MEMLOCK, 65536},
               {"NOFILE", "open 100 files", RLIMIT_NOFILE, 10},
               {"NPROC", "fork", RLIMIT_NPROC, 0},
               {"RSS", "touch 32 MiB", RLIMIT_RSS, 1 << 20},
               {"STACK", "recurse 4 MiB", RLIMIT_STACK, 131072}};
    for (int i = 0; i < 10; i++) {
        int r = all[i].resource, status,
            leave = !geteuid() && (r == RLIMIT_MEMLOCK || r == RLIMIT_NPROC);
        if (argc > 1 && strcasecmp(argv[1], all[i].name))
            continue;
        pid_t pid = fork();
        if (pid < 0)
            err(1, "fork");
        if (!pid) {
            struct rlimit l;
            if (getrlimit(r, &l))
                _exit(errno);
            l.rlim_cur = all[i].soft;
            if (setrlimit(r, &l) || (leave && setuid(65534)) || go(r))
                _exit(errno);
            _exit(0);
        }
        if (waitpid(pid, &status, 0) < 0)
            err(1, "waitpid");
        printf("%s %lu: %s%s: %s%s\n", all[i].name, all[i].soft, all[i].what,
               leave ? " as user 65534" : "", WIFSIGNALED(status) ? "SIG" : "",
               WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status))
               : status            ? strerrorname_np(WEXITSTATUS(status))
                                   : "nothing happens");
    }
}
