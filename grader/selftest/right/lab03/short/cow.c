/* cow - semaphores in shared memory; the child watches over its parent */
#define _GNU_SOURCE
#include <err.h>
#include <semaphore.h>
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

static struct shared {
    sem_t go, done;
    char step[64]; /* empty: end */
} * shared;
static size_t page, size = 250 << 20;
static char *memory;
static pid_t child;

static void line(const char *step, const char *who)
{
    long n, rss = 0, pss = 0, uss = 0;
    char key[64];
    struct rusage r;
    FILE *f = fopen("/proc/self/smaps_rollup", "r");
    if (!f || fscanf(f, "%*[^\n]") == EOF)
        err(1, "smaps_rollup");
    while (fscanf(f, " %63[^:]: %ld kB", key, &n) == 2) {
        rss += strcmp(key, "Rss") == 0 ? n : 0;
        pss += strcmp(key, "Pss") == 0 ? n : 0;
        uss += strncmp(key, "Private", 7) == 0 ? n : 0;
    }
    fclose(f);
    getrusage(RUSAGE_SELF, &r);
    printf("%s %s %d %ld %ld %ld %ld\n", step, who, getpid(), rss, pss, uss,
           r.ru_minflt);
}

static void touch(const char *step)
{
    const char *colon = strchr(step, ':');
    double percent = colon ? atof(colon + 1) : 100, done = 0;
    volatile char *at = memory, sink;
    for (; done + 1 <= percent / 100 * (double)(size / page); done++) {
        if (*step == 'w')
            *at = 'w';
        else
            sink = *at;
        at += page;
    }
    (void)sink;
}

static void run(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    for (;;) {
        sem_wait(&shared->go);
        if (shared->step[0] == '\0')
            _exit(0);
        touch(shared->step);
        line(shared->step, "child");
        sem_post(&shared->done);
    }
}

static void end(void)
{
    int status;
    shared->step[0] = '\0';
    sem_post(&shared->go);
    if (waitpid(child, &status, 0) == -1 || status != 0)
        errx(1, "the child was ended: status %d", status);
    child = 0;
}

static void gone(int signal) /* SIGCHLD: the child has ended; wakes the parent */
{
    (void)signal;
    sem_post(&shared->done);
}

int main(int argc, char **argv)
{
    static char *story[] = {"fork", "read", "write:50", "exit", "write", NULL};
    char **step = story;
    setlinebuf(stdout);
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    page = (size_t)getpagesize();
    if (argc > 2 && strcmp(argv[1], "--mib") == 0) {
        size = (size_t)(atof(argv[2]) * 1048576) / page * page;
        argv += 2;
    }
    if (argv[1])
        step = argv + 1;
    memory = malloc(size);
    shared = mmap(0, sizeof *shared, 3, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!memory || shared == MAP_FAILED)
        err(1, "no memory");
    sem_init(&shared->go, 1, 0);
    sem_init(&shared->done, 1, 0);
    signal(SIGCHLD, gone);
    touch("write");
    puts("STEP WHO PID RSS PSS USS MINFL");
    line("start", "parent");
    for (; *step; step++) {
        pid_t self = getpid();
        if (strcmp(*step, "stop") == 0) {
            raise(SIGSTOP);
            continue;
        }
        if (strcmp(*step, "fork") == 0) {
            child = fork();
            if (child == -1)
                err(1, "fork");
            if (child == 0)
                run(self);
        }
        if (strcmp(*step, "exit") == 0)
            end();
        else if (child) {
            strcpy(shared->step, *step);
            sem_post(&shared->go);
            while (sem_wait(&shared->done) == -1)
                ;
            if (waitpid(child, NULL, WNOHANG) != 0)
                errx(1, "the child has ended");
        } else
            touch(*step);
        line(*step, "parent");
    }
    if (child)
        end();
    return 0;
}
