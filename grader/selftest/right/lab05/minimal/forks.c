/* forks, from the handout alone */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    int me = getpid();
    printf("process %d forks\n", me);
    switch (me = fork()) {
    case -1: err(1, "fork");
    case 0:
        printf("child %d: fork returned %d, my parent is %d\n", getpid(), me,
               getppid());
        exit(0);
    default:
        printf("parent %d: fork returned %d\n", getpid(), me);
        if (wait(NULL) < 0)
            err(1, "wait");
    }
}
