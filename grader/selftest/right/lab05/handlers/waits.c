/* waits - whom to wait for: the four forms of wait4's first argument
 *
 * Usage: ./waits [CODE]
 *
 * Try:   ./waits 10
 *            one child, a group, our own group, any child; then none is left
 *        strace -f -e trace=setpgid,wait4 ./waits
 *            parent and child both set the group: each may be the first
 */
#define _GNU_SOURCE /* strerrorname_np */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SAME = -1, NEW = 0 }; /* process groups: that of the parent, a new one */

/* Says which call failed, waits for the children that are there, and exits
 * with 1: warn(3), wait4(2). */
static void fail(const char *call)
{
    int error = errno;
    while (waitpid(-1, NULL, 0) != -1 || errno == EINTR)
        ;
    errno = error;
    err(1, "%s", call);
}

/* Makes a child that says in which group it is, and exits with that code.
 * `group` is SAME, NEW, or the leader of the group that it joins. Returns its
 * pid: fork(2), setpgid(2), getpgrp(2). */
static pid_t make_child(pid_t group, int code)
{
    pid_t child = -1;
    child = fork();
    if (child == -1)
        fail("fork");
    if (child == 0) {
        if (group != SAME)
            setpgid(0, group);
        printf("child %d, group %d, exits with %d\n", getpid(), getpgrp(),
               code);
        _exit(code);
    }
    if (group != SAME && setpgid(child, group) == -1) /* who is first? */
        fail("setpgid");
    return child;
}

/* Waits by one of the four forms, and prints whom it got, or the name of the
 * errno: wait4(2), strerrorname_np(3). */
static void wait_for(const char *form, pid_t pid)
{
    int status;
    pid_t ended = wait4(pid, &status, 0, NULL);
    if (ended == -1)
        printf("%s: %s\n", form, strerrorname_np(errno));
    else
        printf("%s: %d exited with %d\n", form, ended, WEXITSTATUS(status));
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
        puts("Usage: ./waits [CODE]\n"
             "Four children exit with CODE (1) to CODE + 3, 255 at most.");
    if (option != -1)
        exit(option == 'h' ? 0 : 2);
    if (optind < argc - 1)
        errx(2, "'%s' is too much: see --help", argv[optind + 1]);
    int code = optind < argc ? (int)number(argv[optind], "0123456789", 252) : 1;

    setvbuf(stdout, NULL, _IOLBF, 0); /* no line is in it when we fork */
    make_child(SAME, code);
    pid_t leader = make_child(NEW, code + 1);
    make_child(leader, code + 2);
    pid_t last = make_child(SAME, code + 3);
    wait_for("pid > 0", last);
    wait_for("pid < -1", -leader);
    wait_for("pid = 0", 0);
    wait_for("pid = -1", -1);
    wait_for("pid = -1", -1);
    return 0;
}
