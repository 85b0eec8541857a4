/* waits, from the handout alone */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void give_up(const char *what)
{
    int why = errno;
    while (wait(NULL) != -1)
        ;
    errno = why;
    err(1, "%s", what);
}

static void form(const char *name, pid_t who)
{
    int status;
    pid_t got = waitpid(who, &status, 0);
    if (got < 0)
        printf("%s: %s\n", name, strerrorname_np(errno));
    else
        printf("%s: %d exited with %d\n", name, got, WEXITSTATUS(status));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    int code = argc > 1 ? atoi(argv[1]) : 1;
    pid_t pid[4], group = 0;
    for (int i = 0; i < 4; i++) {
        if ((pid[i] = fork()) < 0)
            give_up("fork");
        int moves = i == 1 || i == 2;
        if (!pid[i]) {
            if (moves && setpgid(0, group))
                _exit(99);
            printf("child %d, group %d, exits with %d\n", getpid(), getpgrp(),
                   code + i);
            exit(code + i);
        }
        if (moves && setpgid(pid[i], group))
            give_up("setpgid");
        if (i == 1)
            group = pid[1];
    }
    form("pid > 0", pid[3]);
    form("pid < -1", -group);
    form("pid = 0", 0);
    form("pid = -1", -1);
    form("pid = -1", -1);
}
