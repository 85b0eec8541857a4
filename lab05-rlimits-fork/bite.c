/* bite - run into a limit on purpose, in a child, and see how the kernel says
 * so
 *
 * Usage: ./bite [NAME]...
 *
 * Try:   ./bite
 *            an errno, a signal, or nothing: one line a limit
 *        strace -f ./bite nofile 2>&1 | tail -n 20
 *            the call that fails, and the errno that it fails with
 */
#define _GNU_SOURCE /* sigabbrev_np, strerrorname_np */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MIB = 1024 * 1024, NOBODY = 65534 }; /* a user without privileges */

/* Each of these runs into a limit by using that much of something. It returns
 * -1 with the errno of the call that failed, or 0, or is ended by a signal. */

/* Maps so many bytes of addresses, in one call, that are never used: mmap(2)
 * with PROT_NONE. */
static int map_addresses(size_t bytes)
{
    /* BEGIN SOLUTION task 5 */
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    if (mmap(NULL, bytes, PROT_NONE, flags, -1, 0) == MAP_FAILED)
        return -1;
    /* END SOLUTION */
    return 0;
}

/* Allocates memory, and writes to it: malloc(3), explicit_bzero(3). */
static int allocate(size_t bytes)
{
    /* BEGIN SOLUTION task 5 */
    char *memory = malloc(bytes);
    if (!memory)
        return -1;
    explicit_bzero(memory, bytes);
    free(memory);
    /* END SOLUTION */
    return 0;
}

/* Keeps memory out of swap: mlock(2). */
static int lock_memory(size_t bytes)
{
    /* BEGIN SOLUTION task 5 */
    void *memory = calloc(1, bytes);
    if (!memory || mlock(memory, bytes) == -1)
        return -1;
    /* END SOLUTION */
    return 0;
}

/* Writes two halves to a nameless file: tmpfile(3), fileno(3), write(2). */
static int write_file(size_t bytes)
{
    /* BEGIN SOLUTION task 5 */
    FILE *file = tmpfile();
    char *block = calloc(1, bytes);
    for (int half = 0; half < 2; half++)
        if (!file || !block || write(fileno(file), block, bytes / 2) == -1)
            return -1;
    /* END SOLUTION */
    return 0;
}

/* Opens /dev/null that often: open(2). */
static int open_files(size_t count)
{
    /* BEGIN SOLUTION task 5 */
    for (size_t n = 0; n < count; n++)
        if (open("/dev/null", O_RDONLY) == -1)
            return -1;
    /* END SOLUTION */
    return 0;
}

/* Makes so many children, one after the other: fork(2), waitpid(2). */
static int make_children(size_t count)
{
    /* BEGIN SOLUTION task 5 */
    for (size_t n = 0; n < count; n++) {
        pid_t child = fork();
        if (child == 0)
            _exit(0);
        if (child == -1 || waitpid(child, NULL, 0) == -1)
            return -1;
    }
    /* END SOLUTION */
    return 0;
}

static int burn_cpu(size_t rounds)
{
    for (volatile size_t n = 0; n < rounds; n++)
        ;
    return 0;
}

static int dump_core(size_t signal)
{
    return raise((int)signal);
}

static int use_stack(size_t bytes)
{
    volatile char frame[4096];
    frame[0] = 0;
    return bytes < 4096 ? 0 : use_stack(bytes - 4096) + frame[0];
}

static const struct attempt {
    const char *name, *what;
    unsigned resource;
    size_t soft, amount;
    int (*act)(size_t);
} attempts[] = {
    {"AS", "map 128 MiB", RLIMIT_AS, 64 * MIB, 128 * MIB, map_addresses},
    {"CORE", "abort", RLIMIT_CORE, 0, SIGABRT, dump_core},
    {"CPU", "burn CPU time", RLIMIT_CPU, 0, 4000000000, burn_cpu},
    {"DATA", "allocate 64 MiB", RLIMIT_DATA, 8 * MIB, 64 * MIB, allocate},
    {"FSIZE", "write 8192 bytes", RLIMIT_FSIZE, 1000, 8192, write_file},
    {"MEMLOCK", "lock 1 MiB", RLIMIT_MEMLOCK, 65536, MIB, lock_memory},
    {"NOFILE", "open 100 files", RLIMIT_NOFILE, 10, 100, open_files},
    {"NPROC", "fork", RLIMIT_NPROC, 0, 1, make_children},
    {"RSS", "touch 32 MiB", RLIMIT_RSS, MIB, 32 * MIB, allocate},
    {"STACK", "recurse 4 MiB", RLIMIT_STACK, 131072, 4 * MIB, use_stack},
};
enum { ATTEMPTS = sizeof attempts / sizeof attempts[0] };

/* Lets a child lower its soft limit and run into it; prints what came of that:
 * fork(2), setrlimit(2), waitpid(2), sigabbrev_np(3), strerrorname_np(3). */
static void attempt(const struct attempt *try)
{
    int leave = geteuid() == 0 && (try->resource == RLIMIT_MEMLOCK ||
                                   try->resource == RLIMIT_NPROC);
    int status = 0;
    /* BEGIN SOLUTION task 5 */
    struct rlimit limit;
    pid_t child = fork();
    if (child == -1)
        err(1, "fork");
    if (child == 0) {
        if (getrlimit(try->resource, &limit) == -1)
            _exit(errno);
        limit.rlim_cur = try->soft;
        if (setrlimit(try->resource, &limit) == -1 ||
            (leave && setuid(NOBODY) == -1))
            _exit(errno);
        _exit(try->act(try->amount) == -1 ? errno : 0);
    }
    if (waitpid(child, &status, 0) == -1)
        err(1, "waitpid");
    /* END SOLUTION */
    printf("%s %zu: %s%s: ", try->name, try->soft, try->what,
           leave ? " as user 65534" : "");
    /* BEGIN SOLUTION task 5 */
    int error = WEXITSTATUS(status);
    if (WIFSIGNALED(status))
        printf("SIG%s", sigabbrev_np(WTERMSIG(status)));
    else
        printf("%s", error ? strerrorname_np(error) : "nothing happens");
    /* END SOLUTION */
    putchar('\n');
}

int main(int argc, char **argv)
{
    static const struct option table[] = {{"help", 0, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int option = getopt_long(argc, argv, "", table, NULL);
    if (option == 'h')
        puts("Usage: ./bite [NAME]...   (as in ./rlimits; without, ten)");
    if (option != -1)
        exit(option == 'h' ? 0 : 2);
    for (int i = optind; i < argc; i++) {
        int a = 0;
        while (a < ATTEMPTS && strcasecmp(attempts[a].name, argv[i]) != 0)
            a++;
        if (a == ATTEMPTS)
            errx(2, "'%s' is not a limit of this list: see --help", argv[i]);
        attempt(&attempts[a]);
    }
    for (int a = 0; a < ATTEMPTS && optind == argc; a++)
        attempt(&attempts[a]);
    return 0;
}
