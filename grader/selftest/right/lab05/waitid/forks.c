/* forks - fork returns twice: once in the parent, once in the child
 *
 * Usage: ./forks
 *
 * Try:   ./forks
 *            which line comes first? Nothing promises an order
 *        ./forks | cat
 *            each line once, although output to a pipe waits in a buffer
 */
#define _GNU_SOURCE
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Forks, lets both processes print their line, waits: fork(2), waitpid(2). */
static void show_fork(void)
{
    printf("process %d forks\n", getpid());
    fflush(stdout); /* or the child has the line in its buffer too */
    pid_t child = fork();
    if (child == -1)
        err(1, "fork");
    if (child == 0) {
        printf("child %d: fork returned %d, my parent is %d\n", getpid(), child,
               getppid());
        fflush(stdout); /* which _exit(2) does not do */
        _exit(0);
    }
    printf("parent %d: fork returned %d\n", getpid(), child);
    if (waitid(P_ALL, 0, &(siginfo_t){0}, WEXITED) == -1)
        err(1, "waitid");
}

int main(int argc, char **argv)
{
    static const struct option table[] = {{"help", 0, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int option = getopt_long(argc, argv, "", table, NULL);
    if (option == 'h')
        puts("Usage: ./forks\nprints what fork returns in parent and child");
    if (option != -1)
        exit(option == 'h' ? 0 : 2);
    if (optind < argc)
        errx(2, "'%s' is too much: see --help", argv[optind]);

    show_fork();
    return 0;
}
